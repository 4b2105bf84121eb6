"""Materialized views: left, altered or replaced, as what the server has and what is wanted differ."""

import pyarrow as pa
import pytest

from seeknal_starrocks.views import understood

QUERY = "SELECT region, sum(amount) AS revenue FROM orders GROUP BY region"


@pytest.fixture
def orders(run):
    run(
        "CREATE TABLE orders (id INT, region VARCHAR(20), amount INT) DUPLICATE KEY (id) DISTRIBUTED BY HASH (id) PROPERTIES ('replication_num' = '1')",
        "INSERT INTO orders VALUES (1, 'a', 10), (2, 'b', 20), (3, 'a', 5)",
    )
    yield
    run("DROP TABLE IF EXISTS orders")


@pytest.fixture
def deploy(driver, orders):
    from seeknal.protocols import Deployment
    from seeknal_starrocks.deploying import deploy_view
    from seeknal_starrocks.exposures import check_view

    def done(rows=None, **params):
        if rows is None:
            params = {"sql": QUERY, **params}
        return deploy_view(Deployment("revenue", check_view("revenue", params, rows is not None), driver, "k", rows and (lambda: rows)))

    return done


@pytest.fixture
def sent(standin):
    """The statements that change something, since last asked."""

    def since():
        found = [s for s in standin.statements if s.split()[0] in ("CREATE", "ALTER", "DROP", "REFRESH") and "VIEW" in s]
        standin.statements.clear()
        return found

    since()
    return since


def rows(driver, name="revenue"):
    return sorted(tuple(r.values()) for r in driver.read(f"SELECT * FROM {name}").read_all().to_pylist())


def test_a_view_is_created_and_holds_rows(deploy, driver, sent):
    deploy(
        distributed_by="region",
        buckets=2,
        partition_by="region",
        order_by="region",
        properties={"replication_num": 1},
        comment="Revenue",
        refresh="EVERY(INTERVAL 5 MINUTE)",
    )
    assert rows(driver) == [("a", 15), ("b", 20)]
    (statement,) = sent()
    assert statement == (
        "CREATE MATERIALIZED VIEW `analytics`.`revenue` COMMENT 'Revenue seeknal:ef40d2133915acad' PARTITION BY (`region`) DISTRIBUTED BY HASH (`region`) BUCKETS 2"
        f' ORDER BY (`region`) REFRESH ASYNC EVERY (INTERVAL 5 MINUTE) PROPERTIES ("replication_num" = "1") AS {QUERY}'
    )


def test_what_is_unchanged_is_left_alone(deploy, sent):
    deploy(refresh="ASYNC EVERY(INTERVAL 1 HOUR)", properties={"mv_rewrite_staleness_second": 600})
    sent()
    deploy(refresh={"every": "1 hour"}, properties={"mv_rewrite_staleness_second": "600"})
    assert sent() == []


def test_refresh_and_properties_are_altered(deploy, standin, sent):
    deploy()
    sent()
    deploy(refresh="EVERY(INTERVAL 10 MINUTE)", properties={"mv_rewrite_staleness_second": 60})
    assert sent() == [
        "ALTER MATERIALIZED VIEW `analytics`.`revenue` REFRESH ASYNC EVERY (INTERVAL 10 MINUTE)",
        'ALTER MATERIALIZED VIEW `analytics`.`revenue` SET ("mv_rewrite_staleness_second" = "60")',
    ]
    deploy(refresh="EVERY(INTERVAL 10 MINUTE)", properties={"mv_rewrite_staleness_second": 60})
    assert sent() == []


def test_a_changed_definition_is_swapped_in_and_the_old_one_dropped(deploy, driver, standin, sent):
    deploy()
    sent()
    deploy(sql="SELECT region, count(*) AS revenue FROM orders GROUP BY region")
    kinds = [" ".join(s.split()[:1]) + (" swap" if "SWAP" in s else "") for s in sent()]
    assert kinds == ["DROP", "CREATE", "REFRESH", "ALTER swap", "DROP"]  # whoever reads it never sees it empty
    assert rows(driver) == [("a", 2), ("b", 1)]
    assert [n[1] for n in standin.views] == ["revenue"]


def test_a_changed_definition_may_be_dropped_and_created(deploy, sent):
    deploy()
    sent()
    deploy(sql="SELECT region FROM orders", replace="drop")
    assert [s.split()[0] for s in sent()] == ["DROP", "CREATE"]


