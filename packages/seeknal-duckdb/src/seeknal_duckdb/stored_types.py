"""Which DuckDB types Parquet gives back as they were, and what is stored in place of those it does not.

Measured on DuckDB 1.5.5 and 2.0.0: what is not listed here comes back as another type, or with less than was put in (HUGEINT as
DOUBLE, INTERVAL without its microseconds, TIME WITH TIME ZONE without its offset), and DuckDB does not say so.
"""

from __future__ import annotations

from duckdb.sqltypes import DuckDBPyType

from seeknal.errors import EngineError
from seeknal_duckdb.sql import identifier

EXACT = frozenset(
    [
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
        "FLOAT",
        "DOUBLE",
        "VARCHAR",
        "BLOB",
        "JSON",
        "UUID",
        "DATE",
        "TIME",
        "TIMESTAMP",
        "TIMESTAMP_NS",
        "TIMESTAMPTZ_NS",
    ]
) | {"TIMESTAMP WITH TIME ZONE"}

STORED_AS = {
    "HUGEINT": "DECIMAL(38,0)",
    "UHUGEINT": "DECIMAL(38,0)",
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
    '"NULL"': "INTEGER",
    "NULL": "INTEGER",
}

HINTS = {
    "INTERVAL": "Parquet keeps milliseconds only: store a number, for example date_diff('second', a, b) or epoch_us(x)",
    "TIME WITH TIME ZONE": "Parquet drops the offset: cast it to TIME or VARCHAR",
    "TIME_NS": "cast it to TIME or VARCHAR",
    "VARIANT": "cast it to JSON",
    "UNION": "cast it to JSON, or select its members as columns of their own",
}


def stored_type(column: str, type_: DuckDBPyType) -> str:
    """The type in which a column's values are stored, which is its own type where Parquet keeps that.

    Raises EngineError SK-DATA-004 for a type that cannot be stored without loss.
    """
    text = str(type_)
    if text in EXACT or type_.id == "decimal":
        return text
    if text in STORED_AS:
        return STORED_AS[text]
    match type_.id:
        case "enum":
            return "VARCHAR"
        case "list" | "array":
            return stored_type(column, children(type_)[0][1]) + "[]"
        case "map":
            return "MAP(" + ", ".join(stored_type(column, child) for _, child in children(type_)) + ")"
        case "struct" if all(name for name, _ in type_.children):
            return "STRUCT(" + ", ".join(identifier(name) + " " + stored_type(column, child) for name, child in children(type_)) + ")"
    hint = HINTS.get(text) or HINTS.get(text.partition("(")[0])
    if type_.id in {"struct", "tuple"}:
        hint = "name its fields, for example {'first': a, 'second': b}"
    message = f"column '{column}' has the type {text}, which a Parquet file cannot hold unchanged"
    raise EngineError("SK-DATA-004", message, hint=hint or "cast it to VARCHAR, or leave the column out")


def children(type_: DuckDBPyType) -> list[tuple[str, DuckDBPyType]]:
    """The types a nested type is made of, with their names: the fields of a STRUCT, `key` and `value` of a MAP, a list's `child`."""
    return [(name, child) for name, child in type_.children if isinstance(child, DuckDBPyType)]


def same_type(one: str, other: str) -> bool:
    """Whether two texts mean the same type: DuckDB quotes fields' names only where it must."""
    return one.replace('"', "") == other.replace('"', "")
