"""Metrics on StarRocks: deployed, deployed again, and asked there, on the stand-in."""

import json
import shutil
import time

import pytest

from seeknal_starrocks.ddl import Refresh

MODEL = """
    kind: semantic_model
    name: sales
    model: ref('source.orders')
    default_time_dimension: ordered_at
    entities: [{name: order_id, type: primary, expr: id}, {name: customer, type: foreign, expr: customer}]
    dimensions:
      - {name: ordered_at, type: time, expr: ordered_at}
      - {name: region, type: categorical, expr: region}
    measures:
      - {name: amount_sum, expr: amount, agg: sum}
      - {name: orders, expr: id, agg: count}
      - {name: buyers, expr: customer, agg: count_distinct}
"""
METRICS = """
    kind: metric
    name: revenue
    type: simple
    measure: amount_sum
    filter: "region <> 'x'"
    description: What was sold.
    ---
    kind: metric
    name: average_order
    type: ratio
    numerator: amount_sum
    denominator: orders
    ---
    kind: metric
    name: an_average_buyer
    type: ratio
    numerator: amount_sum
    denominator: buyers
    ---
    kind: metric
    name: revenue_so_far
    type: cumulative
    measure: amount_sum
    ---
    kind: metric
    name: doubled
    type: derived
    expr: r * 2
    inputs: [{metric: revenue, alias: r}]
"""
ORDERS = "id,customer,region,ordered_at,amount\n1,1,a,2026-01-01,10\n2,2,b,2026-01-01,20\n3,1,a,2026-01-03,5\n4,2,x,2026-01-03,7\n"
ALL = ["revenue", "average_order", "an_average_buyer", "revenue_so_far", "doubled"]


@pytest.fixture
def shop(commands_here, project, standin, stub, monkeypatch):
    monkeypatch.setenv("SR_PASSWORD", "correct horse")
    account = f"host: 127.0.0.1, port: {standin.port}, http_port: {stub.port}, user: seeknal, password: '${{SR_PASSWORD}}'"
    made = project(
        {
            "profiles.yml": f"connections:\n  sr: {{type: starrocks, {account}, database: analytics}}\n",
            "data/orders.csv": ORDERS,
            "seeknal/orders.yml": "kind: source\nname: orders\ntype: csv\ntable: data/orders.csv\n",
            "seeknal/table.yml": "kind: exposure\nname: sold\ntype: starrocks_table\nconnection: sr\ninputs: [{ref: source.orders}]\n",
            "seeknal/sales.yml": MODEL,
            "seeknal/metrics.yml": METRICS,
        }
    )
    made.run().assert_success()
    return made


def deploy(shop, *options, code=0):
    done = shop.cli("deploy-metrics", "--connection", "sr", *options)
    assert done.exit_code == code, done.stderr + done.stdout
    return done


def changes(standin):
    return [s for s in standin.statements if s.startswith(("CREATE", "DROP", "ALTER", "INSERT"))]


def served(standin, name):
    cursor = standin.db.cursor().execute(f"SELECT * FROM default_catalog.analytics.{name}")
    names = [c[0] for c in cursor.description]
    return sorted((dict(zip(names, row, strict=True)) for row in cursor.fetchall()), key=repr)


def test_metrics_are_served_with_the_values_that_queries_have(shop, standin):
    deploy(shop)
    for name in ALL:
        asked = shop.cli("query", "--metrics", name, "--dimensions", "ordered_at,region", "--format", "json")
        expected = {(r["ordered_at"], r["region"]): r[name] for r in json.loads(asked.stdout)}
        found = served(standin, f"mv_{name}" if name == "revenue" else f"v_{name}")
        assert {(str(r["ordered_at"])[:10], r["region"]): float(r[name]) for r in found} == expected, name


def test_ratios_read_measures_where_those_add_up_and_tables_where_not(shop):
    shown = deploy(shop, "--dry-run").stdout
    created = {s.split("`")[3]: s for s in shown.split("\n\n")[1:]}
    assert "mv_measures_sales" in created["v_average_order"]
    assert "sold" not in created["v_average_order"]
    assert "mv_measures_sales" in created["v_revenue_so_far"]
    assert "COUNT(DISTINCT" in created["v_an_average_buyer"]
    assert list(created).index("mv_measures_sales") < list(created).index("v_average_order")


def test_what_is_unchanged_is_left_alone(shop, standin):
    deploy(shop)
    standin.statements.clear()
    assert "0 of 6 views changed" in deploy(shop).stderr
    assert changes(standin) == []


def test_a_changed_metric_is_replaced_and_a_removed_one_is_dropped_when_asked(shop, standin):
    deploy(shop)
    shop.write("seeknal/metrics.yml", METRICS.replace("region <> 'x'", "region = 'a'").split("---\n    kind: metric\n    name: average")[0])
    standin.statements.clear()
    deploy(shop)
    assert [s.split()[0] for s in changes(standin)] == ["DROP", "CREATE"]
    refused = deploy(shop, "--prune", code=2)
    assert "SK-CLI-001" in refused.stderr
    deploy(shop, "--prune", "--yes")
    assert {n[1] for n, _ in standin.relations() if n[0] == "analytics"} == {"sold", "mv_revenue"}


