"""What StarRocks has, as it arrives."""

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from seeknal_starrocks import reading
from seeknal_starrocks.driver import StarRocksConnection

at = dt.datetime.fromisoformat

COLUMNS = [
    ("BOOLEAN", "true", pa.bool_(), True),
    ("TINYINT", "-128", pa.int8(), -128),
    ("SMALLINT", "-32768", pa.int16(), -(2**15)),
    ("INT", "-2147483648", pa.int32(), -(2**31)),
    ("BIGINT", "-9223372036854775807", pa.int64(), -(2**63) + 1),
    ("LARGEINT", "-99999999999999999999999999999999999999", pa.decimal128(38, 0), Decimal("-" + "9" * 38)),
    ("DECIMAL(5, 2)", "-123.45", pa.decimal128(5, 2), Decimal("-123.45")),
    ("DECIMAL(38, 9)", "12345678901234567890123456789.123456789", pa.decimal128(38, 9), Decimal("12345678901234567890123456789.123456789")),
    ("FLOAT", "0.1", pa.float32(), 0.10000000149011612),
    ("DOUBLE", "0.30000000000000004", pa.float64(), 0.1 + 0.2),
    ("DATE", "'9999-12-31'", pa.date32(), dt.date(9999, 12, 31)),
    ("DATETIME", "'2024-02-29 12:34:56.123456'", pa.timestamp("us"), at("2024-02-29 12:34:56.123456")),
    ("CHAR(4)", "'ab'", pa.string(), "ab"),
    ("VARCHAR(20)", "'a,\"b é😀'", pa.string(), 'a,"b é😀'),
    ("STRING", "''", pa.string(), ""),
    ("JSON", "'{\"a\": [1, null]}'", pa.string(), '{"a": [1, null]}'),
    ("ARRAY<INT>", "[1, NULL, 3]", pa.list_(pa.int32()), [1, None, 3]),
    ("ARRAY<STRING>", "['a\"b', 'c,d']", pa.list_(pa.string()), ['a"b', "c,d"]),
    ("ARRAY<DATE>", "[CAST('2024-02-29' AS DATE)]", pa.list_(pa.date32()), [dt.date(2024, 2, 29)]),
    ("MAP<STRING, INT>", "map{'a': 1, 'b': NULL}", pa.map_(pa.string(), pa.int32()), [("a", 1), ("b", None)]),
    ("STRUCT<x INT, y STRING>", "row(1, 'q')", pa.struct([("x", pa.int32()), ("y", pa.string())]), {"x": 1, "y": "q"}),
]


@pytest.mark.parametrize(("declared", "value", "type_", "expected"), COLUMNS, ids=[c[0] for c in COLUMNS])
def test_a_value_arrives_as_it_was_and_so_does_null(driver, run, table, declared, value, type_, expected):
    run(
        f"CREATE TABLE {table} (id INT, v {declared} NULL) DUPLICATE KEY (id) DISTRIBUTED BY HASH (id) BUCKETS 1 PROPERTIES ('replication_num' = '1')",
        f"INSERT INTO {table} SELECT 1, {value}",
        f"INSERT INTO {table} SELECT 2, NULL",
    )
    found = driver.read(driver.table_query(table)).read_all().sort_by("id")
    assert found.schema.field("v").type == type_
    assert found["v"].to_pylist() == [expected, None]
    assert driver.read(f"SELECT v FROM {table} WHERE id > 9").read_all().schema.types == [type_]
    assert driver.read(f"WITH x AS (SELECT id AS k, v AS w FROM {table}) SELECT w FROM x WHERE k = 1").read_all()["w"].to_pylist() == [
        expected
    ]
    run(f"DROP TABLE {table}")


@pytest.mark.parametrize(("type_", "advice"), [("BITMAP", "bitmap_to_string"), ("HLL", "hll_cardinality")])
def test_states_of_aggregates_are_refused_with_advice(driver, standin, table, fails, type_, advice):
    standin.run_sql("default_catalog", "analytics", f"CREATE TABLE {table} (id INT, seen VARBINARY)")
    standin.types["analytics", table]["seen"] = type_.lower()
    with fails("SK-CONN-005", "column 'seen'", type_) as caught:
        driver.read(driver.table_query(table))
    assert advice in caught.value.hint
    assert driver.read(f"SELECT id FROM {table}").read_all().schema.names == ["id"]


