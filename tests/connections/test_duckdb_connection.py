"""DuckDB files, read and written."""

import datetime as dt
import subprocess
import sys
import threading
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from seeknal_duckdb.connections import duckdb as module
from seeknal_duckdb.connections.duckdb import DuckDBConnection

UTC = dt.UTC
at = dt.datetime.fromisoformat


@pytest.fixture
def sql(tmp_path):
    """Run statements on the file from another side; the rows of the last."""

    def run(*statements):
        with closing(duckdb.connect(tmp_path / "shop.duckdb")) as connection:
            return [connection.execute(statement).fetchall() for statement in statements][-1]

    return run


VALUES = [
    ("'-128'::TINYINT", pa.int8(), -128),
    ("18446744073709551615::UBIGINT", pa.uint64(), 2**64 - 1),
    ("'-99999999999999999999999999999999999999'::HUGEINT", pa.decimal128(38, 0), Decimal("-" + "9" * 38)),
    ("1.5::DECIMAL(38, 10)", pa.decimal128(38, 10), Decimal("1.5")),
    ("0.1::DOUBLE + 0.2", pa.float64(), 0.1 + 0.2),
    ("true", pa.bool_(), True),
    ("DATE '0001-01-01'", pa.date32(), dt.date(1, 1, 1)),
    ("TIME '23:59:59.999999'", pa.time64("us"), dt.time(23, 59, 59, 999999)),
    ("TIMETZ '12:00:00+07'", pa.string(), "12:00:00+07"),
    ("TIMESTAMP '2024-02-29 12:00:00.5'", pa.timestamp("us"), at("2024-02-29 12:00:00.500000")),
    ("TIMESTAMPTZ '2024-01-01 00:00:00+07'", pa.timestamp("us", "UTC"), dt.datetime(2023, 12, 31, 17, tzinfo=UTC)),
    ("INTERVAL '14 months -3 days'", pa.month_day_nano_interval(), pa.MonthDayNano([14, -3, 0])),
    ("'6f9619ff-8b86-d011-b42d-00c04fc964ff'::UUID", pa.string(), "6f9619ff-8b86-d011-b42d-00c04fc964ff"),
    ("'\\x00\\xff'::BLOB", pa.binary(), b"\x00\xff"),
    ("'é😀'", pa.string(), "é😀"),
    ("'101'::BIT", pa.string(), "101"),
    ("'{\"a\": 1}'::JSON", pa.string(), '{"a": 1}'),
    ("[1, NULL]", None, [1, None]),
    ("{'a': [1.5]}", None, {"a": [Decimal("1.5")]}),
    ("MAP {'k': 1}", None, [("k", 1)]),
]


@pytest.mark.parametrize(("expression", "type_", "value"), VALUES, ids=[v[0] for v in VALUES])
def test_a_value_arrives_as_it_was_and_so_does_null(duck, sql, expression, type_, value):
    sql(f"CREATE TABLE t AS SELECT {expression} AS v UNION ALL SELECT NULL")
    found = duck.read(duck.table_query("t")).read_all()
    assert type_ is None or found.schema.field("v").type == type_
    assert found["v"].to_pylist() == [value, None]
    assert duck.read("SELECT v FROM t LIMIT 0").read_all().schema == found.schema


def test_a_number_beyond_38_digits_is_refused(duck, sql, fails):
    sql("CREATE TABLE t AS SELECT 150000000000000000000000000000000000000::HUGEINT AS v")
    with fails("SK-CONN-004", "150000000000000000000000000000000000000"):
        duck.read("SELECT * FROM t").read_all()


