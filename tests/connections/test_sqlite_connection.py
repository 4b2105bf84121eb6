"""SQLite files, read and written."""

import datetime as dt
import math
import sqlite3
import threading
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from seeknal_duckdb.connections.sqlite import SQLiteConnection

UTC = dt.UTC
at = dt.datetime.fromisoformat


@pytest.fixture
def sql(tmp_path):
    """Run statements on the file from another side; the rows of the last."""

    def run(*statements):
        with closing(sqlite3.connect(tmp_path / "shop.sqlite", isolation_level=None)) as connection:
            return [connection.execute(statement).fetchall() for statement in statements][-1]

    return run


COLUMNS = [
    ("INTEGER", "-9223372036854775808", pa.int64(), -(2**63)),
    ("unsigned big int", "9223372036854775807", pa.int64(), 2**63 - 1),
    ("TINYINT(1)", "2", pa.int64(), 2),
    ("TEXT", "'a,\"b\"\né😀'", pa.string(), 'a,"b"\né😀'),
    ("VARCHAR(3)", "'longer'", pa.string(), "longer"),
    ("NATIVE CHARACTER(70)", "''", pa.string(), ""),
    ("REAL", "5e-324", pa.float64(), 5e-324),
    ("double precision", "7", pa.float64(), 7.0),
    ("FLOAT", "9e999", pa.float64(), math.inf),
    ("BOOLEAN", "1", pa.bool_(), True),
    ("bool", "0", pa.bool_(), False),
    ("DATE", "'2024-02-29'", pa.date32(), dt.date(2024, 2, 29)),
    ("DATETIME", "'2024-02-29 12:00:00.5'", pa.timestamp("us"), at("2024-02-29 12:00:00.500000")),
    ("TIMESTAMP", "'2024-02-29T12:00'", pa.timestamp("us"), at("2024-02-29 12:00")),
    ("TIMESTAMPTZ", "'2024-01-01 00:00:00+07:00'", pa.timestamp("us", "UTC"), dt.datetime(2023, 12, 31, 17, tzinfo=UTC)),
    ("TIME", "'23:59:59.999999'", pa.time64("us"), dt.time(23, 59, 59, 999999)),
    ("DECIMAL(10, 2)", "1.1", pa.decimal128(10, 2), Decimal("1.10")),
    ("decimal(15,2)", "9999999999999.99", pa.decimal128(15, 2), Decimal("9999999999999.99")),
    ("NUMERIC(5)", "-12345", pa.decimal128(5, 0), Decimal(-12345)),
    ("DECIMAL(30, 2)", "1.5", pa.float64(), 1.5),
    ("NUMERIC", "3", pa.float64(), 3.0),
    ("BLOB", "x'00ff'", pa.binary(), b"\x00\xff"),
    ("BLOB", "'text'", pa.string(), "text"),
    ("", "7", pa.int64(), 7),
    ("JSON", "'{}'", pa.string(), "{}"),
    ("STRING", "1.5", pa.float64(), 1.5),
]


@pytest.mark.parametrize(("declared", "value", "type_", "expected"), COLUMNS, ids=[f"{c[0]} {c[1][:12]}" for c in COLUMNS])
def test_a_value_arrives_as_it_was_and_so_does_null(sqlite, sql, declared, value, type_, expected):
    sql(f"CREATE TABLE t (v {declared})", f"INSERT INTO t VALUES ({value}), (NULL)")
    found = sqlite.read(sqlite.table_query("t")).read_all()
    assert (found.schema.field("v").type, found["v"].to_pylist()) == (type_, [expected, None])
    assert sqlite.read("SELECT v AS renamed FROM t WHERE v IS NOT NULL").read_all().schema.field("renamed").type == type_


