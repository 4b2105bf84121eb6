"""State in a SQLite file: WAL, every commit on disk before it is acknowledged, writers one after the other."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import create_engine, event, literal
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.pool import QueuePool

from seeknal.durable import sync_folder
from seeknal.plugin import ProjectError
from seeknal_sql_state import failures
from seeknal_sql_state.backend import SqlBackend
from seeknal_sql_state.database import Database
from seeknal_sql_state.options import SHARED, Options, unknown, with_query
from seeknal_sql_state.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from sqlalchemy import URL, ColumnElement, Connection
    from sqlalchemy.exc import DBAPIError

    from seeknal.errors import SeeknalError

FILE = "state.db"
KNOWN = ("path", "url", *SHARED)
BUSY_SECONDS = 20.0
_MODE = 0o600
_WRITES = "seeknal_writes"
_POLL_SECONDS = 0.05


class SQLiteBackend(SqlBackend):
    """The `sqlite` state backend. `path` is relative to the project, and `target/state.db` unless said otherwise."""

    def __init__(self, target: Path, options: Mapping[str, Any] | None = None) -> None:
        """Check the options; nothing is opened yet. Raises ProjectError (SK-STATE-004)."""
        url, given = with_query("sqlite", options or {}, KNOWN)
        super().__init__(SQLiteDatabase(_path(target, url, given.get("path"))), Options.of(given))


def _path(target: Path, url: URL | None, path: Any) -> Path:
    if url is not None and path is not None:
        raise ProjectError("SK-STATE-004", "state in SQLite is given by its path and by a url", hint="leave out `path` or `url`")
    if url is not None:
        if url.get_backend_name() != "sqlite" or not url.database or url.host:
            hint = "sqlite:///target/state.db, or path: target/state.db"
            raise ProjectError("SK-STATE-004", "the url of state in SQLite names a file and nothing else", hint=hint)
        for option in url.query:
            raise unknown("sqlite", option, KNOWN)
        path = url.database
    if path is None:
        return target / FILE
    if not isinstance(path, str) or not path or path == ":memory:":
        raise ProjectError("SK-STATE-004", "path must name a file")
    return (target.parent / Path(path).expanduser()).resolve()


class SQLiteDatabase(Database):
    """One file."""

    name: ClassVar = "sqlite"
    alone: ClassVar = True
    insert = staticmethod(insert)

    def __init__(self, path: Path) -> None:
        self.path = path
        engine = create_engine("sqlite://", creator=self._connect, poolclass=QueuePool)
        event.listen(engine, "begin", _begin)
        super().__init__(engine, Tables.in_schema(None), str(path))

    @property
    def clock(self) -> ColumnElement[float]:
        """This machine's clock: all who share the file are on it."""
        return literal(time.time())

    def transaction(self, connection: Connection, *, writes: bool) -> AbstractContextManager[Any]:
        return connection.execution_options(**{_WRITES: writes}).begin()

    def exists(self) -> bool:
        return self.path.exists()

    @contextlib.contextmanager
    def preparing(self) -> Iterator[Connection]:
        """A writer is alone in any case."""
        self._make_file()
        with self.writing() as connection:
            yield connection
        with self._explained(), self.engine.connect() as connection:
            self._log_ahead(connection.connection.driver_connection)

    def settle(self) -> None:
        """Fold the log into the file: the last connection to go does that."""
        self.close()

    def _make_file(self) -> None:
        """Make a file that only its owner can read, where there is none."""
        if self.path.exists():
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, _MODE))
            sync_folder(self.path.parent)
        except OSError as error:
            raise failures.read_only(self.place, str(error.strerror)) from None

    def _log_ahead(self, connection: Any) -> None:
        """Write-ahead logging, so that readers and a writer do not wait for each other. It stays a property of the file."""
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise self._meaning(error) from None
                time.sleep(_POLL_SECONDS)  # SQLite does not wait by itself here
            else:
                return

    def explain(self, error: DBAPIError) -> SeeknalError:
        return self._meaning(error.orig)

    def _meaning(self, error: BaseException | None) -> SeeknalError:
        code, reason = getattr(error, "sqlite_errorcode", None) or 0, str(error)
        match code & 0xFF:
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                return failures.busy(self.place, BUSY_SECONDS)
            case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN:
                return failures.read_only(self.place, reason)
            case sqlite3.SQLITE_FULL:
                return failures.full(self.place)
            case sqlite3.SQLITE_NOTADB:
                return failures.foreign(self.place, reason)
            case sqlite3.SQLITE_CORRUPT:
                return failures.damaged(self.place, reason)
            case sqlite3.SQLITE_IOERR:
                return failures.not_written(self.place, reason, _largest_file())
        return failures.failed(self.place, reason)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._uri(), uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    def _uri(self) -> str:
        """The file; where it cannot be written, as something that nobody changes unless a log says so."""
        uri = self.path.absolute().as_uri()
        if os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK):
            return f"{uri}?mode=rw"
        log = self.path.with_name(f"{self.path.name}-wal")
        return f"{uri}?mode=ro" if log.exists() else f"{uri}?mode=ro&immutable=1"


def _largest_file() -> int | None:
    """How many bytes a file may have that this process writes; None where there is no such limit."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _begin(connection: Connection) -> None:
    """Begin as a writer where something will be written: one that only finds out later may not be let in any more."""
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