def test_numbers_no_type_can_hold_are_refused_by_column_and_value(driver, run, table, fails):
    run(f"CREATE TABLE {table} (v LARGEINT)", f"INSERT INTO {table} SELECT CAST('170141183460469231731687303715884105727' AS LARGEINT)")
    with fails("SK-CONN-005", "column 'v'", "170141183460469231731687303715884105727"):
        driver.read(driver.table_query(table)).read_all()


def test_decimals_inside_arrays_are_refused_with_advice(driver, run, table, fails):
    run(f"CREATE TABLE {table} (v ARRAY<DECIMAL(9, 2)>)")
    with fails("SK-CONN-005", "inside ARRAY") as caught:
        driver.read(driver.table_query(table))
    assert "STRING" in caught.value.hint


def test_only_one_select_is_run(driver, fails):
    refused = (
        "DELETE FROM t", "SELECT 1; SELECT 2", "", "-- nothing", "SHOW TABLES", "SELECT 'x", "INSERT INTO t SELECT 1",
        "WITH a AS (SELECT 1) DELETE FROM t USING a", "SELECT 1 INTO OUTFILE 's3://b/x'",
    )  # fmt: skip
    for query in refused:
        with fails("SK-CONN-004"):
            driver.read(query)


def test_a_semicolon_and_comments_do_no_harm(driver):
    assert driver.read("SELECT 1 AS a -- the end\n;").read_all().to_pylist() == [{"a": 1}]
    assert reading.one_select("SELECT ';' AS a ; -- so") == "SELECT ';' AS a "


def test_unknown_tables_and_columns_are_said(driver, fails):
    with fails("SK-CONN-003", "nosuch"):
        driver.read("SELECT * FROM nosuch")
    with fails("SK-CONN-004", "nosuch"):
        driver.read("SELECT nosuch FROM information_schema.tables")


def test_two_columns_of_one_name_are_refused(wired, fails):
    with fails("SK-CONN-004", "Duplicate"):
        wired.read("SELECT 1 AS a, 2 AS A")


def test_tables_elsewhere_are_named_in_full(driver):
    assert driver.table_query("other.t") == "SELECT * FROM `other`.`t`"
    assert driver.table_query("lake.db.`a.b`") == "SELECT * FROM `lake`.`db`.`a.b`"


@pytest.mark.parametrize("name", ["a.b.c.d", "", "a.", " a", "x" * 65, "a\nb"])
def test_names_that_cannot_be_are_refused(driver, fails, name):
    with fails("SK-CONN-009"):
        driver.table_query(name)


# The wire, on MariaDB --------------------------------------------------------------------------------------------------

WIRE = [
    ("tinyint", "-128", pa.int8(), -128),
    ("smallint", "-32768", pa.int16(), -(2**15)),
    ("int", "-2147483648", pa.int32(), -(2**31)),
    ("bigint", "-9223372036854775808", pa.int64(), -(2**63)),
    ("bigint unsigned", "18446744073709551615", pa.uint64(), 2**64 - 1),
    ("decimal(38, 0)", "9" * 38, pa.decimal128(38, 0), Decimal("9" * 38)),
    ("decimal(5, 2)", "-123.45", pa.decimal128(5, 2), Decimal("-123.45")),
    ("float", "16777216", pa.float32(), 16777216.0),
    ("double", "0.1e0 + 0.2e0", pa.float64(), 0.1 + 0.2),
    ("date", "'1000-01-01'", pa.date32(), dt.date(1000, 1, 1)),
    ("datetime(6)", "'9999-12-31 23:59:59.999999'", pa.timestamp("us"), at("9999-12-31 23:59:59.999999")),
    ("varchar(20)", "'a,\"b\"\\n\\\\ é😀'", pa.string(), 'a,"b"\n\\ é😀'),
    ("json", "'{\"a\": [1, null]}'", pa.string(), '{"a": [1, null]}'),
    ("varbinary(5)", "x'5c27'", pa.binary(), b"\\'"),
]


