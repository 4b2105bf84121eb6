"""Rows on their way out: Arrow data brought to a handful of plain types, and to the types an existing table's columns have.

A column takes data when it can give every value back unchanged: integers fit integers and decimals, decimals fit decimals, and so
on; then each value is still checked, because a DECIMAL(10, 2) holds some decimals and not others.
"""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from seeknal_drivers.arrow import INSTANT, MAX_DIGITS, TIME, TIMESTAMP, first_bad
from seeknal_duckdb.connections import failures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeknal.protocols import ArrowStream

BATCH_ROWS = 50_000
BATCH_BYTES = 8 << 20
_WIDER = (
    (pa.types.is_integer, pa.types.is_integer),
    (pa.types.is_integer, pa.types.is_decimal),
    (pa.types.is_decimal, pa.types.is_decimal),
    (pa.types.is_float32, pa.types.is_float64),
    (pa.types.is_time, pa.types.is_time),
)
_PLAIN = (
    (pa.types.is_large_string, pa.string()),
    (pa.types.is_string_view, pa.string()),
    (pa.types.is_large_binary, pa.binary()),
    (pa.types.is_binary_view, pa.binary()),
    (pa.types.is_fixed_size_binary, pa.binary()),
    (pa.types.is_float16, pa.float32()),
    (pa.types.is_date, pa.date32()),
    (pa.types.is_time, TIME),
)
_NESTED_HINT = "turn it into text in the model, with to_json(column) or column::VARCHAR"
_FIRST_DAY, _DAYS_END = -719_162, 2_932_897  # 0001-01-01 and 10000-01-01, in days since 1970-01-01
_DAY = 24 * 3600 * 1_000_000


def incoming(data: ArrowStream) -> pa.RecordBatchReader:
    """Read a stream of any Arrow library. One of pyarrow's own fails with its own exceptions, others with Arrow's."""
    return data if isinstance(data, pa.RecordBatchReader) else pa.RecordBatchReader.from_stream(data)


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """The schema with each type replaced by the plain one that holds the same values. Raises ConnectionFailed (SK-CONN-005)."""
    return pa.schema([pa.field(f.name, _plain(f.type, f.name)) for f in schema])


def takes(column: pa.DataType, data: pa.DataType) -> bool:
    """Whether a column of a table can give back values of the plain type `data` unchanged, as far as types can tell."""
    kinds = pa.types
    if column.equals(data) or kinds.is_null(data):
        return True
    if kinds.is_timestamp(data) and kinds.is_timestamp(column):
        return (column.tz is None) == (data.tz is None)
    if kinds.is_list(data) and kinds.is_list(column):
        return takes(column.value_type, data.value_type)
    return any(of_data(data) and of_column(column) for of_data, of_column in _WIDER)


