"""Arrow data in and out."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from seeknal.errors import EngineError
from seeknal_duckdb.arrow_types import storable
from seeknal_duckdb.errors import CANCELLED, INTERRUPTED, engine_error, plain_message
from seeknal_duckdb.sql import identifier, wrapped
from seeknal_duckdb.statements import columns_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from seeknal.protocols import ArrowStream
    from seeknal_duckdb.cursors import Cursors, Running

BATCH_ROWS = 65_536
_INCOMING = "seeknal_incoming"
_TRACEBACK = ". Detail: Python exception: "


@contextmanager
def ingested(running: Running, data: ArrowStream) -> Generator[str]:
    """A query, good on this cursor and once, that reads a stream of Arrow batches.

    Where the stream itself fails, that failure is what leaves, not what DuckDB says of it.
    """
    reader, failures = _reader(data), list[Exception]()
    schema = storable(reader.schema)
    batches = _until_cancelled(running, reader, schema, failures)
    running.cursor.register(_INCOMING, pa.RecordBatchReader.from_batches(schema, batches))
    try:
        yield "FROM " + identifier(_INCOMING)
    except duckdb.Error:
        running.check()
        if failures:
            raise _stream_error(failures[0]) from failures[0]
        raise
    finally:
        running.cursor.unregister(_INCOMING)


def record_batches(cursors: Cursors, query: str) -> pa.RecordBatchReader:
    """The rows of `query` as a stream. Its cursor is given back when the stream ends or is dropped."""
    running = cursors.take(query)
    try:
        columns_of(running.cursor, query)
        reader = running.cursor.sql(wrapped(query)).to_arrow_reader(BATCH_ROWS)
    except duckdb.Error as error:
        cursors.give_back(running)
        raise cursors.failure(running, error) from error
    batches = _outgoing(cursors, running, reader)
    next(batches)  # from here on its end gives the cursor back, even if nobody reads it
    return pa.RecordBatchReader.from_batches(reader.schema, batches)


def _outgoing(cursors: Cursors, running: Running, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch | None]:
    """Nothing, then the batches."""
    batch = None
    try:
        while True:
            running.resting = True
            yield batch
            running.resting = False
            running.check()
            batch = next(reader)
    except StopIteration:
        return
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise _stopped(running, error) from error
    finally:
        reader.close()
        cursors.give_back(running)


def _stopped(running: Running, error: Exception) -> EngineError:
    """What ended a stream: an interrupt, or a failure, of which Arrow hands on the text alone."""
    if running.cancelled:
        return EngineError(INTERRUPTED, CANCELLED)
    return engine_error(error) if isinstance(error, duckdb.Error) else EngineError("SK-SQL-012", plain_message(str(error)))


def _until_cancelled(
    running: Running, reader: pa.RecordBatchReader, schema: pa.Schema, failures: list[Exception]
) -> Iterator[pa.RecordBatch]:
    try:
        for batch in reader:
            running.check()
            yield batch if batch.schema is schema else batch.cast(schema)
    except Exception as error:
        failures.append(error)
        raise


def _stream_error(error: Exception) -> EngineError:
    if isinstance(error, EngineError):
        return error
    said = str(error).partition(_TRACEBACK)[0]
    return EngineError("SK-DATA-001", f"the data could not be read to its end: {said}")


def _reader(data: Any) -> pa.RecordBatchReader:
    if isinstance(data, pa.RecordBatchReader):
        return data
    try:
        if any(kind.__module__.partition(".")[0] == "pandas" for kind in type(data).__mro__):
            return pa.Table.from_pandas(data, preserve_index=False).to_reader()
        return pa.RecordBatchReader.from_stream(data)
    except (pa.ArrowException, TypeError) as error:
        raise EngineError("SK-DATA-001", f"this cannot be read as Arrow data: {error}") from error
