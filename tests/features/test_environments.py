"""Features as an environment publishes them."""

from __future__ import annotations

import duckdb
import pytest

GET = ("features", "get", "--features", "spend.orders", "--spine", "source.labels", "--format", "json")
SET = """
kind: training_set
name: churn
spine: source.labels
as_of: asked_at
label: churned
features: spend.*
"""


@pytest.fixture
def both(built):
    """Built in prod, and with twice the orders in dev."""
    built.write("seeknal/churn.yml", SET).run().assert_success()
    built.edit(
        "seeknal/spend.yml",
        "inputs: [source.orders]",
        "sql: SELECT customer_id, event_time, 2 * orders AS orders, revenue FROM {{ ref('source.orders') }}",
    )
    built.cli("run", "--env", "dev").assert_success()
    return built


def orders(outcome):
    return sorted(row["orders"] for row in outcome.assert_success().json())


def test_values_are_those_of_the_environment(both):
    assert orders(both.cli(*GET)) == [0, 0, 0, 1]
    assert orders(both.cli(*GET, "--env", "dev")) == [0, 0, 0, 2]
    found = both.open().features("labels", "spend.orders", environment="dev")
    assert sorted(found.column("orders").to_pylist()) == [0, 0, 0, 2]


def test_each_environment_has_a_view_of_the_entity(both):
    with duckdb.connect(str(both.root / "target/warehouse.duckdb"), read_only=True) as warehouse:
        for environment, total in (("prod", 3), ("dev", 6)):
            assert warehouse.sql(f"SELECT sum(spend__orders) FROM {environment}.entity_customer").fetchall() == [(total,)]


def test_versions_statistics_and_rows_are_those_of_the_environment(both):
    described = {e: both.cli("features", "describe", "churn", "--env", e, "--format", "json").json()["versions"] for e in ("prod", "dev")}
    assert [v["current"] for v in described["dev"]] == [True, False]
    assert [v["current"] for v in described["prod"]] == [False, True]
    stats = both.cli("features", "stats", "churn.orders", "--env", "dev", "--format", "json").assert_success().json()
    assert stats["columns"][0]["maximum"] == 2
    data = both.cli("features", "data", "churn", "--env", "dev", "--format", "json")
    assert orders(data) == [0, 0, 0, 2]
    assert sum(both.open().training_data("churn", environment="dev").column("orders").to_pylist()) == 2


def test_an_environment_that_there_is_not_is_refused(both):
    for words in (GET, ("features", "describe", "churn"), ("features", "stats", "churn"), ("features", "data", "churn")):
        assert "did you mean 'dev'?" in both.cli(*words, "--env", "dve").assert_failed("SK-ENV-001", exit_code=2).output


def test_what_an_environment_has_not_built_is_said_with_the_run_that_does(both):
    both.write(
        "seeknal/visits.yml",
        "kind: feature_group\nname: visits\nentity: customer\nevent_time: t\nfeatures: {pages: BIGINT}\n"
        "sql: SELECT 1 AS customer_id, TIMESTAMP '2026-01-01' AS t, 7 AS pages\n",
    ).run().assert_success()
    outcome = both.cli("features", "get", "--features", "visits.pages", "--spine", "labels", "--env", "dev").assert_failed("SK-RUN-002")
    assert "seeknal run --env dev --select '+feature_group.visits'" in outcome.output


def test_nothing_is_written_where_the_question_is_wrong(both):
    both.cli("features", "get", "--features", "spend.nothing", "--spine", "labels", "-o", "new/out.parquet").assert_failed(
        "SK-FEAT-001", exit_code=2
    )
    assert not (both.root / "new").exists()
    both.cli("features", "get", "--features", "spend.orders", "--spine", "labels", "-o", "new/out.parquet").assert_success()
    assert (both.root / "new/out.parquet").is_file()
