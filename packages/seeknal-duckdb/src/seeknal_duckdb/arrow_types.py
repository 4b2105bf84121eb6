"""Arrow types DuckDB does not take as they are, and what they become before it sees them.

Measured on DuckDB 1.5.5 and 2.0.0: without this, nanoseconds with a time zone lose their last digits and date64 turns into
numbers, silently; the others are refused with words about DuckDB's insides. The casts are checked, value by value.
"""

from __future__ import annotations

import pyarrow as pa

from seeknal.errors import EngineError
from seeknal.nodes import fold

_WIDEST_DECIMAL = 38


def storable(schema: pa.Schema) -> pa.Schema:
    """The schema to which batches are cast; the same object if nothing needs to be.

    Raises EngineError SK-DATA-004 for what cannot be stored: no columns, two of one name, decimals of more than 38 digits.
    """
    _refuse_unnamed(schema)
    types = [_storable(field.name, field.type) for field in schema]
    if types == schema.types:
        return schema
    return pa.schema([pa.field(field.name, type_) for field, type_ in zip(schema, types, strict=True)])


def _refuse_unnamed(schema: pa.Schema) -> None:
    if not schema.names:
        raise EngineError("SK-DATA-004", "the data has no columns", hint="return at least one column; zero rows are fine")
    seen: dict[str, str] = {}
    for name in schema.names:
        if not name or fold(name) in seen:
            other = seen.get(fold(name))
            message = f"the columns '{other}' and '{name}' have one name" if name else "a column has no name"
            raise EngineError("SK-DATA-004", message, hint="rename one of them; upper and lower case are the same to SQL")
        seen[fold(name)] = name


def _storable(column: str, type_: pa.DataType) -> pa.DataType:
    if pa.types.is_decimal(type_) and type_.bit_width > 128:  # noqa: PLR2004 - decimal256
        if type_.precision > _WIDEST_DECIMAL:
            message = f"column '{column}' is {type_}, and DuckDB holds at most {_WIDEST_DECIMAL} digits"
            raise EngineError("SK-DATA-004", message, hint="cast it to decimal128, float64 or string")
        return pa.decimal128(type_.precision, type_.scale)
    if pa.types.is_float16(type_):
        return pa.float32()
    if pa.types.is_date64(type_):
        return pa.date32()
    if pa.types.is_time64(type_) and type_.unit == "ns":
        return pa.time64("us")
    if pa.types.is_timestamp(type_) and type_.unit == "ns" and type_.tz is not None:
        return pa.timestamp("us", type_.tz)
    return _nested(column, type_)


def _nested(column: str, type_: pa.DataType) -> pa.DataType:
    if pa.types.is_struct(type_):
        if type_.num_fields == 0:
            raise EngineError("SK-DATA-004", f"column '{column}' is a struct without fields", hint="leave the column out")
        return pa.struct([field.with_type(_storable(column, field.type)) for field in type_])
    if pa.types.is_map(type_):
        return pa.map_(_storable(column, type_.key_type), _storable(column, type_.item_type))
    for is_kind, make in ((pa.types.is_list, pa.list_), (pa.types.is_large_list, pa.large_list)):
        if is_kind(type_):
            return make(type_.value_field.with_type(_storable(column, type_.value_type)))
    if pa.types.is_fixed_size_list(type_):
        return pa.list_(type_.value_field.with_type(_storable(column, type_.value_type)), type_.list_size)
    return type_
