"""The queries of aggregations: values per entity over time, every window in one pass over the rows.

Without an `as of` column there is one row for each key and time at which something happened, and a value covers the rows up to then: a
window function over one ordering that all of them share. With one, the rows say as of when they are looked at; there is one row for each
key and such time, and each value is an aggregate over the rows that lie in its window then. Rows after that time never count.

Where values are built window by window (of the output), only those rows are read that play a part in one.

A window of `7d` holds times in (t - 7 days, t]; one of `[lo, hi]` the calendar days from hi to lo days before t's, both included.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.features.trees import column, interval, literal, ordered, relation, times
from seeknal.sql.moments import ENDS, STARTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

AGGREGATES = ("count", "sum", "avg", "min", "max", "stddev", "distinct", "last", "first")
OTHER_NAMES = {"mean": "avg", "std": "stddev", "count_distinct": "distinct", "nunique": "distinct"}
UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time before a row's: its length in seconds, or the days it reaches from and to."""

    label: str
    seconds: int | None = None
    days: tuple[int, int] | None = None


SAME_TIME = Window("")
"""The rows of the very same time."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One aggregate of one column (None: of rows) over a window; without one over all rows up to then."""

    aggregate: str
    column: str | None
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """A column of the outcome: a measure, a measure over another, or how long ago (in `unit`, and `within` a window) a condition held last."""

    name: str
    measure: Measure | None = None
    over: Measure | None = None
    since: exp.Expr | None = field(default=None, compare=False)
    unit: str = "day"
    within: Window | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """Which rows are read to build a window of the output: those from `reach` seconds before it on, or as of a time in it.

    `zoned`: it does not begin as a day of UTC does.
    """

    reach: int
    zoned: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """What is aggregated: a relation, by keys, over a time, perhaps as of another column's."""

    relation: str
    keys: tuple[str, ...]
    groups: tuple[str, ...]
    time: str
    as_of: str | None = None
    reading: Reading | None = None


def aggregate(shape: Shape, values: Sequence[Value]) -> exp.Select:
    """The query: keys, groups, the time, and the values."""
    return _grouped(shape, values) if shape.as_of else _windowed(shape, values)


def _windowed(shape: Shape, values: Sequence[Value]) -> exp.Select:
    at = times(column(shape.time))
    partition = [column(c) for c in (*shape.keys, *shape.groups)]

    def over(call: exp.Expr, spec: exp.WindowSpec | None = None) -> exp.Expr:
        order = exp.Order(expressions=[ordered(at.copy())])
        return exp.Window(this=call, partition_by=[p.copy() for p in partition], order=order, spec=spec)

    def measured(measure: Measure) -> exp.Expr:
        return over(_call(measure.aggregate, _argument(measure), at), _frame(measure.window, at))

    def last(condition: exp.Expr, within: Window | None) -> exp.Expr:
        return over(exp.Max(this=exp.Case().when(condition, at.copy())), _frame(within, at))

    shown = [_shown(v, at, measured, last) for v in values]
    query = exp.select(*partition, column(shape.time), *shown).from_(relation(shape.relation)).where(*_present(shape))
    following = over(exp.Lead(this=at.copy()))
    return query.qualify(exp.NullSafeNEQ(this=following, expression=at.copy()))  # of rows with the same time, which are alike, one


def _grouped(shape: Shape, values: Sequence[Value]) -> exp.Select:
    at, as_of = times(column(shape.time)), times(column(shape.as_of or ""))

    def measured(measure: Measure) -> exp.Expr:
        inside = _inside(measure.window, at, as_of)
        argument = _argument(measure)
        return _call(measure.aggregate, argument if inside is None else exp.Case().when(inside, argument), at)

    def last(condition: exp.Expr, within: Window | None) -> exp.Expr:
        inside = _inside(within, at, as_of)
        return exp.Max(this=exp.Case().when(condition if inside is None else exp.and_(condition, inside), at.copy()))

    def moment() -> exp.Expr:
        return exp.Max(this=as_of.copy())

    keys = [column(c) for c in (*shape.keys, *shape.groups, shape.as_of or "")]
    shown = [_shown(v, moment(), measured, last) for v in values]
    known = exp.LTE(this=at.copy(), expression=as_of.copy())
    return exp.select(*keys, *shown).from_(relation(shape.relation)).where(*_present(shape), known).group_by(*(k.copy() for k in keys))


