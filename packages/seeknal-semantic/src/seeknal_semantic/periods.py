"""Periods of time: the days between the first and the last, moving a period, and which periods a condition on time leaves."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal_semantic.grains import Duration, finer
from seeknal_semantic.scope import iso_day
from seeknal_semantic.sqltree import aliased, later, paren, select, text, trunc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal_semantic.bind import Bound
    from seeknal_semantic.scope import Conjunct, Scope


def within(start: exp.Expr, finest: str, bound: Bound) -> exp.Expr:
    """The period of a bound's grain in which a period of the finest grain lies."""
    return start.copy() if bound.grain == finest or bound.grain is None else trunc(bound.grain, start.copy())


def moved(start: exp.Expr, offsets: Sequence[Duration]) -> exp.Expr:
    """The period that is so much later, the innermost offset first. Right where each offset is a number of whole periods."""
    for offset in reversed(offsets):
        start = later(start, offset)
    return start


def cut(conjunct: Conjunct, start: exp.Expr, grain: str) -> exp.Expr:
    """Whether a condition on time leaves some of a period that begins at `start`."""

    def change(node: exp.Expr) -> exp.Expr:
        touched = _touches(node, conjunct, start, grain)
        if touched is not None:
            return paren(touched) if node.parent is not None else touched
        if isinstance(node, exp.Column):
            value = within(start, grain, conjunct.bounds[node.name])
            return paren(value) if node.parent is not None else value
        return node

    return conjunct.tree.copy().transform(change, copy=False)


def _touches(node: exp.Expr, conjunct: Conjunct, start: exp.Expr, grain: str) -> exp.Expr | None:
    """For a day compared with a date: whether any day of the period does. None for all else, and where the period is a day."""
    if not isinstance(node, exp.GTE | exp.GT | exp.LT | exp.LTE | exp.EQ | exp.Between) or not isinstance(node.this, exp.Column):
        return None
    bound = conjunct.bounds.get(node.this.name)
    if bound is None or bound.grain is None or not finer(bound.grain, grain) or bound.grain != "day":
        return None
    if isinstance(node, exp.Between):
        low, high = iso_day(node.args["low"]), iso_day(node.args["high"])
        if low is None or high is None or node.args.get("symmetric"):
            return None
        return exp.And(this=_ends_after(start, grain, low), expression=exp.LTE(this=start.copy(), expression=text(high.isoformat())))
    day = iso_day(node.expression)
    if day is None:
        return None
    if isinstance(node, exp.LT | exp.LTE):
        return type(node)(this=start.copy(), expression=text(day.isoformat()))
    if isinstance(node, exp.EQ):
        return exp.And(this=_ends_after(start, grain, day), expression=exp.LTE(this=start.copy(), expression=text(day.isoformat())))
    return _ends_after(start, grain, day + dt.timedelta(days=1) if isinstance(node, exp.GT) else day)


def _ends_after(start: exp.Expr, grain: str, day: dt.date) -> exp.Expr:
    """Whether a period has this day or a later one."""
    return exp.GT(this=later(start.copy(), Duration(1, grain)), expression=text(day.isoformat()))


def starts(scope: Scope, time: Bound, grain: str, name: str, slack: Sequence[Duration] = ()) -> exp.Select:
    """The starts of all periods from the first to the last of a model's time, in the whole table; with `slack`, so much longer."""
    raw = scope.day(time) if grain == "day" else trunc(grain, scope.raw(time))
    last: exp.Expr = exp.Max(this=raw.copy())
    for length in slack:
        last = later(last, length)
    series = exp.GenerateSeries(start=exp.Min(this=raw), end=last, step=exp.Interval(this=text("1"), unit=exp.Var(this=grain.upper())))
    return select([aliased(exp.Explode(this=series), name)], scope.source())
