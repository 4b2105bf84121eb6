"""What arrives in MySQL and MariaDB, and what readers see while it does."""

import datetime as dt
import math
import threading
from decimal import Decimal

import pyarrow as pa
import pytest

UTC = dt.UTC
at = dt.datetime.fromisoformat

VALUES = [
    (pa.int8(), "tinyint(4)", -128),
    (pa.int16(), "smallint(6)", -(2**15)),
    (pa.int32(), "int(11)", 2**31 - 1),
    (pa.int64(), "bigint(20)", -(2**63)),
    (pa.uint8(), "tinyint(3) unsigned", 255),
    (pa.uint16(), "smallint(5) unsigned", 65535),
    (pa.uint32(), "int(10) unsigned", 2**32 - 1),
    (pa.uint64(), "bigint(20) unsigned", 2**64 - 1),
    (pa.float32(), "float", 1.100000023841858),
    (pa.float64(), "double", 2.2250738585072014e-308),
    (pa.decimal128(38, 10), "decimal(38,10)", Decimal("-1234567890123456789012345678.0123456789")),
    (pa.decimal256(65, 30), "decimal(65,30)", Decimal("1.5")),
    (pa.bool_(), "tinyint(1)", True),
    (pa.date32(), "date", dt.date(9999, 12, 31)),
    (pa.time32("ms"), "time(6)", dt.time(23, 59, 59, 999000)),
    (pa.timestamp("us"), "datetime(6)", at("9999-12-31 23:59:59.999999")),
    (pa.timestamp("ms"), "datetime(6)", at("0001-01-01")),
    (pa.binary(), "longblob", b"\\x00\x00\xff\n'\"%s"),
    (pa.binary(3), "longblob", b"abc"),
    (pa.string(), "longtext", "a,'b'\"\n\\.\n\r\t\\N %s %(a)s é😀\0"),
    (pa.string(), "longtext", "NULL"),
    (pa.large_string(), "longtext", ""),
    (pa.dictionary(pa.int8(), pa.string()), "longtext", "often"),
]


def declared(server, table, column="v"):
    query = f"SELECT column_type FROM information_schema.columns WHERE table_name = '{table}' AND column_name = '{column}'"
    return server.sql(query)[0][0]


@pytest.mark.parametrize(("type_", "expected", "value"), VALUES, ids=[f"{v[0]} {str(v[2])[:20]!r}" for v in VALUES])
def test_a_value_comes_back_as_it_was_written(mysql, mariadb_server, table, rows, type_, expected, value):
    assert mysql.write(table, pa.table({"v": pa.array([value, None], type_)}), "replace") == 2
    assert declared(mariadb_server, table) == expected
    assert [row["v"] for row in rows(mysql, table)] == [value, None]
    assert mysql.write(table, pa.table({"v": pa.array([value], type_)}), "append") == 1
    assert [row["v"] for row in rows(mysql, table)] == [value, None, value]
    assert mysql.write(table, pa.table({"v": pa.array([value], type_)}), "replace") == 1
    assert [row["v"] for row in rows(mysql, table)] == [value]


def test_instants_are_kept_in_utc(mysql, mariadb_server, table, rows):
    instants = pa.array([dt.datetime(2040, 1, 1, 7, tzinfo=UTC)], pa.timestamp("us", "Asia/Jakarta"))
    for mode in ("replace", "append", "replace"):
        mysql.write(table, pa.table({"v": instants}), mode)
    assert rows(mysql, table) == [{"v": at("2040-01-01 07:00")}]
    mariadb_server.sql(f"CREATE TABLE s_{table} (v timestamp(6) NULL)")
    mysql.write(f"s_{table}", pa.table({"v": pa.array([1_000_000], pa.timestamp("us", "UTC"))}), "replace")
    assert rows(mysql, f"s_{table}") == [{"v": dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)}]


REFUSED = [
    (pa.timestamp("us"), 2**62, "years 1 to 9999"),
    (pa.float64(), math.nan, "NULL"),
    (pa.float32(), math.inf, "NULL"),
    (pa.month_day_nano_interval(), (1, 2, 3), "text"),
    (pa.list_(pa.int8()), [1], "text"),
    (pa.struct({"a": pa.int8()}), {"a": 1}, "text"),
    (pa.decimal256(70, 2), Decimal(1), "text"),
]


