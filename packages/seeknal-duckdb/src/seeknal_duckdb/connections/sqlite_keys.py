"""Writing rows of a SQLite table by key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.nodes import fold
from seeknal_duckdb.connections.settings import quoted

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

_PRIMARY = "SELECT name FROM pragma_table_info(?) WHERE pk > 0"
_UNIQUE = """
    SELECT l.name, i.name FROM pragma_index_list(?) AS l, pragma_index_info(l.name) AS i WHERE l."unique" AND NOT l.partial
"""


def are_unique(connection: sqlite3.Connection, table: str, keys: Sequence[str]) -> bool:
    """Whether the table has a primary key or a unique index on just these columns."""
    wanted = {fold(k) for k in keys}
    indexes: dict[str, set[str | None]] = {"": {fold(name) for (name,) in connection.execute(_PRIMARY, (table,))}}
    for index, column in connection.execute(_UNIQUE, (table,)):
        indexes.setdefault(index, set()).add(None if column is None else fold(column))
    return any(columns == wanted for columns in indexes.values())


def listed(names: Sequence[str]) -> str:
    """Columns, quoted."""
    return ", ".join(quoted(n, "sqlite") for n in names)


def on_conflict(names: Sequence[str], keys: Sequence[str]) -> str:
    """What to do with a row whose keys are there already: change it. Nothing to say where there are no keys."""
    if not keys:
        return ""
    folded = {fold(k) for k in keys}
    changes = ", ".join(quoted(n, "sqlite") + " = excluded." + quoted(n, "sqlite") for n in names if fold(n) not in folded)
    return "ON CONFLICT (" + listed(keys) + ") DO " + ("UPDATE SET " + changes if changes else "NOTHING")
