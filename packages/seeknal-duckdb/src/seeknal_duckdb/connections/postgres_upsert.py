"""Writing rows of a PostgreSQL table by key, within one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from seeknal_duckdb.connections.settings import TableName

    Cursor = psycopg.Cursor[tuple[Any, ...]]

_INCOMING = sql.Identifier("__seeknal_incoming")
_UNIQUE = """
    SELECT array_agg(a.attname::text) FROM pg_index i
    CROSS JOIN LATERAL unnest(i.indkey::int[]) WITH ORDINALITY AS k(attnum, place)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
    WHERE i.indrelid = %s AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
      AND k.place <= i.indnkeyatts
    GROUP BY i.indexrelid
"""


def are_unique(cursor: Cursor, oid: int, keys: Sequence[str]) -> bool:
    """Whether the table has a primary key or a unique index on just these columns."""
    cursor.execute(_UNIQUE, (oid,))
    return any(set(columns) == set(keys) for (columns,) in cursor.fetchall())


def incoming(cursor: Cursor, name: TableName, columns: sql.Composed) -> sql.Identifier:
    """A temporary table with the columns of the data, as the table has them. Returns its name."""
    create = sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA")
    cursor.execute(create.format(_INCOMING, columns, _identifier(name)))
    return _INCOMING


def merge(cursor: Cursor, name: TableName, columns: Sequence[str], keys: Sequence[str]) -> None:
    """Change the rows whose keys are there already, add the others."""
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    others = [c for c in columns if c not in keys]
    change = sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(c)) for c in others)
    action = sql.SQL("UPDATE SET {}").format(change) if others else sql.SQL("NOTHING")
    found = sql.SQL(", ").join(map(sql.Identifier, keys))
    statement = sql.SQL("INSERT INTO {table} ({columns}) SELECT {columns} FROM {incoming} ON CONFLICT ({keys}) DO {action}")
    cursor.execute(statement.format(table=_identifier(name), columns=listed, incoming=_INCOMING, keys=found, action=action))


def _identifier(name: TableName) -> sql.Identifier:
    return sql.Identifier(name.schema, name.name) if name.schema else sql.Identifier(name.name)
