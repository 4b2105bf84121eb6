"""The engine's session: queries run inside StarRocks, outputs stay there and are kept as Parquet beside.

An output is made by CREATE TABLE AS in the database of the artifacts, read back into the file the core asked for, and then named after the
file's content. A file that another engine or another cluster made is loaded under the same name when it is first read. So what StarRocks
reads are its own tables, and what is built, compared and promoted are the same files as with any engine.
"""

from __future__ import annotations

import contextlib
import json
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pymysql
from pyarrow import csv
from sqlglot import exp

from seeknal.errors import ConnectionFailed, EngineError
from seeknal.nodes import fold
from seeknal.protocols import Files, Rows, Written
from seeknal_drivers.mysql.connecting import close, hang_up
from seeknal_drivers.mysql.rows import schema_of
from seeknal_starrocks import ddl, encoding, leftovers, parquet, reading, wire
from seeknal_starrocks.expanding import Defined, Names, parse
from seeknal_starrocks.keeping import Kept
from seeknal_starrocks.loading import Loader, Target
from seeknal_starrocks.names import DIALECT, TableName, quoted, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from seeknal.nodes import Digest, Schema
    from seeknal.protocols import ArrowStream, FileRead, Query
    from seeknal_drivers.mysql.connecting import Connection
    from seeknal_starrocks.decoding import ResultColumn
    from seeknal_starrocks.driver import StarRocksConnection
    from seeknal_starrocks.flight import Session as Flight

DATABASE = "seeknal_artifacts"
_MADE = TableName("made", DATABASE)  # what outputs are called after, until they have a name of their own
_TABLES = f"FROM information_schema.tables WHERE TABLE_SCHEMA = {text(DATABASE)}"
_CANCELLED = "SK-RUN-130"
_STRICT = "SET sql_mode = 'ONLY_FULL_GROUP_BY,ALLOW_THROW_EXCEPTION'"
_NAMES = ("unknown", "cannot be resolved", "not found", "does not exist", "no matching function", "ambiguous", "analyz")