def test_a_query_reads_this_file_and_does_nothing_else(duck, sql, fails, tmp_path):
    sql("CREATE TABLE t AS SELECT 1 AS a")
    Path(tmp_path, "secret.csv").write_text("a\n1\n")
    attempts = [
        "INSERT INTO t VALUES (2)",
        "SELECT 1; DROP TABLE t",
        "SELECT 1); DROP TABLE t; --",
        "WITH w AS (DELETE FROM t RETURNING *) SELECT * FROM w",
        f"SELECT * FROM read_csv('{tmp_path}/secret.csv')",
        f"SELECT * FROM '{tmp_path}/secret.csv'",
        f"COPY t TO '{tmp_path}/out.csv'",
        f"ATTACH '{tmp_path}/other.duckdb'",
        "SET memory_limit = '1TB'",
    ]
    for attempt in attempts:
        with fails("SK-CONN-004"):
            duck.read(attempt).read_all()
    assert sql("SELECT * FROM t") == [(1,)]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["secret.csv", "shop.duckdb"]


def test_what_is_wrong_is_said(duck, sql, fails, tmp_path):
    with fails("SK-CONN-003", "no file", "shop.duckdb"):
        duck.check()
    sql("CREATE TABLE t AS SELECT 1 AS a")
    assert duck.check() == f"DuckDB {duckdb.__version__}, file shop.duckdb, 1 table"
    with fails("SK-CONN-003", "nowhere"):
        duck.read(duck.table_query("nowhere"))
    with fails("SK-CONN-004", '"b"'):
        duck.read("SELECT b FROM t")
    with fails("SK-CONN-004", "boom"):
        duck.read("SELECT CASE WHEN range = 900000 THEN error('boom') END AS v FROM range(1000000)").read_all()
    Path(tmp_path, "text").write_text("not a database at all " * 1000)
    with fails("SK-CONN-001", "not a valid DuckDB database"):
        DuckDBConnection(path=tmp_path / "text").check()


def test_what_was_written_comes_back(duck, rows):
    data = pa.table(
        {
            "id": pa.array([1, None], pa.int32()),
            "name": ["a", None],
            "at": pa.array([0, None], pa.timestamp("us", "Asia/Jakarta")),
            "nanos": pa.array([1, None], pa.timestamp("ns")),
            "tags": [["x", None], None],
            "info": [{"a": 1}, None],
            "often": pa.array(["y", None]).dictionary_encode(),
        }
    )
    for mode, count in (("replace", 1), ("append", 2), ("replace", 1)):
        assert duck.write("t", data, mode) == 2
        found = duck.read("SELECT * FROM t WHERE id IS NOT NULL").read_all()
        assert found.num_rows == count
        assert found.drop_columns(["nanos"]).to_pylist()[0] == {
            "id": 1, "name": "a", "at": dt.datetime(1970, 1, 1, tzinfo=UTC), "tags": ["x", None], "info": {"a": 1}, "often": "y",
        }  # fmt: skip
    assert found["nanos"].cast(pa.int64()).to_pylist() == [1]


def test_replace_keeps_a_table_that_can_take_the_rows(duck, sql, rows):
    sql(
        "CREATE SCHEMA s",
        "CREATE TABLE s.t (id BIGINT PRIMARY KEY, price DECIMAL(18, 4), kind ENUM ('a', 'b'), loaded INT DEFAULT 7)",
        "INSERT INTO s.t VALUES (1, 1, 'a', 1)",
        "CREATE VIEW s.w AS SELECT id FROM s.t",
    )
    data = pa.table({"id": pa.array([1, 2], pa.int32()), "price": pa.array([1, 2], pa.decimal128(10, 2)), "kind": ["b", None]})
    assert duck.write("s.t", data, "replace") == 2
    assert sql("SELECT count(*) FROM duckdb_constraints() WHERE table_name = 't' AND constraint_type = 'PRIMARY KEY'") == [(1,)]
    assert sql("SELECT * FROM s.t ORDER BY id") == [(1, Decimal(1), "b", 7), (2, Decimal(2), None, 7)]
    assert rows(duck, "s.w") == [{"id": 1}, {"id": 2}]


def test_replace_makes_a_table_anew_that_cannot(duck, sql, rows):
    sql("CREATE TABLE t AS SELECT 1 AS v, 'x' AS gone")
    duck.write("t", pa.table({"v": ["one"]}), "replace")
    assert rows(duck, "t") == [{"v": "one"}]


