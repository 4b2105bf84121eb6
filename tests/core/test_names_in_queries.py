"""Names in queries that mean nothing, or too much, are refused at their place before anything is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from seeknal.testing.project import ProjectFolder, ProjectMaker

FILES = {
    "data/orders.csv": "order_id,customer_id,amount\n1,1,10\n2,1,20\n",
    "data/customers.csv": "customer_id,name,amount\n1,Ann,5\n",
    "seeknal/sources.yml": """
        kind: source
        name: orders
        type: csv
        table: data/orders.csv
        ---
        kind: source
        name: customers
        type: csv
        table: data/customers.csv
        """,
    "seeknal/spent.sql": "SELECT customer_id, sum(amount) AS spent FROM {{ ref('source.orders') }} GROUP BY customer_id\n",
    "seeknal/report.sql": "SELECT customer_id, spent FROM {{ ref('transform.spent') }}\n",
}


@pytest.fixture
def shop(project: ProjectMaker) -> ProjectFolder:
    folder = project(FILES)
    folder.run().assert_success()
    return folder


def everything(folder: ProjectFolder) -> dict[str, tuple[int, int]]:
    files = [p for p in (folder.root / "target").rglob("*") if p.is_file() and p.suffix != ".lock"]
    return {str(p): (p.stat().st_mtime_ns, p.stat().st_size) for p in files}


@pytest.mark.parametrize("command", ["plan", "run", "diff"])
def test_an_unknown_column_is_refused_with_the_one_that_was_meant(shop: ProjectFolder, command: str) -> None:
    shop.edit("seeknal/spent.sql", "sum(amount)", "sum(amuont)")
    before = everything(shop)
    refused = shop.cli(command)
    assert refused.exit_code == 2
    assert "error[SK-SQL-011]: transform.spent: unknown column 'amuont'" in refused.output
    assert "seeknal/spent.sql:1:25" in refused.output
    assert "did you mean 'amount'?" in refused.output
    assert everything(shop) == before


def test_all_of_them_are_told_at_once(shop: ProjectFolder) -> None:
    shop.edit("seeknal/spent.sql", "sum(amount)", "sum(amuont) + max(tax)")
    shop.write("seeknal/other.sql", "SELECT nmae FROM {{ ref('source.customers') }}\n")
    refused = shop.cli("plan")
    assert refused.exit_code == 2
    assert [w for w in ("'amuont'", "'tax'", "'nmae'") if w not in refused.output] == []
    assert "did you mean 'name'?" in refused.output


def test_a_column_of_another_input_is_pointed_to(shop: ProjectFolder) -> None:
    sql = "SELECT o.name FROM {{ ref('source.orders') }} AS o JOIN {{ ref('source.customers') }} AS c USING (customer_id)\n"
    shop.write("seeknal/named.sql", sql)
    refused = shop.cli("plan")
    assert refused.exit_code == 2
    assert "unknown column 'o.name'" in refused.output
    assert "c has a column of that name" in refused.output


def test_a_column_of_two_inputs_must_say_which(shop: ProjectFolder) -> None:
    sql = "SELECT amount FROM {{ ref('source.orders') }} AS o JOIN {{ ref('source.customers') }} AS c USING (customer_id)\n"
    shop.write("seeknal/which.sql", sql)
    refused = shop.cli("plan")
    assert refused.exit_code == 2
    assert "column 'amount' is in several relations" in refused.output
    assert "write o.amount or c.amount" in refused.output


def test_a_column_that_an_edit_takes_away_is_missed_where_it_is_read(shop: ProjectFolder) -> None:
    shop.edit("seeknal/spent.sql", "AS spent", "AS total")
    refused = shop.cli("run")
    assert refused.exit_code == 2
    assert "transform.report: unknown column 'spent'" in refused.output
    assert "seeknal/report.sql:1:21" in refused.output


def test_a_column_that_is_gone_from_the_data_fails_the_node_and_not_the_project(shop: ProjectFolder) -> None:
    shop.write("data/orders.csv", "order_id,customer_id,price\n1,1,10\n")
    shop.write("seeknal/people.sql", "SELECT name FROM {{ ref('source.customers') }}\n")
    for _ in range(2):  # in the first run the source is read; in the second its columns are known
        outcome = shop.cli("run", "--continue-on-error")
        assert outcome.exit_code == 3
        assert "amount" in outcome.output
    assert shop.rows("transform.people") == [("Ann",)]
    assert shop.rows("transform.report") == [(1, 30)]


def test_what_the_engine_understands_is_never_refused(shop: ProjectFolder) -> None:
    shop.write(
        "seeknal/fine.sql",
        """
        SELECT amount * 2 AS twice, twice + 1 AS more, o, list_transform([1, 2], x -> x + amount) AS l,
               [y + 1 for y in [1, 2]] AS m, {'a': amount}.a AS f, current_date AS today
        FROM {{ ref('source.orders') }} AS o
        WHERE twice > 1
        QUALIFY row_number() OVER (ORDER BY more) < 5
        """,
    )
    shop.cli("plan").assert_success()
    shop.run().assert_success()


MARKED = """
from seeknal import transform


@transform(inputs=["source.orders"])
def marked(orders):
    return {}
"""


def test_a_column_that_python_code_gains_may_be_read_in_the_same_step(shop: ProjectFolder) -> None:
    """Of code only the output it had is known, and that says nothing of the output it will have."""
    shop.write("seeknal/marked.py", MARKED.format("orders.select(['order_id'])"))
    shop.write("seeknal/last.sql", "SELECT order_id FROM {{ ref('transform.marked') }}\n")
    shop.run().assert_success()
    shop.write("seeknal/marked.py", MARKED.format("orders.select(['order_id', 'amount'])"))
    shop.write("seeknal/last.sql", "SELECT order_id, amount FROM {{ ref('transform.marked') }}\n")
    assert shop.run().assert_success().built == {"transform.marked", "transform.last"}


def test_a_column_of_unedited_python_code_is_known(shop: ProjectFolder) -> None:
    shop.write("seeknal/marked.py", MARKED.format("orders"))
    shop.run().assert_success()
    shop.write("seeknal/last.sql", "SELECT amuont FROM {{ ref('transform.marked') }}\n")
    refused = shop.cli("run")
    assert refused.exit_code == 2
    assert "unknown column 'amuont'" in refused.output