@pytest.mark.parametrize(("type_", "value", "words"), REFUSED, ids=str)
def test_what_mysql_cannot_hold_is_refused_by_column(mysql, mariadb_server, table, fails, type_, value, words):
    with fails("SK-CONN-005", "column 'strange'") as caught:
        mysql.write(table, pa.table({"fine": [1, 2], "strange": pa.array([None, value], type_)}), "replace")
    assert words in caught.value.hint
    assert mariadb_server.sql("SHOW TABLES LIKE 'seeknal%'") == []


def test_replace_keeps_a_table_that_can_take_the_rows_and_all_that_hangs_on_it(mysql, mariadb_server, table, rows):
    mariadb_server.sql(
        f"CREATE TABLE {table} (id int AUTO_INCREMENT PRIMARY KEY, mood varchar(10), price decimal(10, 2), at datetime, loaded timestamp DEFAULT now(), KEY (mood)) COMMENT 'kept'",
        f"INSERT INTO {table} (mood) VALUES ('old')",
        f"CREATE TABLE child_{table} (parent int, FOREIGN KEY (parent) REFERENCES {table} (id))",
        f"CREATE TRIGGER tr_{table} BEFORE INSERT ON {table} FOR EACH ROW SET NEW.mood = upper(NEW.mood)",
    )
    before = mariadb_server.sql(f"SELECT create_time FROM information_schema.tables WHERE table_name = '{table}'")
    new = pa.table(
        {"mood": ["ok", None], "price": pa.array([1, 2], pa.decimal128(18, 4)), "at": pa.array([0, 1_000_000], pa.timestamp("us"))}
    )
    assert mysql.write(table, new, "replace") == 2
    assert mariadb_server.sql(f"SELECT create_time FROM information_schema.tables WHERE table_name = '{table}'") == before
    assert [row["mood"] for row in rows(mysql, f"SELECT mood FROM {table} ORDER BY id")] == ["OK", None]
    assert rows(mysql, f"SELECT count(loaded) AS n FROM {table}") == [{"n": 2}]


def test_replace_changes_only_the_columns_that_must_change(mysql, mariadb_server, table):
    mariadb_server.sql(
        f"CREATE TABLE {table} (id int AUTO_INCREMENT PRIMARY KEY, gone text, kind varchar(20), price int, at timestamp DEFAULT now(), KEY (kind)) COMMENT 'kept'",
        f"INSERT INTO {table} (gone, kind, price) VALUES ('x', 'y', 1)",
    )
    mysql.write(table, pa.table({"kind": ["a"], "price": pa.array([Decimal("1.5")], pa.decimal128(5, 1)), "added": [True]}), "replace")
    assert mariadb_server.sql(
        f"SELECT column_name, column_type FROM information_schema.columns WHERE table_name = '{table}' ORDER BY 1"
    ) == [
        ("added", "tinyint(1)"),
        ("at", "timestamp"),
        ("id", "int(11)"),
        ("kind", "varchar(20)"),
        ("price", "decimal(5,1)"),
    ]
    assert mariadb_server.sql(f"SELECT kind, price, added FROM {table}") == [("a", Decimal("1.5"), 1)]
    assert mariadb_server.sql(f"SELECT count(*) FROM information_schema.statistics WHERE table_name = '{table}'") == [(2,)]
    assert mariadb_server.sql("SHOW TABLES LIKE 'seeknal%'") == []


@pytest.mark.parametrize("action", ["CASCADE", "SET NULL"])
def test_replace_never_touches_rows_of_other_tables(mysql, mariadb_server, table, rows, fails, action):
    mariadb_server.sql(
        f"CREATE TABLE {table} (id bigint PRIMARY KEY)",
        f"CREATE TABLE child_{table} (parent bigint, FOREIGN KEY (parent) REFERENCES {table} (id) ON DELETE {action})",
        f"INSERT INTO {table} VALUES (1)",
        f"INSERT INTO child_{table} VALUES (1)",
    )
    with fails("SK-CONN-008", f"child_{table}"):
        mysql.write(table, pa.table({"id": [2]}), "replace")
    assert (rows(mysql, table), rows(mysql, f"child_{table}")) == ([{"id": 1}], [{"parent": 1}])
    assert mysql.write(table, pa.table({"id": [2]}), "append") == 1


