"""Putting rows into a table of MySQL or MariaDB, all or nothing.

A table that can take the data is emptied and filled in one transaction of InnoDB; whatever hangs on it stays. CREATE and ALTER
commit on the spot, so where they are needed a new table is filled under another name, first made LIKE the old one to keep its
indexes, and takes the old one's place with RENAME TABLE, which readers see all of or nothing of. Foreign keys and triggers would not
come along; a table that has some is not changed.
"""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from seeknal_drivers.mysql.rows import describe
from seeknal_duckdb.connections import failures, outgoing
from seeknal_duckdb.connections.mysql_types import ResultColumn, column_takes, parameters, sent_as, sql_type
from seeknal_duckdb.connections.settings import TableName, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeknal.protocols import WriteMode
    from seeknal_drivers.mysql.connecting import Connection

_LOCK_SECONDS = 3600

_TABLE = """
    SELECT t.table_type, coalesce(e.transactions, 'NO') FROM information_schema.tables t
    LEFT JOIN information_schema.engines e ON e.engine = t.engine
    WHERE t.table_schema = %s AND t.table_name = %s
"""
_FILLED = """
    SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s
    AND (coalesce(column_default, 'NULL') <> 'NULL' OR extra LIKE '%%auto_increment%%' OR extra LIKE '%%GENERATED%%')
"""
_TIED = """
    SELECT 'foreign keys' FROM information_schema.key_column_usage WHERE referenced_table_name IS NOT NULL
    AND (%(s)s, %(t)s) IN ((table_schema, table_name), (referenced_table_schema, referenced_table_name))
    UNION SELECT 'triggers' FROM information_schema.triggers WHERE event_object_schema = %(s)s AND event_object_table = %(t)s
"""
_CASCADES = """
    SELECT table_name FROM information_schema.referential_constraints
    WHERE unique_constraint_schema = %s AND referenced_table_name = %s AND delete_rule NOT IN ('NO ACTION', 'RESTRICT')
"""


