"""What PostgreSQL has, as it arrives."""

import datetime as dt
import math
from decimal import Decimal

import pyarrow as pa
import pytest

from seeknal_duckdb.connections.postgres import PostgresConnection

UTC = dt.UTC
at = dt.datetime.fromisoformat
INSTANT = pa.timestamp("us", "UTC")

VALUES = [
    ("'-32768'::smallint", pa.int16(), -(2**15)),
    ("32767::smallint", pa.int16(), 2**15 - 1),
    ("'-2147483648'::int", pa.int32(), -(2**31)),
    ("'-9223372036854775808'::bigint", pa.int64(), -(2**63)),
    ("9223372036854775807", pa.int64(), 2**63 - 1),
    ("4294967295::oid", pa.int64(), 2**32 - 1),
    ("'-123.45'::numeric(5, 2)", pa.decimal128(5, 2), Decimal("-123.45")),
    ("repeat('9', 38)::numeric(38, 0)", pa.decimal128(38, 0), Decimal("9" * 38)),
    ("1.5::numeric(60, 4)", pa.decimal128(38, 4), Decimal("1.5000")),
    ("12300::numeric(3, -2)", pa.decimal128(5, 0), Decimal(12300)),
    ("0.00012::numeric(3, 5)", pa.decimal128(5, 5), Decimal("0.00012")),
    ("2.50000000000000000000::numeric", pa.decimal128(38, 9), Decimal("2.500000000")),
    ("sum(9223372036854775807)", pa.decimal128(38, 9), Decimal(2**63 - 1)),
    ("1.1::real", pa.float32(), 1.100000023841858),
    ("0.1::float8 + 0.2::float8", pa.float64(), 0.1 + 0.2),
    ("5e-324::float8", pa.float64(), 5e-324),
    ("'-Infinity'::float8", pa.float64(), -math.inf),
    ("true", pa.bool_(), True),
    ("false", pa.bool_(), False),
    ("date '0001-01-01'", pa.date32(), dt.date(1, 1, 1)),
    ("date '9999-12-31'", pa.date32(), dt.date(9999, 12, 31)),
    ("time '23:59:59.999999'", pa.time64("us"), dt.time(23, 59, 59, 999999)),
    ("timestamp '1969-12-31 23:59:59.000001'", pa.timestamp("us"), at("1969-12-31 23:59:59.000001")),
    ("timestamptz '2024-03-10 02:30:00.5+07'", INSTANT, dt.datetime(2024, 3, 9, 19, 30, 0, 500000, UTC)),
    ("interval '-1 year 2 mons -3 days 04:05:06.789012'", pa.month_day_nano_interval(), pa.MonthDayNano([-10, -3, 14706789012000])),
    ("interval '-00:00:00.5'", pa.month_day_nano_interval(), pa.MonthDayNano([0, 0, -500000000])),
    ("'\\x00ff'::bytea", pa.binary(), b"\x00\xff"),
    ("''::bytea", pa.binary(), b""),
    ("''::text", pa.string(), ""),
    ("'NULL'::text", pa.string(), "NULL"),
    (r"E'a,\"b\"\n\r\t\\.\\N''é😀'", pa.string(), 'a,"b"\n\r\t\\.\\N\'é😀'),
    ("'ab'::char(4)", pa.string(), "ab  "),
    ("'6F9619FF-8B86-D011-B42D-00C04FC964FF'::uuid", pa.string(), "6f9619ff-8b86-d011-b42d-00c04fc964ff"),
    ("""'{"a": [1, null]}'::jsonb""", pa.string(), '{"a": [1, null]}'),
    ("'{1,NULL,-3}'::int[]", pa.list_(pa.int32()), [1, None, -3]),
    ("'[5:6]={1,2}'::bigint[]", pa.list_(pa.int64()), [1, 2]),
    ("'{}'::date[]", pa.list_(pa.date32()), []),
    ("array['a,b', null, 'NULL', '', e'q\"{}\\\\']", pa.list_(pa.string()), ["a,b", None, "NULL", "", 'q"{}\\']),
    ("array[1.50, 2]::numeric(5, 2)[]", pa.list_(pa.decimal128(5, 2)), [Decimal("1.50"), Decimal("2.00")]),
    ("array[time '01:02', null]", pa.list_(pa.time64("us")), [dt.time(1, 2), None]),
    ("array[timestamptz '2024-01-01 00:00+00']", pa.list_(INSTANT), [dt.datetime(2024, 1, 1, tzinfo=UTC)]),
    ("array['\\x01'::bytea]", pa.list_(pa.binary()), [b"\x01"]),
    ("array[true, false]", pa.list_(pa.bool_()), [True, False]),
    ("int4range(1, 5)", pa.string(), "[1,5)"),
    ("timetz '12:00+07'", pa.string(), "12:00:00+07"),
    ("'10.0.0.1/8'::inet", pa.string(), "10.0.0.1/8"),
]


