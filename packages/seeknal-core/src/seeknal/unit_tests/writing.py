"""Writing tests as YAML that reads back to the same values and types."""

from __future__ import annotations

import datetime as dt
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from seeknal.project import yaml
from seeknal.unit_tests.tables import inferred, same_type, type_of
from seeknal.unit_tests.values import rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal.nodes import Schema

Row = dict[str, Any]
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./@-]*(?: [A-Za-z0-9_./@-]+)*")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"}


def scalar(value: Any) -> str:
    """A value in YAML's flow style. Text that would read as something else stands in quotes."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return {"nan": ".nan", "inf": ".inf", "-inf": "-.inf"}.get(repr(value)) or repr(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(str(k))}: {scalar(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(scalar, value)) + "]"
    text = str(value)
    if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS:
        return text
    return "".join(c if c.isprintable() else _escaped(c) for c in json.dumps(text, ensure_ascii=False))


def rows_block(rows: Sequence[Row], indent: int) -> list[str]:
    """Rows as lines of a list, one a line."""
    return [f"{' ' * indent}- {scalar(row)}" for row in rows]


def types_needed(rows: Sequence[Row], schema: Schema, dialect: str) -> dict[str, str]:
    """The types of columns that the values would not say by themselves."""
    document = yaml.load("\n".join(["rows:", *rows_block(rows, 2)]), "rows")[0] if rows else None
    cells = rows_of(document, "rows") if document else []
    found = {}
    for column in schema:
        try:
            said = inferred(cells, column.name)
        except Exception:  # noqa: BLE001 - whatever they say, it is not the type
            said = None
        if column.type and not same_type(said, type_of(column.type, dialect)):
            found[column.name] = column.type
    return found


def table_block(rows: Sequence[Row], types: dict[str, str], indent: int) -> list[str]:
    """The lines of a table below its name."""
    margin = " " * indent
    lines = [f"{margin}columns: {scalar(types)}"] if types else []
    if not rows:
        return [*lines, f"{margin}rows: []"]
    return [*lines, f"{margin}rows:", *rows_block(rows, indent + 2)]


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004 - the two lengths of YAML's escapes
