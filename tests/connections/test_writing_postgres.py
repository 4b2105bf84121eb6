"""What arrives in PostgreSQL, and what readers see while it does."""

import datetime as dt
import math
import threading
from decimal import Decimal

import psycopg
import pyarrow as pa
import pytest

UTC = dt.UTC
at = dt.datetime.fromisoformat

VALUES = [
    (pa.int8(), "smallint", -128),
    (pa.int16(), "smallint", -(2**15)),
    (pa.int32(), "integer", 2**31 - 1),
    (pa.int64(), "bigint", -(2**63)),
    (pa.uint8(), "smallint", 255),
    (pa.uint16(), "integer", 65535),
    (pa.uint32(), "bigint", 2**32 - 1),
    (pa.uint64(), "numeric(20,0)", 2**64 - 1),
    (pa.float16(), "real", 0.5),
    (pa.float32(), "real", 1.100000023841858),
    (pa.float64(), "double precision", 5e-324),
    (pa.float64(), "double precision", -math.inf),
    (pa.decimal128(38, 10), "numeric(38,10)", Decimal("-1234567890123456789012345678.0123456789")),
    (pa.decimal256(60, 2), "numeric(60,2)", Decimal("9" * 30)),
    (pa.bool_(), "boolean", True),
    (pa.date32(), "date", dt.date(1, 1, 1)),
    (pa.date64(), "date", dt.date(9999, 12, 31)),
    (pa.time32("s"), "time without time zone", dt.time(23, 59, 59)),
    (pa.time64("us"), "time without time zone", dt.time(0, 0, 0, 1)),
    (pa.timestamp("s"), "timestamp without time zone", at("0001-01-01")),
    (pa.timestamp("us"), "timestamp without time zone", at("9999-12-31 23:59:59.999999")),
    (pa.timestamp("us", "Asia/Jakarta"), "timestamp with time zone", dt.datetime(2024, 1, 1, tzinfo=UTC)),
    (pa.month_day_nano_interval(), "interval", pa.MonthDayNano([-14, 3, -1500000])),
    (pa.binary(), "bytea", b"\\x00\x00\xff\n"),
    (pa.large_binary(), "bytea", b""),
    (pa.binary(3), "bytea", b"abc"),
    (pa.string(), "text", 'a,"b"\n\\.\n\r\t\\N é😀'),
    (pa.string(), "text", "\\."),
    (pa.string(), "text", "NULL"),
    (pa.large_string(), "text", ""),
    (pa.string_view(), "text", "viewed"),
    (pa.dictionary(pa.int8(), pa.string()), "text", "often"),
    (pa.list_(pa.int32()), "integer[]", [1, None, 3]),
    (pa.large_list(pa.string()), "text[]", ['q"u\\o,t{e}', "", None, "NULL"]),
    (pa.list_(pa.binary()), "bytea[]", [b"\x00\\"]),
    (pa.list_(pa.timestamp("us")), "timestamp without time zone[]", [at("2024-01-01 01:02:03.000004")]),
]


@pytest.mark.parametrize(("type_", "declared", "value"), VALUES, ids=[f"{v[0]} {str(v[2])[:20]!r}" for v in VALUES])
def test_a_value_comes_back_as_it_was_written(postgres, postgres_server, table, rows, type_, declared, value):
    assert postgres.write(table, pa.table({"v": pa.array([value, None], type_)}), "replace") == 2
    ((found,),) = postgres_server.sql(
        f"SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum = 1"
    )
    assert found == declared
    assert [row["v"] for row in rows(postgres, table)] == [value, None]
    assert postgres.write(table, pa.table({"v": pa.array([value], type_)}), "append") == 1
    assert [row["v"] for row in rows(postgres, table)] == [value, None, value]


REFUSED = [
    (pa.timestamp("us"), 2**62, "years 1 to 9999"),
    (pa.timestamp("us"), -(2**62), "years 1 to 9999"),
    (pa.date32(), 2**31 - 1, "years 1 to 9999"),
    (pa.timestamp("ns"), 1, "round"),
    (pa.string(), "nul \0", "chr(0)"),
]


