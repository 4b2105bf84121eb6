"""SQLite's declared types and Arrow's, both ways. SQLite checks little: any column may hold any value.

What a column was declared as decides the type it is read as, and a value that is not of it is SK-CONN-005 naming the column;
CAST(column AS TEXT) in a source's query reads anything.

    …INT…                       int64
    …CHAR… …CLOB… …TEXT…        string
    …REAL… …FLOA… …DOUB…        float64
    BOOL BOOLEAN                bool, of 0 and 1
    DATE                        date32, of text such as 2024-02-29
    DATETIME TIMESTAMP          timestamp[us], of text such as 2024-02-29 12:00:00.5
    TIMESTAMPTZ                 timestamp[us, UTC], of text that ends in an offset from UTC
    TIME                        time64[us], of text
    DECIMAL(p, s) NUMERIC(p, s) decimal128(p, s) for p up to 15, which is what SQLite's numbers keep; without or beyond: float64
    BLOB, anything else, none   what the values are: int64, float64 (where some are integers too), string or binary; string where
                                there are none. They are looked at before the rows are read; expressions, too, are columns without
                                a declared type. Values of several kinds are refused.

Written are the types above; decimals of more than 15 digits as text, since numbers would not keep them. Unsigned integers must fit
64 bits with a sign. Intervals, lists and NaN are refused.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from seeknal_drivers.arrow import INSTANT, TIME, TIMESTAMP, parse
from seeknal_duckdb.connections import failures
from seeknal_duckdb.connections.outgoing import as_text, takes

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_KEPT_DIGITS = 15
_EXACT = 2**53
_NAMED = {
    "BOOL": pa.bool_(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "DATETIME": TIMESTAMP,
    "TIMESTAMP": TIMESTAMP,
    "TIMESTAMPTZ": INSTANT,
    "TIME": TIME,
}
_AFFINITIES = (
    (("INT",), pa.int64()),
    (("CHAR", "CLOB", "TEXT"), pa.string()),
    (("REAL", "FLOA", "DOUB"), pa.float64()),
)
_STORAGE = {"integer": pa.int64(), "real": pa.float64(), "text": pa.string(), "blob": pa.binary()}
_HINT = "a SQLite column may hold what it was not declared for; CAST(column AS TEXT) in the source's query reads anything"


def declared_type(declared: str) -> pa.DataType | None:
    """The Arrow type of a column declared like this; None where only its values can tell.

    The order and the words looked for are those of https://www.sqlite.org/datatype3.html, section 3.1.
    """
    name = declared.upper().strip()
    if name in _NAMED:
        return _NAMED[name]
    decimal = re.fullmatch(r"(?:DECIMAL|NUMERIC)(?:\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?", name)
    if decimal:
        precision, scale = int(decimal[1] or 0), int(decimal[2] or 0)
        return pa.decimal128(precision, scale) if scale <= precision <= _KEPT_DIGITS and precision else pa.float64()
    return next((type_ for words, type_ in _AFFINITIES if any(w in name for w in words)), None)


def found_type(storage: Collection[str], column: str) -> pa.DataType:
    """The Arrow type of values of these storage classes. Raises ConnectionFailed (SK-CONN-005)."""
    kinds = set(storage) - {"null"}
    if kinds == {"integer", "real"}:
        return pa.float64()
    if len(kinds) > 1:
        raise failures.not_representable(column, " and ".join(sorted(kinds)), "one type", _HINT)
    return _STORAGE[kinds.pop()] if kinds else pa.string()


def column_takes(declared: str, type_: pa.DataType) -> bool:
    """Whether a column declared like this gives values of a plain Arrow type back unchanged."""
    column, sent = declared_type(declared), sent_as(type_)
    if column is not None:
        return takes(column, sent)
    plain = sent in (pa.binary(), pa.int64(), pa.float64()) or pa.types.is_null(sent)
    return plain or (sent == pa.string() and declared.upper().strip() in ("", "BLOB"))  # elsewhere 007 would become 7


def sent_as(type_: pa.DataType) -> pa.DataType:
    """The Arrow type whose values are bound: what SQLite has for a plain type."""
    if pa.types.is_integer(type_):
        return pa.int64()
    if type_ == pa.float32():
        return pa.float64()
    return pa.string() if pa.types.is_decimal(type_) and type_.precision > _KEPT_DIGITS else type_


def sql_type(type_: pa.DataType, column: str) -> str:
    """The declaration of the column that is created for a plain type. Raises ConnectionFailed (SK-CONN-005)."""
    bound = sent_as(type_)
    if pa.types.is_decimal(bound):
        return f"DECIMAL({bound.precision}, {bound.scale})"
    names = {"INTEGER": pa.int64(), "REAL": pa.float64(), "TEXT": pa.string(), "BLOB": pa.binary(), **_NAMED}
    found = next((name for name, known in names.items() if known == bound), "TEXT" if pa.types.is_null(bound) else None)
    if found is None:
        raise failures.type_not_representable(column, str(type_), "cast it in the model, to text for example")
    return "BOOLEAN" if found == "BOOL" else "TIMESTAMP" if found == "DATETIME" else found


def decode(values: Sequence[Any], type_: pa.DataType, column: str) -> pa.Array:
    """Values as SQLite gives them, as an array. Raises ConnectionFailed (SK-CONN-005) naming column and value."""
    allowed = _allowed(type_)
    if not set(map(type, values)) <= {*allowed, type(None)}:
        bad = next(v for v in values if v is not None and type(v) not in allowed)
        raise failures.not_representable(column, bad, str(type_), _HINT)
    if pa.types.is_boolean(type_):
        _refuse(column, type_, next((v for v in values if v not in (0, 1, None)), None))
        return pa.array([None if v is None else bool(v) for v in values], type_)
    if pa.types.is_floating(type_):
        _refuse(column, type_, next((v for v in values if isinstance(v, int) and abs(v) > _EXACT), None))
        return pa.array([None if v is None else float(v) for v in values], type_)
    if pa.types.is_decimal(type_):
        return _decimals(values, type_, column)
    if pa.types.is_temporal(type_):
        return parse(pa.array(values, pa.string()), type_, column, hint=_HINT)
    return pa.array(values, type_)


def _decimals(values: Sequence[Any], type_: pa.DataType, column: str) -> pa.Array:
    """The shortest decimals that are these numbers."""
    numbers = [None if v is None else Decimal(repr(v)) for v in values]
    limit, step = Decimal(10) ** (type_.precision - type_.scale), Decimal(1).scaleb(-type_.scale)
    bad = (v for v in numbers if v is not None and not (v.is_finite() and abs(v) < limit and v == v.quantize(step)))
    _refuse(column, type_, next(bad, None))
    return pa.array(numbers, type_)


def bound(array: pa.Array, column: str) -> list[Any]:
    """Values of a type `sent_as` gives, for a statement's parameters. Raises ConnectionFailed (SK-CONN-005)."""
    if pa.types.is_floating(array.type):
        unfit = pc.index(pc.is_nan(array), pa.scalar(value=True)).as_py()
        if unfit >= 0:
            raise failures.not_representable(column, "NaN", "a number of SQLite", "write NULL, or text, instead")
    if pa.types.is_decimal(array.type):
        return [None if v is None else float(v) for v in array.to_pylist()]
    if pa.types.is_temporal(array.type):
        suffix = "+00:00" if array.type == INSTANT else ""
        array = pc.binary_join_element_wise(as_text(array, column), suffix, "")
    values: list[Any] = array.to_pylist()
    return values


def _allowed(type_: pa.DataType) -> tuple[type, ...]:
    if pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return (int, float)
    if pa.types.is_integer(type_) or pa.types.is_boolean(type_):
        return (int,)
    return (bytes,) if pa.types.is_binary(type_) else (str,)


def _refuse(column: str, type_: pa.DataType, bad: object) -> None:
    if bad is not None:
        raise failures.not_representable(column, bad, str(type_), _HINT)