REFUSED = [
    ("INTEGER", "'abc'", "abc"),
    ("INTEGER", "1.5", "1.5"),
    ("TEXT", "x'00'", "b'\\x00'"),
    ("REAL", "'n/a'", "n/a"),
    ("NUMERIC", str(2**53 + 1), str(2**53 + 1)),
    ("BOOLEAN", "2", "2"),
    ("DATE", "'29.02.2024'", "29.02.2024"),
    ("DATE", "1709164800", "1709164800"),
    ("DATETIME", "'2024-02-29 12:00:00+07:00'", "+07:00"),
    ("TIMESTAMPTZ", "'2024-02-29 12:00:00'", "2024-02-29 12:00:00"),
    ("TIME", "'24:00'", "24:00"),
    ("DECIMAL(10, 2)", "0.125", "0.125"),
    ("DECIMAL(4, 2)", "100", "100"),
    ("", "1), ('x'", "integer and text"),
]


@pytest.mark.parametrize(("declared", "value", "shown"), REFUSED, ids=[f"{r[0]} {r[1]}" for r in REFUSED])
def test_a_value_that_is_not_what_its_column_was_declared_as_is_refused(sqlite, sql, fails, declared, value, shown):
    sql(f"CREATE TABLE t (fine INT, strange {declared})", f"INSERT INTO t (strange) VALUES (NULL), ({value})")
    with fails("SK-CONN-005", "column 'strange'", shown) as caught:
        sqlite.read(sqlite.table_query("t")).read_all()
    assert "CAST(column AS TEXT)" in caught.value.hint
    texts = sqlite.read("SELECT CAST(strange AS TEXT) AS strange FROM t").read_all()
    assert texts.schema.field("strange").type == pa.string()


def test_bytes_that_are_not_text_are_refused_by_column(sqlite, sql, fails):
    sql("CREATE TABLE t (strange TEXT)", "INSERT INTO t VALUES (CAST(x'ff' AS TEXT))")
    with fails("SK-CONN-005", "column 'strange'", "UTF-8"):
        sqlite.read("SELECT strange FROM t").read_all()


def test_expressions_have_the_type_of_their_values(sqlite, sql):
    sql("CREATE TABLE t (a INTEGER, b DECIMAL(5, 1))", "INSERT INTO t VALUES (1, 1.5), (2, 3)")
    found = sqlite.read(
        "SELECT count(*) AS n, sum(b) AS s, max(a) || '' AS m, avg(a) AS g, NULL AS e, 'x' AS \"two words\" FROM t"
    ).read_all()
    assert found.schema.types == [pa.int64(), pa.float64(), pa.string(), pa.float64(), pa.string(), pa.string()]
    assert found.to_pylist() == [{"n": 2, "s": 4.5, "m": "2", "g": 1.5, "e": None, "two words": "x"}]


def test_no_rows_keep_their_columns(sqlite, sql):
    sql("CREATE TABLE t (a INTEGER, b DATE, c)")
    found = sqlite.read("SELECT *, a + 1 AS d FROM t").read_all()
    assert (found.num_rows, found.schema.types) == (0, [pa.int64(), pa.date32(), pa.string(), pa.string()])


@pytest.mark.parametrize("query", ["SELECT 1 AS v;", "SELECT 1 AS v -- why", "WITH q AS (SELECT 1) SELECT * FROM q", "VALUES (1)"])
def test_a_query_may_be_written_in_any_way(sqlite, sql, query):
    sql("CREATE TABLE t (a)")
    assert [list(row.values()) for row in sqlite.read(query).read_all().to_pylist()] == [[1]]


def test_a_query_can_only_read(sqlite, sql, fails, tmp_path):
    sql("CREATE TABLE t (a)")
    attempts = [
        "INSERT INTO t VALUES (1)",
        "SELECT 1; DROP TABLE t",
        "DROP TABLE t",
        f"ATTACH '{tmp_path}/other.db' AS x",
        "PRAGMA journal_mode = WAL",
        "COMMIT",
    ]
    for attempt in attempts:
        with fails("SK-CONN-004"):
            sqlite.read(attempt)
    assert sql("SELECT count(*) FROM t") == [(0,)]
    assert not Path(tmp_path, "other.db").exists()


