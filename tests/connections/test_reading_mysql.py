"""What MySQL and MariaDB have, as it arrives."""

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from seeknal_duckdb.connections.mysql import MySQLConnection

UTC = dt.UTC
at = dt.datetime.fromisoformat

COLUMNS = [
    ("tinyint", "-128", pa.int8(), -128),
    ("tinyint(1)", "2", pa.int8(), 2),
    ("boolean", "true", pa.int8(), 1),
    ("tinyint unsigned", "255", pa.uint8(), 255),
    ("smallint", "-32768", pa.int16(), -(2**15)),
    ("smallint unsigned", "65535", pa.uint16(), 65535),
    ("mediumint", "-8388608", pa.int32(), -(2**23)),
    ("mediumint unsigned", "16777215", pa.uint32(), 2**24 - 1),
    ("int", "-2147483648", pa.int32(), -(2**31)),
    ("int unsigned zerofill", "7", pa.uint32(), 7),
    ("bigint", "-9223372036854775808", pa.int64(), -(2**63)),
    ("bigint unsigned", "18446744073709551615", pa.uint64(), 2**64 - 1),
    ("decimal(5, 2)", "-123.45", pa.decimal128(5, 2), Decimal("-123.45")),
    ("decimal(5, 5) unsigned", "0.00001", pa.decimal128(5, 5), Decimal("0.00001")),
    ("decimal(38, 0)", "9" * 38, pa.decimal128(38, 0), Decimal("9" * 38)),
    ("decimal(65, 30)", "1.5", pa.decimal128(38, 30), Decimal("1.5")),
    ("float", "16777216", pa.float32(), 16777216.0),
    ("float", "0.1", pa.float32(), 0.10000000149011612),
    ("double", "0.1e0 + 0.2e0", pa.float64(), 0.1 + 0.2),
    ("double", "-2.2250738585072014e-308", pa.float64(), -2.2250738585072014e-308),
    ("bit(1)", "b'1'", pa.uint64(), 1),
    ("bit(64)", "~0", pa.uint64(), 2**64 - 1),
    ("year", "2155", pa.int16(), 2155),
    ("date", "'1000-01-01'", pa.date32(), dt.date(1000, 1, 1)),
    ("date", "'9999-12-31'", pa.date32(), dt.date(9999, 12, 31)),
    ("time", "'23:59:59'", pa.time64("us"), dt.time(23, 59, 59)),
    ("time(6)", "'00:00:00.000001'", pa.time64("us"), dt.time(0, 0, 0, 1)),
    ("datetime", "'2024-02-29 12:00:00'", pa.timestamp("us"), at("2024-02-29 12:00")),
    ("datetime(6)", "'9999-12-31 23:59:59.999999'", pa.timestamp("us"), at("9999-12-31 23:59:59.999999")),
    ("timestamp(3) null", "'2024-01-01 00:00:00.5'", pa.timestamp("us", "UTC"), dt.datetime(2024, 1, 1, 0, 0, 0, 500000, UTC)),
    ("char(4)", "'ab'", pa.string(), "ab"),
    ("varchar(20)", "'a,\"b\"\\n\\\\ é😀'", pa.string(), 'a,"b"\n\\ é😀'),
    ("varchar(20) character set latin1", "'é'", pa.string(), "é"),
    ("text", "''", pa.string(), ""),
    ("longtext", "'NULL'", pa.string(), "NULL"),
    ("json", "'{\"a\": [1, null]}'", pa.string(), '{"a": [1, null]}'),
    ("enum('x', 'y')", "'y'", pa.string(), "y"),
    ("set('x', 'y')", "'x,y'", pa.string(), "x,y"),
    ("uuid", "'6F9619FF-8B86-D011-B42D-00C04FC964FF'", pa.string(), "6f9619ff-8b86-d011-b42d-00c04fc964ff"),
    ("binary(3)", "x'00ff'", pa.binary(), b"\x00\xff\x00"),
    ("varbinary(5)", "x'5c27'", pa.binary(), b"\\'"),
    ("blob", "''", pa.binary(), b""),
    ("point", "point(1, 2)", pa.binary(), None),
]