@pytest.mark.parametrize("tie", ["foreign keys", "triggers"])
def test_a_table_that_would_lose_what_hangs_on_it_is_not_changed(mysql, mariadb_server, table, rows, fails, tie):
    mariadb_server.sql(f"CREATE TABLE {table} (id int PRIMARY KEY, gone int)", f"INSERT INTO {table} VALUES (1, 2)")
    if tie == "triggers":
        mariadb_server.sql(f"CREATE TRIGGER tr_{table} BEFORE INSERT ON {table} FOR EACH ROW SET NEW.gone = 1")
    else:
        mariadb_server.sql(f"CREATE TABLE child_{table} (parent int, FOREIGN KEY (parent) REFERENCES {table} (id))")
    with fails("SK-CONN-008", tie):
        mysql.write(table, pa.table({"id": [5]}), "replace")
    assert rows(mysql, table) == [{"id": 1, "gone": 2}]


def test_tables_without_transactions_are_replaced_in_one_step_and_not_appended_to(mysql, mariadb_server, table, rows, fails, broken_off):
    mariadb_server.sql(f"CREATE TABLE {table} (id bigint) ENGINE=MyISAM", f"INSERT INTO {table} VALUES (1)")
    with fails("SK-CONN-008", "engine has no transactions"):
        mysql.write(table, pa.table({"id": [2]}), "append")
    with pytest.raises(RuntimeError):
        mysql.write(table, broken_off(), "replace")
    assert rows(mysql, table) == [{"id": 1}]
    assert mysql.write(table, pa.table({"id": [2]}), "replace") == 1
    assert rows(mysql, table) == [{"id": 2}]
    assert mysql.write(table, pa.table({"id": [3]}), "append") == 1


MISFITS = [
    ({"id": [1], "extra": [2]}, "has no column 'extra'"),
    ({"id": ["one"]}, "'id'"),
    ({"id": [1.5]}, "'id'"),
    ({"at": pa.array([0], pa.timestamp("us"))}, "'at'"),
]


@pytest.mark.parametrize(("data", "words"), MISFITS, ids=[m[1] for m in MISFITS])
def test_append_never_changes_a_table(mysql, mariadb_server, table, rows, fails, data, words):
    mariadb_server.sql(f"CREATE TABLE {table} (ID int, at timestamp NULL)")
    with fails("SK-CONN-008", words.replace("'id'", "'ID'")):
        mysql.write(table, pa.table(data), "append")
    assert mysql.write(table, pa.table({"id": [1]}), "append") == 1
    assert rows(mysql, table) == [{"ID": 1, "at": None}]


UNFIT = [
    ("smallint", pa.array([1, 40000])),
    ("tinyint unsigned", pa.array([1, -1])),
    ("decimal(4, 1)", pa.array([Decimal("1.0"), Decimal("1.25")])),
    ("decimal(4, 1)", pa.array([1, 12345])),
    ("datetime", pa.array([0, 1], pa.timestamp("us"))),
    ("timestamp(3) null", pa.array([1_000_000, 1_000_001], pa.timestamp("us", "UTC"))),
    ("timestamp null", pa.array([1_000_000, 2**52], pa.timestamp("us", "UTC"))),
    ("varchar(3)", pa.array(["abc", "abcd"])),
    ("varchar(3) character set latin1", pa.array(["abc", "😀"])),
    ("enum('a', 'b')", pa.array(["a", "c"])),
    ("json", pa.array(["{}", "{"])),
    ("uuid", pa.array(["6f9619ff-8b86-d011-b42d-00c04fc964ff", "no"])),
]


@pytest.mark.parametrize(("column", "values"), UNFIT, ids=[u[0] for u in UNFIT])
@pytest.mark.parametrize("mode", ["replace", "append"])
def test_a_value_a_column_would_change_is_refused_and_nothing_is_written(mysql, mariadb_server, table, fails, column, values, mode):
    mariadb_server.sql(f"CREATE TABLE {table} (v {column})", f"INSERT INTO {table} VALUES (NULL)")
    with fails("SK-CONN-004" if column == "json" else "SK-CONN-005", f"{table}.v" if column == "json" else "column 'v'"):
        mysql.write(table, pa.table({"v": values}), mode)
    assert mariadb_server.sql(f"SELECT v FROM {table}") == [(None,)]
    assert mysql.write(table, pa.table({"v": values.slice(0, 1)}), mode) == 1


