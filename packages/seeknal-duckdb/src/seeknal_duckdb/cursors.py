"""Cursors of one database, for several threads: handed out, taken back, and interrupted together."""

from __future__ import annotations

import time
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING

import duckdb

from seeknal.errors import EngineError
from seeknal_duckdb.database import open_database
from seeknal_duckdb.errors import BINDING, CANCELLED, INTERRUPTED, engine_error

if TYPE_CHECKING:
    from collections.abc import Generator

    from seeknal.protocols import SessionSettings

_RETRY_SECONDS = 0.01
_RETRIES = 200
_CTRL_C = "Query interrupted"
"""What DuckDB makes of a KeyboardInterrupt, which it swallows."""


class Running:
    """One call in flight: its cursor, the text it was handed, and whether it is to stop.

    `before` is how many lines go before `query` in the statement that DuckDB runs. `resting` says that the call waits for its
    caller, as a stream does between two batches.
    """

    __slots__ = ("before", "cancelled", "cursor", "query", "resting", "thread")

    def __init__(self, cursor: duckdb.DuckDBPyConnection, query: str | None) -> None:
        self.cursor = cursor
        self.query = query
        self.before = 1
        self.cancelled = False
        self.resting = False
        self.thread = get_ident()

    def check(self) -> None:
        """Raise EngineError SK-RUN-130 if the call is to stop; for work that DuckDB does not see."""
        if self.cancelled:
            raise EngineError(INTERRUPTED, CANCELLED)


class Cursors:
    """The cursors of one database. A cursor serves one call at a time; DuckDB allows no other use from threads.

    `views` are the names, in lower case, of the relations that are queries.
    """

    def __init__(self, settings: SessionSettings, *, locked: bool) -> None:
        self._database = open_database(settings, locked=locked)
        self._idle: list[duckdb.DuckDBPyConnection] = []
        self._running: set[Running] = set()
        self.views: set[str] = set()

    @contextmanager
    def use(self, query: str | None = None) -> Generator[Running]:
        """A cursor for one call. What DuckDB raises in it leaves as EngineError; places are told for the text `query`."""
        running = self.take(query)
        try:
            yield running
            running.check()
        except duckdb.Error as error:
            raise self.failure(running, error) from error
        except RuntimeError as error:
            if str(error) == _CTRL_C:
                raise KeyboardInterrupt from error
            raise
        finally:
            self.give_back(running)

    def take(self, query: str | None = None) -> Running:
        """A cursor for one call, which `give_back` must end."""
        try:
            cursor = self._idle.pop()
        except IndexError:  # asking first would let another thread take the last one in between
            cursor = self._database.cursor()
        running = Running(cursor, query)
        self._running.add(running)
        return running

    def failure(self, running: Running, error: duckdb.Error) -> EngineError:
        """What went wrong in a call.

        A query may fail while it runs inside one of the `views`, whose places DuckDB tells as if they were the query's own.
        """
        if running.cancelled:
            return EngineError(INTERRUPTED, CANCELLED)
        query = running.query
        if query is not None and not isinstance(error, BINDING):
            text = query.casefold()
            query = None if any(name in text for name in self.views) else query
        return engine_error(error, query, running.before)

    def give_back(self, running: Running) -> None:
        """The call is over."""
        self._running.discard(running)
        self._idle.append(running.cursor)

    def interrupt(self) -> None:
        """Cancel every call in flight, and wait a little until they are.

        DuckDB forgets an interrupt that comes just before a query begins, so it is repeated until the call has ended. A signal
        handler runs in the thread of a call and cannot wait for it.
        """
        stopping, own = self._running.copy(), get_ident()
        for running in stopping:
            running.cancelled = True
            running.cursor.interrupt()
        for _ in range(_RETRIES):
            stopping = {running for running in stopping & self._running if not running.resting and running.thread != own}
            if not stopping:
                return
            time.sleep(_RETRY_SECONDS)
            for running in stopping:
                running.cursor.interrupt()

    def close(self) -> None:
        """Free the database."""
        for cursor in self._idle:
            cursor.close()
        self._idle.clear()
        self._database.close()
