"""Whether what readers get instead of no value is of the feature's type."""

from __future__ import annotations

import datetime as dt


def fits(default: bool | float | str, type_: str, dialect: str) -> bool:
    """Whether a default can be read as a type without losing anything. True for types about which nothing can be said."""
    from sqlglot import ParseError, exp  # start-up time

    try:
        kind = exp.DataType.build(type_, dialect=dialect)
    except (ParseError, ValueError):
        return True  # and it is said to be no type
    try:
        if kind.is_type(*exp.DataType.NUMERIC_TYPES):
            return float(default).is_integer() or not kind.is_type(*exp.DataType.INTEGER_TYPES)
        if kind.is_type(*exp.DataType.TEMPORAL_TYPES):
            return dt.datetime.fromisoformat(str(default)) is not None
    except ValueError:
        return False
    return not kind.is_type("BOOLEAN") or str(default).lower() in ("true", "false", "0", "1")
