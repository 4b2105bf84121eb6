"""Values as a test writes them: what they are, how they were written, and where."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seeknal.errors import Location
    from seeknal.project.yaml import Document

_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(?P<zone>Z|[+-]\d\d(:?\d\d)?)?")


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value: None, bool, int, Decimal, float (only what is no number), text, date or datetime; as it was written; and where."""

    value: Any
    text: str
    at: Location


Given = Scalar | list[Any] | dict[str, Any]
"""A scalar, or a list or mapping of these."""
Cells = dict[str, Given]
"""A row: its values by column."""


def rows_of(document: Document, *path: str | int) -> list[Cells]:
    """The rows that stand at a path of a document, which is known to be a list of mappings."""
    found: Any = document.value
    for part in path:
        found = found[part]
    return [{k: given(document, v, *path, number, k) for k, v in row.items()} for number, row in enumerate(found)]


def given(document: Document, value: Any, *path: str | int) -> Given:
    """A value of a document with how it was written. Unquoted dates are dates; a decimal keeps all its digits."""
    if isinstance(value, list):
        return [given(document, v, *path, i) for i, v in enumerate(value)]
    if isinstance(value, dict):
        return {k: given(document, v, *path, k) for k, v in value.items()}
    at = document.at(*path)
    mark = document.marks.get(path)
    plain = mark is not None and not mark.style
    if isinstance(value, str):
        return Scalar(_moment(value) if plain else value, value, at)
    if isinstance(value, int | float) and not isinstance(value, bool):
        written = _NUMBER.match(document.lines[at.line - 1], at.column - 1) if plain else None
        text = written[0] if written and float(written[0]) == float(value) else str(value)
        return Scalar(_number(text, value), text, at)
    return Scalar(value, {None: "", True: "true", False: "false"}[value], at)


def from_text(text: str, at: Location) -> Scalar:
    """A field of CSV: empty is NULL, and what looks like a number, a date, true or false is one."""
    if not text:
        return Scalar(None, "", at)
    if text in ("true", "false"):
        return Scalar(text == "true", text, at)
    if _NUMBER.fullmatch(text) and not (text.lstrip("+-").startswith("0") and text.lstrip("+-")[1:2].isdigit()):
        return Scalar(_number(text, text), text, at)
    return Scalar(_moment(text), text, at)


def _number(text: str, value: Any) -> Any:
    if not _NUMBER.fullmatch(text):
        return value
    return int(text) if text.lstrip("+-").isdigit() else Decimal(text)


def _moment(text: str) -> Any:
    """A date or a time where the text is one."""
    try:
        if _DATE.fullmatch(text):
            return dt.date.fromisoformat(text)
        if _TIME.fullmatch(text):
            return dt.datetime.fromisoformat(text)
    except ValueError:
        pass
    return text
