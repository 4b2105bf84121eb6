"""A small project with hours, days and a total of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

ORDERS = "id,created_at,amount\n" + "".join(
    f"{day * 10 + n},2026-01-{day:02d} {n * 6:02d}:15:00,{day * n + 1}\n" for day in range(1, 11) for n in range(4)
)
FILES = {
    "data/orders.csv": ORDERS,
    "seeknal/orders.yml": "kind: source\nname: orders\ntype: csv\ntable: data/orders.csv\n",
    "seeknal/hourly.sql": """
        /* ---
        schedule: "0 * * * *"
        time_column: hour
        start: 2026-01-01
        --- */
        SELECT date_trunc('hour', created_at) AS hour, sum(amount) AS amount
        FROM {{ ref('source.orders') }}
        WHERE created_at >= {{ start_ts }} AND created_at < '{{ end_ts }}'
        GROUP BY 1
    """,
    "seeknal/daily.sql": """
        /* ---
        schedule: "0 6 * * *"
        time_column: day
        start: 2026-01-01
        --- */
        SELECT CAST(hour AS DATE) AS day, sum(amount) AS amount FROM {{ ref('transform.hourly') }} GROUP BY 1
    """,
    "seeknal/total.sql": "SELECT sum(amount) AS amount, count(*) AS days FROM {{ ref('daily') }}",
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def shop(project):
    return project(FILES)
