"""Files for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_duckdb.formats import WRITE, parameters
from seeknal_duckdb.sql import copy_sql, literal, wrapped
from seeknal_duckdb.statements import columns_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import duckdb

_FORMATS = {
    "csv": {"FORMAT": "csv"},
    "parquet": {"FORMAT": "parquet"},
    "json": {"FORMAT": "json", "ARRAY": "true"},
    "jsonl": {"FORMAT": "json", "ARRAY": "false"},
}
_DEFAULTS: dict[str, dict[str, Any]] = {"csv": {"header": True}, "parquet": {"compression": "zstd"}}


def export(cursor: duckdb.DuckDBPyConnection, query: str, target: Path, format_: str, options: Mapping[str, Any]) -> int:
    """Write the rows of `query` to `target`. Returns how many there were."""
    given = {**_DEFAULTS.get(format_, {}), **parameters(format_, options, WRITE)}
    columns_of(cursor, query)
    said = {name: _value(value) for name, value in given.items()}
    copied = cursor.execute(copy_sql(wrapped(query), target, {**_FORMATS[format_], "USE_TMP_FILE": "false", **said})).fetchall()
    return int(copied[0][0])


def _value(value: Any) -> str:
    """An option's value; COPY takes lists in round brackets."""
    return "(" + ", ".join(map(literal, value)) + ")" if isinstance(value, list | tuple) else literal(value)