class StarRocksSession:
    """See `seeknal.protocols.Session`."""

    def __init__(self, driver: StarRocksConnection) -> None:
        self._driver = driver
        self._names = Names()
        self._lock = threading.Lock()
        self._uploading = threading.Lock()
        self._running: set[Connection] = set()
        self._flights: set[Flight] = set()
        self._cancelled: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._interrupts = 0
        self._known: set[str] = set()
        with self._use() as connection:
            wire.rows(connection, f"CREATE DATABASE IF NOT EXISTS {quoted(DATABASE)}")
            for (name,) in wire.rows(connection, f"SELECT TABLE_NAME {_TABLES} AND TABLE_NAME LIKE {text(leftovers.BEGINNING + '%')}"):
                if leftovers.is_left(str(name)):
                    wire.rows(connection, ddl.drop_table(TableName(str(name), DATABASE)))

    def define(self, name: str, relation: Files | Query, schema: str | None = None) -> None:
        """Make a relation readable by name; files that StarRocks does not have yet are loaded."""
        if isinstance(relation, Files):
            paths = [Path(path) for path in relation.paths]
            with self._failures():
                kept = Kept.of(parquet.reader_of(paths).schema)
            found = Defined(tables=tuple(self._table(path, kept) for path in paths), columns=kept.order)
        else:
            over = {fold(said): meant for said, meant in relation.over.items()}
            found = Defined(query=parse(relation.sql), schema=schema or "", over=over)
            self._describe(self._names.expanded(found))
        with self._lock:
            self._names.known[fold(schema or ""), fold(name)] = found

    def describe(self, query: str) -> Schema:
        """The columns `query` would return."""
        return parquet.schema_of(self._describe(self._names.expand(query)))

    def write(self, query: str, target: Path, metadata: Mapping[str, str]) -> Written:
        """Run `query` inside StarRocks, keep its rows there, and store them as one Parquet file."""
        tree = self._names.expand(query)
        with leftovers.name_beside(_MADE) as name, self._use() as connection:
            made = _MADE.beside(name)
            kept = Kept.of(schema_of(reading.describe(connection, tree.sql(dialect=DIALECT))))
            try:
                wire.rows(connection, f"CREATE TABLE {made.sql} AS {kept.made(tree).sql(dialect=DIALECT)}")
                select = f"SELECT {kept.listed} FROM {made.sql}"
                columns = reading.describe(connection, select)
                with self._read_back(connection, select, columns) as rows:
                    written = parquet.write(pa.RecordBatchReader.from_batches(schema_of(columns), rows), target, metadata)
                self._keep(connection, made, target)
            except BaseException:
                with contextlib.suppress(pymysql.Error, OSError):
                    wire.rows(connection, ddl.drop_table(made))
                raise
        return written

    def ingest(self, data: ArrowStream, target: Path, metadata: Mapping[str, str]) -> Written:
        """Store a stream of Arrow batches as one Parquet file; it is loaded when it is first read."""
        with self._failures():
            return parquet.write(encoding.incoming(data), target, metadata)

    def load(self, read: FileRead, target: Path, metadata: Mapping[str, str]) -> Written:
        """Copy Parquet files that people made."""
        if read.format != "parquet":
            raise EngineError(
                "SK-DATA-001", f"this engine does not read {read.format} files", hint="parquet, or a source that is a database"
            )
        with self._failures():
            return parquet.write(parquet.reader_of(read.paths), target, metadata)

    def rows(self, query: str, limit: int | None = None) -> Rows:
        """Run a query and fetch its rows, at most `limit` of them."""
        tree = self._names.expand(query)
        if limit is not None and tree.args.get("limit") is None:
            tree = tree.limit(limit)
        reader, columns = self._stream(tree), []
        found: list[tuple[Any, ...]] = []
        with self._failures():
            for batch in reader:
                columns = [c.to_pylist() for c in batch.columns]
                found += zip(*columns, strict=True)
                if limit is not None and len(found) >= limit:
                    break
        return Rows(tuple(reader.schema.names), found[:limit])

    def arrow(self, query: str) -> ArrowStream:
        """Run a query and hand out its rows as a stream, a `pyarrow.RecordBatchReader`."""
        stream: ArrowStream = self._stream(self._names.expand(query))
        return stream

    def digests(self, relation: Files, sets: Sequence[Sequence[str]]) -> list[Digest]:
        """Computed here, from the files."""
        return parquet.digests([Path(p) for p in relation.paths], sets)

    def export(self, query: str, target: Path, format: str, options: Mapping[str, Any]) -> int:  # noqa: A002 - the protocol's name
        """Write the rows of a query to a CSV, JSON lines or Parquet file."""
        if options:
            raise EngineError("SK-DATA-006", f"the {format} writer of this engine has no parameter '{next(iter(options))}'")
        reader = self._stream(self._names.expand(query))
        with self._failures():
            if format == "parquet":
                return parquet.write(reader, target, {}).rows
            if format == "csv":
                rows = 0
                with csv.CSVWriter(target, reader.schema) as writer:
                    for batch in reader:
                        writer.write_batch(batch)
                        rows += batch.num_rows
                return rows
            with target.open("w", encoding="utf-8") as file:
                rows = 0
                for row in (r for batch in reader for r in batch.to_pylist()):
                    file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
                    rows += 1
                return rows

    def interrupt(self) -> None:
        """Cancel every query in flight: KILL QUERY ends the statement that runs, hanging up the one that would follow it."""
        with self._lock:
            running, flights = list(self._running), list(self._flights)
            self._cancelled.update(running)
            self._interrupts += 1
        for flight in flights:
            flight.close()
        for connection in running:
            with contextlib.suppress(ConnectionFailed), self._driver.connected() as other:
                wire.rows(other, f"KILL QUERY {int(connection.thread_id())}")  # type: ignore[no-untyped-call]
            hang_up(connection)

    def close(self) -> None:
        """Stop what is still going on."""
        self._driver.close()

    # Inside ------------------------------------------------------------------------------------------------------------

    def _describe(self, tree: exp.Query) -> pa.Schema:
        with self._use() as connection:
            columns = reading.describe(connection, tree.sql(dialect=DIALECT))
            return schema_of(columns)

    def _stream(self, tree: exp.Query) -> pa.RecordBatchReader:
        """The rows of an expanded query, on a connection of their own that ends with them."""
        query = tree.sql(dialect=DIALECT)
        stack = contextlib.ExitStack()
        connection = stack.enter_context(self._use())
        try:
            columns = reading.describe(connection, query)
            schema = schema_of(columns)
            rows = reading.batches(self._driver.login, connection, query, columns)
            first = next(rows, None)
        except BaseException as error:
            if not stack.__exit__(type(error), error, error.__traceback__):
                raise
            raise AssertionError from error
        return pa.RecordBatchReader.from_batches(schema, self._rest(stack, first, rows))

    @staticmethod
    def _rest(stack: contextlib.ExitStack, first: pa.RecordBatch | None, rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with stack:
            if first is not None:
                yield first
                yield from rows

    @contextlib.contextmanager
    def _read_back(self, connection: Connection, query: str, columns: Sequence[ResultColumn]) -> Iterator[Iterator[pa.RecordBatch]]:
        """The rows of a table that was made here, over Arrow Flight SQL where `flight_port` is set."""
        if self._driver.login.flight_port is None:
            yield reading.batches(self._driver.login, connection, query, columns)
            return
        from seeknal_starrocks import flight  # gRPC is loaded by those who use it

        with contextlib.closing(self._driver.fly()) as session:
            with self._lock:
                self._flights.add(session)
            try:
                if connection in self._cancelled:  # while it logged in
                    session.close()
                yield flight.batches(session, session.start(query), columns, schema_of(columns))
            finally:
                with self._lock:
                    self._flights.discard(session)

    def _table(self, path: Path, kept: Kept) -> exp.Table:
        """The table that holds a file's rows; loaded where there is none."""
        with self._failures(), self._uploading:
            name = f"a_{parquet.content_of(path)}"
            if name not in self._known:
                with self._use() as connection:
                    if not _exists(connection, name):
                        self._upload(connection, name, kept.rows(parquet.reader_of([path])))
                self._known.add(name)
        return exp.table_(name, db=DATABASE, quoted=True)

    def _upload(self, connection: Connection, name: str, rows: pa.RecordBatchReader) -> None:
        """Load rows. Another machine that was quicker with the same ones has done it for all."""
        try:
            Loader(self._driver.login, connection, Target(TableName(name, DATABASE))).load(rows)
        except ConnectionFailed:
            if not connection.open or not _exists(connection, name):
                raise

    def _keep(self, connection: Connection, made: TableName, target: Path) -> None:
        """Name an output after its content, or drop it where the same is there already."""
        name = f"a_{parquet.content_of(target)}"
        with self._uploading:
            try:
                wire.rows(connection, f"ALTER TABLE {made.sql} RENAME {quoted(name)}")
            except pymysql.Error:
                if not _exists(connection, name):
                    raise
                wire.rows(connection, ddl.drop_table(made))
            self._known.add(name)

    @contextlib.contextmanager
    def _use(self) -> Iterator[Connection]:
        """A connection that counts as running, and whose failures are the engine's."""
        with self._failures() as was:
            interrupts = self._interrupts
            connection = self._driver.open()
            was.append(connection)
            with self._lock:
                self._running.add(connection)
                if self._interrupts > interrupts:  # while it logged in
                    self._cancelled.add(connection)
                    hang_up(connection)
            try:
                wire.rows(connection, _STRICT)
                yield connection
            except pymysql.Error as error:
                raise wire.explain(self._driver.login, error) from None
            finally:
                with self._lock:
                    self._running.discard(connection)
                close(connection)

    @contextlib.contextmanager
    def _failures(self) -> Iterator[list[Connection]]:
        """Failures of the connection as the engine's; those of a connection that was interrupted as such."""
        used: list[Connection] = []
        try:
            yield used
        except ConnectionFailed as error:
            if any(c in self._cancelled for c in used):
                raise EngineError(_CANCELLED, "the query was cancelled") from None
            raise EngineError(_code(error), error.message.removeprefix("the query failed: "), hint=error.hint) from None


def _exists(connection: Connection, name: str) -> bool:
    return bool(wire.rows(connection, f"SELECT 1 {_TABLES} AND TABLE_NAME = {text(name)}"))


def _code(error: ConnectionFailed) -> str:
    said = error.message.casefold()
    if error.code == "SK-CONN-005":
        return "SK-DATA-004"
    if error.code == "SK-CONN-003" or (error.code == "SK-CONN-004" and any(w in said for w in _NAMES)):
        return "SK-SQL-011"
    if "syntax" in said:
        return "SK-SQL-010"
    return "SK-SQL-012"
