"""What a query would return, and what it returns: Arrow batches as rows arrive, so that memory does not grow with their number."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
import pymysql
from pymysql.cursors import SSCursor

from seeknal_drivers.arrow import FIRST_ROWS, next_size
from seeknal_drivers.mysql.columns import ResultColumn
from seeknal_drivers.queries import check_result_columns

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from seeknal_drivers.mysql.connecting import Connection, Explain

_NO_ROWS = ("SELECT * FROM (", "\n) AS q LIMIT 0")

Column = TypeVar("Column", bound=ResultColumn)


def describe(connection: Connection, query: str, column: type[Column]) -> list[Column]:
    """The columns a query would return. Raises pymysql.Error, ConnectionFailed."""
    with connection.cursor() as cursor:
        cursor.execute(query.join(_NO_ROWS))
        columns = [
            column(f.name.decode() if isinstance(f.name, bytes) else f.name, f.type_code, f.flags, f.charsetnr, f.length, f.scale)
            for f in cursor._result.fields  # type: ignore[attr-defined]  # noqa: SLF001 - the public description has no flags
        ]
    check_result_columns([c.name for c in columns])
    return columns


def schema_of(columns: Sequence[ResultColumn]) -> pa.Schema:
    """Names and types. Raises ConnectionFailed (SK-CONN-005) for a type that cannot be carried."""
    return pa.schema([pa.field(c.name, c.type) for c in columns])


def batches(connection: Connection, query: str, columns: Sequence[ResultColumn], explain: Explain) -> Generator[pa.RecordBatch]:
    """The rows of a query, as they arrive. Raises ConnectionFailed."""
    schema = schema_of(columns)
    try:
        with contextlib.closing(connection.cursor(SSCursor)) as cursor, contextlib.ExitStack() as stack:
            stack.callback(_abandon, cursor)
            cursor.execute(query)
            size = FIRST_ROWS
            while rows := cursor.fetchmany(size):
                values = zip(*rows, strict=True)
                batch = pa.record_batch([c.decode(v) for c, v in zip(columns, values, strict=True)], schema=schema)
                size = next_size(batch)
                yield batch
    except pymysql.Error as error:
        raise explain(error) from None


def _abandon(cursor: SSCursor) -> None:
    """Let go of a query's remaining rows, which closing the cursor would read one by one."""
    result: Any = cursor._result  # type: ignore[attr-defined]  # noqa: SLF001 - nothing public does it
    if result is not None:
        result.unbuffered_active = False