MISFITS = [
    ("BIGINT", pa.uint64()),
    ("UBIGINT", pa.int8()),
    ("INTEGER", pa.int64()),
    ("INTEGER", pa.string()),
    ("DECIMAL(10, 2)", pa.decimal128(10, 3)),
    ("DECIMAL(10, 2)", pa.decimal128(11, 2)),
    ("FLOAT", pa.float64()),
    ("TIMESTAMP", pa.timestamp("us", "UTC")),
]


@pytest.mark.parametrize(("declared", "type_"), MISFITS, ids=[f"{m[0]} {m[1]}" for m in MISFITS])
def test_append_never_changes_a_table_or_a_value(duck, sql, fails, declared, type_):
    sql(f"CREATE TABLE t (v {declared})")
    with fails("SK-CONN-008", "'v'", declared.replace(" ", "")):
        duck.write("t", pa.table({"v": pa.array([None], type_)}), "append")
    with fails("SK-CONN-008", "no column 'extra'"):
        duck.write("t", pa.table({"extra": [1]}), "append")


def test_a_column_of_nulls_fits_any(duck, sql):
    sql("CREATE TABLE t (a VARCHAR, b DATE)")
    for mode in ("append", "replace"):
        assert duck.write("t", pa.table({"a": pa.nulls(2), "b": pa.nulls(2)}), mode) == 2
    assert sql("SELECT * FROM t") == [(None, None)] * 2


def test_rows_that_end_in_a_failure_leave_everything_as_it_was(duck, rows, broken_off, fails, sql):
    duck.write("t", pa.table({"id": [7]}), "replace")
    for mode in ("replace", "append"):
        with pytest.raises(RuntimeError, match="the rows end here"):
            duck.write("t", broken_off(), mode)
    sql("CREATE TABLE u (id BIGINT UNIQUE)", "INSERT INTO u VALUES (1)", "CREATE VIEW w AS SELECT 1 AS id")
    with fails("SK-CONN-004", "uplicate key"):
        duck.write("u", pa.table({"id": [2, 3, 3]}), "replace")
    with fails("SK-CONN-008", "not a table but a view"):
        duck.write("w", pa.table({"id": [2]}), "append")
    assert (rows(duck, "t"), rows(duck, "u")) == ([{"id": 7}], [{"id": 1}])


def test_readers_and_writers_of_one_process_take_turns(duck, rows):
    duck.write("t", pa.table({"v": [0] * 3000}), "replace")
    seen, trouble, done = set(), [], threading.Event()

    def watch():
        while not done.is_set():
            seen.update(tuple(row.values()) for row in rows(duck, "SELECT count(*) AS n, min(v) AS a, max(v) AS b FROM t"))
            done.wait(0.02)

    def write(n):
        try:
            duck.write("t", pa.table({"v": [n] * 3000}), "replace")
        except Exception as error:  # noqa: BLE001 - any is trouble
            trouble.append(error)

    threads = [threading.Thread(target=watch), *(threading.Thread(target=write, args=(n,)) for n in range(1, 4))]
    for thread in threads:
        thread.start()
    for thread in threads[1:]:
        thread.join(60)
    done.set()
    threads[0].join(20)
    assert trouble == []
    assert seen <= {(3000, n, n) for n in range(4)}
    assert seen


def test_a_file_that_another_program_has_open_is_said(duck, sql, fails, monkeypatch):
    sql("CREATE TABLE t AS SELECT 1 AS a")
    monkeypatch.setattr(module, "_ELSEWHERE_SECONDS", 0.2)
    hold = f"import duckdb, sys; c = duckdb.connect({str(duck._path)!r}); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout.readline() == b"open\n"
            with fails("SK-CONN-001", "another program has the file open"):
                duck.check()
        finally:
            other.stdin.close()
            other.wait(20)
    assert duck.check()


def test_rows_come_in_batches_and_a_dropped_stream_lets_go_of_the_file(duck, sql):
    sql("CREATE TABLE t AS SELECT range AS v FROM range(1000000)")
    reader = duck.read("SELECT * FROM t")
    assert next(iter(reader)).num_rows <= 100_000
    del reader
    assert duck.write("t", pa.table({"v": [1]}), "replace") == 1
