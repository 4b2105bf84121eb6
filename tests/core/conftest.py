"""A small shop that most tests of runs start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from seeknal.testing.project import ProjectFolder, ProjectMaker

SHOP = {
    "data/users.csv": "id,name,age\n1,Ann,30\n2,Bob,17\n3,Cid,45\n",
    "data/orders.csv": "id,user_id,amount\n10,1,5.5\n11,3,2.0\n12,2,9.0\n",
    "seeknal/users.yml": "kind: source\nname: users\ntype: csv\ntable: data/users.csv\n",
    "seeknal/orders.yml": "kind: source\nname: orders\ntype: csv\ntable: data/orders.csv\n",
    "seeknal/adults.sql": "SELECT id, name FROM {{ ref('source.users') }} WHERE age >= 18\n",
    "seeknal/spent.sql": "SELECT a.name, sum(o.amount) AS total FROM {{ ref('adults') }} a JOIN {{ ref('orders') }} o ON o.user_id = a.id GROUP BY a.name\n",
}


@pytest.fixture
def shop(project: ProjectMaker) -> ProjectFolder:
    """The shop, built."""
    folder = project(SHOP)
    folder.run().assert_success()
    return folder