@pytest.mark.parametrize(("declared", "value", "type_", "expected"), WIRE, ids=[c[0] for c in WIRE])
def test_the_wire_carries_values_as_they_are(wired, mariadb_server, table, declared, value, type_, expected):
    mariadb_server.sql(f"CREATE TABLE {table} (v {declared})", f"INSERT INTO {table} VALUES ({value}), (NULL)")
    found = wired.read(wired.table_query(table)).read_all()
    if declared == "varbinary(5)":
        assert found["v"].to_pylist() == [expected, None] or found.schema.field("v").type == pa.string()
        return
    assert found.schema.field("v").type == type_
    assert found["v"].to_pylist() == [expected, None]


def test_memory_stays_bounded_while_many_rows_arrive(wired, mariadb_server, table):
    mariadb_server.sql(f"CREATE TABLE {table} AS SELECT seq AS id, repeat('x', 200) AS text FROM seq_1_to_300000")
    before = pa.total_allocated_bytes()
    rows = most = 0
    for batch in wired.read(wired.table_query(table)):
        rows += batch.num_rows
        most = max(most, pa.total_allocated_bytes() - before)
    assert rows == 300_000
    assert most < 32 << 20


# From end to end -------------------------------------------------------------------------------------------------------


def profiles(server):
    return f"""
        connections:
          sr:
            type: starrocks
            host: {server.host}
            port: {server.port}
            user: {server.user}
            password: ${{SR_PASSWORD}}
            database: {server.database}
    """


@pytest.fixture
def shop(project, mariadb_server, monkeypatch):
    monkeypatch.setenv("SR_PASSWORD", mariadb_server.password)
    mariadb_server.sql(
        "drop table if exists users",
        "create table users (user_id bigint primary key, email varchar(100), balance decimal(12, 2))",
        "insert into users values (1, 'a@x.com', 10.50), (2, null, 0.00), (3, 'c@x.com', -1.25)",
    )
    source = (
        "kind: source\nname: users\ntype: starrocks\nconnection: sr\nchange_probe: select max(user_id), count(*) from users\ntable: users\n"
    )
    return project(
        {
            "profiles.yml": profiles(mariadb_server),
            "seeknal/users.yml": source,
            "seeknal/rich.sql": "select user_id, email, balance from {{ ref('source.users') }} where balance >= 0",
        }
    )


def test_a_source_is_read_built_and_probed(shop, mariadb_server):
    shop.run().assert_success()
    assert min(shop.rows("transform.rich")) == (1, "a@x.com", Decimal("10.50"))
    mariadb_server.sql("update users set email = 'changed' where user_id = 1")
    assert shop.run().assert_success().built == set()
    mariadb_server.sql("insert into users values (4, 'd@x.com', 7)")
    assert shop.run().assert_success().built == {"source.users", "transform.rich"}


def test_no_password_is_in_what_a_failure_prints(shop):
    done = shop.cli("run", env={"SR_PASSWORD": "hunter2hunter2"})
    assert done.exit_code == 1
    assert "SK-CONN-002" in done.stderr + done.stdout
    assert "connection 'sr'" in done.stderr + done.stdout
    assert "hunter2" not in done.stderr + done.stdout


def test_a_source_needs_a_connection(project):
    made = project({"seeknal/users.yml": "kind: source\nname: users\ntype: starrocks\ntable: users\n"})
    assert "missing key 'connection'" in str(made.cli("parse").stderr)


def test_a_query_that_is_a_syntax_error_is_placed(project):
    files = {
        "profiles.yml": "connections: {sr: {type: starrocks, host: h, user: u}}\n",
        "seeknal/users.yml": "kind: source\nname: users\ntype: starrocks\nconnection: sr\nquery: DELETE FROM users\n",
    }
    assert "seeknal/users.yml:5" in project(files).cli("parse").stderr


def test_settings_from_a_url(standin):
    driver = StarRocksConnection(url=f"starrocks://seeknal:correct%20horse@127.0.0.1:{standin.port}/default_catalog.analytics")
    assert driver.read("SELECT 'ä' AS a").read_all().to_pylist() == [{"a": "ä"}]
