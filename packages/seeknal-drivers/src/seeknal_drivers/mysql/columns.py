"""The types of the protocol, and Arrow's.

    TINY SHORT INT24 LONG LONGLONG   int8 int16 int32 int32 int64, or uint8 … uint64 where unsigned
    DECIMAL(p, s)                    decimal128(p, s); of p > 38: decimal128(38, s)
    FLOAT DOUBLE                     float32 float64
    BIT(n)                           uint64
    YEAR                             int16
    DATE DATETIME TIMESTAMP          date32, timestamp[us]
    TIME                             time64[us], for times of one day
    JSON                             string
    GEOMETRY                         binary
    all others                       binary where the server says so, else string

A server may mean something else by some of them; `ResultColumn.type` is the place to say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from pymysql.constants import FIELD_TYPE, FLAG

from seeknal_drivers.arrow import MAX_DIGITS, TIME, TIMESTAMP, decimal_type, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    FIELD_TYPE.BIT: pa.uint64(),
    FIELD_TYPE.YEAR: pa.int16(),
    FIELD_TYPE.DATE: pa.date32(),
    FIELD_TYPE.NEWDATE: pa.date32(),
    FIELD_TYPE.TIME: TIME,
    FIELD_TYPE.DATETIME: TIMESTAMP,
    FIELD_TYPE.TIMESTAMP: TIMESTAMP,
    FIELD_TYPE.NULL: pa.string(),
    FIELD_TYPE.GEOMETRY: pa.binary(),
    FIELD_TYPE.JSON: pa.string(),
}
_BINARY_CHARSET = 63


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of a query's result as the server describes it. `digits` are those of the type's text, `scale` those after the point."""

    name: str
    code: int
    flags: int = 0
    charset: int = 0
    digits: int = 0
    scale: int = 0

    @property
    def wire_type(self) -> pa.DataType:
        """The Arrow type as the protocol has it."""
        if self.code in _INTEGERS:
            return _INTEGERS[self.code][bool(self.flags & FLAG.UNSIGNED)]
        if self.code in (FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL):
            signs = (0 if self.flags & FLAG.UNSIGNED else 1) + (1 if self.scale else 0)
            return decimal_type(self.digits - signs if self.digits > signs else MAX_DIGITS, self.scale)
        return _FIXED.get(self.code) or (pa.binary() if self.is_binary and self.digits > 0 else pa.string())  # a bare NULL has no length

    @property
    def is_binary(self) -> bool:
        """Whether the server says of a text that it is bytes."""
        return self.charset == _BINARY_CHARSET

    @property
    def type(self) -> pa.DataType:
        """The Arrow type it is read as."""
        return self.wire_type

    def decode(self, values: Sequence[bytes | None]) -> pa.Array:
        """Values as the server sends them, as an array of `type`. Raises ConnectionFailed (SK-CONN-005)."""
        return self.parsed(values, self.type)

    def parsed(self, values: Sequence[bytes | None], type_: pa.DataType, hint: str | None = None) -> pa.Array:
        """Values as the server sends them, as an array of this type; `hint` is for those that cannot be. Raises ConnectionFailed (SK-CONN-005)."""
        if self.code == FIELD_TYPE.BIT:
            return pa.array([None if v is None else int.from_bytes(v, "big") for v in values], type_)
        array = pa.array(values, pa.binary())
        return array if pa.types.is_binary(type_) else parse(array, type_, self.name, hint=hint)