@pytest.mark.parametrize(("declared", "value", "type_", "expected"), COLUMNS, ids=[f"{c[0]} {c[1][:12]}" for c in COLUMNS])
def test_a_value_arrives_as_it_was_and_so_does_null(mysql, mariadb_server, table, declared, value, type_, expected):
    mariadb_server.sql(f"CREATE TABLE {table} (v {declared})", f"INSERT INTO {table} VALUES ({value}), (NULL)")
    found = mysql.read(mysql.table_query(table)).read_all()
    assert found.schema.field("v").type == type_
    if expected is None:
        assert len(found["v"][0].as_py()) == 25
    else:
        assert found["v"].to_pylist() == [expected, None]
    assert mysql.read(f"SELECT v FROM {table} LIMIT 0").read_all().schema == found.schema


REFUSED = [
    ("date", "'0000-00-00'", "0000-00-00", "nullif(column, 0)"),
    ("datetime", "'2024-00-00 00:00:00'", "2024-00-00", "nullif(column, 0)"),
    ("time", "'24:00:00'", "24:00:00", "time_to_sec(column)"),
    ("time", "'-838:59:59'", "-838:59:59", "time_to_sec(column)"),
    ("decimal(65, 2)", "9" * 40, "9" * 40, "38 digits"),
]


@pytest.mark.parametrize(("declared", "value", "shown", "hint"), REFUSED, ids=[r[1][:20] for r in REFUSED])
def test_what_no_type_can_hold_is_refused_by_column_and_value(mysql, mariadb_server, table, fails, declared, value, shown, hint):
    mariadb_server.sql("SET sql_mode = ''", f"CREATE TABLE {table} (fine int, strange {declared})")
    with mariadb_server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET sql_mode = ''")
        cursor.execute(f"INSERT INTO {table} VALUES (1, {value})")
    with fails("SK-CONN-005", "column 'strange'", shown) as caught:
        mysql.read(mysql.table_query(table)).read_all()
    assert hint in caught.value.hint


def test_expressions_have_types_too(mysql):
    query = "SELECT 1 AS a, 1.5 AS b, 'x' AS c, NULL AS d, sum(2) AS e, now() > 0 AS f, cast('x' AS binary) AS g, avg(1) AS h"
    found = mysql.read(query).read_all()
    assert found.schema.types[1:4] == [pa.decimal128(2, 1), pa.string(), pa.string()]
    assert found.to_pylist() == [{"a": 1, "b": Decimal("1.5"), "c": "x", "d": None, "e": 2, "f": 1, "g": b"x", "h": Decimal("1.0000")}]


def test_no_rows_keep_their_columns(mysql):
    found = mysql.read("SELECT 1 AS a, 'x' AS b FROM dual WHERE false").read_all()
    assert (found.num_rows, found.schema.names) == (0, ["a", "b"])


@pytest.mark.parametrize(
    "query",
    ["SELECT 1 AS v;", "SELECT 1 AS v -- why", "WITH q AS (SELECT 1 AS v) SELECT * FROM q", "SELECT 1 # one\n AS v ;\n", "VALUES (1)"],
)
def test_a_query_may_be_written_in_any_way(mysql, query):
    assert [list(row.values()) for row in mysql.read(query).read_all().to_pylist()] == [[1]]


def test_a_query_can_only_read(mysql, mariadb_server, table, fails):
    mariadb_server.sql(f"CREATE TABLE {table} (a int)")
    attempts = [
        f"INSERT INTO {table} VALUES (1)",
        f"SELECT 1; DROP TABLE {table}",
        f"SELECT 1) AS q; DROP TABLE {table}; --",
        "SET @a = 1",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
    ]
    for attempt in attempts:
        with fails("SK-CONN-004"):
            mysql.read(attempt).read_all()
    assert mariadb_server.sql(f"SELECT count(*) FROM {table}") == [(0,)]


