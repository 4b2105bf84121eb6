"""Periods of time: the days between the first and the last, moving a period, and which periods a condition on time leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal_semantic.grains import Duration, nests
from seeknal_semantic.sqltree import aliased, earlier, later, paren, select, text, trunc

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
    """For a time compared with something: whether it holds for any day of the period, by its first and last day.

    None for all else, and where all days of the period are alike.
    """
    if not isinstance(node, exp.GTE | exp.GT | exp.LT | exp.LTE | exp.EQ | exp.Between) or not isinstance(node.this, exp.Column):
        return None
    bound = conjunct.bounds.get(node.this.name)
    others = [v for k, v in node.args.items() if k != "this" and isinstance(v, exp.Expr)]
    if bound is None or bound.grain is None or nests(grain, bound.grain) or any(o.find(exp.Column) for o in others):
        return None
    low, high = start.copy(), earlier(later(start.copy(), Duration(1, grain)), Duration(1, "day"))
    if bound.grain != "day":
        low, high = trunc(bound.grain, low), trunc(bound.grain, high)
    if isinstance(node, exp.Between):
        return exp.And(this=exp.GTE(this=high, expression=node.args["low"]), expression=exp.LTE(this=low, expression=node.args["high"]))
    if isinstance(node, exp.EQ):
        return exp.And(this=exp.GTE(this=high, expression=node.expression), expression=exp.LTE(this=low, expression=node.expression.copy()))
    return type(node)(this=low if isinstance(node, exp.LT | exp.LTE) else high, expression=node.expression)


def starts(scope: Scope, time: Bound, grain: str, name: str, slack: Sequence[Duration] = ()) -> exp.Select:
    """The starts of all periods from the first to the last of a model's time, in the whole table; with `slack`, so much longer."""
    raw = scope.day(time) if grain == "day" else trunc(grain, scope.raw(time))
    for named in raw.find_all(exp.Column):
        named.set("table", None)
    last: exp.Expr = exp.Max(this=raw.copy())
    for length in slack:
        last = later(last, length)
    series = exp.GenerateSeries(start=exp.Min(this=raw), end=last, step=exp.Interval(this=text("1"), unit=exp.Var(this=grain.upper())))
    return select([aliased(exp.Explode(this=series), name)], scope.model.relation)
