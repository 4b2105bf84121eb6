"""Rows on their way out: Arrow batches as the bodies of Stream Loads (JSON or CSV), as the values of an INSERT, and as Parquet for FILES().

JSON carries any text and nested values. CSV is quicker; columns are parted by U+0001 and rows by U+0002, NULL is backslash N, and text
that has any of these is refused. Decimals, dates and times go as text in both, so that none is rounded on the way.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from seeknal_starrocks import failures
from seeknal_starrocks.names import text
from seeknal_starrocks.types import LONGEST_TEXT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeknal.protocols import ArrowStream

Format = Literal["json", "csv"]
SEPARATOR, END = "\x01", "\x02"
NULL = "\\N"
CHUNK_BYTES = 32 << 20
BATCH_ROWS = 20_000
_SHOWN = 80
_STORED = (
    (pa.types.is_uint8, pa.int16()),
    (pa.types.is_uint16, pa.int32()),
    (pa.types.is_uint32, pa.int64()),
    (pa.types.is_uint64, pa.decimal128(20, 0)),
    (pa.types.is_float16, pa.float32()),
    (pa.types.is_date, pa.date32()),
    (pa.types.is_null, pa.string()),
    (pa.types.is_large_string, pa.string()),
    (pa.types.is_string_view, pa.string()),
    (pa.types.is_large_binary, pa.binary()),
    (pa.types.is_binary_view, pa.binary()),
    (pa.types.is_fixed_size_binary, pa.binary()),
)
_FIRST_DAY, _DAYS_END = -719_162, 2_932_897  # 0001-01-01 and 10000-01-01, in days since 1970-01-01
_DAY = 24 * 3600 * 1_000_000


def incoming(data: ArrowStream) -> pa.RecordBatchReader:
    """Read a stream of any Arrow library."""
    return data if isinstance(data, pa.RecordBatchReader) else pa.RecordBatchReader.from_stream(data)


def bodies(reader: pa.RecordBatchReader, format_: Format, chunk_bytes: int = CHUNK_BYTES) -> Iterator[tuple[bytes, int]]:
    """Bodies of at most about `chunk_bytes`, each with its number of rows. Raises ConnectionFailed (SK-CONN-005)."""
    parts: list[str] = []
    size = rows = 0
    for batch in pieces(reader):
        part = _json(batch) if format_ == "json" else _csv(batch)
        if parts and size + len(part) > chunk_bytes:
            yield _body(parts, format_), rows
            parts, size, rows = [], 0, 0
        parts.append(part)
        size += len(part)
        rows += batch.num_rows
    if parts:
        yield _body(parts, format_), rows


def values(reader: pa.RecordBatchReader, rows: int = 1000) -> Iterator[tuple[str, int]]:
    """Rows as INSERT has them, so many at a time."""
    for batch in pieces(reader, rows):
        columns = [
            [f"parse_json({v})" if v != "NULL" and is_json(c.type) else v for v in _literals(plain(c, n))]
            for c, n in zip(batch.columns, batch.schema.names, strict=True)
        ]
        yield ", ".join(f"({', '.join(row)})" for row in zip(*columns, strict=True)), batch.num_rows


def pieces(reader: pa.RecordBatchReader, rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    """The stream in batches of so many rows at most, none empty."""
    for batch in reader:
        for start in range(0, batch.num_rows, rows):
            yield batch.slice(start, rows)


def plain(array: pa.Array, column: str) -> pa.Array:
    """Values as they are sent: text for what JSON would round, UTC for instants. Raises ConnectionFailed (SK-CONN-005)."""
    kinds = pa.types
    if isinstance(array.type, pa.BaseExtensionType):
        array = _uuids(array) if array.type.extension_name == "arrow.uuid" else array.storage
    if kinds.is_dictionary(array.type) or kinds.is_run_end_encoded(array.type):
        array = array.cast(array.type.value_type)
    if kinds.is_decimal(array.type) or kinds.is_uint64(array.type):
        return array.cast(pa.string())
    if kinds.is_date(array.type):
        _check_years(array, column)
        return array.cast(pa.date32()).cast(pa.string())
    if kinds.is_timestamp(array.type):
        _check_years(array, column)
        return pc.strftime(_microseconds(array, column), format="%Y-%m-%d %H:%M:%S")
    if kinds.is_floating(array.type):
        _check_finite(array, column)
    if kinds.is_nested(array.type):
        _check_inside(array, column)
    if kinds.is_string(array.type) or kinds.is_large_string(array.type) or kinds.is_string_view(array.type):
        array = array.cast(pa.string())
        longest = pc.max(pc.binary_length(array)).as_py() or 0
        if longest > LONGEST_TEXT:
            raise failures.not_representable(column, f"of {longest:,} bytes", f"VARCHAR({LONGEST_TEXT})", "cut it in the model")
    return array


def _uuids(array: pa.Array) -> pa.Array:
    """UUIDs as text; Arrow's own cast takes their sixteen bytes for characters."""
    return pa.array([None if v is None else str(v) for v in array.to_pylist()], pa.string())