def test_what_is_wrong_with_a_query_is_said(sqlite, sql, fails):
    sql("CREATE TABLE t (a)")
    with fails("SK-CONN-003", "nowhere"):
        sqlite.read(sqlite.table_query("nowhere"))
    with fails("SK-CONN-004", "no such column: b"):
        sqlite.read("SELECT b FROM t")
    with fails("SK-CONN-004", "'id'"):
        sqlite.read("SELECT 1 AS id, 2 AS id")


def test_a_file_that_is_not_there_or_is_none_is_said(tmp_path, fails):
    with fails("SK-CONN-003", "shop.sqlite"):
        SQLiteConnection(path=tmp_path / "shop.sqlite").check()
    Path(tmp_path, "text").write_text("not a database at all " * 100)
    with fails("SK-CONN-001", "not a database"):
        SQLiteConnection(path=tmp_path / "text").check()
    with fails("SK-CONN-001", "unable to open"):
        SQLiteConnection(path=tmp_path / "missing" / "shop.sqlite").write("t", pa.table({"a": [1]}), "replace")


def test_check_says_what_answered(sqlite, sql):
    sql("CREATE TABLE t (a)")
    assert sqlite.check() == f"SQLite {sqlite3.sqlite_version}, file shop.sqlite, 1 table"


VALUES = [
    (pa.int8(), "INTEGER", -128, -128),
    (pa.uint64(), "INTEGER", 2**63 - 1, 2**63 - 1),
    (pa.float32(), "REAL", 1.100000023841858, 1.100000023841858),
    (pa.float64(), "REAL", -math.inf, -math.inf),
    (pa.decimal128(15, 2), "DECIMAL(15, 2)", Decimal("9999999999999.99"), Decimal("9999999999999.99")),
    (pa.decimal128(38, 2), "TEXT", Decimal("123456789012345678.90"), "123456789012345678.90"),
    (pa.bool_(), "BOOLEAN", True, True),
    (pa.date32(), "DATE", dt.date(1, 1, 1), dt.date(1, 1, 1)),
    (pa.time64("us"), "TIME", dt.time(1, 2, 3, 4), dt.time(1, 2, 3, 4)),
    (pa.timestamp("us"), "TIMESTAMP", at("9999-12-31 01:02:03.000004"), at("9999-12-31 01:02:03.000004")),
    (pa.timestamp("us", "Asia/Jakarta"), "TIMESTAMPTZ", dt.datetime(2024, 1, 1, tzinfo=UTC), dt.datetime(2024, 1, 1, tzinfo=UTC)),
    (pa.binary(), "BLOB", b"\x00\xff", b"\x00\xff"),
    (pa.string(), "TEXT", "a'b\0é😀", "a'b\0é😀"),
    (pa.dictionary(pa.int8(), pa.string()), "TEXT", "", ""),
]


@pytest.mark.parametrize(("type_", "declared", "value", "back"), VALUES, ids=[str(v[0]) for v in VALUES])
def test_a_value_comes_back_as_it_was_written(sqlite, sql, rows, type_, declared, value, back):
    data = pa.table({"v": pa.array([value, None], type_)})
    assert sqlite.write("t", data, "replace") == 2
    assert sql("SELECT type FROM pragma_table_info('t')") == [(declared,)]
    assert sqlite.write("t", data, "append") == 2
    assert [row["v"] for row in rows(sqlite, "t")] == [back, None, back, None]


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (pa.float64(), math.nan),
        (pa.uint64(), 2**63),
        (pa.timestamp("us"), 2**62),
        (pa.list_(pa.int8()), [1]),
        (pa.month_day_nano_interval(), (1, 2, 3)),
    ],
    ids=str,
)
def test_what_sqlite_cannot_hold_is_refused_by_column(sqlite, fails, type_, value):
    with fails("SK-CONN-005", "column 'strange'"):
        sqlite.write("t", pa.table({"strange": pa.array([value], type_)}), "replace")


def test_replace_keeps_a_table_that_can_take_the_rows(sqlite, sql, rows):
    sql(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v VARCHAR(5), loaded TEXT DEFAULT 'now')",
        "CREATE INDEX i ON t (v)",
        "INSERT INTO t (v) VALUES ('old')",
    )
    assert sqlite.write("t", pa.table({"V": ["new"]}), "replace") == 1
    assert rows(sqlite, "t") == [{"id": 1, "v": "new", "loaded": "now"}]
    assert sql("SELECT count(*) FROM sqlite_master WHERE name = 'i'") == [(1,)]


