"""MySQL and MariaDB, through pymysql. `mysql_types` says how types are mapped, `mysql_tables` how rows are written.

Reading streams the query's rows unbuffered in a read-only transaction. The server sends a FLOAT rounded to six digits; such columns
are asked for as DOUBLE, which is exact, and become float32 again here.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Unpack

import pyarrow as pa

from seeknal_drivers.queries import trimmed
from seeknal_drivers.streams import Activity, RowStream
from seeknal_duckdb.connections import failures, outgoing
from seeknal_duckdb.connections.settings import Login, ServerSettings, TableName, bad_name, check_columns, quoted

with failures.optional("mysql"):
    from seeknal_drivers.mysql import rows
    from seeknal_drivers.mysql.connecting import close, closing, hang_up, keeping
    from seeknal_duckdb.connections import mysql_wire
    from seeknal_duckdb.connections.mysql_tables import Writer
    from seeknal_duckdb.connections.mysql_types import ResultColumn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeknal.protocols import ArrowStream, WriteMode
    from seeknal_drivers.mysql.connecting import Connection

PORT = 3306
_LAST_IN_NAMES = "\uffff"


class MySQLConnection:
    """A database of a MySQL or MariaDB server. `schema` is the database that plain table names mean, where it is another one."""

    def __init__(self, **settings: Unpack[ServerSettings]) -> None:
        """Check the settings; nothing is opened yet. Raises ConnectionFailed."""
        self._login = Login.of("mysql", PORT, settings)
        self._activity = Activity()

    def __repr__(self) -> str:
        return f"MySQLConnection({self._login.place}/{self._login.database})"

    def check(self) -> str:
        """Log in. Returns the server's version, the database and the user."""
        with self._connected() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT version(), database(), substring_index(current_user(), '@', 1)")
            version, database, user = (v.decode() for v in cursor.fetchall()[0])
        product = "MariaDB" if "mariadb" in version.lower() else "MySQL"
        return f"{product} {version.split('-')[0]}, database {database}, user {user}"

    def read(self, query: str) -> pa.RecordBatchReader:
        """Run one SELECT on a read-only transaction and stream its rows. Raises ConnectionFailed."""
        query = trimmed(query, "mysql")
        connection, explain = mysql_wire.connect(self._login), partial(mysql_wire.explain, self._login)
        release, interrupt = partial(close, connection), partial(hang_up, connection)
        with keeping(connection, explain), self._activity.during(interrupt), connection.cursor() as cursor:
            cursor.execute("START TRANSACTION READ ONLY")
            columns = rows.describe(connection, query, ResultColumn)
        batches = rows.batches(connection, _exact(query, columns), columns, explain)
        return self._activity.start(RowStream(rows.schema_of(columns), batches, release, interrupt))

    def table_query(self, table: str) -> str:
        """The SELECT that reads a whole table."""
        return self._name(table).select_all("mysql")

    def write(self, table: str, data: ArrowStream, mode: WriteMode) -> int:
        """Put rows into a table, all or nothing. Returns the number of rows. Raises ConnectionFailed."""
        name, reader = self._name(table), outgoing.incoming(data)
        plain = outgoing.plain_schema(reader.schema)
        check_columns(plain.names)
        _check_plane(*plain.names)
        with self._connected(writing=True) as connection:
            return Writer(connection, name, reader, plain).write(mode)

    def close(self) -> None:
        """Stop whatever is still going on, in any thread; it fails there, and nothing is written."""
        self._activity.stop()

    def _name(self, table: str) -> TableName:
        _check_plane(table)
        return TableName.parse(table, self._login.schema or self._login.database)

    @contextlib.contextmanager
    def _connected(self, *, writing: bool = False) -> Iterator[Connection]:
        """A connection that is closed, and what was not committed undone, however the block ends."""
        connection = mysql_wire.connect(self._login, writing=writing)
        with closing(connection, partial(mysql_wire.explain, self._login)), self._activity.during(partial(hang_up, connection)):
            yield connection


def _check_plane(*names: str) -> None:
    """Text may have any character, names may not. Raises ConnectionFailed."""
    for name in names:
        if any(character > _LAST_IN_NAMES for character in name):
            raise bad_name(name, f"MySQL's names have characters up to U+{ord(_LAST_IN_NAMES):X} only")


def _exact(query: str, columns: list[ResultColumn]) -> str:
    """The query with every FLOAT as the DOUBLE of the same value."""
    if not any(c.type == pa.float32() for c in columns):
        return query
    names = [quoted(c.name, "mysql") for c in columns]
    wanted = [f"{n} + 0e0 AS {n}" if c.type == pa.float32() else n for n, c in zip(names, columns, strict=True)]
    return " ".join(["SELECT", ", ".join(wanted), "FROM (", query, "\n) AS q"])
