"""Cutting what a query returns to windows, by the node's time column.

A timestamp with a time zone is a moment; one without is taken to be in UTC; a date is a day of the node's time zone.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.errors import SqlglotError

from seeknal.errors import NodeError
from seeknal.nodes import fold
from seeknal.run.naming import missing_columns

if TYPE_CHECKING:
    from seeknal.intervals.calendar import Calendar
    from seeknal.intervals.ranges import Interval, Ranges
    from seeknal.nodes import ColumnSchema, Node, Schema
    from seeknal.protocols import Session

_DATES = frozenset({exp.DataType.Type.DATE, exp.DataType.Type.DATE32})
_ZONED = frozenset({exp.DataType.Type.TIMESTAMPTZ, exp.DataType.Type.TIMESTAMPLTZ})
_TIMES = frozenset(t for t in exp.DataType.TEMPORAL_TYPES if t.name.startswith(("TIMESTAMP", "DATETIME")))


def moment_text(moment: int) -> str:
    """A moment as SQL writes a timestamp, in UTC."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S")


def cut(sql: str, schema: Schema, node: Node, ranges: Ranges, dialect: str, *, empty: bool = False) -> str:
    """A query's rows in these windows. The query's own text begins on the second line, so that error lines can be mapped.

    Raises NodeError where there is no such column, or it holds no times.
    """
    column = _time_column(schema, node)
    type_ = _type(column, node, dialect)
    conditions = [] if empty else [_within(column, type_, interval, node) for interval in ranges]
    condition = exp.or_(*conditions) if conditions else exp.false()
    return "".join([_head(exp.Star(), dialect), "\n", _body(sql), "\n) AS q WHERE ", condition.sql(dialect=dialect)])


def earliest(session: Session, sql: str, node: Node, calendar: Calendar, dialect: str) -> int | None:
    """Where the window begins that holds the first of a query's rows; None where there are none. Raises NodeError as `cut` does."""
    column = _time_column(session.describe(sql), node)
    _type(column, node, dialect)
    first = exp.Min(this=exp.column(exp.to_identifier(column.name, quoted=True)))
    value = session.rows("".join([_head(first, dialect), "\n", _body(sql), "\n) AS q"])).rows[0][0]
    if isinstance(value, datetime):
        return calendar.floor(int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()))
    return calendar.floor(calendar.begins(value)) if isinstance(value, date) else None


def _head(selected: exp.Expr, dialect: str) -> str:
    return f"{exp.select(selected).sql(dialect=dialect)} FROM ("


def _body(sql: str) -> str:
    text = sql.rstrip()
    while text.endswith(";"):
        text = text[:-1].rstrip()
    return text


def _time_column(schema: Schema, node: Node) -> ColumnSchema:
    for error in missing_columns(node, [c.name for c in schema]):
        raise error
    wanted = node.windows.time_column if node.windows is not None else ""
    return next(c for c in schema if fold(c.name) == fold(wanted))


def _type(column: ColumnSchema, node: Node, dialect: str) -> exp.DataType:
    try:
        type_ = exp.DataType.build(column.type or "", dialect=dialect)
    except SqlglotError:
        type_ = exp.DataType.build("UNKNOWN")
    if type_.this in _DATES and node.windows is not None and node.windows.calendar.is_clock:
        message = f"time_column '{column.name}' of {node.id} is a date, and a window is shorter than a day"
        raise NodeError("SK-INT-004", message, at=node.at, hint="use a timestamp, or a longer interval")
    if type_.this not in _DATES | _ZONED | _TIMES:
        message = f"time_column '{column.name}' of {node.id} is of type {column.type}, and says no time"
        raise NodeError("SK-INT-004", message, at=node.at, hint="cast it to TIMESTAMP or DATE in the query")
    return type_


def _within(column: ColumnSchema, type_: exp.DataType, interval: Interval, node: Node) -> exp.Expr:
    """Whether start <= column < end, in the column's own type."""
    name = exp.column(exp.to_identifier(column.name, quoted=True))
    if type_.this in _DATES and node.windows is not None:
        zone = node.windows.calendar.zone
        first, last = (datetime.fromtimestamp(m, zone).date().isoformat() for m in (interval.start, interval.end - 1))
        return exp.and_(name >= _literal(first, type_), name.copy() <= _literal(last, type_))
    offset = "+00" if type_.this in _ZONED else ""
    start, end = (_literal(moment_text(m) + offset, type_) for m in interval)
    return exp.and_(name >= start, name.copy() < end)


def _literal(text: str, type_: exp.DataType) -> exp.Expr:
    return exp.cast(exp.Literal.string(text), type_.copy())
