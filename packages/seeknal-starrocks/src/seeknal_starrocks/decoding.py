"""Rows on their way in: what the server sends, turned into Arrow columns of exact types."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from pymysql.constants import FIELD_TYPE, FLAG

from seeknal_starrocks import failures
from seeknal_starrocks.types import LOOK_LIKE_TEXT, MAX_DIGITS, STATES, TIMESTAMP, read_type

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlglot import exp

_INTEGERS = {
    FIELD_TYPE.TINY: (pa.int8(), pa.uint8()),
    FIELD_TYPE.SHORT: (pa.int16(), pa.uint16()),
    FIELD_TYPE.INT24: (pa.int32(), pa.uint32()),
    FIELD_TYPE.LONG: (pa.int32(), pa.uint32()),
    FIELD_TYPE.LONGLONG: (pa.int64(), pa.uint64()),
}
_FIXED = {
    FIELD_TYPE.FLOAT: pa.float32(),
    FIELD_TYPE.DOUBLE: pa.float64(),
    FIELD_TYPE.DATE: pa.date32(),
    FIELD_TYPE.NEWDATE: pa.date32(),
    FIELD_TYPE.DATETIME: TIMESTAMP,
    FIELD_TYPE.TIMESTAMP: TIMESTAMP,
}
_TEXTS = {
    FIELD_TYPE.VAR_STRING, FIELD_TYPE.STRING, FIELD_TYPE.VARCHAR, FIELD_TYPE.BLOB, FIELD_TYPE.LONG_BLOB, FIELD_TYPE.MEDIUM_BLOB, FIELD_TYPE.TINY_BLOB,
    FIELD_TYPE.JSON, FIELD_TYPE.NULL,
}  # fmt: skip
_BLOBS = {FIELD_TYPE.BLOB, FIELD_TYPE.LONG_BLOB, FIELD_TYPE.MEDIUM_BLOB, FIELD_TYPE.TINY_BLOB}
_BINARY_CHARSET = 63
_CAST_HINT = "cast or filter it in the source's query"


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of a query's result as the server describes it, and its StarRocks type where it could be found out.

    The wire tells numbers, dates and text apart; LARGEINT, JSON, VARBINARY, BITMAP and nested types all look like text there, and
    BOOLEAN like TINYINT. `state` is the name of an aggregate function's state.
    """

    name: str
    code: int
    flags: int = 0
    charset: int = 0
    digits: int = 0
    scale: int = 0
    declared: exp.DataType | None = None
    state: str | None = None

    def known(self, declared: exp.DataType | None, state: str | None) -> ResultColumn:
        """The column with what is known of its type, as far as the wire does not say otherwise."""
        return replace(self, declared=declared, state=state)

    @property
    def is_ambiguous(self) -> bool:
        """Whether the wire does not say what it is."""
        return self.code in _TEXTS or self.code == FIELD_TYPE.TINY

    @property
    def type(self) -> pa.DataType:
        """The Arrow type it is read as. Raises ConnectionFailed (SK-CONN-005)."""
        if self.state is not None:
            raise failures.type_not_representable(self.name, self.state, STATES[self.state])
        if self.code in _TEXTS and self.declared is not None and self.declared.this in LOOK_LIKE_TEXT:
            return read_type(self.declared, self.name)
        if self.code == FIELD_TYPE.TINY and self.declared is not None and read_type(self.declared, self.name) == pa.bool_():
            return pa.bool_()
        if self.code in _INTEGERS:
            return _INTEGERS[self.code][bool(self.flags & FLAG.UNSIGNED)]
        if self.code in (FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL):
            return self._decimal()
        if self.code in _FIXED:
            return _FIXED[self.code]
        return pa.binary() if self.code in _BLOBS and self.charset == _BINARY_CHARSET else pa.string()

    def _decimal(self) -> pa.DataType:
        signs = (0 if self.flags & FLAG.UNSIGNED else 1) + (1 if self.scale else 0)
        precision = self.digits - signs if self.digits > signs else MAX_DIGITS
        return pa.decimal128(min(max(precision, self.scale), MAX_DIGITS), min(self.scale, MAX_DIGITS))

    @property
    def is_nested(self) -> bool:
        """Whether it must be asked for as JSON to arrive whole."""
        return bool(pa.types.is_nested(self.type))

    def decode(self, values: Sequence[bytes | None]) -> pa.Array:
        """Values as the server sends them, as an array. Raises ConnectionFailed (SK-CONN-005)."""
        type_ = self.type
        if pa.types.is_nested(type_):
            return self._nested(values, type_)
        array = pa.array(values, pa.binary())
        if pa.types.is_binary(type_):
            return array
        try:
            return _cast(array, type_)
        except pa.ArrowInvalid:
            bad = first_bad(array, lambda one: _cast(one, type_))
            raise failures.not_representable(self.name, _shown(bad), str(type_), _hint(type_)) from None

    def _nested(self, values: Sequence[bytes | None], type_: pa.DataType) -> pa.Array:
        try:
            return pa.array([None if v is None else _value(json.loads(v), type_) for v in values], type_)
        except (ValueError, TypeError, AttributeError, pa.ArrowException) as error:
            raise failures.not_representable(self.name, _shown(str(error)), str(type_), _CAST_HINT) from None


