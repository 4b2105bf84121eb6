"""A project that StarRocks builds, from end to end, on the stand-in."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest


@pytest.fixture
def shop(project, standin, monkeypatch):
    monkeypatch.setenv("SR_PASSWORD", "correct horse")
    data = io.BytesIO()
    pq.write_table(pa.table({"id": [1, 2, 3], "region": ["a", "b", "a"], "amount": [10, 20, 5]}), data)
    connection = f"{{type: starrocks, host: 127.0.0.1, port: {standin.port}, http_port: 1, user: seeknal, password: '${{SR_PASSWORD}}'}}"
    return project(
        {
            "seeknal_project.yml": "name: shop\nengine: starrocks\n",
            "profiles.yml": f"connections:\n  cluster: {connection}\n",
            "data/orders.parquet": data.getvalue(),
            "seeknal/orders.yml": "kind: source\nname: orders\ntype: parquet\ntable: data/orders.parquet\ncolumns: [{name: id, audits: [not_null, unique]}]\n",
            "seeknal/revenue.sql": (
                "/* ---\naudits: [{type: row_count, min: 1}]\n--- */\n"
                "select region, sum(amount) as revenue from {{ ref('source.orders') }} group by region"
            ),
            "seeknal/seen.sql": "/* ---\nmaterialized: view\n--- */\nselect region from transform.revenue where revenue > 15",
            "seeknal/count.sql": "select count(*) as n from {{ ref('transform.seen') }}",
        }
    )


def test_it_is_built_inside_starrocks_audited_and_reused(shop, standin):
    done = shop.cli("run")
    assert done.exit_code == 0, done.stderr + done.stdout
    assert sorted(shop.rows("transform.revenue")) == [("a", 15), ("b", 20)]
    assert shop.rows("transform.count") == [(1,)]
    made = [s for s in standin.statements if s.startswith("CREATE TABLE `seeknal_artifacts`.`seeknal_load_") and " AS SELECT" in s]
    assert len(made) == 2
    standin.statements.clear()
    assert shop.run().assert_success().built == set()
    shop.edit("seeknal/revenue.sql", "sum(amount)", "max(amount)")
    assert shop.run().assert_success().built >= {"transform.revenue"}
    assert sorted(shop.rows("transform.revenue")) == [("a", 10), ("b", 20)]


def test_outputs_stay_in_tables_named_after_their_content_and_are_loaded_once(shop, standin):
    shop.run().assert_success()
    before = {n for n, _ in standin.relations() if n[0] == "seeknal_artifacts"}
    assert all(n[1].startswith("a_") for n in before)
    left = "seeknal_load_0123456789ab_01234567_1_00000001_0123ab"  # by a run that was killed
    standin.run_sql("default_catalog", None, f"CREATE TABLE seeknal_artifacts.{left} (id INT)")
    shop.rows("transform.revenue")
    assert {n for n, _ in standin.relations() if n[0] == "seeknal_artifacts"} == before


def test_the_prompt_and_doctor_work_with_it(shop):
    done = shop.cli("repl", "--exec", "select sum(revenue) as total from transform.revenue", "--format", "json")
    assert "has not been built yet" in done.stderr
    shop.run().assert_success()
    assert shop.cli(
        "repl", "--exec", "select sum(revenue) as total from transform.revenue", "--format", "json"
    ).assert_success().json() == [{"total": 35}]
    assert "engine" in shop.cli("doctor").stdout


def test_a_failing_query_fails_its_node_with_its_place(shop):
    shop.edit("seeknal/revenue.sql", "select region,", "select nosuch,")
    done = shop.cli("run")
    assert done.exit_code in (1, 2)
    assert "nosuch" in done.stderr
    assert "seeknal/revenue.sql" in done.stderr


def test_without_a_connection_the_engine_says_what_it_needs(shop):
    shop.write("profiles.yml", "connections: {}\n")
    done = shop.cli("run")
    assert done.exit_code != 0
    assert "needs a connection of type starrocks" in done.stderr
