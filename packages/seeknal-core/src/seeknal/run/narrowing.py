"""Reading no more of a source than a window needs.

What is read is cut to the window exactly, in the engine, so a database is asked for a day more on either side: it may keep dates, times of another zone, or text.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.intervals.calendar import Calendar

if TYPE_CHECKING:
    from seeknal.intervals.calendar import UnitName
    from seeknal.nodes import Node

Window = tuple[datetime, datetime]
"""Where it begins and ends, in UTC."""

_FIELDS: tuple[tuple[str, UnitName], ...] = (("%H", "hour"), ("%d", "day"), ("%m", "month"), ("%Y", "year"))
_DAY = timedelta(days=1)


def narrowed(query: str, node: Node, window: Window, dialect: str) -> str:
    """A database's query for the rows that may belong to a window."""
    if node.windows is None:
        return query
    start, end = window
    column = exp.column(exp.to_identifier(node.windows.time_column, quoted=True))
    first, last = (exp.Literal.string(m.date().isoformat()) for m in (start - _DAY, end + _DAY + _DAY))
    condition = exp.and_(column >= first, column.copy() < last) if start < end else exp.false()
    text = query.rstrip()
    while text.endswith(";"):
        text = text[:-1].rstrip()
    return "".join([exp.select("*").sql(dialect=dialect), " FROM (\n", text, "\n) AS q WHERE ", condition.sql(dialect=dialect)])


def paths_of(pattern: str, node: Node, window: Window) -> list[str]:
    """The paths that may hold rows of a window: with `%Y`, `%m`, `%d` and `%H` in a pattern, one for each date or hour of it."""
    unit = next((unit for field, unit in _FIELDS if field in pattern), None)
    if unit is None or node.windows is None:
        return [pattern]
    calendar = Calendar(unit, node.windows.timezone)
    start, end = (int(m.timestamp()) for m in window)
    found: dict[str, None] = {}
    moment = calendar.floor(start)
    while moment < end or not found:
        local = datetime.fromtimestamp(moment, UTC).astimezone(calendar.zone)
        text = pattern
        for field, _ in _FIELDS:
            text = text.replace(field, local.strftime(field))
        found[text] = None
        moment = calendar.after(moment)
    return list(found)
