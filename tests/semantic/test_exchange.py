"""Importing MetricFlow's YAML, and exporting to the Open Semantic Interchange format."""

from __future__ import annotations

import pytest
import yaml
from tests.semantic.world import SOURCES, project_files, rows_of

from seeknal_semantic.exchange.metricflow import translated

FLOW = """
semantic_models:
  - name: orders
    model: ref('orders')
    defaults: {agg_time_dimension: ordered_at}
    entities:
      - {name: order, type: primary, expr: order_id}
      - {name: customer, type: foreign, expr: customer_id}
    dimensions:
      - {name: ordered_at, type: time, type_params: {time_granularity: day}}
      - {name: status, type: categorical}
    measures:
      - {name: amount_sum, agg: sum, expr: amount, create_metric: true}
      - {name: order_total, agg: count, expr: order_id}
      - {name: odd, agg: approximate, expr: amount}
  - name: customers
    model: ref('customers')
    entities: [{name: customer, type: primary, expr: customer_id}]
    dimensions: [{name: region, type: categorical}]
  - name: keyless
    model: ref('orders')
    primary_entity: line
    measures: [{name: line_count, agg: sum, expr: 1, agg_time_dimension: placed}]
    dimensions: [{name: placed, type: time, expr: ordered_at, type_params: {time_granularity: day}}]
metrics:
  - name: paid
    type: simple
    type_params: {measure: {name: amount_sum, fill_nulls_with: 0}}
    filter: "{{ Dimension('order__status') }} = 'paid' and {{ TimeDimension('order__ordered_at', 'month') }} >= '2026-01-01'"
  - name: paid_share
    type: ratio
    type_params: {numerator: paid, denominator: amount_sum}
  - name: trailing
    type: cumulative
    type_params: {measure: amount_sum, cumulative_type_params: {window: 7 days}}
  - name: growth
    type: derived
    type_params: {expr: (now - before) / before, metrics: [{name: paid, alias: now}, {name: paid, alias: before, offset_window: 1 month}]}
  - name: one_side
    type: ratio
    type_params: {numerator: {name: paid, filter: "{{ Dimension('customer__region') }} = 'north'"}, denominator: amount_sum}
  - name: far
    type: derived
    type_params: {expr: x, metrics: [{name: paid, alias: x, offset_window: 2 fiscal_weeks}]}
  - name: read_a_file
    type: simple
    type_params: {measure: amount_sum}
    filter: "read_text('/etc/passwd') = ''"
  - name: nested
    type: simple
    type_params: {measure: amount_sum}
    filter: "{{ Metric('paid', group_by=['customer']) }} > 1"
  - name: odd_metric
    type: simple
    type_params: {measure: odd}
  - name: converted
    type: conversion
    type_params: {}
saved_queries:
  - name: by_month
    query_params:
      metrics: [paid, one_side]
      group_by: ["TimeDimension('metric_time', 'month')", "Dimension('order__ordered_at').grain('quarter')", Entity('customer')]
      where: ["{{ TimeDimension('metric_time', 'DAY') }} > '2025-01-01'"]
      order_by: ["Metric('paid').descending(True)"]
      limit: 5
    exports: [{name: t, config: {export_as: table}}]
  - {name: of_odd, query_params: {metrics: [odd_metric]}}
"""


@pytest.fixture
def imported(project):
    files = {k: v for k, v in project_files(rows_of(7)).items() if "seeknal/" not in k or "sources" in k}
    folder = project({**files, "flow/models.yml": FLOW})
    return folder, folder.cli("metrics", "import", "metricflow", "flow").assert_success()


def test_metricflow_is_translated_and_can_be_asked(imported):
    folder, _ = imported
    folder.run().assert_success()
    found = folder.cli(
        "query", "--metrics", "paid,paid_share,trailing,growth,amount_sum", "--dimensions", "metric_time__month,customer__region"
    )
    found.assert_success()
    folder.cli("query", "--saved", "by_month").assert_success()
    folder.cli("metrics", "validate").assert_success()


