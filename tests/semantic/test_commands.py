"""`seeknal query` and `seeknal metrics`, in processes of their own."""

from __future__ import annotations

import csv
import io

import pytest
from tests.semantic.world import project_files, rows_of


@pytest.fixture
def fresh(project):
    return project(project_files(rows_of(7)))


def test_query_prints_json_with_days_as_dates(shop):
    rows = shop.cli(
        "query", "--metrics", "gross", "--dimensions", "ordered_at__month", "--order-by", "ordered_at__month", "--format", "json"
    ).json()
    assert [r["ordered_at__month"] for r in rows][:2] == ["2025-12-01", "2026-01-01"]


def test_query_prints_csv(shop):
    found = shop.cli(
        "query", "--metrics", "gross,buyers", "--dimensions", "channel", "--order-by=-gross", "--limit", "1", "--format", "csv"
    )
    (row,) = csv.DictReader(io.StringIO(found.stdout))
    assert set(row) == {"channel", "gross", "buyers"}


def test_query_writes_parquet(shop):
    shop.cli("query", "--metrics", "gross", "--dimensions", "region", "--format", "parquet", "--output", "out.parquet").assert_success()
    assert (shop.root / "out.parquet").stat().st_size > 0
    shop.cli("query", "--metrics", "gross", "--format", "parquet").assert_exit(2)


def test_query_draws_a_chart(shop):
    assert "█" in shop.cli("query", "--metrics", "gross", "--dimensions", "ordered_at__month", "--format", "chart").stdout
    shop.cli("query", "--metrics", "gross", "--format", "chart").assert_failed("SK-SEM-025")
    first = shop.cli("query", "--metrics", "gross", "--dimensions", "ordered_at__month", "--format", "chart", "--limit", "2", "--compile")
    assert "ORDER BY\n  ordered_at__month" in first.stdout


def test_a_file_is_written_as_its_name_says(shop, tmp_path):
    asked = ("query", "--metrics", "gross", "--dimensions", "region", "--output")
    for name, begins in (("a.parquet", b"PAR1"), ("a.json", b"[\n"), ("a.csv", b"region,gross\n")):
        shop.cli(*asked, str(tmp_path / name)).assert_success()
        assert (tmp_path / name).read_bytes().replace(b"\r", b"").startswith(begins)


def test_a_filter_that_is_no_condition_is_named(shop):
    for filter_ in ("region", "status = 'paid' OR NOT region", "ordered_at"):
        found = shop.cli("query", "--metrics", "gross", "--filter", filter_).assert_failed("SK-SEM-020")
        assert "not true or false" in found.stderr
    found = shop.cli("query", "--metrics", "gross", "--filter", "region > 5").assert_failed("SK-SQL-011")
    assert "region > 5" in found.stderr


def test_compile_shows_the_select_an_analyst_would_write(shop):
    sql = shop.cli("query", "--metrics", "revenue", "--dimensions", "region,ordered_at__month", "--order-by=-revenue", "--compile").stdout
    assert " ".join(sql.split()) == (
        "SELECT customers.region, DATE_TRUNC('month', orders.ordered_at) AS ordered_at__month, SUM(orders.amount) AS revenue "
        "FROM source_orders AS orders LEFT JOIN source_customers AS customers ON orders.customer_id = customers.customer_id "
        "WHERE orders.status <> 'refunded' GROUP BY 1, 2 ORDER BY revenue DESC NULLS LAST"
    )


def test_what_is_not_built_is_said(fresh):
    fresh.cli("query", "--metrics", "gross").assert_failed("SK-RUN-002")
    fresh.cli("query", "--metrics", "gross", "--compile").assert_success()


def test_an_unknown_environment_is_said(shop):
    shop.cli("query", "--metrics", "gross", "--env", "nowhere").assert_failed("SK-ENV-001")


def test_the_same_question_on_unchanged_data_asks_no_engine(fresh):
    fresh.run().assert_success()
    asked = ("query", "--metrics", "gross", "--dimensions", "channel")
    assert "(asked)" in fresh.cli(*asked).stderr
    assert "as before" in fresh.cli(*asked).stderr
    fresh.edit("data/orders.csv", ",web,", ",store,")
    fresh.run().assert_success()
    assert "(asked)" in fresh.cli(*asked).stderr


