"""Writing Parquet that gives back the types that went in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from seeknal.errors import EngineError
from seeknal.protocols import Written
from seeknal_duckdb.errors import engine_error, line_started
from seeknal_duckdb.sql import call, cast, copy_sql, lines_before, literal, wrapped
from seeknal_duckdb.statements import columns_of, schema_of
from seeknal_duckdb.stored_types import same_type, stored_type

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seeknal_duckdb.cursors import Running
    from seeknal_duckdb.statements import Columns


def write_parquet(running: Running, query: str, target: Path, metadata: Mapping[str, str], columns: Columns | None = None) -> Written:
    """Run `query`, store its rows in one file, and make sure that reading it gives the types that were meant.

    `columns` are those of the query, where they are known already.
    """
    columns = columns_of(running.cursor, query) if columns is None else columns
    stored = {name: stored_type(name, type_) for name, type_ in columns}
    casts = {name: cast(name, stored[name]) for name, type_ in columns if not same_type(stored[name], str(type_))}
    running.before = lines_before(casts)
    options = {"FORMAT": "parquet", "COMPRESSION": "zstd", "USE_TMP_FILE": "false"}
    if metadata:
        options["KV_METADATA"] = literal(metadata)
    try:
        copied = running.cursor.execute(copy_sql(wrapped(query, casts), target, options)).fetchall()
    except duckdb.ConversionException as error:
        _refuse_unfitting(error, {name: stored[name] for name in casts})
        raise
    found = columns_of(running.cursor, "FROM " + call("read_parquet", [target], {}))
    _refuse_changed(stored, found)
    return Written(int(copied[0][0]), schema_of(found))


def _refuse_unfitting(error: duckdb.ConversionException, casts: Mapping[str, str]) -> None:
    """Tell an error of the column it comes from, if it comes from one of the casts; they stand one a line from the second on."""
    line = line_started(error)
    if line is None or not 2 <= line < 2 + len(casts):  # noqa: PLR2004 - the second line
        return
    column = list(casts)[line - 2]
    message = f"column '{column}' is stored as {casts[column]}, and one of its values does not fit: {engine_error(error).message}"
    raise EngineError("SK-DATA-004", message, hint="cast it yourself, for example to DOUBLE or VARCHAR") from error


def _refuse_changed(stored: Mapping[str, str], found: Columns) -> None:
    for (name, meant), (read_name, read_type) in zip(stored.items(), found, strict=True):
        if name != read_name or not same_type(meant, str(read_type)):
            message = f"column '{name}' is {meant}, but its Parquet file gives back '{read_name}' as {read_type}"
            raise EngineError("SK-DATA-004", message, hint="cast it to a type that Parquet holds, such as VARCHAR")