def _cast(array: pa.Array, type_: pa.DataType) -> pa.Array:
    text = array.cast(pa.string())
    if pa.types.is_boolean(type_):
        return pc.is_in(text, pa.array(["1", "true"])).cast(pa.bool_()) if not text.null_count else _booleans(text)
    if pa.types.is_decimal(type_):
        return _decimals(text, type_)
    return text.cast(type_)


def _booleans(text: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_null(text), pa.scalar(None, pa.bool_()), pc.is_in(text, pa.array(["1", "true"])))


def _decimals(text: pa.Array, type_: pa.DataType) -> pa.Array:
    """Arrow's own cast makes other numbers of those with too many digits, without a word, so the digits are counted here."""
    whole, scale = type_.precision - type_.scale, type_.scale
    fits = pc.match_substring_regex(text, rf"^[-+]?0*[0-9]{{0,{whole}}}(\.[0-9]{{0,{scale}}}0*)?$")
    if not pc.all(fits, min_count=0).as_py():
        message = "a number has more digits than fit, or is none"
        raise pa.ArrowInvalid(message)
    return pc.replace_substring_regex(text, rf"(\.[0-9]{{{scale}}})0+$", r"\1").cast(type_)


def _value(value: Any, type_: pa.DataType) -> Any:
    """A value out of JSON as pyarrow wants it for a type."""
    kinds = pa.types
    if value is None:
        return None
    if kinds.is_map(type_):
        return [(_value(k, type_.key_type), _value(v, type_.item_type)) for k, v in value.items()]
    if kinds.is_list(type_):
        return [_value(v, type_.value_type) for v in value]
    if kinds.is_struct(type_):
        return {f.name: _value(value.get(f.name), f.type) for f in type_}
    if kinds.is_string(type_):
        return value if isinstance(value, str) else json.dumps(value)
    if kinds.is_boolean(type_):
        return value in (True, 1, "1", "true")
    if isinstance(value, str) or kinds.is_temporal(type_):
        return pa.array([str(value)]).cast(type_)[0].as_py()
    return value


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
    return values[start].as_py()


def _shown(value: object) -> str:
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)


def _hint(type_: pa.DataType) -> str:
    if pa.types.is_temporal(type_):
        return "dates are those of the years 1 to 9999; " + _CAST_HINT
    if pa.types.is_decimal(type_):
        return f"a decimal has at most {MAX_DIGITS} digits, {type_.scale} of them after the point here; {_CAST_HINT}"
    return _CAST_HINT