def test_a_question_about_today_is_asked_each_time(fresh):
    fresh.run().assert_success()
    asked = ("query", "--metrics", "gross", "--filter", "ordered_at < current_date")
    assert "(asked)" in fresh.cli(*asked).stderr
    assert "(asked)" in fresh.cli(*asked).stderr


def test_an_earlier_answer_does_not_hide_that_an_output_is_gone(fresh):
    fresh.run().assert_success()
    asked = ("query", "--metrics", "gross", "--dimensions", "channel")
    fresh.cli(*asked).assert_success()
    for path in (fresh.root / "target/cache").rglob("*.parquet"):
        path.unlink()
    fresh.cli(*asked).assert_failed("SK-RUN-007")


def test_each_environment_has_its_own_answers(fresh):
    fresh.run().assert_success()
    fresh.edit("data/orders.csv", ",web,", ",store,")
    fresh.cli("run", "--env", "dev").assert_success()
    asked = ("query", "--metrics", "gross", "--dimensions", "channel", "--format", "json")
    assert len(fresh.cli(*asked).json()) == 2
    assert [r["channel"] for r in fresh.cli(*asked, "--env", "dev").json()] == ["store"]
    typed = fresh.cli("repl", "--env", "dev", "--exec", ".query gross by channel", "--format", "json")
    assert [r["channel"] for r in typed.json()] == ["store"]


@pytest.mark.parametrize("format_", ["parquet", "csv", "json", "table"])
def test_a_file_that_cannot_be_written_is_said(shop, format_):
    found = shop.cli("query", "--metrics", "gross", "--format", format_, "--output", "nowhere/x").assert_exit(2)
    assert "cannot write 'nowhere/x'" in found.stderr
    assert "bug" not in found.stderr


