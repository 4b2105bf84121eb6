"""Lineage from metrics down to source columns, impact up to metrics, and plans that say which metrics a change moves."""

from __future__ import annotations

import pytest
from tests.semantic.world import project_files, rows_of


@pytest.fixture
def fresh(project):
    return project(project_files(rows_of(7)))


def affected(folder, name):
    return {a["node"] for a in folder.cli("impact", name, "--format", "json").json()["affected"]}


def moved(folder):
    return {c["id"] for c in folder.cli("plan", "--format", "json").json()["changes"]}


def test_a_metric_comes_from_source_columns(shop):
    found = shop.cli("lineage", "metric.wholesale.value", "--upstream", "--all", "--format", "json").json()["upstream"]
    edges = {(e["node"], e["column"]): e["kind"] for e in found}
    assert edges["source.orders", "amount"] == "value"
    assert edges["source.customers", "segment"] == "filter"
    assert edges["source.orders", "customer_id"] == "filter"
    assert ("source.orders", "discount") not in edges


def test_a_column_reaches_the_metrics_that_are_made_of_it(shop):
    assert affected(shop, "source.orders.discount") == {"semantic_model.orders", "metric.net_share"}
    assert {"metric.refund_share", "metric.kept"} <= affected(shop, "source.refunds.amount")
    assert "metric.growth" in affected(shop, "source.orders.status")


def test_a_plan_says_which_metrics_an_edited_measure_moves(fresh):
    fresh.run().assert_success()
    fresh.edit("seeknal/semantic/models.yml", "amount - COALESCE(discount, 0)", "amount - discount")
    assert moved(fresh) == {"semantic_model.orders", "metric.net_share"}
    fresh.edit("seeknal/semantic/models.yml", "amount - discount", "amont - discount")
    for command in (["plan"], ["metrics", "validate"]):
        shown = fresh.cli(*command).assert_failed("SK-SQL-011", exit_code=2).stderr
        assert "'net' needs column 'amont', which source.orders does not have" in shown
        assert "models.yml:16:" in shown
        assert "did you mean 'amount'?" in shown


def test_a_plan_says_which_metrics_an_edited_metric_moves(fresh):
    fresh.run().assert_success()
    fresh.edit("seeknal/metrics/metrics.yml", "filter: \"status <> 'refunded'\"", "filter: \"status = 'paid'\"")
    assert moved(fresh) == {"metric.revenue", "metric.growth"}


def test_other_words_about_a_metric_move_nothing(fresh):
    fresh.run().assert_success()
    fresh.edit("seeknal/metrics/metrics.yml", "name: revenue\n", "name: revenue\ndescription: What is kept\n")
    assert moved(fresh) <= {"metric.revenue"}


def test_a_second_run_has_nothing_to_do(fresh):
    fresh.run().assert_success()
    assert not fresh.run().built
    assert moved(fresh) == set()


def test_a_node_and_a_model_may_share_a_name(fresh):
    fresh.write("seeknal/t.yml", "kind: transform\nname: report\nsql: SELECT count(*) AS n FROM {{ ref('orders') }}\n")
    fresh.run().assert_success()
    assert "amount" in fresh.cli("show", "orders", "--format", "csv").stdout