def test_rows_that_end_in_a_failure_leave_everything_as_it_was(mysql, mariadb_server, table, rows, broken_off):
    with pytest.raises(RuntimeError, match="the rows end here"):
        mysql.write(table, broken_off(), "replace")
    assert mariadb_server.sql(f"SHOW TABLES LIKE '{table}'") == []
    mysql.write(table, pa.table({"other": [7]}), "replace")
    with pytest.raises(RuntimeError, match="the rows end here"):
        mysql.write(table, broken_off(), "replace")
    assert rows(mysql, table) == [{"other": 7}]
    mysql.write(table, pa.table({"id": [7]}), "replace")
    for mode in ("replace", "append"):
        with pytest.raises(RuntimeError, match="the rows end here"):
            mysql.write(table, broken_off(), mode)
        assert rows(mysql, table) == [{"id": 7}]
    assert mariadb_server.sql("SHOW TABLES LIKE 'seeknal%'") == []


def test_a_constraint_that_is_violated_undoes_the_write(mysql, mariadb_server, table, rows, fails):
    mariadb_server.sql(f"CREATE TABLE {table} (id int PRIMARY KEY)", f"INSERT INTO {table} VALUES (1)")
    with fails("SK-CONN-004", "Duplicate entry '3'"):
        mysql.write(table, pa.table({"id": [2, 3, 3]}), "replace")
    assert rows(mysql, table) == [{"id": 1}]


def test_a_view_is_not_written(mysql, mariadb_server, table, fails):
    mariadb_server.sql(f"CREATE VIEW {table} AS SELECT 1 AS id")
    with fails("SK-CONN-008", "not a table but a view"):
        mysql.write(table, pa.table({"id": [1]}), "append")


@pytest.mark.parametrize("changing", [False, True], ids=["in place", "by a new table"])
def test_readers_see_all_of_the_old_rows_or_all_of_the_new(mysql, mariadb_server, table, changing):
    def version(n):
        type_ = [pa.int64(), pa.int32(), pa.decimal128(5, 0)][n % 3] if changing else pa.int64()
        more = {f"c{n}": [n] * 5000} if changing else {}
        return pa.table(
            {
                "v": pa.array([n] * 5000).cast(pa.decimal128(20, 0)).cast(type_)
                if n % 3 == 2 and changing
                else pa.array([n] * 5000, type_),
                **more,
            }
        )

    mysql.write(table, version(0), "replace")
    seen, done, trouble = set(), threading.Event(), []

    def watch():
        try:
            with mariadb_server.connect() as connection, connection.cursor() as cursor:
                while not done.is_set():
                    cursor.execute(f"SELECT count(*), min(v), max(v) FROM {table}")
                    seen.add(tuple(map(int, cursor.fetchone())))
        except Exception as error:  # noqa: BLE001 - any is trouble
            trouble.append(error)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for n in range(1, 6):
        mysql.write(table, version(n), "replace")
    done.set()
    watcher.join(20)
    assert trouble == []
    assert seen <= {(5000, n, n) for n in range(6)}
    assert len(seen) > 1


def test_two_writers_do_not_mix(mysql, mariadb_server, table):
    mysql.write(table, pa.table({"v": [0]}), "replace")
    threads = [threading.Thread(target=mysql.write, args=(table, pa.table({"v": [n] * 2000}), "replace")) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert mariadb_server.sql(f"SELECT count(*), count(DISTINCT v) FROM {table}") == [(2000, 1)]


def test_a_write_that_is_cut_off_leaves_nothing_but_what_the_next_one_clears(mysql, mariadb_server, table, rows, fails):
    mysql.write(table, pa.table({"id": [7]}), "replace")

    def batches(**columns):
        batch = pa.record_batch({name: list(range(100)) for name in columns})
        yield batch
        with mariadb_server.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT id FROM information_schema.processlist WHERE user = 'seeknal' AND id <> connection_id()")
            for (thread,) in cursor.fetchall():
                cursor.execute(f"KILL {thread}")
        yield batch

    for columns in ({"id": 1}, {"id": 1, "more": 2}):
        data = pa.RecordBatchReader.from_batches(pa.schema(dict.fromkeys(columns, pa.int64())), batches(**columns))
        with fails("SK-CONN-006", "lost the connection"):
            mysql.write(table, data, "replace")
        assert rows(mysql, table) == [{"id": 7}]
    assert len(mariadb_server.sql("SHOW TABLES LIKE 'seeknal%'")) == 1
    mysql.write(table, pa.table({"other": [8]}), "replace")
    assert rows(mysql, table) == [{"other": 8}]
    assert mariadb_server.sql("SHOW TABLES LIKE 'seeknal%'") == []
