"""SQL that people wrote opens no file outside the session's folders and changes nothing about DuckDB."""

from __future__ import annotations

import duckdb
import pytest
from tests.duckdb.conftest import Workshop

from seeknal.errors import EngineError

SWITCHES = (
    "FROM enable_logging('QueryLog', storage='file', storage_config={{'path': '{0}/log'}})",
    "SELECT * FROM \"Enable_Profiling\"(save_location='{0}/profile.json')",
    "SELECT 'é' FROM system.main.enable_logging /* still */ ()",
    "FROM arrow_scan(1, 2, 3)",
)
READS = (
    "FROM read_csv('{0}/secret.csv')",
    "FROM '{0}/secret.csv'",
    "FROM read_text('{0}/*')",
    "FROM read_blob('{0}/secret.csv')",
    "FROM glob('{0}/*')",
    "FROM sniff_csv('{0}/secret.csv')",
    "FROM read_parquet('{0}/none.parquet')",
    "FROM query('FROM read_csv(''{0}/secret.csv'')')",
    "FROM json_execute_serialized_sql(json_serialize_sql('FROM read_csv(''{0}/secret.csv'')'))",
    "FROM read_text('/proc/self/environ')",
    "FROM read_csv('https://example.com/x.csv')",
    "SELECT getenv('SEEKNAL_SECRET')",
    "FROM local_frame",
)
WRITES = (
    "COPY (SELECT 1) TO '{0}/out.csv'",
    "WITH w AS (COPY (SELECT 1) TO '{0}/out.csv') FROM w",
    "SELECT 1)) TO '{0}/out.csv' (FORMAT csv); --",
    "ATTACH '{0}/other.db'",
    "EXPORT DATABASE '{0}/all'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET allowed_directories = ['/']",
    "RESET allowed_directories",
    "SET threads = 1",
    "PRAGMA enable_profiling",
    "CREATE SECRET s (TYPE http)",
    "CALL enable_logging()",
    "CREATE TABLE t AS SELECT 1",
    "CREATE MACRO f() AS 1",
    "USE system",
    "EXPLAIN ANALYZE SELECT 1",
)


@pytest.mark.parametrize("query", [*READS, *WRITES, *SWITCHES])
def test_sql_is_refused(shop: Workshop, query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEKNAL_SECRET", "hunter2")
    (shop.outside / "secret.csv").write_text("password\nhunter2\n")
    local_frame = duckdb.connect().sql("SELECT 'hunter2' AS password").to_arrow_table()
    for call in (shop.session.rows, shop.write, shop.session.arrow):
        with pytest.raises(EngineError):
            call(query.format(shop.outside))
    assert [path.name for path in shop.outside.iterdir()] == ["secret.csv"]
    assert local_frame.num_rows == 1
    assert shop.rows("SELECT 1") == [(1,)], "the session goes on"


@pytest.mark.parametrize(
    "statement", [s for s in WRITES if s.split()[0] in {"COPY", "ATTACH", "EXPORT", "INSTALL", "LOAD", "SET", "RESET"}]
)
def test_the_database_itself_refuses_too(shop: Workshop, statement: str) -> None:
    with shop.session._locked.use() as running, pytest.raises(duckdb.Error):
        running.cursor.execute(statement.format(shop.outside))
    assert [path.name for path in shop.outside.iterdir()] == []


def test_way_out_of_a_folder_is_no_way(shop: Workshop) -> None:
    (shop.outside / "secret.csv").write_text("password\nhunter2\n")
    with pytest.raises(EngineError) as caught:
        shop.rows(f"FROM read_csv('{shop.inside}/../outside/secret.csv')")
    assert caught.value.code == "SK-SQL-015"


def test_names_of_switches_may_be_columns_and_text(shop: Workshop) -> None:
    assert shop.rows("SELECT 'enable_logging()' AS enable_logging -- disable_logging()") == [("enable_logging()",)]


def test_declared_type_is_a_type_and_nothing_more(shop: Workshop) -> None:
    with pytest.raises(EngineError) as caught:
        shop.load("a\n1\n", columns={"a": "INTEGER) AS a FROM (SELECT 1 AS a) --"})
    assert "declared" in caught.value.message


def test_every_query_runs_in_utc(shop: Workshop) -> None:
    assert shop.rows("SELECT (TIMESTAMPTZ '2024-07-01 00:00:00+00')::VARCHAR") == [("2024-07-01 00:00:00+00",)]
