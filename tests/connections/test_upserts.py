"""Rows written by key: those that are there are changed, the others added, all or nothing."""

from __future__ import annotations

import pyarrow as pa
import pytest


@pytest.fixture(params=["postgres", "sqlite"])
def driver(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def rows(rows):
    return lambda driver, table: [tuple(r.values()) for r in rows(driver, table)]


def people(*found: tuple) -> pa.Table:
    ids, names, ages = zip(*found, strict=True)
    return pa.table({"id": pa.array(ids, pa.int64()), "name": pa.array(names, pa.string()), "age": pa.array(ages, pa.int64())})


def test_rows_are_changed_or_added_by_key(driver, table, rows):
    assert driver.write(table, people((1, "Ann", 30), (2, "Bob", 17)), "upsert", ["id"]) == 2
    assert driver.write(table, people((2, "Bob", 18), (3, "Cid", None)), "upsert", ["id"]) == 2
    assert sorted(rows(driver, table)) == [(1, "Ann", 30), (2, "Bob", 18), (3, "Cid", None)]


def test_several_columns_can_be_the_key(driver, table, rows):
    driver.write(table, people((1, "a", 1), (1, "b", 2)), "upsert", ["id", "name"])
    driver.write(table, people((1, "b", 5), (2, "b", 6)), "upsert", ["name", "id"])
    assert sorted(rows(driver, table)) == [(1, "a", 1), (1, "b", 5), (2, "b", 6)]


def test_rows_that_are_all_key_are_added_once(driver, table, rows):
    keys = pa.table({"id": pa.array([1, 2], pa.int64())})
    driver.write(table, keys, "upsert", ["id"])
    driver.write(table, pa.table({"id": pa.array([2, 3], pa.int64())}), "upsert", ["id"])
    assert sorted(rows(driver, table)) == [(1,), (2,), (3,)]


def test_columns_of_the_table_that_are_not_written_stay(driver, table, rows):
    driver.write(table, people((1, "Ann", 30)), "upsert", ["id"])
    driver.write(table, people((1, "Ann", 30)).select(["id", "age"]).set_column(1, "age", pa.array([31], pa.int64())), "upsert", ["id"])
    assert rows(driver, table) == [(1, "Ann", 31)]


def test_a_table_without_such_a_key_is_refused(driver, table, rows, fails):
    driver.write(table, people((1, "Ann", 30)), "replace")
    with fails("SK-CONN-008", "no primary key or unique index on just id"):
        driver.write(table, people((1, "Ann", 31)), "upsert", ["id"])
    assert rows(driver, table) == [(1, "Ann", 30)]


def test_a_table_that_lacks_a_column_is_refused(driver, table, fails):
    driver.write(table, people((1, "Ann", 30)).select(["id", "name"]), "upsert", ["id"])
    with fails("SK-CONN-008", "no column 'age'"):
        driver.write(table, people((1, "Ann", 30)), "upsert", ["id"])


def test_what_breaks_off_leaves_nothing(driver, table, rows, broken_off):
    driver.write(table, pa.table({"id": pa.array([-1], pa.int64())}), "upsert", ["id"])
    before = rows(driver, table)
    with pytest.raises(Exception, match="the rows end here"):
        driver.write(table, broken_off(), "upsert", ["id"])
    assert rows(driver, table) == before


def test_a_large_write_is_merged_whole(driver, table, rows):
    many = pa.table({"id": pa.array(range(120_000), pa.int64()), "n": pa.array([0] * 120_000, pa.int64())})
    driver.write(table, many, "upsert", ["id"])
    again = pa.table({"id": pa.array(range(60_000, 180_000), pa.int64()), "n": pa.array([1] * 120_000, pa.int64())})
    assert driver.write(table, again, "upsert", ["id"]) == 120_000
    found = rows(driver, table)
    assert (len(found), sum(n for _, n in found)) == (180_000, 120_000)
