"""Reading files that people made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal.errors import EngineError, did_you_mean
from seeknal_duckdb.formats import READ, parameters
from seeknal_duckdb.parquet import write_parquet
from seeknal_duckdb.sql import call, identifier
from seeknal_duckdb.statements import columns_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seeknal.protocols import FileRead, Written
    from seeknal_duckdb.cursors import Running


def load(running: Running, read: FileRead, target: Path, metadata: Mapping[str, str]) -> Written:
    """Read the files into one Parquet file."""
    given = parameters(read.format, read.params, READ)
    for path in read.paths:
        if not path.exists():
            raise EngineError("SK-DATA-003", f"there is no file {path}")
    query = _csv(read, given)
    return write_parquet(running.cursor, query, target, metadata)


def _csv(read: FileRead, given: Mapping[str, Any]) -> str:
    types = {c.name: c.type for c in read.columns if c.type}
    arguments = {"header": True, **given}
    if read.format == "parquet":
        return "FROM " + call("read_parquet", read.paths, given)
    if read.format in ("json", "jsonl"):
        return "FROM " + call("read_json", read.paths, given)
    if types:
        arguments["types"] = types
    return "FROM " + call("read_csv", read.paths, arguments)
