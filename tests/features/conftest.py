"""Small histories of customers that the tests of features start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from seeknal.testing.project import ProjectFolder, ProjectMaker

HISTORY = {
    "data/orders.csv": (
        "customer_id,event_time,orders,revenue\n1,2026-01-01 00:00:00,1,10.0\n1,2026-01-05 00:00:00,2,30.0\n2,2026-01-03 00:00:00,1,7.5\n"
    ),
    "data/labels.csv": (
        "customer_id,asked_at,churned\n1,2026-01-04 00:00:00,false\n1,2026-02-20 00:00:00,true\n2,2026-01-02 00:00:00,false\n3,2026-01-09 00:00:00,true\n"
    ),
    "seeknal/sources.yml": (
        "kind: source\nname: orders\ntype: csv\ntable: data/orders.csv\n---\n"
        "kind: source\nname: labels\ntype: csv\ntable: data/labels.csv\n"
    ),
    "seeknal/spend.yml": """
        kind: feature_group
        name: spend
        description: What customers spent.
        entity: customer
        event_time: event_time
        ttl: 30d
        inputs: [source.orders]
        features:
          orders: {type: BIGINT, default: 0}
          revenue: DOUBLE
        """,
}


@pytest.fixture
def history(project: ProjectMaker) -> ProjectFolder:
    """The history, not built yet."""
    return project(HISTORY)


@pytest.fixture
def built(history: ProjectFolder) -> ProjectFolder:
    """The history, built."""
    history.run().assert_success()
    return history
