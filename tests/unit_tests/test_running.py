"""Tests pass where what comes out is what they expect, and say how it differs where it is not."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest
from tests.unit_tests.conftest import of_query, only, outcomes

PAID = """
name: strangers_are_left_out
node: transform.paid
inputs:
  source.orders:
    rows:
      - {id: 1, user_id: 7, amount: 10.50, day: 2026-01-31}
      - {id: 2, user_id: 8, amount: 3, day: 2026-01-31}
  source.users:
    csv: |
      id,country
      7,ID
expect:
  rows:
    - {id: 1, country: ID, amount: 10.5, day: 2026-01-31}
"""


def test_rows_and_csv_in_rows_out(shop):
    assert only(shop, PAID).status == "passed"


def test_a_view_and_sql_as_inputs(shop):
    shop.edit(
        "seeknal/paid.sql",
        "\nWITH" if shop.read("seeknal/paid.sql").startswith("\n") else "WITH",
        "/* ---\nmaterialized: view\n--- */\nWITH",
    )
    text = """
        name: t
        node: totals
        inputs:
          paid: {sql: "SELECT 'ID' AS country, CAST(n AS DECIMAL(9, 2)) AS amount FROM range(3) AS r(n)"}
        expect: [{country: ID, orders: 3, amount: 3}]
        """
    assert only(shop, text).status == "passed"


def test_a_python_node(shop):
    text = """
        name: t
        node: doubled
        inputs: {totals: [{country: ID, orders: 2}, {country: MY, orders: 5}]}
        expect: [{country: MY, orders: 5, twice: 10}, {country: ID, orders: 2, twice: 4}]
        """
    assert only(shop, text).status == "passed"


def test_what_differs_is_missing_and_is_unexpected(shop):
    text = """
        name: t
        node: totals
        inputs: {paid: [{country: ID, amount: 1}, {country: ID, amount: 2}, {country: MY, amount: 4}]}
        expect:
          - {country: ID, orders: 2, amount: 4}
          - {country: SG, orders: 9, amount: 9}
        """
    found = only(shop, text)
    assert found.status == "failed"
    (check,) = found.checks
    assert [(d.expected, d.actual, d.columns) for d in check.differing] == [(("ID", 2, 4.0), ("ID", 2, 3.0), ("amount",))]
    assert check.missing == (("SG", 9, 9.0),)
    assert check.unexpected == (("MY", 1, 4.0),)
    assert check.message == "1 row differs, 1 row missing, 1 row unexpected"


def test_rows_are_a_multiset(project):
    twice = "[{id: 1}, {id: 1}, {id: 2}]"
    assert of_query(project, "SELECT id FROM source_orders", twice, "[{id: 2}, {id: 1}, {id: 1}]").status == "passed"
    found = of_query(project, "SELECT id FROM source_orders", twice, "[{id: 2}, {id: 1}]")
    assert found.checks[0].unexpected == ((1,),)


def test_partial_columns_and_partial_rows(project):
    rows = "[{id: 1, amount: 2}, {id: 2, amount: 3}]"
    sql = "SELECT id, amount FROM source_orders"
    assert of_query(project, sql, rows, "{partial: columns, rows: [{id: 1}, {id: 2}]}").status == "passed"
    assert of_query(project, sql, rows, "{partial: true, rows: [{id: 1}]}").status == "failed"
    assert of_query(project, sql, rows, "{partial: rows, rows: [{id: 1, amount: 2}]}").status == "passed"
    assert of_query(project, sql, rows, "{partial: rows, rows: [{id: 1, amount: 4}]}").status == "failed"
    assert of_query(project, sql, rows, "{partial: [rows, columns], rows: [{amount: 3}]}").status == "passed"
    whole = of_query(project, sql, rows, "[{id: 1}, {id: 2}]")
    assert whole.checks[0].message == "the rows do not say amount"


def test_columns_and_row_count(project):
    rows = "[{id: 1, amount: 2}]"
    sql = "SELECT id, amount FROM source_orders"
    assert of_query(project, sql, rows, "{row_count: 1, columns: [id, amount]}").status == "passed"
    assert of_query(project, sql, rows, "{columns: {id: BIGINT, amount: bigint}}").status == "passed"
    assert of_query(project, sql, rows, "{row_count: 2}").checks[0].message == "2 rows expected, 1 came out"
    assert of_query(project, sql, rows, "{columns: [amount, id]}").checks[0].message == "the order is id, amount"
    assert of_query(project, sql, rows, "{columns: {id: BIGINT, amount: DATE}}").checks[0].message == "'amount' is BIGINT, not DATE"
    found = of_query(project, sql, rows, "{columns: [id, amuont]}").checks[0].message
    assert found == "no column 'amuont' (did you mean 'amount'?); column 'amount' is not expected"


def test_ctes(shop):
    text = PAID + "  ctes:\n    BIG: {row_count: 2}\n    known:\n      partial: true\n      rows: [{id: 1, country: ID}]\n"
    assert only(shop, text).status == "passed"
    failed = only(shop, text.replace("row_count: 2", "row_count: 9"))
    assert [(c.what, c.message) for c in failed.checks] == [("BIG", "9 rows expected, 2 came out")]


def test_vars_of_a_test(shop):
    found = only(shop, PAID.replace("node:", "vars: {least: 99}\nnode:"))
    assert found.checks[0].missing == ((1, "ID", 10.5, found.checks[0].missing[0][3]),)


def test_declared_columns_are_null_where_they_are_left_out_and_cast_where_they_are_not(shop):
    shop.edit("seeknal/totals.sql", "SELECT country", "/* ---\ncolumns: {amount: 'DECIMAL(18, 2)'}\n--- */\nSELECT country")
    shop.write("seeknal/seen.sql", "SELECT country, amount FROM {{ ref('totals') }}")
    text = "name: t\nnode: seen\ninputs: {totals: [{country: ID}]}\nexpect: {columns: {country: VARCHAR, amount: 'DECIMAL(18,2)'}, rows: [{country: ID}], partial: true}\n"
    assert only(shop, text).status == "passed"


CLOCKS = """
    SELECT id, now() AS a, current_timestamp AS b, current_date AS c, today() AS d, localtimestamp AS e, age(day) AS f,
    date_diff('day', day, current_date) AS g FROM source_orders
    """


def test_time_stands_still(project):
    rows = "[{id: 1, day: 2026-01-01 00:00:00}]"
    moment = "2026-01-31 10:30:00"
    expect = f"[{{id: 1, a: {moment}, b: {moment}, c: 2026-01-31, d: 2026-01-31, e: {moment}, f: 30 days, g: 30}}]"
    found = of_query(project, CLOCKS, rows, expect, "now: 2026-01-31 12:30:00+02:00")
    assert found.checks == ()
    assert found.errors == ()


def test_time_stands_still_in_macros(project):
    folder = project(
        {
            "macros/m.sql": "{% macro age(c) %}date_diff('day', {{ c }}, current_date){% endmacro %}",
            "seeknal/q.sql": "SELECT {{ age(\"DATE '2026-01-01'\") }} AS days",
        }
    )
    assert only(folder, "name: t\nnode: q\nnow: 2026-01-11\nexpect: [{days: 10}]\n").status == "passed"


def test_one_broken_test_hides_no_other(shop):
    shop.write("tests/a.yml", PAID)
    shop.write("tests/b.yml", "name: b\n  broken: [")
    shop.write("seeknal/wrong.sql", "SELECT CAST(country AS INTEGER) AS n FROM {{ ref('totals') }}")
    shop.write("tests/c.yml", "name: c\nnode: wrong\ninputs: {totals: [{country: x}]}\nexpect: {rows: [{n: 1}]}\n")
    shop.write("tests/d.yml", PAID.replace("strangers_are_left_out", "d").replace("10.5,", "11,"))
    assert {n: o.status for n, o in outcomes(shop).items()} == {
        "": "invalid", "strangers_are_left_out": "passed", "c": "error", "d": "failed"
    }  # fmt: skip


def test_a_node_that_fails_is_shown_at_its_own_line(shop):
    shop.write("seeknal/wrong.sql", "SELECT\n  CAST(country AS INTEGER) AS n\nFROM {{ ref('totals') }}")
    found = only(shop, "name: c\nnode: wrong\ninputs: {totals: [{country: x}]}\nexpect: {rows: [{n: 1}]}\n")
    assert found.status == "error"
    assert found.errors[0].at.path == "seeknal/wrong.sql"


def test_a_python_function_that_fails_is_shown_at_its_line(shop):
    shop.edit("seeknal/doubled.py", 'totals["orders"], 2', 'totals["nothing"], 2')
    found = only(shop, "name: c\nnode: doubled\ninputs: {totals: [{country: x}]}\nexpect: {row_count: 1}\n")
    assert (found.status, found.errors[0].code, found.errors[0].at.path) == ("error", "SK-PY-010", "seeknal/doubled.py")


def test_nothing_of_the_project_is_read_or_written(shop):
    for path in ("data/orders.csv", "data/users.csv"):
        shop.delete(path)
    shop.write("tests/one.yml", PAID)
    assert shop.cli("test").assert_exit(0).stdout.startswith("Done in")
    assert {p.name for p in (shop.root / "target").iterdir()} <= {"parsed.json", "settings.json", "analysed.json"}


@pytest.mark.parametrize(
    ("selectors", "names"),
    [
        (["strangers_are_left_out"], {"strangers_are_left_out"}),
        (["transform.paid"], {"strangers_are_left_out", "p2"}),
        (["+totals"], {"strangers_are_left_out", "p2", "t1"}),
        (["tests/b.yml"], {"t1", "p2"}),
        (["p*", "t1"], {"p2", "t1"}),
        (["transform.paid::p2"], {"p2"}),
        (["tag:slow"], {"t1"}),
    ],
)
def test_selecting(shop, selectors, names):
    shop.write("tests/a.yml", PAID)
    totals = "name: t1\nnode: totals\ntags: slow\ninputs: {paid: [{country: a, amount: 1}]}\nexpect: {row_count: 1}\n"
    shop.write("tests/b.yml", totals + "---" + PAID.replace("strangers_are_left_out", "p2"))
    found = shop.cli("test", *selectors, "--format", "json").assert_exit(0).json()
    assert {t["name"] for t in found["tests"]} == names


def test_a_selector_that_names_nothing_is_refused(shop):
    shop.write("tests/a.yml", PAID)
    shop.cli("test", "strangers_are_left_ou").assert_failed("SK-TEST-011", exit_code=2)
    shop.cli("test", "totals").assert_failed("SK-TEST-011", exit_code=2)


def test_exit_codes_and_formats(shop):
    assert "there are no tests" in shop.cli("test").assert_exit(0).stderr
    shop.write("tests/a.yml", PAID)
    shop.write("tests/b.yml", PAID.replace("strangers_are_left_out", "b").replace("10.5,", "11,"))
    failed = shop.cli("test", "--format", "junit").assert_exit(1)
    suite = ET.fromstring(failed.stdout).find("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    assert "11.0 → 10.5" in suite.find("testcase/failure").text
    text = shop.cli("test").assert_exit(1).stdout
    assert "differs  1   ID       11.0 → 10.5  2026-01-31" in text
    shop.write("tests/c.yml", "name: c\nnode: nowhere\nexpect: {row_count: 1}\n")
    found = json.loads(shop.cli("test", "--format", "json").assert_exit(2).stdout)
    assert {k: v for k, v in found["summary"].items() if k != "seconds"} == {"passed": 1, "failed": 1, "error": 0, "invalid": 1}