@pytest.mark.parametrize("name", ["running", "trailing"])
def test_conditions_on_windows_are_asked_of_what_they_come_to(shop, name):
    asked = ("query", "--metrics", name, "--dimensions", "ordered_at__day", "--format", "json")
    every = shop.cli(*asked).json()
    limit = sorted(r[name] for r in every)[len(every) // 2]
    found = shop.cli(*asked, "--filter", f"{name} > {limit}").json()
    assert sorted(r["ordered_at__day"] for r in found) == sorted(r["ordered_at__day"] for r in every if r[name] > limit)


def test_saved_queries(fresh):
    fresh.write(
        "seeknal/saved.yml", "kind: saved_query\nname: top\nmetrics: [gross]\ndimensions: [channel]\nfilters: [\"channel = 'web'\"]\n"
    )
    fresh.run().assert_success()
    assert [r["channel"] for r in fresh.cli("query", "--saved", "top", "--format", "json").json()] == ["web"]
    assert len(fresh.cli("query", "--saved", "top", "--dimensions", "region", "--format", "json").json()) > 1
    fresh.cli("query", "--saved", "topp").assert_failed("SK-SEM-024")


def test_python(shop):
    opened = shop.open()
    answer = opened.query(metrics=["gross"], dimensions=["channel"], order_by=["channel"])
    assert [r["channel"] for r in answer.to_dicts()] == ["store", "web"]
    assert answer.to_arrow().column_names == ["channel", "gross"]
    assert list(answer.to_pandas().columns) == ["channel", "gross"]
    assert opened.query("gross", "channel", order_by="channel").to_dicts() == answer.to_dicts()
    with pytest.raises(TypeError, match="metrics must be texts"):
        opened.query(metrics=[3])
    with pytest.raises(AttributeError, match="quary"):
        opened.quary()


def test_metrics_are_listed_and_described(shop):
    assert "trailing" in shop.cli("metrics").stdout
    found = shop.cli("metrics", "describe", "growth", "--format", "json").json()
    assert "ordered_at" in found["dimensions"]
    assert "1 month before" in shop.cli("metrics", "describe", "growth").stdout


def test_a_dimension_that_no_name_reaches_is_not_offered(project):
    """Two models describe the same entity, so that even the qualified name would mean both."""
    order = "entities: [{name: order_id, type: primary}, {name: customer_id, type: foreign}]\ndimensions: [{name: ordered_at, type: time}, {name: %s, type: categorical}]"
    models = [
        f"kind: semantic_model\nname: {name}\nmodel: ref('source.o')\n" + more
        for name, more in (
            ("orders", order % "status"),
            ("orders_more", order % "channel"),
            ("customers", "entities: [{name: customer_id, type: primary}]\ndimensions: [{name: region, type: categorical}]"),
            ("items", "entities: [{name: order_id, type: foreign}]\nmeasures: [{name: units, agg: sum}]"),
        )
    ]
    source = "kind: source\nname: o\ntype: csv\ntable: o.csv\n"
    found = project({"seeknal/m.yml": "\n---\n".join([source, *models]), "o.csv": "order_id\n1\n"})
    offered = found.cli("metrics", "dimensions", "--metrics", "units", "--format", "json").assert_success().json()
    assert [d["name"] for d in offered] == ["order_id", "status", "channel", "region"]


def test_dimensions_that_metrics_share(shop):
    names = [d["name"] for d in shop.cli("metrics", "dimensions", "--metrics", "gross,pages_viewed", "--format", "json").json()]
    assert "metric_time" in names
    assert "segment" in names
    assert "region" not in names  # of the customer for one, of the edge for the other
    assert "channel" not in names


def test_metrics_are_validated(shop, fresh):
    assert shop.cli("metrics", "validate").stdout.startswith("All right: 6 semantic models")
    fresh.write(
        "seeknal/bad.yml",
        "kind: metric\nname: bad\ntype: simple\nmeasure: gros\n---\nkind: metric\nname: worse\ntype: ratio\nnumerator: a\n",
    )
    shown = fresh.cli("metrics", "validate").assert_exit(2)
    assert "SK-KEY-002" in shown.stderr


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("kind: metric\nname: a\ntype: simple\nmeasure: grosss\n", "SK-SEM-001", "did you mean 'gross'"),
        ("kind: metric\nname: a\ntype: derived\nexpr: b + 1\ninputs: [{metric: a, alias: b}]\n", "SK-SEM-007", "a -> a"),
        ("kind: metric\nname: a\ntype: derived\nexpr: b + 1\ninputs: [{metric: gross, alias: c}]\n", "SK-SEM-005", "'b'"),
        ("kind: metric\nname: a\ntype: cumulative\nmeasure: gross\nwindow: 7 days\ngrain_to_date: month\n", "SK-SEM-004", "choose one"),
        ("kind: metric\nname: a\ntype: simple\nmeasure: gross\nfilter: sum(b) > 1\n", "SK-SEM-002", "aggregates"),
        ("kind: metric\nname: a\ntype: simple\nmeasure: gross\nfilter: shelf = 'x'\n", "SK-SEM-010", "shelf"),
        ("kind: metric\nname: a\ntype: cumulative\nmeasure: gross\nwindow: seven days\n", "SK-KEY-004", "is no duration"),
        ("kind: metric\nname: a\ntype: simple\nmeasure: gross\nnumerator: b\n", "SK-KEY-001", "numerator"),
        (
            "kind: semantic_model\nname: a\nmodel: ref('orders')\nmeasures: [{name: m, expr: sum(x), agg: sum}]\n",
            "SK-SEM-002",
            "aggregates",
        ),
        ("kind: semantic_model\nname: a\nmodel: ref('orders')\nmeasures: [{name: m, agg: summ}]\n", "SK-KEY-004", "summ"),
        ("kind: semantic_model\nname: a\nmodel: ref('orders')\nmeasures: [{name: gross, agg: sum}]\n", "SK-SEM-006", "a.gross"),
        ("kind: semantic_model\nname: a\nmodel: ref('orders')\ndefault_time_dimension: b\n", "SK-SEM-004", "'b'"),
        ("kind: transform\nname: a\nsql: SELECT * FROM {{ ref('metric.revenue') }}\n", "SK-REF-002", "store none"),
    ],
)
def test_mistakes_are_placed(fresh, text, code, words):
    fresh.write("seeknal/bad.yml", text)
    shown = fresh.cli("parse").assert_failed(code, exit_code=2).stderr
    assert words in shown
    assert "seeknal/bad.yml:" in shown or code == "SK-SEM-006"  # said where the name is used


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--metrics", "grss"), "SK-SEM-001"),
        (("--metrics", ""), "SK-SEM-001"),
        (("--metrics", "gross", "--dimensions", "chanel"), "SK-SEM-010"),
        (("--metrics", "gross", "--dimensions", "ordered_at__fortnight"), "SK-SEM-011"),
        (("--metrics", "customer_count", "--dimensions", "signed_up__day"), "SK-SEM-011"),
        (("--metrics", "gross,pages_viewed", "--dimensions", "region"), "SK-SEM-012"),
        (("--metrics", "customer_count", "--dimensions", "channel"), "SK-SEM-013"),
        (("--metrics", "customer_count", "--dimensions", "tier"), "SK-SEM-014"),
        (("--metrics", "growth", "--dimensions", "region"), "SK-SEM-016"),
        (("--metrics", "last_week", "--dimensions", "ordered_at__month"), "SK-SEM-016"),
        (("--metrics", "gross", "--filter", "gross > 1 OR status = 'x'"), "SK-SEM-021"),
        (("--metrics", "gross", "--order-by", "region"), "SK-SEM-022"),
    ],
)
def test_questions_that_cannot_be_answered(shop, arguments, code):
    shop.cli("query", *arguments, "--compile").assert_failed(code, exit_code=2)