@pytest.mark.parametrize(("expression", "type_", "value"), VALUES, ids=[v[0][:40] for v in VALUES])
def test_a_value_arrives_as_it_was_and_so_does_null(postgres, expression, type_, value):
    alone = postgres.read(f"SELECT {expression} AS v").read_all()
    assert alone.schema.field("v").type == type_
    assert alone["v"].to_pylist() == [value]
    null_too = postgres.read(f"SELECT v FROM generate_series(1, 2) n LEFT JOIN (SELECT {expression} AS v) a ON n = 1 ORDER BY n")
    assert null_too.read_all()["v"].to_pylist() == [value, None]
    assert postgres.read(f"SELECT * FROM (SELECT {expression} AS v) a LIMIT 0").schema.field("v").type == type_


def test_nan_is_a_float(postgres):
    assert math.isnan(postgres.read("SELECT 'NaN'::float8 AS v").read_all()["v"][0].as_py())


REFUSED = [
    ("'infinity'::timestamp", "infinity"),
    ("'-infinity'::timestamptz", "-infinity"),
    ("'infinity'::date", "infinity"),
    ("date '0044-03-15 BC'", "0044-03-15 BC"),
    ("date '10000-01-01'", "10000-01-01"),
    ("time '24:00'", "24:00:00"),
    ("'NaN'::numeric", "NaN"),
    ("'NaN'::numeric(10, 2)", "NaN"),
    ("1.0000000001::numeric", "1.0000000001"),
    ("repeat('9', 31)::numeric", "9" * 31),
    ("repeat('9', 50)::numeric(60, 2)", "9" * 50),
    ("make_interval(hours => 3000000)", "PT3000000H"),
    ("array[array[1, 2], array[3, 4]]", "{{1,2},{3,4}}"),
    ("array['infinity'::date]", "infinity"),
]


@pytest.mark.parametrize(("expression", "shown"), REFUSED, ids=[r[0] for r in REFUSED])
def test_what_no_type_can_hold_is_refused_by_column_and_value(postgres, fails, expression, shown):
    with fails("SK-CONN-005", "column 'strange'", shown):
        postgres.read(f"SELECT 1 AS fine, {expression} AS strange").read_all()


def test_an_enum_and_a_domain_are_read_as_what_they_are_made_of(postgres, postgres_server):
    postgres_server.sql("CREATE TYPE mood AS ENUM ('sad', 'ok')", "CREATE DOMAIN price AS numeric(8, 2)")
    table = postgres.read("SELECT 'ok'::mood AS mood, 9.5::price AS price, array['sad']::mood[] AS moods").read_all()
    assert table.to_pylist() == [{"mood": "ok", "price": Decimal("9.50"), "moods": "{sad}"}]


def test_no_rows_keep_their_columns(postgres):
    table = postgres.read("SELECT 1 AS a, 'x' AS b, now() AS c WHERE false").read_all()
    assert (table.num_rows, table.schema.names, table.schema.types) == (0, ["a", "b", "c"], [pa.int32(), pa.string(), INSTANT])


def test_lone_nulls_are_rows(postgres):
    assert postgres.read("SELECT NULL::text AS v FROM generate_series(1, 3)").read_all().num_rows == 3


def test_null_lists_come_first_and_last(postgres):
    query = "SELECT v FROM (VALUES (1, NULL::int[]), (2, '{7}'), (3, NULL), (4, '{}'), (5, NULL)) q (n, v) ORDER BY n"
    assert postgres.read(query).read_all()["v"].to_pylist() == [None, [7], None, [], None]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1 AS v;",
        "SELECT 1 AS v -- why",
        "VALUES (1)",
        "WITH q AS (SELECT 1) SELECT * FROM q",
        "SELECT * FROM (\n  SELECT 1 -- one\n) q  ;\n",
    ],
)
def test_a_query_may_be_written_in_any_way(postgres, query):
    assert [list(row.values()) for row in postgres.read(query).read_all().to_pylist()] == [[1]]


