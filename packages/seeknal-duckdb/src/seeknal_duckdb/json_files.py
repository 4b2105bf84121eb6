"""Reading JSON: one array of objects, or one object a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal.errors import EngineError
from seeknal.nodes import fold
from seeknal_duckdb.sql import call
from seeknal_duckdb.statements import columns_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import duckdb

_NOTHING_FOUND = [("json", "JSON")]
"""What DuckDB makes of a file in which it finds no objects."""


def json_query(
    cursor: duckdb.DuckDBPyConnection, format_: str, paths: Sequence[Path], given: Mapping[str, Any], types: Mapping[str, str]
) -> str:
    """The query that reads JSON files, declared columns as their types from the text itself.

    A declared column with a type need not occur: objects may leave a key out, and a file without objects has zero rows of the
    declared columns.
    """
    arguments = {"format": "newline_delimited" if format_ == "jsonl" else "auto", **given}
    query = "FROM " + call("read_json", paths, arguments)
    found = [(name, str(type_)) for name, type_ in columns_of(cursor, query)]
    if found == _NOTHING_FOUND:
        found = []
    if not types:
        if not found:
            message = f"{paths[0]} holds no objects"
            raise EngineError("SK-DATA-001", message, hint="declare the columns with their types, and zero rows will be read")
        return query
    declared = {fold(name): type_ for name, type_ in types.items()}
    columns = {name: declared.get(fold(name), type_) for name, type_ in found}
    present = {fold(name) for name in columns}
    columns |= {name: type_ for name, type_ in types.items() if fold(name) not in present}
    return "FROM " + call("read_json", paths, {**arguments, "columns": columns})
