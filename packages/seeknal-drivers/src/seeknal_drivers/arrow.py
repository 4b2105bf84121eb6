"""Rows on their way in: the text that databases send, turned into Arrow columns.

Numbers without a declared precision become DECIMAL(38, 9): 29 digits before the point and 9 after it, room for arithmetic to go
on with. A value with more of either is SK-CONN-005 and is neither rounded nor turned into a float.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from seeknal_drivers import failures

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DIGITS = 38
UNDECLARED = pa.decimal128(MAX_DIGITS, 9)
TIMESTAMP = pa.timestamp("us")
INSTANT = pa.timestamp("us", "UTC")
TIME = pa.time64("us")

FIRST_ROWS, MOST_ROWS = 100, 20_000
BATCH_BYTES = 4 << 20

CAST_HINT = "cast or filter it in the source's query"

_MICROSECONDS, _MILLISECONDS = 6, 3
_TRUE = ("t", "1", "true")


def to_digits(type_: pa.DataType, digits: int) -> pa.DataType:
    """A time or timestamp with so many digits of a second, or with as many fewer as Arrow has a unit for."""
    if digits >= _MICROSECONDS:
        return type_
    unit = "ms" if digits >= _MILLISECONDS else "s"
    return pa.time32(unit) if pa.types.is_time(type_) else pa.timestamp(unit, type_.tz)


def next_size(batch: pa.RecordBatch) -> int:
    """How many rows to fetch next, so that a batch stays small whatever one row weighs."""
    return max(1, min(MOST_ROWS, BATCH_BYTES * int(batch.num_rows) // max(1, int(batch.nbytes))))


def decimal_type(precision: int, scale: int) -> pa.DataType:
    """The Arrow type of NUMERIC(precision, scale); digits beyond what Arrow holds are checked value by value."""
    if scale < 0:
        precision, scale = precision - scale, 0
    if scale > MAX_DIGITS:
        return UNDECLARED
    return pa.decimal128(min(max(precision, scale), MAX_DIGITS), scale)


def parse(text: pa.Array, type_: pa.DataType, column: str, described: str | None = None, hint: str | None = None) -> pa.Array:
    """Text as a database writes it, or its bytes, as an array of `type_`. Raises ConnectionFailed (SK-CONN-005) naming column and value."""
    try:
        return _cast_text(text, type_)
    except pa.ArrowInvalid:
        bad = first_bad(text, lambda one: _cast_text(one, type_))
        bad = bad.decode(errors="backslashreplace") if isinstance(bad, bytes) else bad
        raise failures.not_representable(column, bad, described or str(type_), hint or _hint(type_)) from None


def first_bad(values: pa.Array, convert: Callable[[pa.Array], object]) -> object:
    """The first value that `convert` cannot take, found by halving."""
    start, length = 0, len(values)
    while length > 1:
        half = length // 2
        try:
            convert(values.slice(start, half))
        except pa.ArrowInvalid:
            length = half
        else:
            start, length = start + half, length - half
    try:
        return values[start].as_py()
    except (ValueError, OverflowError):  # there are times that Python has no value for
        return f"{values.slice(start, 1).cast(pa.int64())[0]} ({values.type})"


def _cast_text(text: pa.Array, type_: pa.DataType) -> pa.Array:
    text = text.cast(pa.string())
    if pa.types.is_time(type_):  # Arrow has no cast from text to a time
        return pc.binary_join_element_wise("1970-01-01", text, " ").cast(TIMESTAMP).cast(type_)
    if pa.types.is_boolean(type_):
        return pc.if_else(pc.is_null(text), pa.scalar(None, pa.bool_()), pc.is_in(text, value_set=pa.array(_TRUE)))
    if pa.types.is_decimal(type_):
        return _decimals(text, type_)
    return text.cast(type_)


def _decimals(text: pa.Array, type_: pa.DataType) -> pa.Array:
    """Arrow's own cast makes other numbers of those with too many digits, without a word, so the digits are counted here."""
    whole, scale = type_.precision - type_.scale, type_.scale
    fits = pc.match_substring_regex(text, rf"^[-+]?0*[0-9]{{0,{whole}}}(\.[0-9]{{0,{scale}}}0*)?$")
    if not pc.all(fits, min_count=0).as_py():
        message = "a number has more digits than fit, or is none"
        raise pa.ArrowInvalid(message)
    return pc.replace_substring_regex(text, rf"(\.[0-9]{{{scale}}})0+$", r"\1").cast(type_)


def _hint(type_: pa.DataType) -> str:
    if pa.types.is_temporal(type_):
        return "dates are those of the years 1 to 9999, times those of one day; " + CAST_HINT
    if pa.types.is_decimal(type_):
        return f"a decimal has at most {MAX_DIGITS} digits, {type_.scale} of them after the point here; {CAST_HINT}"
    return CAST_HINT
