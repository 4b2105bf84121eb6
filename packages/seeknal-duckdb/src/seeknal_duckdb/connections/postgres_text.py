"""What PostgreSQL's COPY sends and takes, as Arrow batches: CSV on the way in, its text format on the way out.

Both go through Arrow's vectorised readers and string functions, a block of lines at a time; only lists, intervals and bytes are
looked at one by one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from seeknal_drivers.arrow import CAST_HINT, UNDECLARED, parse
from seeknal_duckdb.connections import failures
from seeknal_duckdb.connections.outgoing import as_text
from seeknal_duckdb.connections.postgres_types import INTERVAL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Reading: the text of COPY … (FORMAT csv) ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of a query's result, under the name and type PostgreSQL gave it.

    `described` is what an error calls its type.
    """

    name: str
    type: pa.DataType
    described: str

    @property
    def read_as(self) -> pa.DataType:
        """What the CSV reader makes of it; some types need a second step."""
        return pa.string() if self._decode else self.type

    @property
    def _decode(self) -> Callable[[pa.Array, pa.DataType, ResultColumn], pa.Array] | None:
        return _decoder(self.type)

    def decode(self, array: pa.Array) -> pa.Array:
        """The column as its type. Raises ConnectionFailed (SK-CONN-005)."""
        decode = self._decode
        return decode(array, self.type, self) if decode else array


def parse_csv(text: bytearray, columns: Sequence[ResultColumn], schema: pa.Schema) -> pa.RecordBatch:
    """Whole lines of CSV as a batch. Raises ConnectionFailed (SK-CONN-005) naming the column that cannot be read."""
    try:
        table = _read_csv(text, {str(i): c.read_as for i, c in enumerate(columns)})
    except pa.ArrowInvalid:
        table = _read_csv(text, {str(i): pa.string() for i in range(len(columns))})
        for column, array in zip(columns, table.columns, strict=True):
            column.decode(parse(array.combine_chunks(), column.read_as, column.name, column.described))
        raise
    decoded = [c.decode(_whole(a)) for c, a in zip(columns, table.columns, strict=True)]
    return pa.record_batch(decoded, schema=schema)