def test_deploying_some_metrics_makes_anew_what_else_reads_their_measures(shop, standin):
    deploy(shop)
    shop.write("seeknal/sales.yml", MODEL + "      - {name: largest, expr: amount, agg: max}\n")
    planned = deploy(shop, "--metrics", "average_order", "--dry-run").stdout.split("\n\n")[0]
    rows = {line.split()[0]: line.split(maxsplit=2)[1:] for line in planned.splitlines()[1:]}
    assert rows == {
        "mv_measures_sales": ["replace", "its definition changed"],
        **{f"v_{name}": ["replace", "what it reads was made anew"] for name in ("average_order", "revenue_so_far", "doubled")},
    }
    standin.statements.clear()
    deploy(shop, "--metrics", "revenue")
    assert changes(standin) == []


def test_what_stands_there_does_not_depend_on_what_was_built_here(shop, standin):
    deploy(shop)
    shutil.rmtree(shop.root / "target")
    standin.statements.clear()
    assert "0 of 6 views changed" in deploy(shop).stderr
    assert changes(standin) == []


def test_a_dry_run_changes_nothing_and_does_without_the_server(shop, standin):
    standin.statements.clear()
    assert "CREATE MATERIALIZED VIEW" in deploy(shop, "--dry-run").stdout
    assert changes(standin) == []
    shop.edit("profiles.yml", f"port: {standin.port}", "port: 9")
    done = deploy(shop, "--dry-run")
    assert "CREATE MATERIALIZED VIEW" in done.stdout
    assert "not compared with the server" in done.stderr
    assert "SK-CONN-001" in deploy(shop, code=1).stderr


def test_what_cannot_be_deployed_is_said_before_anything_is_done(shop, standin):
    standin.statements.clear()
    assert "SK-SEM-001" in deploy(shop, "--metrics", "revenu", code=2).stderr
    assert "SK-KEY-004" in deploy(shop, "--refresh", "sometimes", code=2).stderr
    assert "SK-CFG-004" in shop.cli("deploy-metrics", "--connection", "rs").stderr
    assert deploy(shop, "--prune", "--metrics", "revenue", code=2)
    assert changes(standin) == []


def test_tables_that_are_not_there_are_named_before_anything_is_done(shop, standin):
    shop.edit("seeknal/table.yml", "name: sold", "name: sold_elsewhere")
    standin.statements.clear()
    done = deploy(shop, code=1)
    assert "SK-CONN-003" in done.stderr
    assert "sold_elsewhere" in done.stderr
    assert changes(standin) == []


def test_a_password_in_the_line_that_is_pointed_at_is_not_shown(shop):
    shop.edit("profiles.yml", "'${SR_PASSWORD}'", "hunter2")
    done = deploy(shop, code=1)
    assert "SK-CONN-002" in done.stderr
    assert "hunter2" not in done.stderr


def test_a_refused_statement_is_named_and_the_next_deployment_goes_on(shop, standin):
    standin.refuse["v_doubled` COMMENT"] = (5203, "Access denied; you need (at least one of) the CREATE VIEW privilege(s)")
    done = deploy(shop, code=1)
    assert "SK-SR-005" in done.stderr
    assert "connection 'sr'" in done.stderr
    standin.refuse.clear()
    deploy(shop)
    assert served(standin, "v_doubled")


def test_metrics_are_asked_of_a_connection(shop):
    question = ("query", "--metrics", "revenue,average_order", "--dimensions", "region", "--order-by", "region", "--format", "json")
    there = shop.cli(*question, "--connection", "sr")
    assert there.exit_code == 0, there.stderr
    assert json.loads(there.stdout) == json.loads(shop.cli(*question).stdout)
    assert "FROM sold AS sales" in shop.cli(*question[:3], "--connection", "sr", "--compile").stdout
    assert shop.cli(*question, "--connection", "sr", "--env", "dev").exit_code == 2


def test_two_hundred_metrics_are_planned_in_a_second(shop, standin):
    from seeknal_semantic.catalog import Metric
    from seeknal_semantic.outside import tables
    from seeknal_semantic.query import Asking
    from seeknal_starrocks.metrics import Served

    project = shop.open()
    catalog = Asking(project).catalog
    catalog.metrics.update({f"m{n}": Metric(f"m{n}", "ratio", numerator="amount_sum", denominator="orders") for n in range(200)})
    begun = time.perf_counter()
    found = Served(catalog, tables(project, catalog, "sr"), {}, "analytics", Refresh()).definitions([f"m{n}" for n in range(200)])
    assert len(found) == 201
    assert time.perf_counter() - begun < 3


def test_a_metric_cannot_take_the_name_of_a_view_of_measures(shop, standin):
    shop.write("seeknal/more.yml", "kind: metric\nname: measures_sales\ntype: simple\nmeasure: orders\n")
    standin.statements.clear()
    assert "metric 'measures_sales' would be the view mv_measures_sales, and so are the measures of sales" in deploy(shop, code=2).stderr
    assert changes(standin) == []
    assert "6 of 6 views changed" in deploy(shop, "--metrics", ",".join(ALL)).stderr