def test_replace_makes_a_table_anew_that_cannot(sqlite, sql, rows):
    sql("CREATE TABLE t (v INTEGER, gone TEXT)", "INSERT INTO t VALUES (1, 'x')", "CREATE VIEW w AS SELECT v FROM t")
    sqlite.write("t", pa.table({"v": ["one"]}), "replace")
    assert rows(sqlite, "t") == rows(sqlite, "w") == [{"v": "one"}]


def test_append_never_changes_a_table(sqlite, sql, fails):
    sql("CREATE TABLE t (id INTEGER, d DECIMAL(4, 1), s STRING)")
    for data, words in [({"extra": [1]}, "'extra'"), ({"id": ["x"]}, "'id'"), ({"s": ["007"]}, "'s'")]:
        with fails("SK-CONN-008", words):
            sqlite.write("t", pa.table(data), "append")
    with fails("SK-CONN-005", "column 'd'"):
        sqlite.write("t", pa.table({"d": pa.array([Decimal("1.25")])}), "append")
    assert sqlite.write("t", pa.table({"d": pa.array([Decimal("1.50")])}), "append") == 1


def test_rows_that_end_in_a_failure_leave_everything_as_it_was(sqlite, rows, broken_off):
    sqlite.write("t", pa.table({"id": [7]}), "replace")
    for mode in ("replace", "append"):
        with pytest.raises(RuntimeError, match="the rows end here"):
            sqlite.write("t", broken_off(), mode)
    assert rows(sqlite, "t") == [{"id": 7}]


def test_a_constraint_that_is_violated_undoes_the_write(sqlite, sql, rows, fails):
    sql("CREATE TABLE t (id INTEGER UNIQUE)", "INSERT INTO t VALUES (1)")
    with fails("SK-CONN-004", "UNIQUE"):
        sqlite.write("t", pa.table({"id": [2, 3, 3]}), "replace")
    assert rows(sqlite, "t") == [{"id": 1}]


def test_readers_see_all_of_the_old_rows_or_all_of_the_new(sqlite, rows):
    def version(n):
        return pa.table({"v": [n] * 3000})

    sqlite.write("t", version(0), "replace")
    seen, done = set(), threading.Event()

    def watch():
        while not done.is_set():
            seen.update(tuple(row.values()) for row in rows(sqlite, "SELECT count(*) AS n, min(v) AS a, max(v) AS b FROM t"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    for n in range(1, 20):
        sqlite.write("t", version(n), "replace")
    done.set()
    watcher.join(20)
    assert seen <= {(3000, n, n) for n in range(20)}
    assert len(seen) > 1


def test_two_writers_do_not_mix(sqlite, rows):
    sqlite.write("t", pa.table({"v": [0]}), "replace")
    threads = [threading.Thread(target=sqlite.write, args=("t", pa.table({"v": [n] * 5000}), "replace")) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert rows(sqlite, "SELECT count(*) AS n, count(DISTINCT v) AS k FROM t") == [{"n": 5000, "k": 1}]


def test_a_path_may_have_any_characters(tmp_path, rows):
    driver = SQLiteConnection(path=tmp_path / "a b?mode=memory#%41é.db")
    driver.write("t", pa.table({"v": [1]}), "replace")
    assert rows(driver, "t") == [{"v": 1}]
    assert [p.name for p in tmp_path.iterdir()] == ["a b?mode=memory#%41é.db"]


def test_rows_come_in_batches_that_stay_small(sqlite, sql):
    sql(
        "CREATE TABLE t (v BLOB)",
        "INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) SELECT randomblob(100000) FROM n",
    )
    sizes = [batch.nbytes for batch in sqlite.read("SELECT v FROM t")]
    assert len(sizes) > 2
    assert max(sizes[1:]) < 6 << 20