def _microseconds(array: pa.Array, column: str) -> pa.Array:
    """Timestamps as DATETIME has them, instants in UTC; nanoseconds that would be lost are refused."""
    try:
        return (array if array.type.tz is None else array.cast(pa.timestamp("us", "UTC"))).cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        raise failures.type_not_representable(
            column, f"{array.type}, with digits after the microsecond,", "round it in the model"
        ) from None


def groups(reader: pa.RecordBatchReader, most_bytes: int = CHUNK_BYTES) -> Iterator[pa.Table]:
    """The stream as row groups of a Parquet file that StarRocks reads. Raises ConnectionFailed (SK-CONN-005)."""
    schema = pa.schema([pa.field(f.name, _stored(f.type)) for f in reader.schema])
    pending: list[pa.RecordBatch] = []
    size = 0
    for batch in pieces(reader):
        columns = [_typed(c, t, n) for c, t, n in zip(batch.columns, schema.types, schema.names, strict=True)]
        pending.append(pa.record_batch(columns, schema=schema))
        size += pending[-1].nbytes
        if size >= most_bytes:
            yield pa.Table.from_batches(pending)
            pending, size = [], 0
    if pending:
        yield pa.Table.from_batches(pending)


def _typed(array: pa.Array, type_: pa.DataType, column: str) -> pa.Array:
    """Values of a type that Parquet and StarRocks both have."""
    kinds = pa.types
    if isinstance(array.type, pa.BaseExtensionType):
        array = _uuids(array) if array.type.extension_name == "arrow.uuid" else array.storage
    if kinds.is_dictionary(array.type) or kinds.is_run_end_encoded(array.type):
        array = array.cast(array.type.value_type)
    if kinds.is_nested(type_):
        _check_inside(array, column)
    elif kinds.is_timestamp(type_):
        _check_years(array, column)
        return _microseconds(array, column)
    elif kinds.is_date(type_):
        _check_years(array, column)
    elif kinds.is_floating(type_):
        _check_finite(array, column)
    elif kinds.is_string(type_) and not kinds.is_null(array.type):
        return plain(array, column)
    return array.cast(type_)


def _check_inside(array: pa.Array, column: str) -> None:
    """What `plain` and `_typed` check, for values inside lists, maps and structs."""
    kinds = pa.types
    if kinds.is_floating(array.type):
        _check_finite(array, column)
    elif kinds.is_date(array.type) or kinds.is_timestamp(array.type):
        _check_years(array, column)
    elif kinds.is_struct(array.type):
        for inner in array.flatten():
            _check_inside(inner, column)
    elif kinds.is_map(array.type):
        _check_inside(array.keys, column)
        _check_inside(array.items, column)
    elif kinds.is_nested(array.type):
        _check_inside(array.flatten(), column)


def _stored(type_: pa.DataType) -> pa.DataType:
    """The type a column has in a Parquet file: no unsigned integers, which StarRocks has not; instants as UTC without a zone."""
    kinds = pa.types
    if isinstance(type_, pa.BaseExtensionType):
        return pa.string() if type_.extension_name == "arrow.uuid" else _stored(type_.storage_type)
    if kinds.is_dictionary(type_) or kinds.is_run_end_encoded(type_):
        return _stored(type_.value_type)
    if kinds.is_decimal(type_):
        return pa.decimal128(type_.precision, type_.scale)
    if kinds.is_timestamp(type_):
        return pa.timestamp("us")
    if kinds.is_map(type_):
        return pa.map_(_stored(type_.key_type), _stored(type_.item_type))
    if kinds.is_struct(type_):
        return pa.struct([pa.field(f.name, _stored(f.type)) for f in type_])
    if kinds.is_nested(type_):
        return pa.list_(_stored(type_.value_type))
    for is_kind, stored in _STORED:
        if is_kind(type_):
            return stored
    return type_


def is_json(type_: pa.DataType) -> bool:
    """Whether a column holds JSON, and not just any text."""
    return isinstance(type_, pa.BaseExtensionType) and type_.extension_name == "arrow.json"


def has_bytes(type_: pa.DataType) -> bool:
    """Whether a column has bytes, also inside of lists, maps and structs: JSON and CSV have no form for them."""
    kinds = pa.types
    if kinds.is_nested(type_):
        return any(has_bytes(type_.field(i).type) for i in range(type_.num_fields))
    return any(is_kind(type_) for is_kind, stored in _STORED if stored == pa.binary()) or kinds.is_binary(type_)


def _json(batch: pa.RecordBatch) -> str:
    names = batch.schema.names
    columns = []
    for array, name in zip(batch.columns, names, strict=True):
        sent = plain(array, name)
        values = sent.to_pylist()
        columns.append([_document(v, name) for v in values] if is_json(array.type) else [_inner(v, sent.type) for v in values])
    rows = (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))
    return ",".join(json.dumps(row, ensure_ascii=False, allow_nan=False, separators=(",", ":")) for row in rows)


