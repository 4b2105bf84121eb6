"""Whether one column type holds everything that another does."""

from __future__ import annotations

import re

_SIGNED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_UNSIGNED = ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")
_WIDER = {
    "FLOAT": ("DOUBLE",),
    "DATE": ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"),
    "TIMESTAMP_S": ("TIMESTAMP_MS", "TIMESTAMP", "TIMESTAMP_NS"),
    "TIMESTAMP_MS": ("TIMESTAMP", "TIMESTAMP_NS"),
    "TIMESTAMP": ("TIMESTAMP_NS",),
}
_SYNONYMS = {"INT": "INTEGER", "INT4": "INTEGER", "INT8": "BIGINT", "INT2": "SMALLINT", "INT1": "TINYINT", "LONG": "BIGINT", "REAL": "FLOAT",
             "FLOAT4": "FLOAT", "FLOAT8": "DOUBLE", "TEXT": "VARCHAR", "STRING": "VARCHAR", "DATETIME": "TIMESTAMP"}  # fmt: skip
_DIGITS = {"TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19, "HUGEINT": 39}
_EXACT_IN_DOUBLE = ("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER")
_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?")


def same(old: str | None, new: str | None) -> bool:
    """Whether two types are one."""
    return _named(old) == _named(new)


def widens(old: str | None, new: str | None) -> bool:
    """Whether every value of the old type is one of the new type, and means there what it meant."""
    a, b = _named(old), _named(new)
    if a in _SIGNED and b in _SIGNED:
        return _SIGNED.index(a) < _SIGNED.index(b)
    if a in _UNSIGNED and b in _UNSIGNED:
        return _UNSIGNED.index(a) < _UNSIGNED.index(b)
    if a in _UNSIGNED and b in _SIGNED:
        return _UNSIGNED.index(a) < _SIGNED.index(b)
    if b == "DOUBLE" and a in _EXACT_IN_DOUBLE:
        return True
    if a.endswith("]") and b.endswith("]"):
        return widens(a.rpartition("[")[0], b.rpartition("[")[0])
    decimal = _DECIMAL.fullmatch(b)
    if decimal:
        return _in_decimal(a, *_precision(decimal))
    return b in _WIDER.get(a, ())


def _in_decimal(old: str, precision: int, scale: int) -> bool:
    before = _DECIMAL.fullmatch(old)
    if before:
        old_precision, old_scale = _precision(before)
        return scale >= old_scale and precision - scale >= old_precision - old_scale
    return old in _DIGITS and precision - scale >= _DIGITS[old]


def _precision(match: re.Match[str]) -> tuple[int, int]:
    return (int(match[1]), int(match[2] or 0)) if match[1] else (18, 3)


def _named(type_: str | None) -> str:
    text = " ".join((type_ or "").upper().split())
    return _SYNONYMS.get(text, text)