@pytest.mark.parametrize(("type_", "value", "words"), REFUSED, ids=str)
def test_what_postgres_cannot_hold_is_refused_by_column(postgres, table, fails, type_, value, words):
    with fails("SK-CONN-005", "column 'strange'") as caught:
        postgres.write(table, pa.table({"fine": [1, 2], "strange": pa.array([None, value], type_)}), "replace")
    assert words in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    "type_",
    [pa.struct({"a": pa.int8()}), pa.map_(pa.string(), pa.int8()), pa.duration("us"), pa.list_(pa.list_(pa.struct({"a": pa.int8()})))],
)
def test_a_type_that_no_table_has_is_refused_before_anything_is_written(postgres, postgres_server, table, fails, type_):
    with fails("SK-CONN-005", "column 'strange'", str(type_)[:6] if not pa.types.is_list(type_) else "struct"):
        postgres.write(table, pa.table({"strange": pa.array([None], type_)}), "replace")
    assert postgres_server.sql(f"SELECT to_regclass('{table}')") == [(None,)]


def test_extension_types_are_written_as_what_they_say(postgres, table, rows):
    uuid = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(range(16)), None], pa.binary(16)))
    json = pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a": 1}', None]))
    postgres.write(table, pa.table({"uuid": uuid, "json": json}), "replace")
    assert rows(postgres, table)[0] == {"uuid": "00010203-0405-0607-0809-0a0b0c0d0e0f", "json": '{"a": 1}'}


def test_replace_of_no_rows_leaves_an_empty_table_with_its_columns(postgres, table):
    assert postgres.write(table, pa.table({"a": pa.array([], pa.int64()), "b": pa.array([], pa.string())}), "replace") == 0
    empty = postgres.read(postgres.table_query(table)).read_all()
    assert (empty.num_rows, empty.schema.names) == (0, ["a", "b"])


def test_replace_keeps_a_table_that_can_take_the_rows_and_all_that_hangs_on_it(postgres, postgres_server, table, rows):
    postgres_server.sql(
        f"CREATE TABLE {table} (id int PRIMARY KEY, mood text CHECK (mood <> 'bad'), price numeric(10, 2), doc jsonb, loaded timestamptz DEFAULT now())",
        f"INSERT INTO {table} VALUES (1, 'old', 1)",
        f"GRANT SELECT ON {table} TO public",
        f"COMMENT ON TABLE {table} IS 'kept'",
        f"CREATE VIEW v_{table} AS SELECT id, price FROM {table}",
    )
    before = postgres_server.sql(f"SELECT oid FROM pg_class WHERE oid = '{table}'::regclass")
    new = pa.table(
        {"id": pa.array([1, 2]), "mood": ["ok", "new"], "price": pa.array([1, 2], pa.decimal128(18, 4)), "doc": ['{"a":1}', None]}
    )
    assert postgres.write(table, new, "replace") == 2
    assert postgres_server.sql(f"SELECT oid FROM pg_class WHERE oid = '{table}'::regclass") == before
    assert postgres_server.sql(f"SELECT obj_description('{table}'::regclass), has_table_privilege('public', '{table}', 'SELECT')") == [
        ("kept", True)
    ]
    assert rows(postgres, f"SELECT * FROM v_{table} ORDER BY id") == [
        {"id": 1, "price": Decimal("1.00")},
        {"id": 2, "price": Decimal("2.00")},
    ]
    assert rows(postgres, f"SELECT count(loaded) AS n FROM {table}") == [{"n": 2}]


def test_replace_changes_only_the_columns_that_must_change(postgres, postgres_server, table):
    postgres_server.sql(
        f"CREATE TABLE {table} (id serial PRIMARY KEY, gone text, kind varchar(20), price int, at timestamptz DEFAULT now())",
        f"INSERT INTO {table} (gone, kind, price) VALUES ('x', 'y', 1)",
        f"CREATE INDEX i_{table} ON {table} (kind)",
    )
    postgres.write(table, pa.table({"kind": ["a"], "price": pa.array([Decimal("1.5")], pa.decimal128(5, 1)), "added": [True]}), "replace")
    columns = f"SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY 1"
    assert postgres_server.sql(columns) == [
        ("added", "boolean"),
        ("at", "timestamp with time zone"),
        ("id", "integer"),
        ("kind", "character varying(20)"),
        ("price", "numeric(5,1)"),
    ]
    assert postgres_server.sql(f"SELECT kind, price, added FROM {table}") == [("a", Decimal("1.5"), True)]
    assert postgres_server.sql(f"SELECT count(*) FROM pg_indexes WHERE tablename = '{table}'") == [(2,)]


def test_a_column_that_a_view_needs_is_not_dropped(postgres, postgres_server, table, rows, fails):
    postgres_server.sql(f"CREATE TABLE {table} AS SELECT 1 AS id, 2 AS used", f"CREATE VIEW v_{table} AS SELECT used FROM {table}")
    with fails("SK-CONN-004", "cannot drop column used", "view"):
        postgres.write(table, pa.table({"id": [5]}), "replace")
    assert rows(postgres, table) == [{"id": 1, "used": 2}]