def batches(reader: pa.RecordBatchReader, target: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows in batches of bounded size with the types of `target`. Raises ConnectionFailed (SK-CONN-005)."""
    plain = plain_schema(reader.schema)
    for batch in reader:
        size = max(1, min(BATCH_ROWS, BATCH_BYTES * max(1, batch.num_rows) // max(1, sum(map(_bytes, batch.columns)))))
        for start in range(0, batch.num_rows, size):
            columns = batch.slice(start, size).columns
            fitted = [_fit(a, p.type, t.type, t.name) for a, p, t in zip(columns, plain, target, strict=True)]
            yield pa.record_batch(fitted, schema=target)


def as_text(array: pa.Array, column: str) -> pa.Array:
    """Values of a plain type, neither binary nor nested, as the text that SQL databases read. Timestamps are in UTC."""
    type_ = array.type
    if pa.types.is_date(type_) or pa.types.is_timestamp(type_):
        _check_years(array, column)
    if pa.types.is_timestamp(type_) and type_.tz:
        array = array.cast(pa.timestamp(type_.unit))
    return array.cast(pa.string())


def _bytes(array: pa.Array) -> int:
    is_view = pa.types.is_string_view(array.type) or pa.types.is_binary_view(array.type)
    return int(array.get_total_buffer_size() if is_view else array.nbytes)  # some versions of Arrow know no nbytes of a view


def _plain(type_: pa.DataType, column: str) -> pa.DataType:
    kinds = pa.types
    if isinstance(type_, pa.BaseExtensionType):
        return _plain_extension(type_, column)
    if kinds.is_dictionary(type_) or kinds.is_run_end_encoded(type_):
        return _plain(type_.value_type, column)
    if kinds.is_list(type_) or kinds.is_large_list(type_) or kinds.is_fixed_size_list(type_):
        return pa.list_(_plain(type_.value_type, column))
    if kinds.is_nested(type_) or kinds.is_duration(type_):
        raise failures.type_not_representable(column, str(type_), _NESTED_HINT)
    if kinds.is_timestamp(type_):
        return INSTANT if type_.tz else TIMESTAMP
    if kinds.is_decimal(type_) and type_.precision <= MAX_DIGITS:
        return pa.decimal128(type_.precision, type_.scale)
    return next((plain for is_kind, plain in _PLAIN if is_kind(type_)), type_)


def _plain_extension(type_: pa.BaseExtensionType, column: str) -> pa.DataType:
    if type_.extension_name in ("arrow.json", "arrow.uuid"):
        return pa.string()
    if type_.extension_name == "arrow.bool8":
        return pa.bool_()
    raise failures.type_not_representable(column, str(type_), _NESTED_HINT)


def _fit(array: pa.Array, plain: pa.DataType, target: pa.DataType, column: str) -> pa.Array:
    if isinstance(array.type, pa.BaseExtensionType):
        array = _uuid_text(array.storage) if array.type.extension_name == "arrow.uuid" else array.storage
    try:
        return _cast(array, plain, target)
    except pa.ArrowInvalid:
        bad = first_bad(array, lambda one: _cast(one, plain, target))
        raise failures.not_representable(column, bad, str(target), "cast or round it in the model") from None
    except pa.ArrowNotImplementedError:
        raise failures.type_not_representable(column, str(array.type), _NESTED_HINT) from None


def _cast(array: pa.Array, plain: pa.DataType, target: pa.DataType) -> pa.Array:
    if pa.types.is_run_end_encoded(array.type):
        array = pc.run_end_decode(array)
    array = array if array.type.equals(plain) else array.cast(plain)
    if array.type.equals(target):
        return array
    if pa.types.is_decimal(target):
        return _to_decimal(array if pa.types.is_decimal(plain) else array.cast(pa.decimal128(20, 0)), target)
    return array.cast(target)


def _to_decimal(array: pa.Array, target: pa.DataType) -> pa.Array:
    """Arrow's own cast does not notice every number that is too large, so their size is looked at here."""
    room = target.precision - target.scale
    if array.type.precision - array.type.scale > room:
        limit = pa.scalar(Decimal(10) ** room, array.type)
        if pc.any(pc.greater_equal(pc.abs(array), limit)).as_py():
            message = "a number is too large"
            raise pa.ArrowInvalid(message)
    return array.cast(target)


def _uuid_text(array: pa.Array) -> pa.Array:
    return pa.array([None if v is None else str(uuid.UUID(bytes=v)) for v in array.to_pylist()], pa.string())


def _check_years(array: pa.Array, column: str) -> None:
    """Infinite dates, and those databases write in ways of their own, are refused."""
    if pa.types.is_date(array.type):
        numbers, unit = array.cast(pa.int32()), 1
    else:
        numbers, unit = array.cast(pa.int64()), _DAY // {"s": 1_000_000, "ms": 1000, "us": 1}[array.type.unit]
    bad = pc.or_(pc.less(numbers, _FIRST_DAY * unit), pc.greater_equal(numbers, _DAYS_END * unit))
    found = pc.index(bad, pa.scalar(value=True)).as_py()
    if found >= 0:
        shown = f"{numbers[found]} {'days' if unit == 1 else array.type.unit} from 1970"
        raise failures.not_representable(column, shown, "a date", "dates are those of the years 1 to 9999")
