"""The types of MySQL and MariaDB, and Arrow's, both ways.

    tinyint smallint mediumint int bigint   int8 int16 int32 int32 int64, or uint8 … uint64 where unsigned
    boolean, tinyint(1)                     int8: the server does not tell them apart, and keeps 2 in either
    decimal(p, s)                           decimal128(p, s); of p > 38: decimal128(38, s)
    float double                            float32 float64
    bit(n)                                  uint64
    year                                    int16
    date datetime                           date32, timestamp[us]
    timestamp                               timestamp[us, UTC]
    time                                    time64[us], for times of one day
    char varchar text enum set json uuid …  string
    binary varbinary blob geometry          binary

Dates with zeros in them (0000-00-00) and times below 00:00 or from 24:00 on are SK-CONN-005: nullif(column, 0) and
time_to_sec(column) in a source's query say what they should be.

Written are bool as boolean, float32 as float, timestamp[us] and instants as datetime(6), the latter in UTC, because the server's
timestamp ends in 2038; text as longtext, bytes as longblob. Intervals, lists, NaN and infinity are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from pymysql.constants import FIELD_TYPE

from seeknal_drivers.arrow import INSTANT, TIME, TIMESTAMP, to_digits
from seeknal_drivers.mysql import columns
from seeknal_duckdb.connections import failures
from seeknal_duckdb.connections.outgoing import as_text, takes

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAMES = {
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.uint8(): "tinyint unsigned",
    pa.uint16(): "smallint unsigned",
    pa.uint32(): "int unsigned",
    pa.uint64(): "bigint unsigned",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    TIME: "time(6)",
    TIMESTAMP: "datetime(6)",
    INSTANT: "datetime(6)",
    pa.binary(): "longblob",
    pa.string(): "longtext",
    pa.null(): "longtext",
}
_ZERO_HINT = "where zeros stand for no date, select nullif(column, 0) in the source's query"
_TIME_HINT = "times are those of one day; select time_to_sec(column) in the source's query"
_HINTS = {TIMESTAMP: _ZERO_HINT, pa.date32(): _ZERO_HINT, TIME: _TIME_HINT}
_MAX_DIGITS, _MAX_SCALE = 65, 30


@dataclass(frozen=True, slots=True)
class ResultColumn(columns.ResultColumn):
    """A column of a query's result, or of a table."""

    @property
    def type(self) -> pa.DataType:
        """The Arrow type it is read as."""
        return INSTANT if self.code == FIELD_TYPE.TIMESTAMP else self.wire_type

    @property
    def stored(self) -> pa.DataType:
        """What a table's column of this type holds: as `type`, but fractions of a second count."""
        return to_digits(self.type, self.scale) if self.type in {TIME, TIMESTAMP, INSTANT} else self.type

    def decode(self, values: Sequence[bytes | None]) -> pa.Array:
        """Values as the server sends them, as an array. Raises ConnectionFailed (SK-CONN-005)."""
        if self.type == INSTANT:  # sent in UTC, without saying so
            return self.parsed(values, TIMESTAMP, _ZERO_HINT).cast(INSTANT)
        return self.parsed(values, self.type, _HINTS.get(self.type))


def column_takes(column: ResultColumn, type_: pa.DataType) -> bool:
    """Whether a table's column can hold values of a plain Arrow type unchanged. A datetime holds instants, in UTC."""
    if pa.types.is_boolean(type_):
        return bool(pa.types.is_integer(column.stored))
    if type_ == INSTANT and pa.types.is_timestamp(column.stored):
        return True
    return takes(column.stored, type_)


def sent_as(type_: pa.DataType, column: ResultColumn | None = None) -> pa.DataType:
    """The Arrow type to send values of a plain type as: what the column holds, where there is one."""
    if column is not None and not pa.types.is_null(type_):
        return column.stored
    return pa.int8() if pa.types.is_boolean(type_) else type_


def sql_type(type_: pa.DataType, column: str) -> str:
    """The type of the column that is created for a plain Arrow type. Raises ConnectionFailed (SK-CONN-005)."""
    if pa.types.is_decimal(type_) and type_.precision <= _MAX_DIGITS and 0 <= type_.scale <= _MAX_SCALE:
        return f"decimal({type_.precision}, {type_.scale})"
    if type_ not in _NAMES:
        raise failures.type_not_representable(column, str(type_), "cast it in the model, to text for example")
    return _NAMES[type_]


def parameters(array: pa.Array, column: str) -> list[Any]:
    """Values of a plain type for a statement's parameters. Raises ConnectionFailed (SK-CONN-005)."""
    if pa.types.is_integer(array.type) or pa.types.is_binary(array.type):
        values: list[Any] = array.to_pylist()
        return values
    if pa.types.is_floating(array.type):
        unfit = pc.index(pc.is_finite(array), pa.scalar(value=False)).as_py()
        if unfit >= 0:
            raise failures.not_representable(column, array[unfit].as_py(), "a number of MySQL", "write NULL, or text, instead")
    text: list[Any] = as_text(array, column).to_pylist()
    return text