def test_repl(shop):
    assert "trailing" in shop.cli("repl", "--exec", ".metrics").stdout
    assert "metric_time" in shop.cli("repl", "--exec", ".dimensions gross").stdout
    found = shop.cli("repl", "--exec", ".query gross by channel --filter \"channel = 'web'\" --limit 1", "--format", "csv")
    assert found.stdout.startswith("channel,gross")
    shop.cli("repl", "--exec", ".query gross --colour red").assert_failed("SK-REPL-001")
    assert ".query" in shop.cli("repl", "--exec", ".help").stdout


def test_light_commands_import_no_engine(shop):
    code = "import sys; from seeknal.cli import root; root.main(['query', '--help'], standalone_mode=False); "
    code += "print([m for m in ('duckdb', 'pyarrow', 'sqlglot', 'pydantic', 'rich') if m in sys.modules])"
    import subprocess
    import sys

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=shop.root).stdout
    assert printed.endswith("[]\n")


def test_a_dimension_may_be_qualified_by_the_first_entity_only(project):
    table = "kind: source\nname: {0}\ntype: csv\ntable: data/{0}.csv\n---\n"
    models = """
        kind: semantic_model
        name: trips
        model: ref('source.trips')
        entities: [{name: trip_id, type: primary}, {name: driver_id, type: foreign}, {name: depot_id, type: foreign}]
        measures: [{name: parcels, agg: sum}]
        ---
        kind: semantic_model
        name: drivers
        model: ref('source.drivers')
        entities: [{name: driver_id, type: primary}, {name: city_id, type: foreign}]
        ---
        kind: semantic_model
        name: depots
        model: ref('source.depots')
        entities: [{name: depot_id, type: primary}, {name: city_id, type: foreign}]
        ---
        kind: semantic_model
        name: cities
        model: ref('source.cities')
        entities: [{name: city_id, type: primary}]
        dimensions: [{name: city, type: categorical}]
        """
    folder = project(
        {
            "seeknal/sources.yml": "".join(table.format(n) for n in ("trips", "drivers", "depots", "cities")),
            "seeknal/models.yml": models,
            "data/trips.csv": "trip_id,driver_id,depot_id,parcels\n1,1,1,5\n2,1,2,7\n",
            "data/drivers.csv": "driver_id,city_id\n1,2\n",
            "data/depots.csv": "depot_id,city_id\n1,1\n2,2\n",
            "data/cities.csv": "city_id,city\n1,Oslo\n2,Bergen\n",
        }
    )
    folder.run().assert_success()
    folder.cli("query", "--metrics", "parcels", "--dimensions", "city").assert_failed("SK-SEM-012")
    asked = ("--dimensions", "driver_id__city,depot_id__city_id__city", "--order-by", "parcels", "--format", "csv")
    assert folder.cli("query", "--metrics", "parcels", *asked).stdout.splitlines()[1:] == ["Bergen,Oslo,5", "Bergen,Bergen,7"]
