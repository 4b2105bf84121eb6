"""Reading files that people made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from seeknal.errors import EngineError, did_you_mean
from seeknal.nodes import fold
from seeknal_duckdb.arrow import ingested
from seeknal_duckdb.csv_files import csv_query
from seeknal_duckdb.excel_files import excel_rows
from seeknal_duckdb.file_errors import file_error
from seeknal_duckdb.formats import READ, parameters
from seeknal_duckdb.json_files import json_query
from seeknal_duckdb.parquet import write_parquet
from seeknal_duckdb.sql import call, cast, wrapped
from seeknal_duckdb.statements import columns_of
from seeknal_duckdb.stored_types import same_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from seeknal.protocols import FileRead, Written
    from seeknal_duckdb.cursors import Running


def load(running: Running, read: FileRead, target: Path, metadata: Mapping[str, str]) -> Written:
    """Read the files into one Parquet file. What is wrong with them is told by file, line and column."""
    given = parameters(read.format, read.params, READ)
    if not read.paths:
        raise EngineError("SK-DATA-003", "there are no files to read")
    for path in read.paths:
        if not path.is_file():
            raise EngineError("SK-DATA-003", f"there is no file {path}")
    types = _declared_types(running, read)
    try:
        if read.format == "excel":
            with ingested(running, excel_rows(read.paths, given, types)) as query:
                return _store(running, query, read, types, target, metadata)
        return _store(running, _query(running, read, given, types), read, types, target, metadata)
    except duckdb.Error as error:
        running.check()
        raise file_error(error, read.paths, given) from error


def _declared_types(running: Running, read: FileRead) -> dict[str, str]:
    """The declared columns' types, as DuckDB writes them."""
    found = {}
    for column in read.columns:
        if column.type is not None:
            try:
                found[column.name] = str(running.cursor.type(column.type))
            except duckdb.Error as error:
                message = f"column '{column.name}' is declared as {column.type!r}, which is no type DuckDB knows"
                raise EngineError("SK-DATA-009", message, hint="for example BIGINT, DOUBLE, DECIMAL(18,2), VARCHAR, TIMESTAMP") from error
    return found


def _query(running: Running, read: FileRead, given: Mapping[str, Any], types: Mapping[str, str]) -> str:
    match read.format:
        case "csv":
            query = csv_query(read.paths, given, types)
            try:
                columns_of(running.cursor, query)
            except duckdb.BinderException:  # says which declared columns are missing, not which there are
                _refuse_missing(read, [name for name, _ in columns_of(running.cursor, csv_query(read.paths, given, {}))])
                raise
            return query
        case "json" | "jsonl":
            return json_query(running.cursor, read.format, read.paths, given, types)
    return "FROM " + call("read_parquet", read.paths, given)


def _store(running: Running, query: str, read: FileRead, types: Mapping[str, str], target: Path, metadata: Mapping[str, str]) -> Written:
    """Write what `query` reads, its columns as they are declared."""
    columns = columns_of(running.cursor, query)
    _refuse_missing(read, [name for name, _ in columns])
    declared = {fold(name): type_ for name, type_ in types.items()}
    casts = {
        name: cast(name, declared[fold(name)])
        for name, type_ in columns
        if fold(name) in declared and not same_type(declared[fold(name)], str(type_))
    }
    if not casts:
        return write_parquet(running, query, target, metadata, columns)
    return write_parquet(running, wrapped(query, casts), target, metadata)


def _refuse_missing(read: FileRead, found: Iterable[str]) -> None:
    known = {fold(name): name for name in found}
    for column in read.columns:
        if fold(column.name) not in known:
            names = ", ".join(map(str, read.paths[:3])) + (", …" if len(read.paths) > 3 else "")  # noqa: PLR2004 - enough to find them
            message = f"the declared column '{column.name}' is not in {names}"
            hint = did_you_mean(column.name, known.values()) or "it has: " + ", ".join(list(known.values())[:20])
            raise EngineError("SK-DATA-005", message, hint=hint)