def test_what_cannot_be_translated_is_said_and_the_rest_means_what_it_meant(imported):
    _, said = imported
    assert "measure orders.odd: agg approximate" in said.stderr
    assert "metric odd_metric: it is made of odd" in said.stderr
    assert "metric converted: type conversion" in said.stderr
    assert "metric far: offset_window 2 fiscal_weeks" in said.stderr
    assert "metric read_a_file: the filter" in said.stderr
    assert "metric nested: the filter" in said.stderr
    assert "saved query by_month: exports" in said.stderr
    assert "saved query of_odd: it is made of odd_metric" in said.stderr
    nodes = {n["name"]: n for n in yaml.safe_load_all((said.root / "seeknal/metrics/imported.yml").read_text(encoding="utf-8"))}
    assert nodes["trailing"]["period_agg"] == "first"  # MetricFlow's default, and not ours
    assert nodes["one_side"]["expr"] == "numerator / denominator"
    assert nodes["keyless"]["entities"] == [{"name": "line", "type": "primary", "expr": "NULL"}]
    saved = nodes["by_month"]
    assert saved["dimensions"] == ["metric_time__month", "order__ordered_at__quarter", "customer"]
    assert (saved["filters"], saved["order_by"], saved["limit"]) == (["metric_time__day > '2025-01-01'"], ["-paid"], 5)


def test_nothing_is_overwritten(imported):
    folder, _ = imported
    folder.cli("metrics", "import", "metricflow", "flow").assert_exit(2)


def test_models_are_exported(shop):
    found = shop.cli("metrics", "export", "osi")
    (model,) = yaml.safe_load(found.stdout)["semantic_model"]
    assert {d["name"] for d in model["datasets"]} == set(SOURCES)
    metrics = {m["name"]: m["expression"]["dialects"][0]["expression"] for m in model["metrics"]}
    assert metrics["revenue"] == "SUM(CASE WHEN orders.status <> 'refunded' THEN orders.amount END)"
    assert "metric trailing" in found.stderr
    assert any(r["from"] == "orders" and r["to"] == "customers" for r in model["relationships"])


MODEL = "\nsemantic_models: [{name: m, model: \"ref('x')\", measures: [{name: b, agg: sum}]}]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("metrics: [abc]", "metrics is no list"),
        ("semantic_models: x", "semantic_models is no list"),
        ("semantic_models: [{name: a, entities: foo}]", "semantic model a: entities is no list"),
        ("semantic_models: [{name: a, measures: [{agg: sum}]}]", "semantic model a: measures is no list"),
        ("semantic_models: [{name: a, defaults: 3}]", "semantic model a: defaults is no mapping"),
        ("metrics: {a: b}", "metrics is no list"),
        ("metrics: [{name: a, type: simple, type_params: 3}]", "metric a: type_params is no mapping"),
        ("metrics: [{name: a, type: simple, type_params: {measure: {name: 3}}}]", "metric a: it names no measure"),
        ("metrics: [{name: a, type: ratio, type_params: {numerator: [1], denominator: x}}]", "metric a: it names no measure or metric"),
        ("metrics: [{name: a, type: derived, type_params: {expr: b, metrics: 7}}]", "metric a: metrics is no list"),
        ("metrics: [{name: a, type: cumulative, type_params: {measure: b, cumulative_type_params: {period_agg: average}}}]" + MODEL, "average"),
        ("metrics: [{name: a, type: conversion, type_params: {}}]" + MODEL, "type conversion"),
    ],
)  # fmt: skip
def test_what_is_not_written_as_it_should_be_is_left_out(tmp_path, text, said):
    (tmp_path / "metrics.yml").write_text(text, encoding="utf-8")
    result = translated(tmp_path)
    assert any(said in line for line in result.left_out), result.left_out
    assert all(n["kind"] == "semantic_model" for n in result.nodes)
