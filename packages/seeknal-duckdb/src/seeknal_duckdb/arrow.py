"""Arrow data in and out."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from seeknal.errors import EngineError
from seeknal_duckdb.errors import INTERRUPTED, engine_error
from seeknal_duckdb.sql import identifier, wrapped
from seeknal_duckdb.statements import columns_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeknal.protocols import ArrowStream
    from seeknal_duckdb.cursors import Cursors, Running

BATCH_ROWS = 65_536
_INCOMING = "seeknal_incoming"


@contextmanager
def ingested(running: Running, data: ArrowStream) -> Iterator[str]:
    """A query, good on this cursor and once, that reads a stream of Arrow batches."""
    reader = _reader(data)
    checked = pa.RecordBatchReader.from_batches(reader.schema, _until_cancelled(running, reader))
    running.cursor.register(_INCOMING, checked)
    try:
        yield "FROM " + identifier(_INCOMING)
    finally:
        running.cursor.unregister(_INCOMING)


def record_batches(cursors: Cursors, query: str) -> pa.RecordBatchReader:
    """The rows of `query` as a stream. Its cursor is given back when the stream ends or is dropped."""
    running = cursors.take()
    try:
        columns_of(running.cursor, wrapped(query))
        reader = running.cursor.execute(wrapped(query)).to_arrow_reader(BATCH_ROWS)
    except duckdb.Error as error:
        cursors.give_back(running)
        raise engine_error(error, query) from error
    return pa.RecordBatchReader.from_batches(reader.schema, _translated(cursors, running, reader, query))


def _translated(cursors: Cursors, running: Running, reader: pa.RecordBatchReader, query: str) -> Iterator[pa.RecordBatch]:
    try:
        yield from reader
        running.check()
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        if running.cancelled:
            raise EngineError(INTERRUPTED, "cancelled") from error
        raise EngineError("SK-SQL-012", str(error)) from error
    finally:
        cursors.give_back(running)


def _until_cancelled(running: Running, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    for batch in reader:
        running.check()
        yield batch


def _reader(data: Any) -> pa.RecordBatchReader:  # noqa: ANN401 - anything with the Arrow C stream interface
    try:
        if any(kind.__module__.partition(".")[0] == "pandas" for kind in type(data).__mro__):
            return pa.Table.from_pandas(data, preserve_index=False).to_reader()
        return pa.RecordBatchReader.from_stream(data)
    except (pa.ArrowException, TypeError) as error:
        raise EngineError("SK-DATA-001", f"cannot be read as Arrow data: {error}") from error