def _shown(
    value: Value, now: exp.Expr, measured: Callable[[Measure], exp.Expr], last: Callable[[exp.Expr, Window | None], exp.Expr]
) -> exp.Expr:
    if value.since is not None:
        seconds = exp.Sub(this=_epoch(now), expression=_epoch(last(value.since.copy(), value.within)))
        found: exp.Expr = exp.Div(this=exp.Paren(this=seconds), expression=exp.Literal.number(UNITS[value.unit]), typed=False, safe=False)
    elif value.measure is None:
        message = f"{value.name} has no measure"
        raise TypeError(message)
    elif value.over is None:
        found = measured(value.measure)
    else:
        below = exp.Nullif(this=measured(value.over), expression=exp.Literal.number(0))
        found = exp.Div(this=exp.cast(measured(value.measure), "DOUBLE"), expression=below, typed=False, safe=False)
    return found.as_(value.name, quoted=True)


def _present(shape: Shape) -> list[exp.Expr]:
    """Rows without a key or a time belong nowhere, and some are not read."""
    there: list[exp.Expr] = [exp.Not(this=exp.Is(this=column(c), expression=exp.Null())) for c in (*shape.keys, shape.time)]
    if shape.reading is not None:
        spare = _DAY if shape.reading.zoned else 0  # a date is a day of a zone that may begin before UTC's
        # As of a time there is a row also where all that happened lies before every window: how far back is read must not decide that.
        there += _between(shape.as_of, spare) if shape.as_of else _between(shape.time, shape.reading.reach + spare)
    return there


def _between(name: str, reach: int) -> list[exp.Expr]:
    """Whether a time lies in the window that is built, or at most so many seconds before it."""
    start: exp.Expr = times(literal(STARTS))
    if reach:
        start = exp.Sub(this=start, expression=interval(reach))
    at = times(column(name))
    return [exp.GTE(this=at, expression=start), exp.LT(this=at.copy(), expression=times(literal(ENDS)))]


def _argument(measure: Measure) -> exp.Expr:
    return exp.Literal.number(1) if measure.column is None else column(measure.column)


def _call(aggregate: str, value: exp.Expr, at: exp.Expr) -> exp.Expr:
    """The aggregate of a value. Of values with one time the last is the greatest and the first the least, however rows are stored."""
    simple = {"count": exp.Count, "sum": exp.Sum, "avg": exp.Avg, "min": exp.Min, "max": exp.Max, "stddev": exp.Stddev}
    if aggregate in simple:
        return simple[aggregate](this=value)
    if aggregate == "distinct":
        return exp.Count(this=exp.Distinct(expressions=[value]))
    by = exp.Anonymous(this="ROW", expressions=[at.copy(), value.copy()])
    return (exp.ArgMax if aggregate == "last" else exp.ArgMin)(this=value, expression=by)


def _frame(window: Window | None, at: exp.Expr) -> exp.WindowSpec:
    start: exp.Expr | str = "UNBOUNDED"
    end: exp.Expr | str = "CURRENT ROW"
    if window is SAME_TIME:
        start = "CURRENT ROW"
    elif window is not None and window.seconds is not None:
        start = interval(window.seconds, less=1)
    elif window is not None and window.days is not None:
        low, high = window.days
        start = exp.Add(this=_into_the_day(at), expression=interval(high * _DAY)) if high else _into_the_day(at)
        if low:
            end = exp.Add(this=_into_the_day(at), expression=interval((low - 1) * _DAY, less=-1))
    sides = [None if isinstance(bound, str) and bound == "CURRENT ROW" else "PRECEDING" for bound in (start, end)]
    return exp.WindowSpec(kind="RANGE", start=start, start_side=sides[0], end=end, end_side=sides[1])


def _into_the_day(at: exp.Expr) -> exp.Expr:
    return exp.Paren(this=exp.Sub(this=at.copy(), expression=exp.cast(exp.cast(at.copy(), "DATE"), "TIMESTAMP")))


def _inside(window: Window | None, at: exp.Expr, as_of: exp.Expr) -> exp.Expr | None:
    """Whether a row lies in the window; that it is not after `as_of` is known."""
    if window is None:
        return None
    if window.seconds is not None:
        return exp.GT(this=at.copy(), expression=exp.Sub(this=as_of.copy(), expression=interval(window.seconds)))
    if window.days is None:
        return exp.EQ(this=at.copy(), expression=as_of.copy())
    low, high = window.days
    ago = exp.Sub(this=exp.cast(as_of.copy(), "DATE"), expression=exp.cast(at.copy(), "DATE"))
    return exp.Between(this=exp.Paren(this=ago), low=exp.Literal.number(low), high=exp.Literal.number(high))


def _epoch(value: exp.Expr) -> exp.Expr:
    return exp.Extract(this=exp.Var(this="EPOCH"), expression=value.copy())
