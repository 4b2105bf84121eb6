"""A branch: the SELECT that answers some leaves at the query's grain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal_semantic.sqltree import aliased, column, grouped, qualified

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seeknal_semantic.bind import Bound
    from seeknal_semantic.catalog import Measure, Model
    from seeknal_semantic.resolve import Leaf
    from seeknal_semantic.scope import Conjunct


@dataclass(frozen=True)
class Part:
    """A leaf on its way: what it stands for, and the conditions that hold for its rows and for the periods it is shown for."""

    number: int
    leaf: Leaf
    model: Model
    measure: Measure
    rows: Mapping[str, Conjunct]
    cuts: tuple[Conjunct, ...] = ()
    hidden: bool = False


@dataclass(frozen=True)
class Asked:
    """The dimensions of the query as they are for one model. `times` are those that are its default time."""

    bounds: tuple[Bound, ...]
    times: tuple[Bound, ...] = ()
    finest: str | None = None


@dataclass
class Branch:
    """A SELECT without its list: what the dimensions and the leaves are in it.

    `aggregated`: the leaves are aggregates to be grouped; `windowed`: they are windows.
    """

    shell: exp.Select
    dimensions: list[exp.Expr]
    leaves: dict[int, exp.Expr]
    aggregated: bool
    windowed: bool = False
    ctes: list[tuple[str, exp.Query]] = field(default_factory=list)
    hidden: bool = False

    def select(self, values: Iterable[exp.Expr]) -> exp.Select:
        """The branch with this list; where it is aggregated, grouped by its dimensions, which must stand first."""
        query = self.shell.copy().select(*values, append=False, copy=False)
        return grouped(query, len(self.dimensions)) if self.aggregated else query

    def filtered(self, query: exp.Select, condition: exp.Expr | None) -> exp.Select:
        """The query, which is this branch, with a condition on what it gives."""
        if condition is None:
            return query
        if self.windowed:
            return qualified(query, condition)
        return query.having(condition, copy=False) if self.aggregated else query.where(condition, copy=False)

    def table(self, names: Iterable[str], leaves: Mapping[int, str]) -> exp.Select:
        """The branch as a table: dimensions under their names, leaves under theirs."""
        dimensions = [aliased(d, n) for d, n in zip(self.dimensions, names, strict=True)]
        return self.select([*dimensions, *(aliased(self.leaves[n], name) for n, name in leaves.items())])


def columns_of(name: str, dimensions: Iterable[str]) -> list[exp.Expr]:
    """Columns of a relation."""
    return [column(d, name) for d in dimensions]


def aggregate(measure: Measure, value: exp.Expr, condition: exp.Expr | None = None) -> exp.Expr:
    """The aggregate of a measure, of the rows for which the condition holds."""
    match measure.agg:
        case "sum":
            found: exp.Expr = exp.Sum(this=value)
        case "sum_boolean":
            found = exp.Sum(this=exp.Case(ifs=[exp.If(this=value, true=exp.Literal.number(1))], default=exp.Literal.number(0)))
        case "count":
            found = exp.Count(this=value)
        case "count_distinct":
            found = exp.Count(this=exp.Distinct(expressions=[value]))
        case "average":
            found = exp.Avg(this=value)
        case "min":
            found = exp.Min(this=value)
        case "max":
            found = exp.Max(this=value)
        case "median":
            found = exp.Median(this=value)
        case _:
            kind = exp.PercentileDisc if measure.discrete else exp.PercentileCont
            found = kind(this=value, expression=exp.Literal.number(measure.percentile))
    return found if condition is None else exp.Filter(this=found, expression=exp.Where(this=condition))
