"""Cursors of one database, for several threads: handed out, taken back, and interrupted together."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from seeknal.errors import EngineError
from seeknal_duckdb.database import open_database
from seeknal_duckdb.errors import INTERRUPTED, engine_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeknal.protocols import SessionSettings

_RETRY_SECONDS = 0.01
_RETRIES = 200


class Running:
    """One call in flight: its cursor, and whether it is to stop."""

    __slots__ = ("cancelled", "cursor")

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self.cursor = cursor
        self.cancelled = False

    def check(self) -> None:
        """Raise EngineError SK-RUN-130 if the call is to stop; for work that DuckDB does not see."""
        if self.cancelled:
            raise EngineError(INTERRUPTED, "cancelled")


class Cursors:
    """The cursors of one database. A cursor serves one call at a time; DuckDB allows no other use from threads."""

    def __init__(self, settings: SessionSettings, *, locked: bool) -> None:
        self._database = open_database(settings, locked=locked)
        self._idle: list[duckdb.DuckDBPyConnection] = []
        self._running: set[Running] = set()

    @contextmanager
    def use(self, query: str | None = None) -> Iterator[Running]:
        """A cursor for one call. What DuckDB raises in it leaves as EngineError; places are told for the text `query`."""
        running = self.take()
        try:
            yield running
            running.check()
        except duckdb.Error as error:
            if running.cancelled:
                raise EngineError(INTERRUPTED, "cancelled") from error
            raise engine_error(error, query) from error
        finally:
            self.give_back(running)

    def take(self) -> Running:
        """A cursor for one call, which `give_back` must end."""
        try:
            cursor = self._idle.pop()
        except IndexError:  # asking first would let another thread take the last one in between
            cursor = self._database.cursor()
        running = Running(cursor)
        self._running.add(running)
        return running

    def give_back(self, running: Running) -> None:
        """The call is over."""
        self._running.discard(running)
        self._idle.append(running.cursor)

    def interrupt(self) -> None:
        """Cancel every call in flight, and wait a little until they are.

        DuckDB forgets an interrupt that comes just before a query begins, so it is repeated until the call has ended.
        """
        stopping = self._running.copy()
        for running in stopping:
            running.cancelled = True
        for _ in range(_RETRIES):
            stopping &= self._running
            if not stopping:
                return
            for running in stopping:
                running.cursor.interrupt()
            time.sleep(_RETRY_SECONDS)

    def close(self) -> None:
        """Free the database."""
        for cursor in self._idle:
            cursor.close()
        self._idle.clear()
        self._database.close()