def _document(value: str | None, column: str) -> Any:
    """A value of a JSON column, to stand in JSON itself. Raises ConnectionFailed (SK-CONN-005)."""
    try:
        return None if value is None else json.loads(value, parse_constant=_number, parse_float=_number)
    except ValueError as error:
        shown = value if value is None or len(value) <= _SHOWN else value[: _SHOWN - 1] + "…"
        raise failures.not_representable(column, shown, "JSON", str(error)) from None


def _number(written: str) -> float:
    """A number of JSON, which is never infinite. Raises ValueError."""
    if not math.isfinite(float(written)):
        message = f"{written} is no number that JSON has"
        raise ValueError(message)
    return float(written)


def _inner(value: Any, type_: pa.DataType) -> Any:
    """A value of a type as JSON has it; maps arrive from Arrow as pairs, instants in their own zone."""
    kinds = pa.types
    if value is None:
        return None
    if isinstance(type_, pa.BaseExtensionType):
        return _inner(value, type_.storage_type)
    if kinds.is_map(type_):
        return {str(_in_utc(k)): _inner(v, type_.item_type) for k, v in value}
    if kinds.is_struct(type_):
        return {f.name: _inner(value[f.name], f.type) for f in type_}
    if kinds.is_nested(type_):
        return [_inner(v, type_.value_type) for v in value]
    return value if isinstance(value, str | int | float | bool) else str(_in_utc(value))


def _in_utc(value: Any) -> Any:
    """An instant as DATETIME has it."""
    return value.astimezone(dt.UTC).replace(tzinfo=None) if isinstance(value, dt.datetime) and value.tzinfo is not None else value


def _csv(batch: pa.RecordBatch) -> str:
    columns = []
    for array, name in zip(batch.columns, batch.schema.names, strict=True):
        if pa.types.is_nested(array.type):
            raise failures.type_not_representable(name, f"{array.type} in CSV", "load it with format: json")
        sent = plain(array, name).cast(pa.string())
        for mark in (SEPARATOR, END):
            if pc.any(pc.match_substring(sent, mark)).as_py():
                raise failures.not_representable(name, f"with the character U+{ord(mark):04X}", "CSV", "load it with format: json")
        if pc.any(pc.equal(sent, NULL)).as_py():
            raise failures.not_representable(name, NULL, "CSV, where it means NULL", "load it with format: json")
        columns.append(pc.fill_null(sent, NULL))
    lines = pc.binary_join_element_wise(*columns, SEPARATOR) if len(columns) > 1 else columns[0]
    return END.join(lines.to_pylist()) + END


def _body(parts: list[str], format_: Format) -> bytes:
    return ("[" + ",".join(parts) + "]" if format_ == "json" else "".join(parts)).encode()


def _literals(array: pa.Array) -> list[str]:
    return [_literal(v, array.type) for v in array.to_pylist()]


def _literal(value: Any, type_: pa.DataType) -> str:
    kinds = pa.types
    if value is None:
        return "NULL"
    if isinstance(type_, pa.BaseExtensionType):
        return _literal(value, type_.storage_type)
    if kinds.is_map(type_):
        return f"map{{{', '.join(f'{_literal(k, type_.key_type)}: {_literal(v, type_.item_type)}' for k, v in value)}}}"
    if kinds.is_struct(type_):
        return f"row({', '.join(_literal(value[f.name], f.type) for f in type_)})"
    if kinds.is_nested(type_):
        return f"[{', '.join(_literal(v, type_.value_type) for v in value)}]"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, bytes):
        return f"to_binary({text(value.hex())}, 'hex')"
    return text(str(_in_utc(value)))


def _check_finite(array: pa.Array, column: str) -> None:
    unfit = pc.index(pc.is_finite(array), pa.scalar(value=False)).as_py()
    if unfit >= 0:
        raise failures.not_representable(column, array[unfit].as_py(), "a number of StarRocks", "write NULL, or text, instead")


def _check_years(array: pa.Array, column: str) -> None:
    """Infinite dates, and those of other years than 1 to 9999, are refused."""
    if pa.types.is_date(array.type):
        numbers, unit = array.cast(pa.date32()).cast(pa.int32()), 1
    else:
        numbers, unit = array.cast(pa.int64()), _DAY // {"s": 1_000_000, "ms": 1000, "us": 1, "ns": 1}[array.type.unit]
        if array.type.unit == "ns":
            return  # the years of nanoseconds are 1677 to 2262
    bad = pc.or_(pc.less(numbers, _FIRST_DAY * unit), pc.greater_equal(numbers, _DAYS_END * unit))
    found = pc.index(bad, pa.scalar(value=True)).as_py()
    if found >= 0:
        shown = f"{numbers[found]} {'days' if unit == 1 else array.type.unit} from 1970"
        raise failures.not_representable(column, shown, "a date", "dates are those of the years 1 to 9999")
