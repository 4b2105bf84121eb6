"""The `project` and `audits` fixtures do what their documentation says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from seeknal.errors import ProjectError
from seeknal.plugin import AggregateCheck, Column, Relation, RowCheck, audit

SHOP = {
    "data/orders.csv": """
        id,amount
        1,10
        2,20
        """,
    "seeknal/sources/orders.yml": """
        kind: source
        name: orders
        type: csv
        table: data/orders.csv
        """,
    "seeknal/transforms/total.sql": "select sum(amount) as total from {{ ref('source.orders') }}",
}


@audit
def max_age(target: Relation, *, column: Column, hours: float = 24) -> str:
    """The newest value of `column` is at most `hours` hours old."""
    return f"select max({column}) as newest from {target} having max({column}) < now() - {hours} * interval '1 hour'"


@audit
def positive(target: Relation, *, column: Column) -> RowCheck:
    """Every value of `column` is greater than 0."""
    return RowCheck(f"{column} <= 0")


@audit
def average(target: Relation, *, column: Column, most: float) -> AggregateCheck:
    """The average of `column` is at most `most`."""
    return AggregateCheck(f"avg({column})", None, most)


def test_files_in_outcome_out(project):
    outcome = project(SHOP).run().assert_success()
    assert outcome.built == {"source.orders", "transform.total"}
    assert outcome.rows("transform.total") == [(30,)]
    assert outcome.status("transform.total") == "built"
    assert outcome.reason("transform.total") == "new"


def test_second_run_reuses_and_an_edit_builds_what_it_reaches(project):
    shop = project(SHOP)
    shop.run().assert_success()
    assert shop.run().reused == {"source.orders", "transform.total"}
    outcome = shop.edit("seeknal/transforms/total.sql", "sum(amount)", "max(amount)").run().assert_success()
    assert (outcome.built, outcome.reused) == ({"transform.total"}, {"source.orders"})
    assert outcome.rows("transform.total") == [(20,)]


def test_selection_and_options_reach_the_run(project):
    shop = project(SHOP)
    assert shop.run("source.orders").built == {"source.orders"}
    assert shop.run(select="+total", full=True).built == {"source.orders", "transform.total"}


def test_errors_of_a_project_are_an_outcome(project):
    outcome = project({"seeknal/a.sql": "select * from {{ ref('source.nosuch') }}"}).run().assert_failed("SK-REF-001", exit_code=2)
    assert outcome.errors[0].at.path == "seeknal/a.sql"
    assert "seeknal/a.sql:1" in outcome.output
    assert outcome.built == set()


def test_errors_of_nodes_are_an_outcome(project):
    outcome = project({"seeknal/a.sql": "select cast('x' as integer) as n", "seeknal/b.sql": "select n from transform.a"}).run()
    outcome.assert_failed(exit_code=1)
    assert outcome.failed == {"transform.a"}
    assert outcome.skipped == {"transform.b"}


def test_assertions_fail_with_what_happened(project):
    with pytest.raises(AssertionError, match="SK-REF-001"):
        project({"seeknal/a.sql": "select * from nosuch"}).run().assert_success()
    with pytest.raises(AssertionError, match="expected a failure"):
        project(SHOP).run().assert_failed()
    with pytest.raises(AssertionError, match="expected SK-X"):
        project({"seeknal/a.sql": "select * from nosuch"}).run().assert_failed("SK-X")
    with pytest.raises(AssertionError, match=r"transform\.nosuch was not part of the run"):
        project(SHOP).run().status("transform.nosuch")


def test_commands_run_in_a_process_of_their_own(project):
    shop = project(SHOP)
    document = shop.cli("run", "--format", "json").assert_success().json()
    assert document["status"] == "success"
    assert shop.rows("transform.total") == [(30,)]
    assert shop.columns("transform.total") == ("total",)
    failed = shop.delete("data/orders.csv").cli("run", cwd="seeknal").assert_failed("SK-DATA-003", exit_code=1)
    assert "data/orders.csv" in failed.output


def test_variables_reach_both_ways_of_running(project):
    asked = project({"seeknal/a.sql": "select '{{ var(\"country\") }}' as c"}, country="ID")
    assert asked.run().assert_success().rows("transform.a") == [("ID",)]
    assert asked.cli("render", "transform.a").assert_success().stdout.strip().endswith("'ID' as c")


def test_projects_of_one_test_are_apart(project):
    first, second = project(SHOP), project({"seeknal/a.sql": "select 1 as a"})
    assert first.root != second.root
    assert second.run().assert_success().built == {"transform.a"}


def test_audit_by_query_tells_its_rows(audits):
    now = datetime.now(UTC).replace(tzinfo=None)
    old = now - timedelta(hours=30)
    assert not audits.failing(max_age, rows=[{"ts": now}, {"ts": old}], column="ts", hours=24)
    failing = audits.failing(max_age, rows=[{"ts": old}], column="ts", hours=24)
    assert failing.count == len(failing) == 1
    assert failing.rows == [{"newest": old}]
    assert "newest" in failing.message


def test_audit_by_row_tells_its_rows(audits):
    failing = audits.failing(positive, rows=[{"a b": 1, "n": "x"}, {"a b": -1, "n": None}], column="A B")
    assert (failing.count, failing.rows) == (1, [{"a b": -1, "n": None}])
    assert not audits.failing(positive, query="select 1 as n where false", column="n")
    assert not audits.failing(positive, rows=[{"n": -1, "k": 1}, {"n": 1, "k": 2}], where="k = 2", column="n")


def test_audit_by_aggregate_tells_its_value(audits):
    failing = audits.failing(average, rows=[{"n": 1}, {"n": 3}], column="n", most=1.5)
    assert "2.0" in failing.message
    assert failing.rows == []


def test_installed_audits_are_asked_by_name(audits):
    assert audits.failing("unique", rows=[{"id": 1}, {"id": 1}, {"id": 2}], columns="id").rows == [{"id": 1, "row_count": 2}]


def test_parameters_are_checked_as_yaml_would_be(audits):
    with pytest.raises(ProjectError, match="has no parameter 'hour'"):
        audits.failing(max_age, query="select now() as ts", column="ts", hour=1)
    with pytest.raises(ProjectError, match="needs 'column'"):
        audits.failing(max_age, query="select now() as ts")
    with pytest.raises(ProjectError, match="hours"):
        audits.failing(max_age, query="select now() as ts", column="ts", hours="many")
