"""Making a PostgreSQL table ready to be written: found or created, and its columns those of the data, within one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from psycopg import sql

from seeknal_duckdb.connections import failures
from seeknal_duckdb.connections.outgoing import takes
from seeknal_duckdb.connections.postgres_types import sql_type, stored_type
from seeknal_duckdb.connections.postgres_upsert import are_unique

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from seeknal.protocols import WriteMode
    from seeknal_duckdb.connections.settings import TableName

    Cursor = psycopg.Cursor[tuple[Any, ...]]

_COLUMNS = """
    SELECT a.attname, t.typname, a.atttypmod, format_type(a.atttypid, a.atttypmod), a.atthasdef OR a.attidentity <> ''
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_CASCADES = "SELECT conrelid::regclass::text FROM pg_constraint WHERE confrelid = %s AND contype = 'f' AND confdeltype IN ('c', 'n', 'd')"
_TABLES = ("r", "p", "f")  # plain, partitioned, foreign


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an existing table. `filled`: the server gives it a value where the data has none."""

    name: str
    type: str
    modifier: int
    shown: str
    filled: bool

    def takes(self, type_: pa.DataType) -> bool:
        """Whether it can hold values of a plain Arrow type unchanged."""
        stored = stored_type(self.type, self.modifier)
        return pa.types.is_decimal(type_) or pa.types.is_integer(type_) if stored is None else takes(stored, type_)

    def stored(self, type_: pa.DataType) -> pa.DataType:
        """The Arrow type to send it values of `type_` as."""
        stored = stored_type(self.type, self.modifier)
        return type_ if stored is None or pa.types.is_null(type_) else stored


def prepare(cursor: Cursor, name: TableName, data: pa.Schema, mode: WriteMode, keys: Sequence[str] = ()) -> pa.Schema:
    """Make `name` ready to take `data`, emptied for `replace`. The types to send it. Raises ConnectionFailed, psycopg.Error."""
    table = identifier(name)
    oid = _find(cursor, name, table)
    if oid is None:
        _create(cursor, table, data, keys)
        return data
    if keys and not are_unique(cursor, oid, keys):
        raise failures.no_unique_key(name, keys)
    if mode == "replace":
        _check_free(cursor, name, oid)
        # readers go on; another writer would leave rows behind that are in nobody's data
        cursor.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(table))
        cursor.execute(sql.SQL("DELETE FROM {}").format(table))
        _reshape(cursor, table, _columns(cursor, oid), data)
    columns = {c.name: c for c in _columns(cursor, oid)}
    _check(name, columns, data)
    return pa.schema([pa.field(f.name, columns[f.name].stored(f.type)) for f in data])


def identifier(name: TableName) -> sql.Identifier:
    """The table in SQL."""
    return sql.Identifier(name.schema, name.name) if name.schema else sql.Identifier(name.name)


def _find(cursor: Cursor, name: TableName, table: sql.Identifier) -> int | None:
    cursor.execute("SELECT oid, relkind FROM pg_class WHERE oid = to_regclass(%s)", (table.as_string(cursor),))
    found = cursor.fetchone()
    if found is None:
        return None
    oid, kind = found
    if kind not in _TABLES:
        message = f"'{name}' is not a table but a view or something else that cannot be written"
        raise failures.misfit(message, "choose another name")
    return int(oid)


def _check_free(cursor: Cursor, name: TableName, oid: int) -> None:
    """Deleting these rows must not delete or change rows of other tables."""
    cursor.execute(_CASCADES, (oid,))
    others = ", ".join(str(row[0]) for row in cursor.fetchall())
    if others:
        message = f"the rows of '{name}' cannot be replaced: foreign keys would delete or change rows of {others} with them"
        raise failures.misfit(message, "make the foreign keys NO ACTION DEFERRABLE INITIALLY DEFERRED, or write to a table of its own")


def _columns(cursor: Cursor, oid: int) -> list[Column]:
    cursor.execute(_COLUMNS, (oid,))
    return [Column(*row) for row in cursor.fetchall()]


def _create(cursor: Cursor, table: sql.Identifier, data: pa.Schema, keys: Sequence[str]) -> None:
    columns = [_definition(f) for f in data]
    columns += [sql.SQL("PRIMARY KEY ({})").format(sql.SQL(", ").join(map(sql.Identifier, keys)))] if keys else []
    cursor.execute(sql.SQL("CREATE TABLE {} ({})").format(table, sql.SQL(", ").join(columns)))


def _definition(field: pa.Field) -> sql.Composed:
    return sql.SQL("{} {}").format(sql.Identifier(field.name), sql.SQL(sql_type(field.type, field.name)))


def _reshape(cursor: Cursor, table: sql.Identifier, columns: list[Column], data: pa.Schema) -> None:
    """Give the emptied table the columns of the data, touching no more than must be."""
    wanted, existing, changes = set(data.names), {c.name: c for c in columns}, []
    for field in data:
        column = existing.get(field.name)
        if column is None:
            changes.append(sql.SQL("ADD COLUMN {}").format(_definition(field)))
        elif not column.takes(field.type):
            change = sql.SQL("ALTER COLUMN {0} TYPE {1} USING NULL")
            changes.append(change.format(sql.Identifier(field.name), sql.SQL(sql_type(field.type, field.name))))
    changes += [sql.SQL("DROP COLUMN {}").format(sql.Identifier(c.name)) for c in columns if c.name not in wanted and not c.filled]
    if changes:
        cursor.execute(sql.SQL("ALTER TABLE {} {}").format(table, sql.SQL(", ").join(changes)))


def _check(name: TableName, columns: dict[str, Column], data: pa.Schema) -> None:
    for field in data:
        if field.name not in columns:
            hint = "add it to the table, or leave it out of what is written; mode replace changes the table itself"
            message = f"table '{name}' has no column '{field.name}'"
            raise failures.misfit(message, hint)
        column = columns[field.name]
        if not column.takes(field.type):
            hint = "cast it in the model, or change the table; mode replace changes the table itself"
            message = f"column '{field.name}' of table '{name}' is {column.shown}, which does not hold {field.type}"
            raise failures.misfit(message, hint)
