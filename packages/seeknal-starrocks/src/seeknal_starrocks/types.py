"""The types of StarRocks and Arrow's, both ways.

    StarRocks                     read as                    made for
    BOOLEAN                       bool                       bool
    TINYINT SMALLINT INT BIGINT   int8 int16 int32 int64     int8 … int64; uint8, uint16 and uint32 as the next wider one
    LARGEINT                      decimal128(38, 0)          uint64
    DECIMAL(p, s)                 decimal128(p, s)           decimals of up to 38 digits
    FLOAT DOUBLE                  float32 float64            float16, float32; float64
    DATE DATETIME                 date32 timestamp[us]       dates; timestamps, instants in UTC
    CHAR VARCHAR STRING           string                     text, as VARCHAR(1048576); UUIDs as VARCHAR(36)
    JSON                          string                     JSON (Arrow's extension type)
    VARBINARY                     binary                     binary
    ARRAY MAP STRUCT              list map struct            list, map, struct

BITMAP, HLL and PERCENTILE are states of aggregate functions and have no values: they are refused with the functions that give some. A
LARGEINT of more than 38 digits is refused as a value. Within ARRAY, MAP and STRUCT, DECIMAL, LARGEINT and VARBINARY are refused: the
server hands such values out as JSON, in which they would be rounded or damaged. Times of day and intervals have no type to be stored as.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from sqlglot import exp
from sqlglot.errors import SqlglotError

from seeknal_drivers.arrow import MAX_DIGITS, TIMESTAMP
from seeknal_starrocks import failures
from seeknal_starrocks.names import DIALECT, quoted

LONGEST_TEXT = 1_048_576

_Kind = exp.DataType.Type
STATES = {
    "BITMAP": "select bitmap_to_string(column), or bitmap_count(column), in the source's query",
    "HLL": "select hll_cardinality(column) in the source's query",
    "PERCENTILE": "select percentile_approx_raw(column, 0.5) in the source's query",
}
_READ = {
    _Kind.BOOLEAN: pa.bool_(),
    _Kind.TINYINT: pa.int8(),
    _Kind.SMALLINT: pa.int16(),
    _Kind.INT: pa.int32(),
    _Kind.BIGINT: pa.int64(),
    _Kind.INT128: pa.decimal128(MAX_DIGITS, 0),
    _Kind.FLOAT: pa.float32(),
    _Kind.DOUBLE: pa.float64(),
    _Kind.DATE: pa.date32(),
    _Kind.DATETIME: TIMESTAMP,
    _Kind.TIMESTAMP: TIMESTAMP,
    _Kind.CHAR: pa.string(),
    _Kind.VARCHAR: pa.string(),
    _Kind.TEXT: pa.string(),
    _Kind.JSON: pa.string(),
    _Kind.VARBINARY: pa.binary(),
}
_DECIMALS = (_Kind.DECIMAL, _Kind.DECIMAL32, _Kind.DECIMAL64, _Kind.DECIMAL128, _Kind.DECIMAL256)
LOOK_LIKE_TEXT = {_Kind.INT128, _Kind.VARBINARY, _Kind.ARRAY, _Kind.MAP, _Kind.STRUCT}
"""Types whose columns are text on the wire."""

_NOT_INSIDE = (*_DECIMALS, _Kind.INT128, _Kind.VARBINARY)
NO_KEY = ("JSON", "ARRAY", "MAP", "STRUCT", "FLOAT", "DOUBLE", "VARBINARY", "BITMAP", "HLL", "PERCENTILE")
"""Types by which no table can be sorted or partitioned."""

_WRITTEN = (
    (pa.types.is_boolean, "BOOLEAN"),
    (pa.types.is_int8, "TINYINT"),
    (pa.types.is_int16, "SMALLINT"),
    (pa.types.is_uint8, "SMALLINT"),
    (pa.types.is_int32, "INT"),
    (pa.types.is_uint16, "INT"),
    (pa.types.is_int64, "BIGINT"),
    (pa.types.is_uint32, "BIGINT"),
    (pa.types.is_uint64, "LARGEINT"),
    (pa.types.is_float16, "FLOAT"),
    (pa.types.is_float32, "FLOAT"),
    (pa.types.is_float64, "DOUBLE"),
    (pa.types.is_date, "DATE"),
    (pa.types.is_timestamp, "DATETIME"),
    (pa.types.is_string, f"VARCHAR({LONGEST_TEXT})"),
    (pa.types.is_large_string, f"VARCHAR({LONGEST_TEXT})"),
    (pa.types.is_string_view, f"VARCHAR({LONGEST_TEXT})"),
    (pa.types.is_null, f"VARCHAR({LONGEST_TEXT})"),
    (pa.types.is_binary, "VARBINARY"),
    (pa.types.is_large_binary, "VARBINARY"),
    (pa.types.is_binary_view, "VARBINARY"),
    (pa.types.is_fixed_size_binary, "VARBINARY"),
)


def parsed(written: str) -> exp.DataType | None:
    """A type as DESC shows it; None for the states of aggregate functions, and for what no StarRocks type is called."""
    try:
        return exp.DataType.build(written, dialect=DIALECT)
    except SqlglotError:
        return None


def state_of(written: str) -> str | None:
    """`BITMAP`, `HLL` or `PERCENTILE` where the type is one of these."""
    name = written.partition("(")[0].strip().upper()
    return name if name in STATES else None


def read_type(declared: exp.DataType, column: str, *, inside: bool = False) -> pa.DataType:
    """The Arrow type a column of a StarRocks type is read as. Raises ConnectionFailed (SK-CONN-005)."""
    kind, arguments = declared.this, declared.expressions
    if inside and kind in _NOT_INSIDE:
        written = declared.sql(dialect=DIALECT)
        hint = "select its parts, or cast(column AS STRING), in the source's query"
        raise failures.type_not_representable(column, f"{written} inside ARRAY, MAP or STRUCT", hint)
    if kind is _Kind.TINYINT and [a.name for a in arguments] == ["1"]:
        return pa.bool_()
    if kind in _DECIMALS:
        precision, scale = ([int(a.name) for a in arguments] + [10, 0][len(arguments) :])[:2]
        return pa.decimal128(min(precision, MAX_DIGITS), scale)
    if kind is _Kind.ARRAY and arguments:
        return pa.list_(read_type(arguments[0], column, inside=True))
    if kind is _Kind.MAP and arguments:
        key, value = (read_type(a, column, inside=True) for a in arguments)
        return pa.map_(key, value)
    if kind is _Kind.STRUCT and arguments:
        return pa.struct([pa.field(a.name, read_type(a.args["kind"], column, inside=True)) for a in arguments])
    if kind not in _READ:
        hint = STATES.get(declared.sql(dialect=DIALECT).upper(), "select cast(column AS STRING) in the source's query")
        raise failures.type_not_representable(column, declared.sql(dialect=DIALECT), hint)
    return _READ[kind]


def written_type(type_: pa.DataType, column: str) -> str:
    """The StarRocks type of a column that is made for an Arrow type. Raises ConnectionFailed (SK-CONN-005)."""
    kinds = pa.types
    if isinstance(type_, pa.BaseExtensionType):
        named: dict[str, str] = {"arrow.json": "JSON", "arrow.uuid": "VARCHAR(36)", "arrow.bool8": "BOOLEAN"}
        if type_.extension_name in named:
            return named[type_.extension_name]
    if kinds.is_dictionary(type_) or kinds.is_run_end_encoded(type_):
        return written_type(type_.value_type, column)
    if kinds.is_decimal(type_) and type_.precision <= MAX_DIGITS and 0 <= type_.scale <= type_.precision:
        return f"DECIMAL({type_.precision}, {type_.scale})"
    if kinds.is_map(type_):
        return f"MAP<{written_type(type_.key_type, column)}, {written_type(type_.item_type, column)}>"
    if kinds.is_list(type_) or kinds.is_large_list(type_) or kinds.is_fixed_size_list(type_):
        return f"ARRAY<{written_type(type_.value_type, column)}>"
    if kinds.is_struct(type_) and type_.num_fields:
        fields = (type_.field(i) for i in range(type_.num_fields))
        return "STRUCT<" + ", ".join(f"{quoted(f.name)} {written_type(f.type, column)}" for f in fields) + ">"
    for is_kind, name in _WRITTEN:
        if is_kind(type_):
            return name
    raise failures.type_not_representable(column, str(type_), "turn it into text or a number in the model")


def can_be_key(type_: pa.DataType, column: str) -> bool:
    """Whether a column that is made for an Arrow type can be a key. Raises ConnectionFailed (SK-CONN-005)."""
    return not written_type(type_, column).upper().startswith(NO_KEY)


def same_type(one: str, other: str) -> bool:
    """Whether two spellings of a type mean the same: `int(11)` and `INT`, `tinyint(1)` and `BOOLEAN`, `string` and `VARCHAR(65533)`."""
    left, right = parsed(one), parsed(other)
    if left is None or right is None:
        return one.strip().upper() == other.strip().upper()
    return bool(_plain(left) == _plain(right))


def _plain(declared: exp.DataType) -> Any:
    """A type without what is only another spelling."""
    kind, arguments = declared.this, declared.expressions
    numbers = tuple(a.name for a in arguments)
    if kind is _Kind.TINYINT and numbers == ("1",):
        return _Kind.BOOLEAN
    if kind in _DECIMALS:
        return (_Kind.DECIMAL, *(numbers or ("10", "0")))
    if kind is _Kind.TEXT:
        return (_Kind.VARCHAR, "65533")
    if kind in (_Kind.VARCHAR, _Kind.CHAR):
        return (kind, *(numbers or ("1",)))
    if kind in (_Kind.ARRAY, _Kind.MAP):
        return (kind, *(_plain(a) for a in arguments))
    if kind is _Kind.STRUCT:
        return (kind, *((a.name.casefold(), _plain(a.args["kind"])) for a in arguments))
    return kind
