"""Rows pass through: memory does not grow with their number."""

import json
import subprocess
import sys

import pytest

MEGABYTE = 1 << 20

READ = """
import importlib, json, resource, sys
import pyarrow as pa
module, attribute, settings, query = json.loads(sys.argv[1])
driver = getattr(importlib.import_module("seeknal_duckdb.connections." + module), attribute)(**settings)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
pa.set_memory_pool(pa.system_memory_pool())
rows = early = size = 0
for batch in driver.read(query):
    rows, size = rows + batch.num_rows, size + batch.nbytes
    early = peak() if rows <= 100_000 else early
print(json.dumps([rows, size, (peak() - early) * 1024]))
"""

WRITE = """
import importlib, json, resource, sys
import pyarrow as pa
module, attribute, settings, table = json.loads(sys.argv[1])
driver = getattr(importlib.import_module("seeknal_duckdb.connections." + module), attribute)(**settings)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
pa.set_memory_pool(pa.system_memory_pool())
batch = pa.record_batch({"id": list(range(20_000)), "text": ["x" * 100] * 20_000})
early = 0
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
    return json.loads(done.stdout)


@pytest.fixture(params=["postgres", "mysql", "sqlite", "duckdb"])
def place(request, tmp_path):
    """Module, class and settings of a driver, and a query of 600,000 rows."""
    name = request.param
    if name == "postgres":
        settings = request.getfixturevalue("postgres_server").settings
        return "postgres", "PostgresConnection", settings, "SELECT i, repeat('x', 100) AS text FROM generate_series(1, 600000) i"
    if name == "mysql":
        settings = request.getfixturevalue("mariadb_server").settings
        return "mysql", "MySQLConnection", settings, "SELECT seq AS i, repeat('x', 100) AS text FROM seq_1_to_600000"
    settings = {"path": str(tmp_path / "shop")}
    if name == "sqlite":
        series = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600000)"
        return "sqlite", "SQLiteConnection", settings, f"{series} SELECT i, printf('%0100d', i) AS text FROM n"
    return "duckdb", "DuckDBConnection", settings, "SELECT range AS i, repeat('x', 100) AS text FROM range(600000)"


def test_reading_many_rows_takes_no_more_memory_than_reading_some(place):
    module, attribute, settings, query = place
    if "path" in settings:
        run(WRITE, module, attribute, settings, "t")  # the file has to be there
    rows, size, grown = run(READ, module, attribute, settings, query)
    assert rows == 600_000
    assert size > 60 * MEGABYTE
    assert grown < 32 * MEGABYTE


def test_writing_many_rows_takes_no_more_memory_than_writing_some(place, table):
    module, attribute, settings, _ = place
    rows, size, grown = run(WRITE, module, attribute, settings, table)
    assert rows == 600_000
    assert size > 60 * MEGABYTE
    assert grown < (200 if module == "duckdb" else 32) * MEGABYTE  # DuckDB keeps what it writes in its own bounded memory