def _read_csv(text: bytearray, types: dict[str, pa.DataType]) -> pa.Table:
    return pacsv.read_csv(
        pa.BufferReader(pa.py_buffer(text)),
        read_options=pacsv.ReadOptions(column_names=list(types), block_size=min(len(text) + 1, 2**31 - 1)),
        parse_options=pacsv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pacsv.ConvertOptions(
            column_types=types,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )


def _whole(array: pa.ChunkedArray) -> pa.Array:
    return array.chunk(0) if array.num_chunks == 1 else pa.concat_arrays(array.chunks)


def _decoder(type_: pa.DataType) -> Callable[[pa.Array, pa.DataType, ResultColumn], pa.Array] | None:
    if pa.types.is_list(type_):
        return _decode_list
    if type_.equals(INTERVAL):
        return _decode_interval
    if type_.equals(UNDECLARED):  # digits as they come; those of numeric(p, s) are as many as its type has, and need no look
        return _decode_numeric
    return _decode_bytea if pa.types.is_binary(type_) else None


def _decode_numeric(array: pa.Array, type_: pa.DataType, column: ResultColumn) -> pa.Array:
    return parse(array, type_, column.name, column.described)


def _decode_bytea(array: pa.Array, type_: pa.DataType, _column: ResultColumn) -> pa.Array:
    return pa.array([None if v is None else bytes.fromhex(v[2:]) for v in array.to_pylist()], type_)


_INTERVAL = re.compile(
    r"P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?)(\d+)(?:\.(\d{1,6}))?S)?)?",
    re.ASCII,
)


def _decode_interval(array: pa.Array, type_: pa.DataType, column: ResultColumn) -> pa.Array:
    parts = []
    for value in array.to_pylist():
        try:
            parts.append(None if value is None else _interval(value))
            pa.scalar(parts[-1], type_)
        except (ValueError, OverflowError, pa.ArrowInvalid):
            raise failures.not_representable(column.name, value, "an interval", CAST_HINT) from None
    return pa.array(parts, type_)


def _interval(text: str) -> pa.MonthDayNano:
    found = _INTERVAL.fullmatch(text)
    if found is None:
        raise ValueError(text)
    years, months, days, hours, minutes = (int(part or 0) for part in found.groups()[:5])
    sign, seconds, fraction = found.groups()[5:]
    microseconds = int(seconds or 0) * 1_000_000 + int((fraction or "").ljust(6, "0"))
    microseconds = (hours * 60 + minutes) * 60_000_000 + (-microseconds if sign else microseconds)
    return pa.MonthDayNano([years * 12 + months, days, microseconds * 1000])


_ELEMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|([^",{}]+)', re.DOTALL)


def _decode_list(array: pa.Array, type_: pa.DataType, column: ResultColumn) -> pa.Array:
    values: list[str | None] = []
    offsets: list[int | None] = [0]
    for text in array.to_pylist():
        if text is None:
            offsets[-1] = None  # Arrow takes a NULL in the offset where a list begins for a NULL list
        else:
            values += _elements(text, column)
        offsets.append(len(values))
    items = ResultColumn(column.name, type_.value_type, column.described)
    flat = items.decode(parse(pa.array(values, pa.string()), items.read_as, column.name, column.described))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat, type=type_)


def _elements(text: str, column: ResultColumn) -> list[str | None]:
    body = text.partition("=")[2] if text.startswith("[") else text  # [2:3]={…}: an array that does not begin at 1
    if "{" in body[1:] and "{" in _ELEMENT.sub("", body[1:]):
        hint = "unnest it, or turn it into text, in the source's query"
        raise failures.not_representable(column.name, text, "a list: it has several dimensions", hint)
    return [_element(*found.groups()) for found in _ELEMENT.finditer(body)]


def _element(quoted: str | None, plain: str) -> str | None:
    if quoted is None:
        return None if plain == "NULL" else plain
    return re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)


# Writing: the text of COPY … FROM STDIN ------------------------------------------------------------------------------------


def copy_text(batch: pa.RecordBatch) -> bytes:
    """A batch of plain types as lines of COPY's text format."""
    columns = [_field(array, name) for array, name in zip(batch.columns, batch.schema.names, strict=True)]
    lines = pc.binary_join_element_wise(*columns, "\t", null_handling="replace", null_replacement="\\N")
    whole = pc.binary_join(pa.LargeListArray.from_arrays(pa.array([0, len(lines)], pa.int64()), lines), "\n")
    text = b"%s\n" % whole[0].as_buffer()
    if b"\0" in text:
        _refuse_nul(batch)
    return text


def _refuse_nul(batch: pa.RecordBatch) -> None:
    """The server does say that there is one, but not where."""
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        values = array.flatten() if pa.types.is_list(array.type) else array
        if pa.types.is_string(values.type):
            for value in values.to_pylist():
                if value is not None and "\0" in value:
                    raise failures.not_representable(name, repr(value), "text of PostgreSQL", "remove chr(0) from it in the model")


def _field(array: pa.Array, column: str) -> pa.Array:
    type_ = array.type
    if pa.types.is_binary(type_):
        return pa.array([None if v is None else "\\\\x" + v.hex() for v in array.to_pylist()], pa.string())
    if type_.equals(INTERVAL) or pa.types.is_list(type_):
        array = pa.array([None if v is None else _literal(v, column) for v in array.to_pylist()], pa.string())
    text = as_text(array, column)
    if pa.types.is_string(array.type):
        for character, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
            text = pc.replace_substring(text, character, escaped)
    return text


def _literal(value: object, column: str) -> str:
    """A list or an interval as PostgreSQL reads it."""
    if isinstance(value, list):
        return "{" + ",".join("NULL" if v is None else _quoted(v, column) for v in value) + "}"
    if isinstance(value, pa.MonthDayNano):
        if value.nanoseconds % 1000:
            raise failures.not_representable(column, value, "an interval", "PostgreSQL's intervals have microseconds")
        return f"{value.months} mons {value.days} days {value.nanoseconds // 1000} microseconds"
    return str(value)


def _quoted(value: object, column: str) -> str:
    if isinstance(value, list):
        return _literal(value, column)
    text = "\\x" + value.hex() if isinstance(value, bytes) else _literal(value, column)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