def test_a_function_that_writes_may_not(mysql, mariadb_server, table, fails):
    mariadb_server.sql(
        f"CREATE TABLE {table} (a int)", f"CREATE FUNCTION f_{table}() RETURNS int BEGIN INSERT INTO {table} VALUES (1); RETURN 1; END"
    )
    with fails("SK-CONN-004", "READ ONLY"):
        mysql.read(f"SELECT f_{table}() AS v").read_all()
    assert mariadb_server.sql(f"SELECT count(*) FROM {table}") == [(0,)]


def test_two_columns_of_one_name_are_refused(mysql, fails):
    with fails("SK-CONN-004", "'id'"):
        mysql.read("SELECT 1 AS id, 2 AS id")


def test_an_error_in_the_query_is_the_servers_and_names_its_line(mysql, fails):
    with fails("SK-CONN-004", "syntax", "line 2"):
        mysql.read("SELECT 1,\nFROM")
    with fails("SK-CONN-004", "Unknown column 'nme'"):
        mysql.read("SELECT nme FROM (SELECT 1 AS name) q")


def test_an_error_half_way_is_the_servers(mysql, fails):
    with fails("SK-CONN-004", "more than 1 row"):
        mysql.read("SELECT CASE WHEN seq = 90000 THEN (SELECT seq FROM seq_1_to_2) ELSE 1 END AS v FROM seq_1_to_100000").read_all()


def test_a_missing_table_is_named(mysql, fails):
    with fails("SK-CONN-003", "analytics.nowhere"):
        mysql.read(mysql.table_query("nowhere"))


def test_a_schema_is_where_plain_names_are(mariadb_server, table, fails):
    settings = {**mariadb_server.settings, "database": "information_schema", "schema": "analytics"}
    driver = MySQLConnection(**settings)
    mariadb_server.sql(f"CREATE TABLE {table} AS SELECT 7 AS v")
    assert driver.read(driver.table_query(table)).read_all().to_pylist() == [{"v": 7}]
    assert driver.read(f"SELECT v FROM {table}").read_all().to_pylist() == [{"v": 7}]
    assert driver.write(table, pa.table({"v": [8]}), "append") == 1
    with fails("SK-CONN-003", "nowhere"):
        MySQLConnection(**{**settings, "schema": "nowhere"}).check()


def test_instants_do_not_depend_on_the_servers_time_zone(mysql, mariadb_server, table):
    with mariadb_server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET time_zone = '+07:00'")
        cursor.execute(f"CREATE TABLE {table} (at timestamp)")
        cursor.execute(f"INSERT INTO {table} VALUES ('2024-01-01 07:00:00')")
    assert mysql.read(mysql.table_query(table)).read_all().to_pylist() == [{"at": dt.datetime(2024, 1, 1, tzinfo=UTC)}]


def test_rows_come_in_batches_that_stay_small(mysql):
    narrow = [batch.num_rows for batch in mysql.read("SELECT seq FROM seq_1_to_100000")]
    assert len(narrow) > 5
    wide = [batch.nbytes for batch in mysql.read("SELECT repeat('x', 1000000) AS v FROM seq_1_to_150")]
    assert max(wide[1:]) < 8 << 20


def test_a_stream_that_is_dropped_gives_its_connection_back(mysql, mariadb_server):
    reader = mysql.read("SELECT seq FROM seq_1_to_1000000000")
    next(iter(reader))
    del reader
    count = "SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%seq_1_to_1000000000' AND id <> connection_id()"
    assert any(mariadb_server.sql("SELECT sleep(0.05)", count) == [(0,)] for _ in range(100))


def test_check_says_what_answered(mysql):
    assert mysql.check().startswith("MariaDB ")
    assert mysql.check().endswith(", database analytics, user seeknal")
