"""Exposures of StarRocks from end to end, through the command line, on the stand-in."""

import pytest

VIEW = """
    kind: exposure
    name: revenue
    type: starrocks_materialized_view
    connection: sr
    inputs: []
    sql: SELECT region, sum(amount) AS revenue FROM orders GROUP BY region
    config: {distributed_by: [region], refresh: "EVERY(INTERVAL 5 MINUTE)", wait: true}
"""
TABLE = """
    kind: exposure
    name: orders
    type: starrocks_table
    connection: sr
    inputs: [{ref: transform.cleaned}]
    description: Orders, cleaned.
    params: {key: [id], types: {region: VARCHAR(20)}}
"""


@pytest.fixture
def shop(commands_here, project, standin, stub, monkeypatch):
    monkeypatch.setenv("SR_PASSWORD", "correct horse")
    profiles = f"""
        connections:
          sr:
            type: starrocks
            host: 127.0.0.1
            port: {standin.port}
            http_port: {stub.port}
            user: seeknal
            password: ${{SR_PASSWORD}}
            database: analytics
    """
    return project(
        {
            "profiles.yml": profiles,
            "data/orders.csv": "id,region,amount\n1,a,10\n2,b,20\n3,a,5\n",
            "seeknal/orders.yml": "kind: source\nname: orders\ntype: csv\ntable: data/orders.csv\n",
            "seeknal/cleaned.sql": "select id, region, amount from {{ ref('source.orders') }} where amount > 0",
            "seeknal/table.yml": TABLE,
        }
    )


def rows(standin, name):
    return sorted(standin.db.cursor().execute(f"SELECT * FROM default_catalog.analytics.{name}").fetchall())


def test_a_table_is_loaded_and_left_alone_until_its_input_changes(shop, standin, stub):
    done = shop.cli("run")
    assert done.exit_code == 0, done.stderr
    assert rows(standin, "orders") == [(1, "a", 10), (2, "b", 20), (3, "a", 5)]
    assert standin.columns(("analytics", "orders"))["region"] == "varchar(20)"
    standin.statements.clear()
    assert shop.run().assert_success().built == set()
    assert standin.statements == []
    shop.write("data/orders.csv", "id,region,amount\n1,a,11\n")
    assert "exposure.orders" in shop.run().assert_success().built
    assert rows(standin, "orders") == [(1, "a", 11)]


def test_a_view_over_tables_of_the_server_is_deployed(shop, standin):
    shop.run().assert_success()
    shop.write("seeknal/view.yml", VIEW)
    done = shop.cli("run")
    assert done.exit_code == 0, done.stderr
    assert rows(standin, "revenue") == [("a", 15), ("b", 20)]
    shop.edit("seeknal/view.yml", "5 MINUTE", "9 MINUTE")
    standin.statements.clear()
    shop.run().assert_success()
    changes = [s for s in standin.statements if s.startswith(("CREATE", "ALTER", "DROP"))]
    assert changes == ["ALTER MATERIALIZED VIEW `analytics`.`revenue` REFRESH ASYNC EVERY (INTERVAL 9 MINUTE)"]


def test_a_statement_that_is_refused_fails_the_node_and_the_next_run_mends_it(shop, standin):
    standin.refuse["CREATE TABLE"] = (1064, "replication num should be less than the number of available backends, password correct horse")
    done = shop.cli("run")
    assert done.exit_code == 1
    assert "SK-SR-001" in done.stderr + done.stdout
    assert "connection 'sr'" in done.stderr + done.stdout
    assert "correct horse" not in done.stderr + done.stdout
    standin.refuse.clear()
    assert shop.run().assert_success().built == {"exposure.orders"}


def test_dry_run_and_plan_deploy_nothing(shop, standin):
    assert shop.cli("plan").exit_code == 0
    shop.write("draft_exposure_v.yml", VIEW)
    done = shop.cli("dry-run", "draft_exposure_v.yml")
    assert done.exit_code == 0, done.stderr
    assert "deploys a starrocks_materialized_view through connection 'sr'" in done.stdout
    assert not [s for s in standin.statements if s.startswith("CREATE")]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("key: [id]", "keys: [id]", "unknown key 'keys'"),
        ("connection: sr", "connection: st", "no connection 'st'"),
        ("inputs: [{ref: transform.cleaned}]", "inputs: []", "has one input"),
        ("type: starrocks_table", "type: starrocks_tables", "starrocks_table"),
        ("key: [id]", "mode: merge", "'mode' must be"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_before_anything_runs(shop, standin, old, new, words):
    shop.edit("seeknal/table.yml", old, new)
    done = shop.cli("parse")
    assert done.exit_code == 2
    assert words in done.stderr
    assert "seeknal/table.yml:" in done.stderr
    assert standin.statements == []


def test_an_ordinary_table_exposure_goes_to_starrocks_too(shop, standin):
    shop.write("seeknal/plain.yml", "kind: exposure\nname: plain\ntype: table\nconnection: sr\ninputs: [{ref: transform.cleaned}]\n")
    shop.run().assert_success()
    assert len(rows(standin, "plain")) == 3


def test_features_are_served_by_key(shop, standin):
    shop.write("seeknal/table.yml", """
        kind: feature_group
        name: spend
        entity: {name: region, join_keys: [region]}
        event_time: id
        created_time: day
        sql: SELECT region, TIMESTAMP '2026-01-01' + to_days(id) AS id, TIMESTAMP '2026-01-01' AS day, amount FROM {{ ref('source.orders') }}
        features: {amount: BIGINT}
        ---
        kind: exposure
        name: online
        type: table
        connection: sr
        inputs: [entity.region]
        params: {mode: upsert, keys: [region]}
    """)  # fmt: skip
    shop.run().assert_success()
    assert [(r[0], r[2]) for r in rows(standin, "online")] == [("a", 5), ("b", 20)]
    standin.run_sql("default_catalog", "analytics", "INSERT INTO online SELECT 'z', NULL, 1")
    shop.write("data/orders.csv", "id,region,amount\n4,b,21\n5,c,30\n")
    assert "exposure.online" in shop.run().assert_success().built
    assert [(r[0], r[2]) for r in rows(standin, "online")] == [("a", 5), ("b", 21), ("c", 30), ("z", 1)]