@dataclass(frozen=True, slots=True)
class Writer:
    """One write to one table, with the rows to come and their plain types."""

    connection: Connection
    name: TableName
    reader: pa.RecordBatchReader
    data: pa.Schema

    def write(self, mode: WriteMode) -> int:
        """Do it. Returns the number of rows. Raises ConnectionFailed, pymysql.Error."""
        with self._alone():
            return self._write(mode)

    def _write(self, mode: WriteMode) -> int:
        found = self._rows(_TABLE, (self.name.schema, self.name.name))
        if not found:
            return self._swap(None, [])
        kind, transactional = found[0]
        if kind != b"BASE TABLE":
            message = f"'{self.name}' is not a table but a {kind.decode().lower()}"
            raise failures.misfit(message, "choose another name")
        self._run("START TRANSACTION")
        columns = {c.name.casefold(): c for c in describe(self.connection, self.name.select_all("mysql"), ResultColumn)}
        changes = self._changes(columns) if mode == "replace" else []
        if changes or (mode == "replace" and transactional != b"YES"):
            self._run("ROLLBACK")
            self._check_free()
            return self._swap(self.name, changes)
        if transactional != b"YES":
            hint = "ALTER TABLE … ENGINE=InnoDB, or write with mode replace"
            message = f"table '{self.name}' cannot be appended to all or nothing: its engine has no transactions"
            raise failures.misfit(message, hint)
        if mode == "replace":
            self._check_cascades()
            self._run("DELETE FROM", self.name.quoted("mysql"))
        written = self._fill(self.name, columns)
        self.connection.commit()
        return written

    def _changes(self, columns: dict[str, ResultColumn]) -> list[str]:
        """What has to be altered before the columns can take the data, touching no more than must be."""
        changes = []
        for field in self.data:
            column = columns.get(field.name.casefold())
            if column is None:
                changes.append("ADD COLUMN " + self._definition(field))
            elif not column_takes(column, field.type):
                changes.append("MODIFY COLUMN " + self._definition(field))
        wanted = {name.casefold() for name in self.data.names}
        filled = {row[0].decode().casefold() for row in self._rows(_FILLED, (self.name.schema, self.name.name))}
        return changes + ["DROP COLUMN " + quoted(c.name, "mysql") for key, c in columns.items() if key not in wanted | filled]

    def _swap(self, like: TableName | None, changes: list[str]) -> int:
        """Fill a new table under another name, and put it in the place of the old one, if any, in one step."""
        fresh, old = (TableName(self._spare(suffix), self.name.schema) for suffix in ("new", "old"))
        drop = ("DROP TABLE IF EXISTS", fresh.quoted("mysql") + ",", old.quoted("mysql"))
        self._run(*drop)  # left behind by a write that was killed
        try:
            written = self._fill_new(fresh, like, changes)
            moves = [(fresh, self.name)] if like is None else [(like, old), (fresh, self.name)]
            self._run("RENAME TABLE", ", ".join(f"{a.quoted('mysql')} TO {b.quoted('mysql')}" for a, b in moves))
        finally:
            if self.connection.open:
                self._run(*drop)
        return written

    def _fill_new(self, fresh: TableName, like: TableName | None, changes: list[str]) -> int:
        if like is None:
            definitions = ", ".join(self._definition(f) for f in self.data)
            self._run("CREATE TABLE", fresh.quoted("mysql"), "(" + definitions + ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4")
        else:
            self._run("CREATE TABLE", fresh.quoted("mysql"), "LIKE", like.quoted("mysql"))
            self._run("ALTER TABLE", fresh.quoted("mysql"), ", ".join([*changes, "ENGINE=InnoDB"]))
        self._run("START TRANSACTION")
        columns = {c.name.casefold(): c for c in describe(self.connection, fresh.select_all("mysql"), ResultColumn)}
        written = self._fill(fresh, columns)
        self.connection.commit()
        return written

    def _fill(self, table: TableName, columns: dict[str, ResultColumn]) -> int:
        target = pa.schema([pa.field(f.name, self._sent_as(f, columns)) for f in self.data])
        names = ", ".join(quoted(name, "mysql") for name in target.names)
        into = f"{table.quoted('mysql')} ({names})".replace("%", "%%")
        statement = " ".join(["INSERT INTO", into, "VALUES", "(" + ", ".join(["%s"] * len(target)) + ")"])
        written = 0
        with self.connection.cursor() as cursor:
            for batch in outgoing.batches(self.reader, target):
                columnwise = [parameters(a, n) for a, n in zip(batch.columns, target.names, strict=True)]
                cursor.executemany(statement, list(zip(*columnwise, strict=True)))
                written += batch.num_rows
        return written

    def _sent_as(self, field: pa.Field, columns: dict[str, ResultColumn]) -> pa.DataType:
        column = columns.get(field.name.casefold())
        if column is None:
            hint = "add it to the table, or leave it out of what is written; mode replace changes the table itself"
            message = f"table '{self.name}' has no column '{field.name}'"
            raise failures.misfit(message, hint)
        if not column_takes(column, field.type):
            hint = "cast it in the model, or change the table; mode replace changes the table itself"
            message = f"column '{column.name}' of table '{self.name}' holds {column.stored}, which is not {field.type}"
            raise failures.misfit(message, hint)
        return sent_as(field.type, column)

    def _check_free(self) -> None:
        found = self._rows(_TIED, {"s": self.name.schema, "t": self.name.name})
        tied = b" and ".join(row[0] for row in found).decode()
        if tied:
            hint = "change the table's columns yourself, or drop what hangs on it"
            message = f"table '{self.name}' would have to be made anew for this data, and would lose its {tied}"
            raise failures.misfit(message, hint)

    def _check_cascades(self) -> None:
        """Deleting these rows must not delete or change rows of other tables."""
        found = self._rows(_CASCADES, (self.name.schema, self.name.name))
        others = ", ".join(row[0].decode() for row in found)
        if others:
            message = f"the rows of '{self.name}' cannot be replaced: foreign keys would delete or change rows of {others} with them"
            raise failures.misfit(message, "make the foreign keys ON DELETE NO ACTION, or write to a table of its own")

    def _definition(self, field: pa.Field) -> str:
        null = " NULL" if pa.types.is_timestamp(field.type) else ""  # else old servers make the first timestamp NOT NULL
        return quoted(field.name, "mysql") + " " + sql_type(field.type, field.name) + null

    def _spare(self, suffix: str) -> str:
        digest = hashlib.sha256(str(self.name).encode()).hexdigest()
        return f"seeknal_{digest[:16]}_{suffix}"

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else writes this table through here at the same time. The server frees the lock when the connection ends."""
        lock = self._spare("lock")
        if self._rows("SELECT get_lock(%s, %s)", (lock, _LOCK_SECONDS)) != [(b"1",)]:
            message = f"another write to '{self.name}' did not end within {_LOCK_SECONDS} s"
            raise failures.query_failed(message, "try again when it has")
        yield
        self._rows("SELECT release_lock(%s)", (lock,))

    def _run(self, *parts: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(" ".join(parts))

    def _rows(self, query: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(query, parameters)
            return list(cursor.fetchall())
