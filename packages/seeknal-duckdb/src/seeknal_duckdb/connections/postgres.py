"""PostgreSQL, through psycopg 3. `postgres_types` says how types are mapped.

Reading runs the query as COPY … TO STDOUT in a read-only transaction: several times as fast as fetching rows, and the server
streams it, so nobody holds more than a block.

Writing is one transaction, so a write that dies leaves nothing behind. `replace` deletes and copies in; TRUNCATE would show an
empty table to readers with an older snapshot. It takes a lock that lets readers go on but no other writer. A table whose columns
cannot take the data is altered: columns the data lacks are dropped unless the server fills them itself (default, identity,
generated), missing ones added, others given the data's type. Grants, indexes and views on what stays, stay. `upsert` copies into a
temporary table and merges; it needs a primary key or unique index on just the keys, and a table that it creates has one.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

import pyarrow as pa

from seeknal_drivers.queries import check_result_columns, trimmed
from seeknal_drivers.streams import Activity, RowStream
from seeknal_duckdb.connections import failures, outgoing
from seeknal_duckdb.connections.settings import Login, ServerSettings, TableName, check_columns

with failures.optional("postgres"):
    import psycopg
    from psycopg import sql

    from seeknal_duckdb.connections import postgres_tables, postgres_upsert, postgres_wire
    from seeknal_duckdb.connections.postgres_text import ResultColumn, copy_text, parse_csv
    from seeknal_duckdb.connections.postgres_types import arrow_type

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from seeknal.protocols import ArrowStream, WriteMode
    from seeknal_duckdb.connections.postgres_wire import Connection

PORT = 5432
LONGEST_NAME = 63


class PostgresConnection:
    """A database of a PostgreSQL server."""

    def __init__(self, **settings: Unpack[ServerSettings]) -> None:
        """Check the settings; nothing is opened yet. Raises ConnectionFailed."""
        self._login = Login.of("postgres", PORT, settings)
        self._activity = Activity()

    def __repr__(self) -> str:
        return f"PostgresConnection({self._login.place}/{self._login.database})"

    def check(self) -> str:
        """Log in. Returns the server's version, the database and the user."""
        query = "SELECT split_part(current_setting('server_version'), ' ', 1), current_database(), current_user"
        with self._connected() as connection:
            ((version, database, user),) = connection.execute(query).fetchall()
        return f"PostgreSQL {version}, database {database}, user {user}"

    def read(self, query: str) -> pa.RecordBatchReader:
        """Run one SELECT on a read-only transaction and stream its rows. Raises ConnectionFailed."""
        text = trimmed(query, "postgres")
        connection = postgres_wire.connect(self._login)
        release, interrupt = partial(postgres_wire.abandon, connection), partial(postgres_wire.cancel, connection)
        try:
            with self._activity.during(interrupt):
                connection.execute("SET TRANSACTION READ ONLY")
                columns = _columns(postgres_wire.describe(connection, text.encode()))
        except psycopg.Error as error:
            connection.close()
            raise postgres_wire.explain(self._login, error, text) from None
        except BaseException:
            connection.close()
            raise
        schema = pa.schema([pa.field(c.name, c.type) for c in columns])
        return self._activity.start(RowStream(schema, self._batches(connection, text, columns, schema), release, interrupt))

    def table_query(self, table: str) -> str:
        """The SELECT that reads a whole table."""
        return self._name(table).select_all("postgres")

    def write(self, table: str, data: ArrowStream, mode: WriteMode, keys: Sequence[str] = ()) -> int:
        """Put rows into a table in one transaction. Returns the number of rows. Raises ConnectionFailed."""
        name, reader = self._name(table), outgoing.incoming(data)
        plain = outgoing.plain_schema(reader.schema)
        check_columns(plain.names, LONGEST_NAME)
        with self._connected() as connection, connection.cursor() as cursor:
            target = postgres_tables.prepare(cursor, name, plain, mode, keys)
            columns = sql.SQL(", ").join(map(sql.Identifier, target.names))
            into = postgres_upsert.incoming(cursor, name, columns) if keys else postgres_tables.identifier(name)
            with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(into, columns)) as copy:
                for batch in outgoing.batches(reader, target):
                    copy.write(copy_text(batch))
            if keys:
                postgres_upsert.merge(cursor, name, target.names, keys)
            connection.commit()
            return cursor.rowcount

    def close(self) -> None:
        """Stop whatever is still going on, in any thread; it fails there, and nothing is written."""
        self._activity.stop()

    def _name(self, table: str) -> TableName:
        return TableName.parse(table, self._login.schema, longest=LONGEST_NAME)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Connection]:
        """A connection that is closed, and what was not committed undone, however the block ends."""
        with contextlib.closing(postgres_wire.connect(self._login)) as connection:
            try:
                with self._activity.during(partial(postgres_wire.cancel, connection)):
                    yield connection
            except psycopg.Error as error:
                raise postgres_wire.explain(self._login, error) from None

    def _batches(self, connection: Connection, query: str, columns: list[ResultColumn], schema: pa.Schema) -> Generator[pa.RecordBatch]:
        try:
            for block in postgres_wire.copy_out(connection, query.encode()):
                yield parse_csv(block, columns, schema)
        except psycopg.Error as error:
            raise postgres_wire.explain(self._login, error, query, wrapped=True) from None


def _columns(described: Any) -> list[ResultColumn]:
    """Names and types as the server described them; a type that psycopg has no name for is text."""
    names = [(described.fname(i) or b"").decode() for i in range(described.nfields)]
    check_result_columns(names)
    return [_column(name, described.ftype(i), described.fmod(i)) for i, name in enumerate(names)]


def _column(name: str, oid: int, modifier: int) -> ResultColumn:
    known = psycopg.adapters.types.get(oid)
    if known is None:
        return ResultColumn(name, pa.string(), "text")
    internal = f"_{known.name}" if oid == known.array_oid else known.name
    type_ = arrow_type(internal, modifier)
    return ResultColumn(name, type_, f"{known.regtype}, read as {type_}" if str(type_) != known.regtype else known.regtype)
