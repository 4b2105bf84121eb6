"""`diff` and what `plan` says of changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from seeknal.testing.project import ProjectFolder, ProjectMaker

FILES = {
    "data/orders.csv": "order_id,status,amount\n1,paid,10\n2,open,20\n",
    "seeknal/nodes.yml": """
        kind: source
        name: orders
        type: csv
        table: data/orders.csv
        ---
        kind: transform
        name: paid
        owner: sales
        sql: |
          SELECT order_id, amount, amount / 10 AS tax
          FROM {{ ref('source.orders') }}
          WHERE status = 'paid'
        ---
        kind: transform
        name: total
        sql: SELECT sum(amount) AS total FROM {{ ref('transform.paid') }}
        ---
        kind: transform
        name: double
        sql: SELECT total * 2 AS twice FROM {{ ref('transform.total') }}
        """,
}


@pytest.fixture
def shop(project: ProjectMaker) -> ProjectFolder:
    folder = project(FILES)
    folder.run().assert_success()
    return folder


def test_nothing_differs(shop: ProjectFolder) -> None:
    same = shop.cli("diff").assert_success()
    assert same.stdout == ""
    assert "The project is what prod was built from." in same.stderr


def test_an_edit_comes_with_its_category_its_sql_and_what_it_reaches(shop: ProjectFolder) -> None:
    shop.edit("seeknal/nodes.yml", "SELECT order_id, amount,", "SELECT order_id, amount * 2 AS amount,")
    for command in ("diff", "plan"):
        text = shop.cli(command).assert_success().stdout
        assert "~ transform.paid  BREAKING\n    changed   amount  (read by transform.total)" in text
        assert "-  amount,\n" in text
        assert "+  amount * 2 AS amount,\n" in text
        assert "    reaches transform.total  (amount)\n      reaches transform.double  (total)" in text
        assert "3 changes: 1 breaking, 2 reached." in text


def test_one_node(shop: ProjectFolder) -> None:
    shop.edit("seeknal/nodes.yml", "amount / 10 AS tax", "amount / 10 AS vat")
    assert "renamed   tax → vat" in shop.cli("diff", "paid").assert_success().stdout
    assert shop.cli("diff", "total").assert_success().stdout == ""
    shop.edit("seeknal/nodes.yml", "status = 'paid'", "status <> 'open'")
    assert "~ transform.total  INDIRECT  through transform.paid.*" in shop.cli("diff", "total").assert_success().stdout


def test_added_removed_and_metadata(shop: ProjectFolder) -> None:
    shop.edit("seeknal/nodes.yml", "owner: sales", "owner: finance")
    shop.edit("seeknal/nodes.yml", "name: double", "name: twice")
    text = shop.cli("diff").assert_success().stdout
    assert "+ transform.twice  added" in text
    assert "- transform.double  removed" in text
    assert "~ transform.paid  METADATA\n    metadata  owner" in text


def test_as_json(shop: ProjectFolder) -> None:
    shop.edit("seeknal/nodes.yml", "WHERE status = 'paid'", "WHERE status IN ('paid', 'sent')")
    changes = {c["id"]: c for c in shop.cli("diff", "--format", "json").assert_success().json()}
    assert [(n, c["category"]) for n, c in changes.items()] == [
        ("transform.double", "INDIRECT"),
        ("transform.paid", "BREAKING"),
        ("transform.total", "INDIRECT"),
    ]
    assert [e["kind"] for e in changes["transform.paid"]["edits"]] == ["FILTER_CHANGED"]
    assert changes["transform.total"]["via"] == ["transform.paid.*"]


def test_formatting_is_no_difference(shop: ProjectFolder) -> None:
    shop.edit("seeknal/nodes.yml", "SELECT order_id, amount,", 'select o."order_id", /* what it cost */ AMOUNT as amount,')
    shop.edit("seeknal/nodes.yml", "FROM {{ ref('source.orders') }}", "FROM {{ ref('source.orders') }} o")
    assert shop.cli("diff").assert_success().stdout == ""
    assert shop.run().assert_success().built == set()


def test_an_unknown_environment_or_node(shop: ProjectFolder) -> None:
    unknown = shop.cli("diff", "--env", "pord")
    assert unknown.exit_code == 2
    assert "unknown environment 'pord'" in unknown.output
    assert "did you mean 'prod'?" in unknown.output
    assert shop.cli("diff", "nosuch").exit_code == 2
