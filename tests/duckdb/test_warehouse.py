"""The warehouse file: changed whole or not at all, under the eyes of its readers."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import duckdb
import pytest
from tests.duckdb.conftest import Workshop

from seeknal.errors import EngineError
from seeknal.protocols import Files, Query
from seeknal_duckdb.warehouse import publish


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    return tmp_path / "target" / "warehouse.duckdb"


def artifact(shop: Workshop, query: str) -> Files:
    target = shop.next_target()
    shop.session.write(query, target, {})
    return Files((target,))


def read(warehouse: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_views_read_the_artifacts_from_anywhere(shop: Workshop, warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(warehouse, "prod", {"a": artifact(shop, "SELECT 1 AS x"), "b": Query("SELECT x + 1 AS x FROM a -- from a")}, [])
    monkeypatch.chdir("/")
    assert read(warehouse, "FROM prod.b") == [(2,)]


@pytest.mark.parametrize("between", ["", "[x]*?'", "line\nbreak "])
def test_a_view_over_many_files_reads_each(shop: Workshop, warehouse: Path, between: str) -> None:
    folder = shop.next_target().parent / f"it's [here]* {between}"
    folder.mkdir()
    files = [folder / f"part {between} {number}.parquet" for number in range(40)]
    for number, file in enumerate(files):
        shop.session.write(f"SELECT {number} AS x", target := shop.next_target(), {})
        target.rename(file)
    publish(warehouse, "prod", {"a": Files(tuple(map(str, files)))}, [])
    assert read(warehouse, "SELECT count(*), sum(x) FROM prod.a") == [(40, sum(range(40)))]
    files[3].unlink()
    with pytest.raises(duckdb.Error):
        read(warehouse, "SELECT sum(x) FROM prod.a")


def test_environments_with_the_same_names_do_not_mix(shop: Workshop, warehouse: Path) -> None:
    for number, environment in enumerate(("prod", "dev", "main", "warehouse", "memory", "temp", 'we"ird; --', "a.b")):
        publish(warehouse, environment, {"a": artifact(shop, f"SELECT {number} AS x"), "b": Query("SELECT x FROM a")}, [])
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        found = connection.execute("SELECT schema_name FROM duckdb_views() WHERE NOT internal AND view_name = 'b'").fetchall()
        assert len(found) == 8
        for number, environment in enumerate(("prod", "dev")):
            assert connection.execute(f'FROM "{environment}".b').fetchall() == [(number,)]


def test_change_of_a_view_is_seen_by_the_views_that_read_it(shop: Workshop, warehouse: Path) -> None:
    publish(warehouse, "prod", {"a": artifact(shop, "SELECT 1 AS x"), "b": Query("SELECT x FROM a")}, [])
    publish(warehouse, "prod", {"a": artifact(shop, "SELECT 2 AS x")}, [])
    assert read(warehouse, "FROM prod.b") == [(2,)]


def test_dropping_what_is_not_there_is_fine(shop: Workshop, warehouse: Path) -> None:
    publish(warehouse, "prod", {"a": artifact(shop, "SELECT 1 AS x")}, ["never"])
    publish(warehouse, "prod", {}, ["a", "never"])
    with pytest.raises(duckdb.Error):
        read(warehouse, "FROM prod.a")


def test_failure_leaves_the_file_as_it_was_and_nothing_beside_it(shop: Workshop, warehouse: Path) -> None:
    publish(warehouse, "prod", {"a": artifact(shop, "SELECT 1 AS x")}, [])
    before = warehouse.read_bytes()
    with pytest.raises(EngineError) as caught:
        publish(warehouse, "prod", {"b": Query("SELECT x,\n  nosuch FROM a")}, ["a"])
    assert (caught.value.code, caught.value.line) == ("SK-SQL-011", 2)
    with pytest.raises(EngineError) as caught:
        publish(warehouse, "prod", {"b": Files((shop.inside / "nosuch.parquet",))}, ["a"])
    assert caught.value.code == "SK-DATA-003"
    assert warehouse.read_bytes() == before
    assert [path.name for path in warehouse.parent.iterdir()] == ["warehouse.duckdb"]


def test_reader_with_the_file_open_goes_on(shop: Workshop, warehouse: Path) -> None:
    one, two = artifact(shop, "SELECT 1 AS x"), artifact(shop, "SELECT 2 AS x")
    publish(warehouse, "prod", {"a": one}, [])
    for read_only in (True, False):
        with duckdb.connect(str(warehouse), read_only=read_only) as reader:
            assert reader.execute("FROM prod.a").fetchall() == [(1,)]
            publish(warehouse, "prod", {"a": two}, [])
            assert reader.execute("FROM prod.a").fetchall() == [(1,)]
        assert read(warehouse, "FROM prod.a") == [(2,)]
        publish(warehouse, "prod", {"a": one}, [])


def test_log_of_somebody_who_wrote_into_the_file_does_not_spoil_it(shop: Workshop, warehouse: Path) -> None:
    publish(warehouse, "prod", {"a": artifact(shop, "SELECT 1 AS x")}, [])
    child = os.fork()
    if child == 0:  # dies without a checkpoint, as a crashed program would
        connection = duckdb.connect(str(warehouse))
        connection.execute("CREATE TABLE main.notes AS SELECT 1 AS n")
        os._exit(0)
    os.waitpid(child, 0)
    assert warehouse.with_name("warehouse.duckdb.wal").exists()
    publish(warehouse, "prod", {"a": artifact(shop, "SELECT 2 AS x")}, [])
    assert read(warehouse, "FROM prod.a") == [(2,)]
    assert [path.name for path in warehouse.parent.iterdir()] == ["warehouse.duckdb"]


def test_readers_see_all_of_a_change_or_none(shop: Workshop, warehouse: Path) -> None:
    versions = [artifact(shop, f"SELECT {number} AS x") for number in range(2)]
    names = [f"n{number}" for number in range(20)]
    publish(warehouse, "prod", dict.fromkeys(names, versions[0]), [])
    stop, mixed = threading.Event(), list[object]()
    query = " UNION ".join(f"SELECT x FROM prod.{name}" for name in names)

    def watch() -> None:
        while not stop.is_set():
            found = read(warehouse, query)
            if len(found) != 1:
                mixed.append(found)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number in range(20):
        publish(warehouse, "prod", dict.fromkeys(names, versions[number % 2]), [])
    stop.set()
    watcher.join()
    assert mixed == []


@pytest.mark.parametrize("content", [b"", b"no database", bytes(20_000)])
def test_file_that_is_no_database_is_reported_and_kept(shop: Workshop, warehouse: Path, content: bytes) -> None:
    warehouse.parent.mkdir()
    warehouse.write_bytes(content)
    relations = {"a": artifact(shop, "SELECT 1 AS x")}
    with pytest.raises(EngineError) as caught:
        publish(warehouse, "prod", relations, [])
    assert caught.value.code == "SK-DATA-001"
    assert str(warehouse) in caught.value.message
    assert ".tmp" not in caught.value.message
    assert warehouse.read_bytes() == content


def test_cost_follows_what_changed(shop: Workshop, warehouse: Path) -> None:
    one = artifact(shop, "SELECT 1 AS x")
    publish(warehouse, "prod", {f"n{number}": one for number in range(1000)}, [])
    begun = time.process_time()
    publish(warehouse, "prod", {"n1": one}, [])
    assert time.process_time() - begun < 0.5


def test_nothing_remains_of_an_environment_without_views(shop: Workshop, warehouse: Path) -> None:
    for environment in ("prod", "dev"):
        publish(warehouse, environment, {"a": artifact(shop, "SELECT 1 AS x"), "b": Query("SELECT x FROM a")}, [])
    publish(warehouse, "dev", {}, ["a", "b"])
    schemas = read(warehouse, "SELECT schema_name FROM duckdb_schemas() WHERE database_name = 'warehouse' AND NOT internal")
    assert ("prod",) in schemas
    assert ("dev",) not in schemas


def test_what_others_put_into_a_schema_stays(shop: Workshop, warehouse: Path) -> None:
    publish(warehouse, "dev", {"a": artifact(shop, "SELECT 1 AS x")}, [])
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("CREATE TABLE dev.mine AS SELECT 7 AS seven")
    publish(warehouse, "dev", {}, ["a"])
    assert read(warehouse, "FROM dev.mine") == [(7,)]
