"""A connection of profiles.yml to StarRocks. See `seeknal.protocols.ConnectionDriver`."""

from __future__ import annotations

import contextlib
import importlib
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pymysql

from seeknal.errors import ConnectionFailed
from seeknal.protocols import Step
from seeknal_drivers.failures import Unavailable
from seeknal_drivers.mysql.connecting import close, closing, hang_up, keeping
from seeknal_drivers.streams import Activity, RowStream
from seeknal_starrocks import wire
from seeknal_starrocks.names import TableName
from seeknal_starrocks.settings import DEFAULT_CATALOG, Login

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from seeknal.protocols import ArrowStream, WriteMode
    from seeknal_drivers.mysql.connecting import Connection
    from seeknal_starrocks.decoding import ResultColumn
    from seeknal_starrocks.flight import Session
    from seeknal_starrocks.settings import FrontEnd
    from seeknal_starrocks.shell import StarRocksShell

_PROBES = 5


class StarRocksConnection:
    """One or several front ends of a StarRocks cluster. It may be used by several threads; each call logs in for itself."""

    def __init__(self, **settings: Any) -> None:
        """Check the settings; nothing is opened yet. Raises ConnectionFailed."""
        self.login = Login.of(settings)
        self._activity = Activity()
        self._answered: FrontEnd | None = None

    def __repr__(self) -> str:
        return f"StarRocksConnection({self.login.place}/{self.login.catalog or DEFAULT_CATALOG}.{self.login.database or ''})"

    # Looking -----------------------------------------------------------------------------------------------------------

    def check(self) -> str:
        """Log in. Returns what answered: version, catalog, database and user."""
        with self.connected() as connection:
            version = _version(connection)
            return f"StarRocks {version}, catalog {self.login.catalog or DEFAULT_CATALOG}, database {self.login.database or '(none)'}, user {self.login.user}"

    def steps(self) -> Iterator[Step]:
        """Reach a front end, log in, look around; what fails ends it. Raises ConnectionFailed."""
        begun = time.perf_counter()
        connection, front_end = wire.log_in(self.login)
        with closing(connection, partial(wire.explain, self.login)):
            yield Step("reach", f"front end {front_end} answers")
            cipher = connection._sock.cipher()[0] if hasattr(connection._sock, "cipher") else None  # type: ignore[attr-defined]  # noqa: SLF001 - nothing public does it
            yield Step("log in", f"user {self.login.user}, {f'encrypted ({cipher})' if cipher else 'not encrypted'}")
            wire.enter(connection, self.login)
            yield Step("version", f"StarRocks {_version(connection)}")
            yield Step("catalog", self.login.catalog or DEFAULT_CATALOG)
            yield Step("database", self.login.database or "none is set: tables need database.table")
            yield Step("privileges", _privileges(connection))
            took = time.perf_counter() - begun
            yield Step("latency", f"{_latency(connection):.1f} ms a statement, {took * 1000:.0f} ms to log in")
            if self.login.flight_port is not None:
                yield Step("flight", self._probe("flight", front_end))
            if self.login.stage is not None:
                yield Step("stage", self._probe("stage", connection))

    def _probe(self, step: str, what: Any) -> str:
        """A row there and back, over what is only used where it is set."""
        module = importlib.import_module(f"seeknal_starrocks.{step}")  # gRPC and file systems are loaded by those who use them
        try:
            return str(module.probe(self.login, what))
        except ConnectionFailed as error:
            error.step = step
            raise

    # Reading -----------------------------------------------------------------------------------------------------------

    def read(self, query: str) -> pa.RecordBatchReader:
        """Run one SELECT and stream its rows, over Arrow Flight SQL where `flight_port` is set. Raises ConnectionFailed."""
        from seeknal_drivers.mysql.rows import schema_of  # Arrow takes long to import, and deploying metrics needs none of it
        from seeknal_starrocks import reading

        query = reading.one_select(query)
        connection, explain = self.open(), partial(wire.explain, self.login)
        interrupt = partial(hang_up, connection)
        with keeping(connection, explain), self._activity.during(interrupt):
            columns = reading.describe(connection, query)
            schema = schema_of(columns)
        if self.login.flight_port is not None:
            close(connection)
            return self._by_flight(query, columns, schema)
        rows = reading.batches(self.login, connection, query, columns)
        return self._activity.start(RowStream(schema, rows, partial(close, connection), interrupt))

    def _by_flight(self, query: str, columns: Sequence[ResultColumn], schema: pa.Schema) -> pa.RecordBatchReader:
        from seeknal_starrocks import flight  # gRPC is loaded by those who use it

        session = self.fly()
        with flight.keeping(session), self._activity.during(session.close):
            endpoints = session.start(query)
        rows = flight.batches(session, endpoints, columns, schema)
        return self._activity.start(RowStream(schema, rows, session.close, session.close))

    def table_query(self, table: str) -> str:
        """The SELECT that reads a whole table; `table`, `database.table` and `catalog.database.table` are understood."""
        return f"SELECT * FROM {TableName.parse(table).sql}"

    # Writing -----------------------------------------------------------------------------------------------------------

    def write(self, table: str, data: ArrowStream, mode: WriteMode, keys: Sequence[str] = ()) -> int:
        """Put rows into a table, all or nothing. Returns the number of rows. Raises ConnectionFailed."""
        from seeknal_starrocks.deploying import write_rows  # reading needs none of it

        return write_rows(self, table, data, mode, keys)

    def shell(self) -> StarRocksShell:
        """A session for the SQL prompt."""
        from seeknal_starrocks.shell import StarRocksShell  # only the prompt needs it

        return StarRocksShell(self.login)

    def close(self) -> None:
        """Stop whatever is still going on, in any thread; it fails there."""
        self._activity.stop()

    # For the other modules of this package -----------------------------------------------------------------------------

    def open(self) -> Connection:
        """A connection, to the front end that answered last where it still does. Raises ConnectionFailed."""
        login = self.login
        if self._answered is not None and len(login.front_ends) > 1:
            with contextlib.suppress(Unavailable):
                return wire.connect(login, front_end=self._answered)[0]
        connection, self._answered = wire.connect(login)
        return connection

    def fly(self) -> Session:
        """A login for Arrow Flight SQL, at the front end that answered last. Raises ConnectionFailed."""
        from seeknal_starrocks import flight  # gRPC is loaded by those who use it

        return flight.log_in(self.login, self._answered)

    @contextlib.contextmanager
    def connected(self) -> Iterator[Connection]:
        """A connection that is closed however the block ends."""
        connection = self.open()
        with closing(connection, partial(wire.explain, self.login)), self._activity.during(partial(hang_up, connection)):
            yield connection


