"""Branches in which every period is there, whether it has rows or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal_semantic.branch import Asked, Branch, Part
from seeknal_semantic.periods import cut, starts, within
from seeknal_semantic.plain import scope_of
from seeknal_semantic.sqltree import all_of, column, free, same, select, subquery, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal_semantic.catalog import Catalog
    from seeknal_semantic.scope import Types


def on_timespine(catalog: Catalog, asked: Asked, parts: Sequence[Part], inner: Branch, taken: Sequence[str], types: Types) -> Branch:
    """The branch with a row for each period from the first to the last of the model's time, for each group of the other dimensions."""
    scope = scope_of(catalog, asked, parts, types)
    finest = asked.finest or "day"
    names = [b.asked for b in asked.bounds]
    values = {p.number: free(p.measure.name, names) for p in parts}
    source, periods, period = free("found", taken), free("periods", taken), free("period", names)
    start = column(period, periods)
    groups = [b.asked for b in asked.bounds if b not in asked.times]
    shell = exp.Select().from_(table(periods), copy=False)
    if groups:
        distinct = select([column(g) for g in groups], source).distinct(copy=False)
        shell.join(subquery(distinct, "grid"), join_type="CROSS", copy=False)
    on: list[exp.Expr] = [exp.EQ(this=column(b.asked, source), expression=within(start, finest, b)) for b in asked.times]
    on += [same(column(g, source), column(g, "grid")) for g in groups]
    shell.join(table(source), on=all_of(on), join_type="LEFT", copy=False)
    condition = all_of(cut(c, start, finest) for p in parts[:1] for c in p.cuts)
    if condition is not None:
        shell.where(condition, copy=False)
    ctes = [*inner.ctes, (source, inner.table(names, values)), (periods, starts(scope, asked.times[0], finest, period))]
    dimensions = [within(start, finest, b) if b in asked.times else column(b.asked, "grid") for b in asked.bounds]
    leaves: dict[int, exp.Expr] = {n: column(name, source) for n, name in values.items()}
    return Branch(shell, dimensions, leaves, aggregated=False, ctes=ctes)
