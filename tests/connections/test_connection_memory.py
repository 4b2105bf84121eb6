"""Rows pass through: memory does not grow with their number."""

import json
import sqlite3
import subprocess
import sys

import duckdb
import pytest

MEGABYTE = 1 << 20

BOTH = """
import importlib, json, resource, sys
import pyarrow as pa
module, attribute, settings, query, table = json.loads(sys.argv[1])
driver = getattr(importlib.import_module("seeknal_duckdb.connections." + module), attribute)(**settings)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
pa.set_memory_pool(pa.system_memory_pool())
rows = early = size = 0
for batch in driver.read(query):
    rows, size = rows + batch.num_rows, size + batch.nbytes
    early = peak() if rows <= 50_000 else early
print(json.dumps([rows, size, (peak() - early) * 1024]))
batch = pa.record_batch({"id": list(range(10_000)), "text": ["x" * 200] * 10_000})
def batches():
    global early
    for n in range(30):
        early = peak() if n == 5 else early
        yield batch
rows = driver.write(table, pa.RecordBatchReader.from_batches(batch.schema, batches()), "replace")
print(json.dumps([rows, 30 * batch.nbytes, (peak() - early) * 1024]))
"""


def run(code, *arguments):
    done = subprocess.run([sys.executable, "-c", code, json.dumps(arguments)], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(params=["postgres", "mysql", "sqlite", "duckdb"])
def place(request, tmp_path):
    """Module, class and settings of a driver, and a query of 300,000 rows."""
    name = request.param
    if name == "postgres":
        settings = request.getfixturevalue("postgres_server").settings
        return "postgres", "PostgresConnection", settings, "SELECT i, repeat('x', 200) AS text FROM generate_series(1, 300000) i"
    if name == "mysql":
        settings = request.getfixturevalue("mariadb_server").settings
        return "mysql", "MySQLConnection", settings, "SELECT seq AS i, repeat('x', 200) AS text FROM seq_1_to_300000"
    settings = {"path": str(tmp_path / "shop")}
    if name == "sqlite":
        series = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)"
        return "sqlite", "SQLiteConnection", settings, f"{series} SELECT i, printf('%0200d', i) AS text FROM n"
    return "duckdb", "DuckDBConnection", settings, "SELECT range AS i, repeat('x', 200) AS text FROM range(300000)"


def test_many_rows_take_no_more_memory_than_some(place, table):
    module, attribute, settings, query = place
    if module == "sqlite":
        sqlite3.connect(settings["path"]).close()  # the file has to be there
    if module == "duckdb":
        duckdb.connect(settings["path"]).close()
    read, written = run(BOTH, module, attribute, settings, query, table)
    for rows, size, _ in (read, written):
        assert rows == 300_000
        assert size > 55 * MEGABYTE
    assert read[2] < 32 * MEGABYTE
    assert written[2] < (200 if module == "duckdb" else 32) * MEGABYTE  # DuckDB keeps what it writes in its own bounded memory
