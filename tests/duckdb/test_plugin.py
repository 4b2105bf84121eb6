"""Listing what this package brings loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys

from seeknal_duckdb.formats import READ, WRITE
from seeknal_duckdb.plugin import seeknal_connections, seeknal_engines


def test_listing_imports_neither_duckdb_nor_arrow() -> None:
    code = (
        "import sys, seeknal_duckdb.plugin as p; p.seeknal_engines(); p.seeknal_connections();"
        "print(sorted({'duckdb', '_duckdb', 'pyarrow', 'numpy', 'pandas', 'openpyxl', 'sqlglot'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_engine_declares_the_formats_it_reads_and_writes() -> None:
    (engine,) = seeknal_engines()
    assert {f.name for f in engine.formats} == set(READ)
    assert {f.name for f in engine.formats if f.writable} == set(WRITE)
    assert [f.name for f in engine.formats if f.in_place] == ["parquet"]
    assert {"delim", "delimiter"} <= set(next(f for f in engine.formats if f.name == "csv").params)


def test_connections_name_their_settings() -> None:
    found = {c.name: c for c in seeknal_connections()}
    assert set(found) == {"duckdb", "mysql", "postgres", "sqlite"}
    assert found["postgres"].required == ("host", "user", "database")
    assert found["sqlite"].paths == ("path",)
