"""Writing Parquet that gives back the types that went in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.errors import EngineError
from seeknal.protocols import Written
from seeknal_duckdb.sql import call, copy_sql, identifier, literal, wrapped
from seeknal_duckdb.statements import columns_of, schema_of
from seeknal_duckdb.types import plain, stored_type

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import duckdb

    from seeknal_duckdb.statements import Columns


def write_parquet(cursor: duckdb.DuckDBPyConnection, query: str, target: Path, metadata: Mapping[str, str]) -> Written:
    """Run `query`, store its rows in one file, and make sure that reading it gives the types that were meant."""
    columns = columns_of(cursor, wrapped(query))
    stored = {name: stored_type(name, type_) for name, type_ in columns}
    casts = {
        name: "CAST(" + identifier(name) + " AS " + stored[name] + ")"
        for name, type_ in columns
        if plain(stored[name]) != plain(str(type_))
    }
    options = {"FORMAT": "parquet", "COMPRESSION": "zstd", "USE_TMP_FILE": "false"}
    if metadata:
        options["KV_METADATA"] = literal(metadata)
    (rows,) = cursor.execute(copy_sql(wrapped(query, casts), target, options)).fetchall()[0]
    found = columns_of(cursor, wrapped("FROM " + call("read_parquet", [target], {})))
    _refuse_changed(stored, found)
    return Written(rows, schema_of(found))


def _refuse_changed(stored: Mapping[str, str], found: Columns) -> None:
    for (name, meant), (read_name, read_type) in zip(stored.items(), found, strict=True):
        if name != read_name or plain(meant) != plain(str(read_type)):
            message = f"column '{name}' is {meant}, but its Parquet file gives back '{read_name}' as {read_type}"
            raise EngineError("SK-DATA-004", message, hint="cast it to a type that Parquet holds, such as VARCHAR")