def test_a_new_version_that_cannot_be_filled_leaves_the_old_one(deploy, driver, standin, fails):
    deploy()
    standin.fail_refresh["COUNT"] = "memory limit exceeded"
    with fails("SK-SR-003", "'analytics.revenue'", "memory limit exceeded"):
        deploy(sql="SELECT region, count(*) AS revenue FROM orders GROUP BY region")
    assert rows(driver) == [("a", 15), ("b", 20)]
    assert [n[1] for n in standin.views] == ["revenue"]


def test_a_query_the_server_refuses_drops_nothing(deploy, driver, fails):
    deploy()
    with fails("SK-SR-001", "nosuch", "EXPLAIN"):
        deploy(sql="SELECT nosuch FROM orders", replace="drop")
    assert rows(driver) == [("a", 15), ("b", 20)]


def test_a_new_version_the_server_refuses_leaves_the_old_one(deploy, driver, fails):
    deploy()
    with fails("SK-SR-001", "nosuch", "CREATE MATERIALIZED VIEW"):
        deploy(sql="SELECT nosuch FROM orders")
    assert rows(driver) == [("a", 15), ("b", 20)]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE MATERIALIZED VIEW revenue REFRESH ASYNC AS SELECT id FROM orders",
        "CREATE TABLE revenue (id INT)",
        "CREATE VIEW revenue AS SELECT 1 AS a",
    ],
)
def test_what_seeknal_did_not_make_is_not_touched(deploy, run, sent, fails, statement):
    run(statement)
    sent()
    with fails("SK-SR-002", "revenue"):
        deploy()
    assert sent() == []


def test_a_refresh_is_awaited_and_its_failure_said(deploy, standin, driver, sent, fails):
    deploy(refresh="DEFERRED MANUAL", wait=True)
    assert any(s.startswith("REFRESH MATERIALIZED VIEW") for s in sent())
    assert rows(driver) == [("a", 15), ("b", 20)]
    standin.fail_refresh["orders"] = "memory limit exceeded"
    with fails("SK-SR-003", "memory limit exceeded"):
        deploy(refresh="DEFERRED MANUAL", wait=True)
    assert rows(driver) == [("a", 15), ("b", 20)]


def test_a_view_whose_last_refresh_failed_is_said_although_nothing_changed(deploy, standin, fails):
    deploy()
    standin.views["analytics", "revenue"].state, standin.views["analytics", "revenue"].error = "FAILED", "out of memory"
    with fails("SK-SR-003", "out of memory"):
        deploy()
    deploy(wait=True)
    deploy()


def test_an_inactive_view_is_made_active_again(deploy, standin, sent):
    deploy()
    standin.views["analytics", "revenue"].active = False
    sent()
    deploy()
    assert sent() == ["ALTER MATERIALIZED VIEW `analytics`.`revenue` ACTIVE"]


def test_iceberg_metadata_is_looked_up_before_a_refresh(deploy, standin):
    deploy(refresh_external="lake.sales.orders", wait=True)
    words = [s for s in standin.statements if s.startswith("REFRESH")]
    assert words == ["REFRESH EXTERNAL TABLE `lake`.`sales`.`orders`", "REFRESH MATERIALIZED VIEW `analytics`.`revenue`"]


def test_the_rows_of_a_node_are_loaded_under_the_view(deploy, driver, sent):
    assert deploy(pa.table({"region": ["x"], "revenue": [1]})) == 1
    assert rows(driver) == [("x", 1)]
    sent()
    deploy(pa.table({"region": ["y"], "revenue": [2]}))
    assert rows(driver) == [("y", 2)]
    assert [s.split()[0] for s in sent()] == ["REFRESH"]
    deploy(pa.table({"region": ["z"], "more": [True], "revenue": [3]}))
    assert rows(driver) == [("z", True, 3)]


def test_what_show_create_says_is_understood():
    text = (
        'CREATE MATERIALIZED VIEW `mv` (`a`)\nCOMMENT "REFRESH AS x seeknal:0123456789abcdef"\nPARTITION BY (`dt`)\nDISTRIBUTED BY HASH(`a`) BUCKETS 10 \n'
        'REFRESH ASYNC START("2024-01-01 00:00:00") EVERY(INTERVAL 5 MINUTE)\nPROPERTIES (\n"replication_num" = "3",\n"storage_medium" = "HDD"\n)\n'
        "AS SELECT `a` AS `a` FROM `t`;"
    )
    assert understood(text) == (
        'ASYNC START("2024-01-01 00:00:00") EVERY(INTERVAL 5 MINUTE)',
        {"replication_num": "3", "storage_medium": "HDD"},
    )