def _version(connection: Connection) -> str:
    """The server's own version; version() says which MySQL it takes itself for."""
    try:
        return str(wire.rows(connection, "SELECT current_version()")[0][0])
    except pymysql.Error:
        return f"unknown: this server has no current_version() and calls itself {wire.rows(connection, 'SELECT version()')[0][0]}"


def _privileges(connection: Connection) -> str:
    """What the user may do, as far as the server says."""
    try:
        grants = [str(row[-1]) for row in wire.rows(connection, "SHOW GRANTS")]
    except pymysql.Error as error:
        return f"not known: SHOW GRANTS failed ({error.args[-1]})"
    words = {w for g in grants for w in ("SELECT", "INSERT", "CREATE TABLE", "CREATE MATERIALIZED VIEW", "ALTER", "DROP") if w in g.upper()}
    if any("ALL" in g.upper().split() for g in grants) or any("ADMIN" in g.upper() for g in grants):
        return "all"
    if not words:
        return "none of its own that are shown; roles may give some"
    return ", ".join(sorted(words))


def _latency(connection: Connection) -> float:
    """Milliseconds of a statement that does nothing: the least of a few."""
    found = []
    for _ in range(_PROBES):
        begun = time.perf_counter()
        wire.rows(connection, "SELECT 1")
        found.append((time.perf_counter() - begun) * 1000)
    return min(found)
