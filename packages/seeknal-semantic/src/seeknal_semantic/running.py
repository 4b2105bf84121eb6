"""Branches of cumulative metrics: days aggregated first, a dense grid of days and dimensions, and windows over it.

What windows over days cannot give (distinct counts, percentiles, windows of calendar months) joins the days that are shown with the rows
of each one's window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.errors import ProjectError
from seeknal_semantic.branch import Asked, Branch, Part, aggregate
from seeknal_semantic.grains import finer, nests
from seeknal_semantic.periods import cut, starts, within
from seeknal_semantic.plain import scope_of
from seeknal_semantic.resolve import Running
from seeknal_semantic.scope import Scope
from seeknal_semantic.sqltree import (
    aliased,
    all_of,
    cast,
    column,
    earlier,
    free,
    grouped,
    identifier,
    is_not_null,
    number,
    qualified,
    same,
    select,
    subquery,
    table,
    trunc,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal_semantic.catalog import Catalog
    from seeknal_semantic.scope import Types

_PARTS = {"sum": ("sum",), "sum_boolean": ("sum",), "count": ("sum",), "min": ("min",), "max": ("max",), "average": ("sum", "sum")}
"""How the aggregates of days make that of a window."""


def by_windows(part: Part) -> bool:
    """Whether windows over days give the leaf."""
    window = part.leaf.running.window if part.leaf.running else None
    return part.measure.agg in _PARTS and part.measure.lasting is None and (window is None or window.days is not None)


def is_plain(asked: Asked, part: Part) -> bool:
    """Whether the value to date at the end of each period is just that of the period."""
    running = part.leaf.running or Running()
    return running.grain_to_date == asked.finest and len(asked.times) == 1 and running.period_agg == "last" and not part.cuts


@dataclass
class _Names:
    """Names that nothing asked for has."""

    day: str
    count: str
    days: str
    daily: str
    running: str


class RunningBranch:
    """Leaves of one model, one window and the same rows."""

    def __init__(self, catalog: Catalog, asked: Asked, parts: Sequence[Part], types: Types, taken: Sequence[str]) -> None:
        self.catalog = catalog
        self.asked = asked
        self.parts = parts
        self.running = parts[0].leaf.running or Running()
        self.scope = scope_of(catalog, asked, parts, types)
        self.time = asked.times[0]
        self.groups = [b for b in asked.bounds if b not in asked.times]
        names = [b.asked for b in asked.bounds]
        leaf_names = {p.number: free(p.measure.name, [*names]) for p in parts}
        self.values = leaf_names
        used = [*names, *leaf_names.values()]
        self.names = _Names(free("day", used), free("row_count", used), free("days", taken), free("daily", taken), free("running", taken))
        if asked.finest is not None and finer(asked.finest, "day"):
            message = f"a cumulative metric is asked by day or coarser, not by {asked.finest}"
            raise ProjectError("SK-SEM-015", message)

    def branch(self) -> Branch:
        """The branch."""
        return self._windows() if by_windows(self.parts[0]) and all(map(by_windows, self.parts)) else self._joined()

    # Windows over days

    def _unit(self) -> str:
        """The longest periods that can stand for days here."""
        asked, running = self.asked, self.running
        finest = asked.finest or "day"
        exact = all(nests(finest, b.grain or "day") for b in asked.times)
        cuts_fit = all(nests(finest, b.grain or "day") for p in self.parts for c in p.cuts for b in c.bounds.values())
        if running.window is not None or running.period_agg == "first" or not exact or not cuts_fit:
            return "day"
        if running.grain_to_date is not None and not nests(finest, running.grain_to_date):
            return "day"
        return finest

    def _windows(self) -> Branch:
        unit = self._unit()
        names, scope = self.names, self.scope
        groups = [b.asked for b in self.groups]
        ctes: list[tuple[str, exp.Query]] = [(names.days, starts(scope, self.time, unit, names.day)), (names.daily, self._daily(unit))]
        grid = exp.Select().from_(table(names.days), copy=False)
        if groups:
            distinct = select([column(g) for g in groups], names.daily).distinct(copy=False)
            grid.join(subquery(distinct, "grid"), join_type="CROSS", copy=False)
        on: list[exp.Expr] = [exp.EQ(this=column(names.day, names.daily), expression=column(names.day, names.days))]
        on += [same(column(g, names.daily), column(g, "grid")) for g in groups]
        grid.join(table(names.daily), on=all_of(on), join_type="LEFT", copy=False)
        values = {p.number: self._windowed(p, unit) for p in self.parts}
        # From the first day on there is a row for certain, where all rows count and none are told apart.
        certain = self.running == Running() and not groups and not self.parts[0].rows
        count = self._over(exp.Count(this=column(names.day, names.daily)), unit)
        if not self._by_period(unit):
            return self._direct(grid, values, [] if certain else [count], ctes, unit)
        columns = [column(g, "grid") for g in groups]
        grid.select(
            column(names.day, names.days),
            *columns,
            *(aliased(v, self.values[n]) for n, v in values.items()),
            *([] if certain else [aliased(count, names.count)]),
            copy=False,
        )
        ctes.append((names.running, grid))
        there: list[exp.Expr] = [] if certain else [exp.GT(this=column(names.count, names.running), expression=exp.Literal.number(0))]
        return self._shown(names.running, there, ctes, unit)

    def _direct(
        self, grid: exp.Select, values: dict[int, exp.Expr], counts: list[exp.Expr], ctes: list[tuple[str, exp.Query]], unit: str
    ) -> Branch:
        """The grid itself, where each of its days is one that is asked for; `counts` say in how many the value has rows."""
        day = column(self.names.day, self.names.days)
        there: list[exp.Expr] = [exp.GT(this=c, expression=number(0)) for c in counts]
        qualified(grid, all_of([*there, *(cut(c, day.copy(), unit) for c in self.parts[0].cuts)]))
        dimensions = [within(day, unit, b) if b in self.asked.times else column(b.asked, "grid") for b in self.asked.bounds]
        return Branch(grid, dimensions, values, aggregated=False, windowed=True, ctes=ctes)

    def _daily(self, unit: str) -> exp.Select:
        scope = self.scope
        start = scope.day(self.time) if unit == "day" else trunc(unit, scope.raw(self.time))
        columns = [*(aliased(scope.value(b), b.asked) for b in self.groups), aliased(start, self.names.day)]
        size = len(columns)
        for part in self.parts:
            columns += [aliased(v, name) for name, v in self._components(part).items()]
        query = scope.joined(select(columns, scope.source()))
        condition = all_of(scope.condition(c) for c in self.parts[0].rows.values())
        return grouped(query if condition is None else query.where(condition, copy=False), size)

    def _components(self, part: Part) -> dict[str, exp.Expr]:
        """The daily aggregates that a leaf is made of, by their columns' names."""
        value, name = self.scope.measured(part.measure), self.values[part.number]
        if part.measure.agg == "average":
            return {name: exp.Sum(this=value), f"{name}_count": exp.Count(this=value.copy())}
        return {name: aggregate(part.measure, value)}

    def _windowed(self, part: Part, unit: str) -> exp.Expr:
        daily = [column(name, self.names.daily) for name in self._components(part)]
        kinds: dict[str, type[exp.AggFunc]] = {"sum": exp.Sum, "min": exp.Min, "max": exp.Max}
        over = [self._over(kinds[k](this=d), unit) for k, d in zip(_PARTS[part.measure.agg], daily, strict=True)]
        if part.measure.agg != "average":
            return over[0]
        guarded = exp.Nullif(this=over[1], expression=number(0))
        return exp.Div(this=cast(over[0], "DOUBLE"), expression=guarded, typed=False, safe=False)

    def _over(self, value: exp.Expr, unit: str) -> exp.Expr:
        partition: list[exp.Expr] = [column(b.asked, "grid") for b in self.groups]
        day = column(self.names.day, self.names.days)
        to_date = self.running.grain_to_date
        if to_date is not None:
            partition.append(day.copy() if to_date == unit else trunc(to_date, day.copy()))
        days = self.running.window.days if self.running.window is not None else None
        spec = None  # days are there once each: up to the current row is what is meant without words
        if days is not None:
            spec = exp.WindowSpec(kind="ROWS", start=exp.Literal.number(days - 1), start_side="PRECEDING", end="CURRENT ROW")
        return exp.Window(this=value, partition_by=partition, order=exp.Order(expressions=[exp.Ordered(this=day)]), spec=spec)

    # Days that are shown

    def _shown(self, source: str, there: list[exp.Expr], ctes: list[tuple[str, exp.Query]], unit: str) -> Branch:
        """The rows of the periods that are asked for: those of the day that stands for each."""
        day = column(self.names.day, source)
        conditions = [*there, *(cut(c, day.copy(), unit) for c in self.parts[0].cuts)]
        if self._by_period(unit):
            if self.running.period_agg == "first":
                return self._first(source, conditions, ctes, unit)
            conditions = [*there, exp.In(this=day.copy(), query=exp.Subquery(this=self._last_days(unit)))]
        shell = exp.Select().from_(table(source), copy=False)
        condition = all_of(conditions)
        if condition is not None:
            shell.where(condition, copy=False)
        dimensions = [within(day, unit, b) if b in self.asked.times else column(b.asked, source) for b in self.asked.bounds]
        leaves: dict[int, exp.Expr] = {p.number: column(self.values[p.number], source) for p in self.parts}
        return Branch(shell, dimensions, leaves, aggregated=False, ctes=ctes)

    def _by_period(self, unit: str) -> bool:
        return all(b.grain != unit for b in self.asked.times)

    def _last_days(self, unit: str) -> exp.Select:
        """The last day of each period, of those the conditions on time leave."""
        names = self.names
        day = column(names.day, names.days)
        query = select([exp.Max(this=day)], names.days)
        condition = all_of(cut(c, day.copy(), unit) for c in self.parts[0].cuts)
        if condition is not None:
            query.where(condition, copy=False)
        return query.group_by(*(within(day, unit, b) for b in self.asked.times), copy=False)

    def _first(self, source: str, conditions: list[exp.Expr], ctes: list[tuple[str, exp.Query]], unit: str) -> Branch:
        """The rows of the first day in each period that has any."""
        day = column(self.names.day, source)
        place = free("place", [b.asked for b in self.asked.bounds])
        groups: list[exp.Expr] = [column(b.asked, source) for b in self.groups]
        periods = [within(day, unit, b) for b in self.asked.times]
        order = exp.Order(expressions=[exp.Ordered(this=day.copy())])
        rank = exp.Window(this=exp.RowNumber(), partition_by=[*groups, *periods], order=order)
        query = select([exp.Column(this=exp.Star(), table=identifier(source)), aliased(rank, place)], table(source))
        query.where(all_of(conditions), copy=False)
        shell = exp.Select().from_(subquery(query, source), copy=False)
        shell.where(exp.EQ(this=column(place, source), expression=number(1)), copy=False)
        dimensions = [within(day, unit, b) if b in self.asked.times else column(b.asked, source) for b in self.asked.bounds]
        leaves: dict[int, exp.Expr] = {p.number: column(self.values[p.number], source) for p in self.parts}
        return Branch(shell, dimensions, leaves, aggregated=False, ctes=ctes)

    # Rows of each day's window

    def _joined(self) -> Branch:
        names, scope = self.names, self.scope
        ctes: list[tuple[str, exp.Query]] = [(names.days, starts(scope, self.time, "day", names.day))]
        by_period, first = self._by_period("day"), self.running.period_agg == "first"
        shown: exp.Expr = table(names.days)
        cuts = [cut(c, column(names.day, names.days), "day") for c in self.parts[0].cuts]
        if by_period and not first:
            last = self._last_days("day")
            last.set("expressions", [aliased(last.expressions[0], names.day)])
            shown, cuts = subquery(last, names.days), []
        day, moment = column(names.day, names.days), scope.day(self.time)
        query = exp.Select().from_(shown, copy=False)
        query.join(scope.source(), on=all_of(self._in_window(day, moment)), copy=False)
        query = scope.joined(query)
        conditions = [*(scope.condition(c) for c in self.parts[0].rows.values()), *cuts]
        condition = all_of(conditions)
        if condition is not None:
            query.where(condition, copy=False)
        values = {p.number: aggregate(p.measure, scope.measured(p.measure)) for p in self.parts}
        if not (by_period and first):
            dimensions = [within(day, "day", b) if b in self.asked.times else scope.value(b) for b in self.asked.bounds]
            return Branch(query, dimensions, values, aggregated=True, ctes=ctes)
        groups = [aliased(scope.value(b), b.asked) for b in self.groups]
        columns = [day, *groups, *(aliased(v, self.values[n]) for n, v in values.items())]
        ctes.append((names.running, grouped(query.select(*columns, copy=False), 1 + len(groups))))
        return self._first(names.running, [is_not_null(column(names.day, names.running))], ctes, "day")

    def _in_window(self, day: exp.Expr, moment: exp.Expr) -> list[exp.Expr]:
        conditions: list[exp.Expr] = [exp.LTE(this=moment, expression=day.copy())]
        if self.running.window is not None:
            conditions.append(exp.GT(this=moment.copy(), expression=earlier(day.copy(), self.running.window)))
        if self.running.grain_to_date is not None:
            conditions.append(exp.GTE(this=moment.copy(), expression=trunc(self.running.grain_to_date, day.copy())))
        return conditions


__all__ = ["RunningBranch", "Scope", "by_windows", "is_plain"]
