"""Rows on their way to whoever asked for them, and how all that a driver is doing is stopped."""

from __future__ import annotations

import contextlib
import inspect
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    import pyarrow as pa


class RowStream:
    """The rows of a query, once.

    `release` gives back what they come from, at their end, when nobody refers to them any more, or on `close`. `interrupt` makes
    the database stop working for whoever waits for the next rows in another thread.
    """

    def __init__(
        self,
        schema: pa.Schema,
        batches: Generator[pa.RecordBatch],
        release: Callable[[], object],
        interrupt: Callable[[], object],
    ) -> None:
        self._schema = schema
        self._batches = batches
        self._release = weakref.finalize(self, release)
        self._interrupt = interrupt

    def reader(self) -> pa.RecordBatchReader:
        """The rows for whoever asked.

        A failure leaves it as ConnectionFailed, unless the reader is handed on through Arrow's C interface, which knows only text.
        """
        import pyarrow as pa  # takes long, and what only looks at a database needs none of it

        return pa.RecordBatchReader.from_batches(self._schema, self._all())

    def close(self) -> None:
        """End the rows. Another thread that waits for some gets a failure instead, and gives back what they come from."""
        if inspect.getgeneratorstate(self._batches) == inspect.GEN_RUNNING:
            self._interrupt()
        else:
            self._release()

    def _all(self) -> Iterator[pa.RecordBatch]:  # refers to self, so the reader keeps alive what it reads from
        try:
            yield from self._batches
        finally:
            self._release()


class Activity:
    """What a driver is doing, in any thread."""

    def __init__(self) -> None:
        self._streams: weakref.WeakSet[RowStream] = weakref.WeakSet()
        self._interrupts: list[Callable[[], object]] = []

    def start(self, stream: RowStream) -> pa.RecordBatchReader:
        """Remember a stream, and give its rows."""
        self._streams.add(stream)
        return stream.reader()

    @contextlib.contextmanager
    def during(self, interrupt: Callable[[], object]) -> Iterator[None]:
        """While the block runs, `interrupt` is how to stop it from another thread."""
        self._interrupts.append(interrupt)
        try:
            yield
        finally:
            self._interrupts.remove(interrupt)

    def stop(self) -> None:
        """End all of it. Whoever was waiting gets a failure."""
        for interrupt in list(self._interrupts):
            interrupt()
        for stream in list(self._streams):
            stream.close()