MISFITS = [
    ({"id": [1], "extra": [2]}, "has no column 'extra'"),
    ({"id": ["one"]}, "'id'"),
    ({"id": [1.5]}, "'id'"),
    ({"id": [1], "at": pa.array([0], pa.timestamp("us", "UTC"))}, "'at'"),
]


@pytest.mark.parametrize("action", ["CASCADE", "SET NULL", "SET DEFAULT"])
def test_replace_never_touches_rows_of_other_tables(postgres, postgres_server, table, rows, fails, action):
    postgres_server.sql(
        f"CREATE TABLE {table} AS SELECT 1::bigint AS id",
        f"ALTER TABLE {table} ADD PRIMARY KEY (id)",
        f"CREATE TABLE child_{table} (parent bigint REFERENCES {table} ON DELETE {action})",
        f"INSERT INTO child_{table} VALUES (1)",
    )
    with fails("SK-CONN-008", f"child_{table}"):
        postgres.write(table, pa.table({"id": [2]}), "replace")
    assert (rows(postgres, table), rows(postgres, f"child_{table}")) == ([{"id": 1}], [{"parent": 1}])
    assert postgres.write(table, pa.table({"id": [2]}), "append") == 1


def test_rows_that_others_refer_to_are_replaced_where_that_is_checked_at_the_end(postgres, postgres_server, table, fails):
    postgres_server.sql(
        f"CREATE TABLE {table} AS SELECT 1::bigint AS id",
        f"ALTER TABLE {table} ADD PRIMARY KEY (id)",
        f"CREATE TABLE child_{table} (parent bigint REFERENCES {table} DEFERRABLE INITIALLY DEFERRED)",
        f"INSERT INTO child_{table} VALUES (1)",
    )
    assert postgres.write(table, pa.table({"id": [2, 1]}), "replace") == 2
    with fails("SK-CONN-004", "foreign key"):
        postgres.write(table, pa.table({"id": [2]}), "replace")


@pytest.mark.parametrize(("data", "words"), MISFITS, ids=[m[1] for m in MISFITS])
def test_append_never_changes_a_table(postgres, postgres_server, table, rows, fails, data, words):
    postgres_server.sql(f"CREATE TABLE {table} (id int, at timestamp)")
    with fails("SK-CONN-008", words):
        postgres.write(table, pa.table(data), "append")
    assert postgres.write(table, pa.table({"id": [1]}), "append") == 1
    assert rows(postgres, table) == [{"id": 1, "at": None}]


UNFIT = [
    ("smallint", pa.array([1, 40000])),
    ("numeric(4, 1)", pa.array([Decimal("1.0"), Decimal("1.25")])),
    ("numeric(4, 1)", pa.array([1, 12345])),
    ("timestamp(0)", pa.array([0, 1], pa.timestamp("us"))),
    ("timestamp(3)", pa.array([1000, 1001], pa.timestamp("us"))),
    ("uuid", pa.array(["6f9619ff-8b86-d011-b42d-00c04fc964ff", "no"])),
    ("jsonb", pa.array(["{}", "{"])),
    ("varchar(3)", pa.array(["abc", "abcd"])),
]


@pytest.mark.parametrize(("declared", "values"), UNFIT, ids=[u[0] for u in UNFIT])
@pytest.mark.parametrize("mode", ["replace", "append"])
def test_a_value_a_column_would_change_is_refused_and_nothing_is_written(postgres, postgres_server, table, fails, declared, values, mode):
    postgres_server.sql(f"CREATE TABLE {table} (v {declared})", f"INSERT INTO {table} VALUES (NULL)")
    with fails("SK-CONN-005", "column 'v'"):
        postgres.write(table, pa.table({"v": values}), mode)
    assert postgres_server.sql(f"SELECT v FROM {table}") == [(None,)]
    assert postgres.write(table, pa.table({"v": values.slice(0, 1)}), mode) == 1


def test_rows_that_end_in_a_failure_leave_everything_as_it_was(postgres, postgres_server, table, rows, broken_off):
    with pytest.raises(RuntimeError, match="the rows end here"):
        postgres.write(table, broken_off(), "replace")
    assert postgres_server.sql(f"SELECT to_regclass('{table}')") == [(None,)]
    postgres.write(table, pa.table({"id": [7]}), "replace")
    for mode in ("replace", "append"):
        with pytest.raises(RuntimeError, match="the rows end here"):
            postgres.write(table, broken_off(), mode)
        assert rows(postgres, table) == [{"id": 7}]


