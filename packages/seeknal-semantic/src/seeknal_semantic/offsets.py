"""Branches shown for later periods than their rows are of: values of earlier periods, matched by key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.errors import ProjectError
from seeknal_semantic.branch import Asked, Branch, Part
from seeknal_semantic.grains import Duration, finer
from seeknal_semantic.periods import cut, moved, starts, within
from seeknal_semantic.plain import scope_of
from seeknal_semantic.sqltree import all_of, column, earlier, free, is_not_null, table, trunc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeknal_semantic.catalog import Catalog
    from seeknal_semantic.scope import Types

_SLACK = Duration(1, "month")
"""Periods after the last that may still be so many months after it."""


def check_offsets(asked: Asked, part: Part) -> None:
    """Raise ProjectError where there is no period to look back from, or the offset is less than one."""
    if not part.leaf.offsets:
        return
    if not asked.times or asked.finest is None:
        message = f"a metric with an offset ({part.leaf.offsets[0]}) needs the time dimension of {part.model.name} among the dimensions"
        hint = f"add {part.model.default_time}__month or metric_time__month" if part.model.default_time else None
        raise ProjectError("SK-SEM-016", message, hint=hint)
    for offset in part.leaf.offsets:
        calendar = offset.normal[1] == "month" and not finer("week", asked.finest)
        if not offset.whole(asked.finest) and not calendar:
            message = f"an offset of {offset} is finer than the grain {asked.finest}"
            raise ProjectError("SK-SEM-016", message, hint="ask at a finer grain")
    from seeknal_semantic.grains import nests

    if not all(nests(asked.finest, b.grain or "day") for b in asked.times):
        raise ProjectError("SK-SEM-016", "a metric with an offset is asked at grains that lie in each other", hint="leave out the week")


def is_whole(asked: Asked, part: Part) -> bool:
    """Whether each period has one so much later."""
    return all(o.whole(asked.finest or "day") for o in part.leaf.offsets)


def shifted(catalog: Catalog, asked: Asked, parts: Sequence[Part], inner: Branch, taken: Sequence[str], types: Types) -> Branch:
    """A branch of earlier periods, shown for those it is looked back to from."""
    scope = scope_of(catalog, asked, parts, types)
    finest = asked.finest or "day"
    names = [b.asked for b in asked.bounds]
    values = {p.number: free(p.measure.name, names) for p in parts}
    source = free("earlier", taken)
    finest_time = next(b for b in asked.times if b.grain == finest)
    before: exp.Expr = column(finest_time.asked, source)
    ctes = [*inner.ctes, (source, inner.table(names, values))]
    shell = exp.Select()
    offsets = parts[0].leaf.offsets
    if is_whole(asked, parts[0]):
        start = moved(before, offsets)
        shell.from_(table(source), copy=False)
    else:
        period = free("period", names)
        periods = free("periods", taken)
        ctes.append((periods, starts(scope, asked.times[0], finest, period, [*offsets, _SLACK])))
        start = column(period, periods)
        back: exp.Expr = start.copy()
        for offset in offsets:
            back = trunc(finest, earlier(back, offset))
        shell.from_(table(periods), copy=False)
        shell.join(table(source), on=exp.EQ(this=before, expression=back), copy=False)
    condition = all_of(cut(c, start, finest) for c in parts[0].cuts)
    if condition is not None:
        shell.where(condition, copy=False)
    dimensions = [within(start, finest, b) if b in asked.times else column(b.asked, source) for b in asked.bounds]
    leaves: dict[int, exp.Expr] = {n: column(name, source) for n, name in values.items()}
    return Branch(shell, dimensions, leaves, aggregated=False, ctes=ctes)


def twins(group: Sequence[Part], others: Sequence[Part]) -> dict[int, int] | None:
    """For each leaf of earlier periods the same one of its own period, where aggregates made once serve both; None where they do not."""
    rows = set(group[0].rows)
    if group[0].cuts or any(set(p.rows) != rows for p in (*group, *others)):
        return None
    by_measure = {p.measure.name: p.number for p in others}
    found = {p.number: by_measure[p.measure.name] for p in group if p.measure.name in by_measure}
    return found if len(found) == len(group) else None


def shared(asked: Asked, parts: Sequence[Part], inner: Branch, taken: Sequence[str]) -> Branch:
    """A branch as a table of its own, to be read more than once."""
    names = [b.asked for b in asked.bounds]
    source = free("grouped", taken)
    values = {p.number: free(p.measure.name, names) for p in parts}
    leaves: dict[int, exp.Expr] = {n: column(name, source) for n, name in values.items()}
    shell = exp.Select().from_(table(source), copy=False)
    return Branch(shell, [column(n, source) for n in names], leaves, aggregated=False, ctes=[(source, inner.table(names, values))])


def moved_on(asked: Asked, parts: Sequence[Part], base: Branch, twin: Mapping[int, int]) -> Branch:
    """What a shared branch has, shown for later periods."""
    finest = asked.finest or "day"
    place = next(i for i, b in enumerate(asked.bounds) if b in asked.times and b.grain == finest)
    before = base.dimensions[place]
    start = moved(before.copy(), parts[0].leaf.offsets)
    dimensions = [within(start, finest, b) if b in asked.times else base.dimensions[i].copy() for i, b in enumerate(asked.bounds)]
    shell = base.shell.copy().where(is_not_null(before.copy()), copy=False)
    return Branch(shell, dimensions, {n: base.leaves[t].copy() for n, t in twin.items()}, aggregated=False)
