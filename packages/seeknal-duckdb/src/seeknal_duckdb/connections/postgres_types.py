"""PostgreSQL's types and Arrow's, both ways.

    smallint integer bigint         int16 int32 int64
    numeric(p, s)                   decimal128(p, s); of p > 38: decimal128(38, s)
    numeric                         decimal128(38, 9)
    real double precision           float32 float64, with NaN and infinities
    boolean                         bool
    date time timestamp             date32, time64[us], timestamp[us]
    timestamptz                     timestamp[us, UTC]
    interval                        month_day_nano_interval
    bytea                           binary
    oid                             int64
    arrays of these                 list, of one dimension
    everything else                 string, as PostgreSQL writes it: text, varchar, char (with its padding), uuid, json, jsonb,
                                    enums, timetz, money, inet, ranges, geometry, arrays of unusual types …

NaN and infinity as numeric, infinite dates, dates before the year 1 or after 9999 and the time 24:00 are SK-CONN-005.
"""

from __future__ import annotations

import pyarrow as pa

from seeknal_drivers.arrow import CAST_HINT, INSTANT, TIME, TIMESTAMP, UNDECLARED, decimal_type, to_digits
from seeknal_duckdb.connections import failures

INTERVAL = pa.month_day_nano_interval()
_FIXED = {
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "oid": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "time": TIME,
    "timestamp": TIMESTAMP,
    "timestamptz": INSTANT,
    "interval": INTERVAL,
    "bytea": pa.binary(),
}
_NAMES = {
    pa.int8(): "smallint",
    pa.int16(): "smallint",
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.uint8(): "smallint",
    pa.uint16(): "integer",
    pa.uint32(): "bigint",
    pa.uint64(): "numeric(20, 0)",
    pa.float32(): "real",
    pa.float64(): "double precision",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    TIME: "time",
    TIMESTAMP: "timestamp",
    INSTANT: "timestamp with time zone",
    INTERVAL: "interval",
    pa.binary(): "bytea",
    pa.string(): "text",
    pa.null(): "text",
}
_MAX_PRECISION = 1000


def arrow_type(name: str, modifier: int) -> pa.DataType:
    """The Arrow type of a type in pg_type and its modifier (-1: none). An array's name begins with `_`."""
    if name.startswith("_") and name[1:] in {*_FIXED, "numeric", "text", "varchar", "bpchar", "uuid", "json", "jsonb", "name"}:
        return pa.list_(arrow_type(name[1:], modifier))
    if name == "numeric":
        return UNDECLARED if modifier < 0 else decimal_type(*_precision(modifier))
    return _FIXED.get(name, pa.string())


def stored_type(name: str, modifier: int) -> pa.DataType | None:
    """What a column of an existing table can hold; None where the server alone knows, and refuses what it cannot hold."""
    if name == "numeric" and modifier < 0:
        return None
    if name in {"time", "timestamp", "timestamptz"} and modifier >= 0:
        return to_digits(_FIXED[name], modifier)
    return arrow_type(name, modifier)


def sql_type(type_: pa.DataType, column: str) -> str:
    """The type of the column that is created for a plain Arrow type. Raises ConnectionFailed (SK-CONN-005)."""
    if pa.types.is_list(type_):
        return sql_type(type_.value_type, column) + "[]"
    if pa.types.is_decimal(type_) and type_.precision <= _MAX_PRECISION:
        return f"numeric({type_.precision}, {type_.scale})"
    if type_ not in _NAMES:
        raise failures.type_not_representable(column, str(type_), CAST_HINT)
    return _NAMES[type_]


def _precision(modifier: int) -> tuple[int, int]:
    """Precision and scale as pg_attribute.atttypmod packs them; a scale has 11 bits, the highest its sign."""
    packed = modifier - 4
    return (packed >> 16) & 0xFFFF, ((packed & 0x7FF) ^ 1024) - 1024
