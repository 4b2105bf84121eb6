"""A project and its tests, run in this process."""

from __future__ import annotations

import pytest

from seeknal.unit_tests.loading import load_tests
from seeknal.unit_tests.running import run_tests

SHOP = {
    "seeknal/sources.yml": """
        kind: source
        name: orders
        type: csv
        table: data/orders.csv
        ---
        kind: source
        name: users
        type: csv
        table: data/users.csv
        columns: {id: BIGINT, country: VARCHAR}
        """,
    "data/orders.csv": "id,user_id,amount,day\n1,1,10.5,2026-01-01\n2,2,7.25,2026-01-02\n3,9,1,2026-01-02\n4,1,4,2026-01-03\n",
    "data/users.csv": "id,country\n1,ID\n2,MY\n3,SG\n",
    "seeknal/paid.sql": """
        WITH big AS (SELECT * FROM {{ ref('source.orders') }} WHERE amount > {{ var('least', 1) }}),
        known AS (SELECT big.*, u.country FROM big JOIN {{ ref('source.users') }} AS u ON u.id = big.user_id)
        SELECT id, country, amount, day FROM known
        """,
    "seeknal/totals.sql": "SELECT country, count(*) AS orders, sum(amount) AS amount FROM {{ ref('transform.paid') }} GROUP BY country",
    "seeknal/doubled.py": """
        import pyarrow as pa
        import pyarrow.compute as pc

        from seeknal import transform


        @transform(name="doubled", inputs=["transform.totals"])
        def doubled(totals: pa.Table) -> pa.Table:
            return totals.append_column("twice", pc.multiply(totals["orders"], 2))
        """,
}


@pytest.fixture
def shop(project):
    return project(SHOP)


def outcomes(folder):
    """What comes of each test, by name."""
    opened = folder.open()
    tests, invalid = load_tests(opened)
    return {o.name: o for o in run_tests(opened, tests, invalid, workers=2)}


def only(folder, text):
    """What comes of the one test in `text`."""
    folder.write("tests/one.yml", text)
    (found,) = outcomes(folder).values()
    return found


def of_query(project, sql, inputs="", expect="", more=""):
    """What comes of a test of a query that reads `source.orders`."""
    folder = project({**{k: v for k, v in SHOP.items() if k == "seeknal/sources.yml"}, "seeknal/q.sql": sql})
    lines = [
        "name: t",
        "node: transform.q",
        *more.splitlines(),
        *([f"inputs: {{source.orders: {inputs}}}"] if inputs else []),
        f"expect: {expect}",
    ]
    return only(folder, "\n".join(lines) + "\n")