def test_a_constraint_that_is_violated_undoes_the_write(postgres, postgres_server, table, rows, fails):
    postgres_server.sql(f"CREATE TABLE {table} (id int PRIMARY KEY)", f"INSERT INTO {table} VALUES (1)")
    with fails("SK-CONN-004", "duplicate key", "(id)=(3)"):
        postgres.write(table, pa.table({"id": [2, 3, 3]}), "replace")
    assert rows(postgres, table) == [{"id": 1}]


def test_a_view_is_not_written(postgres, postgres_server, table, fails):
    postgres_server.sql(f"CREATE VIEW {table} AS SELECT 1 AS id")
    with fails("SK-CONN-008", "not a table"):
        postgres.write(table, pa.table({"id": [1]}), "append")


def test_readers_see_all_of_the_old_rows_or_all_of_the_new(postgres, postgres_server, table):
    def version(n):
        return pa.table({"v": pa.array([n] * 20_000), "text": ["x" * 50] * 20_000})

    postgres.write(table, version(0), "replace")
    seen, done = set(), threading.Event()

    def watch():
        with postgres_server.connect() as connection:
            while not done.is_set():
                seen.add(connection.execute(f"SELECT count(*), min(v), max(v) FROM {table}").fetchone())

    def snapshot():
        with postgres_server.connect() as connection:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            before = connection.execute(f"SELECT min(v), count(*) FROM {table}").fetchone()
            done.wait(20)
            assert connection.execute(f"SELECT min(v), count(*) FROM {table}").fetchone() == before
            seen.add("snapshot held")

    watchers = [threading.Thread(target=watch), threading.Thread(target=snapshot)]
    for thread in watchers:
        thread.start()
    for n in range(1, 6):
        postgres.write(table, version(n), "replace")
    done.set()
    for thread in watchers:
        thread.join(20)
    assert "snapshot held" in seen
    assert {row for row in seen if row != "snapshot held"} <= {(20_000, n, n) for n in range(6)}
    assert len(seen) > 2


def test_two_writers_do_not_mix(postgres, postgres_server, table):
    postgres.write(table, pa.table({"v": [0]}), "replace")
    threads = [threading.Thread(target=postgres.write, args=(table, pa.table({"v": [n] * 5000}), "replace")) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert postgres_server.sql(f"SELECT count(*), count(DISTINCT v) FROM {table}") == [(5000, 1)]


def test_tables_of_other_schemas_are_written_by_their_full_name(postgres, postgres_server, table, rows, fails):
    with fails("SK-CONN-003", f"s_{table}"):
        postgres.write(f"s_{table}.new", pa.table({"v": [1]}), "append")
    postgres_server.sql(f"CREATE SCHEMA s_{table}")
    postgres.write(f"s_{table}.new", pa.table({"v": [1]}), "append")
    assert rows(postgres, f"s_{table}.new") == [{"v": 1}]


def test_any_arrow_data_can_be_written(postgres, table, rows):
    class Other:
        def __arrow_c_stream__(self, requested_schema=None):
            return pa.table({"v": [1, 2]}).__arrow_c_stream__(requested_schema)

    assert postgres.write(table, Other(), "append") == 2
    assert postgres.write(table, postgres.read("SELECT 3::bigint AS v"), "append") == 1
    assert [row["v"] for row in rows(postgres, table)] == [1, 2, 3]


def test_a_write_that_is_cut_off_leaves_nothing(postgres, postgres_server, table, rows, fails):
    postgres.write(table, pa.table({"id": [7]}), "replace")

    def batches():
        yield pa.record_batch({"id": list(range(1000))})
        postgres_server.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'seeknal' AND query LIKE 'COPY%'"
        )
        for _ in range(200):
            yield pa.record_batch({"id": list(range(1000))})

    data = pa.RecordBatchReader.from_batches(pa.schema({"id": pa.int64()}), batches())
    with fails("SK-CONN-006", "lost the connection"):
        postgres.write(table, data, "replace")
    assert rows(postgres, table) == [{"id": 7}]


def test_the_plain_driver_agrees_about_the_rows(postgres, postgres_server, table):
    postgres.write(table, pa.table({"at": pa.array([0], pa.timestamp("us", "UTC")), "list": [["a", None]]}), "replace")
    with postgres_server.connect() as connection:
        assert isinstance(connection, psycopg.Connection)
        assert connection.execute(f"SELECT * FROM {table}").fetchall() == [(dt.datetime(1970, 1, 1, tzinfo=UTC), ["a", None])]