def test_a_query_can_only_read(postgres, postgres_server, table, fails):
    postgres_server.sql(
        f"CREATE TABLE {table} (a int)",
        f"CREATE FUNCTION fill_{table}() RETURNS int LANGUAGE sql AS 'INSERT INTO {table} VALUES (1) RETURNING a'",
    )
    attempts = [
        "SELECT pg_advisory_lock(1); SELECT 2",
        f"INSERT INTO {table} VALUES (1) RETURNING a",
        f"WITH w AS (DELETE FROM {table} RETURNING *) SELECT * FROM w",
        f"SELECT fill_{table}()",
        f"SELECT 1; DROP TABLE {table}",
        f"SELECT 1) TO STDOUT; DROP TABLE {table}; --",
        f"DROP TABLE {table}",
        "SET search_path = x",
        "COMMIT",
    ]
    for attempt in attempts:
        with fails("SK-CONN-004"):
            postgres.read(attempt).read_all()
    assert postgres_server.sql(f"SELECT count(*) FROM {table}") == [(0,)]


def test_two_columns_of_one_name_are_refused(postgres, fails):
    with fails("SK-CONN-004", "'ID'"):
        postgres.read('SELECT 1 AS id, 2 AS "ID", 3 AS id')


def test_an_error_in_the_query_has_its_place(postgres, fails):
    with fails("SK-CONN-004", 'column "nme" does not exist', "(line 2, column 8 of the query)"):
        postgres.read("-- which\nSELECT nme FROM pg_roles")


def test_an_error_half_way_is_the_servers(postgres, fails):
    with fails("SK-CONN-004", "division by zero"):
        postgres.read("SELECT 1 / (500000 - i) AS v FROM generate_series(1, 1000000) i").read_all()


def test_a_missing_table_is_named(postgres, fails):
    with fails("SK-CONN-003", "nowhere.orders"):
        postgres.read(postgres.table_query("nowhere.orders"))


def test_what_values_look_like_to_others_does_not_matter(postgres_server):
    odd = [
        "datestyle = 'German'",
        "timezone = 'Asia/Tokyo'",
        "intervalstyle = 'postgres_verbose'",
        "bytea_output = 'escape'",
        "extra_float_digits = -3",
    ]
    driver = PostgresConnection(**postgres_server.settings)
    try:
        postgres_server.sql(*(f"ALTER ROLE {postgres_server.user} SET {setting}" for setting in odd))
        query = "SELECT date '2024-02-01' AS d, timestamptz '2024-01-01 00:00+00' AS t, interval '-1 day' AS i, '\\x5c'::bytea AS b, 0.1::float8 + 0.2 AS f"
        row = driver.read(query).read_all().to_pylist()[0]
    finally:
        postgres_server.sql(f"ALTER ROLE {postgres_server.user} RESET ALL")
    assert (row["d"], row["t"], row["b"], row["f"]) == (dt.date(2024, 2, 1), dt.datetime(2024, 1, 1, tzinfo=UTC), b"\\", 0.1 + 0.2)
    assert row["i"] == pa.MonthDayNano([0, -1, 0])


def test_a_schema_is_where_plain_names_are(postgres_server, table, fails):
    postgres_server.sql(f"CREATE SCHEMA s_{table}", f"CREATE TABLE s_{table}.{table} AS SELECT 7 AS v")
    driver = PostgresConnection(**postgres_server.settings, schema=f"s_{table}")
    assert driver.read(driver.table_query(table)).read_all().to_pylist() == [{"v": 7}]
    assert driver.read(f"SELECT v FROM {table}").read_all().to_pylist() == [{"v": 7}]
    assert driver.write("new", pa.table({"v": [1]}), "replace") == 1
    assert postgres_server.sql(f"SELECT v FROM s_{table}.new") == [(1,)]
    with fails("SK-CONN-003", "no schema 'nowhere'"):
        PostgresConnection(**postgres_server.settings, schema="nowhere").check()


def test_rows_come_in_batches_that_stay_small(postgres):
    reader = postgres.read("SELECT i, repeat('x', 200) AS text FROM generate_series(1, 200000) i")
    sizes = [batch.nbytes for batch in reader]
    assert len(sizes) > 5
    assert max(sizes) < 16 << 20


def test_a_stream_that_is_dropped_gives_its_connection_back(postgres, postgres_server):
    ours = "SELECT pid FROM pg_stat_activity WHERE application_name = 'seeknal'"
    before = set(postgres_server.sql(ours))
    reader = postgres.read("SELECT generate_series(1, 100000000) AS i")
    next(iter(reader))
    opened = set(postgres_server.sql(ours)) - before
    assert opened
    del reader
    assert any(not opened & set(postgres_server.sql("SELECT pg_sleep(0.05)", ours)) for _ in range(100))


def test_check_says_what_answered(postgres):
    assert postgres.check().startswith("PostgreSQL ")
    assert postgres.check().endswith(", database analytics, user seeknal")
