"""Branches of plain aggregates: one flat SELECT, as an analyst would write it; also of levels, and of values of earlier periods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal_semantic.branch import Asked, Branch, Part, aggregate
from seeknal_semantic.periods import cut, moved, within
from seeknal_semantic.scope import Conjunct, Scope
from seeknal_semantic.sqltree import aliased, all_of, any_of, column, free, is_not_null, select, subquery, trunc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal_semantic.bind import Bound
    from seeknal_semantic.catalog import Catalog
    from seeknal_semantic.scope import Types


def scope_of(catalog: Catalog, asked: Asked, parts: Sequence[Part], types: Types) -> Scope:
    """The scope in which everything is that some leaves of a model need."""
    bounds: list[Bound] = [*asked.bounds, *(b for p in parts for c in p.rows.values() for b in c.bounds.values())]
    return Scope(catalog, parts[0].model, bounds, types)


def plain(catalog: Catalog, asked: Asked, parts: Sequence[Part], types: Types, *, timed: bool = False) -> Branch:
    """Leaves of one model in one SELECT. `timed`: rows without a time do not count."""
    scope = scope_of(catalog, asked, parts, types)
    shared, own = _apart(parts)
    where = [scope.condition(c) for c in shared]
    if parts[0].leaf.offsets:
        shown = _shown_at(scope, asked, parts[0])
        where += [*shown.cuts, scope.has_time(asked.times[0])]
        dimensions = shown.dimensions
    else:
        dimensions = [scope.value(b) for b in asked.bounds]
        where += [scope.has_time(asked.times[0])] if timed else []
    if all(own.values()):
        where.append(any_of([all_of(map(scope.condition, o)) or exp.true() for o in own.values()]))
    shell = scope.joined(exp.Select().from_(scope.source(), copy=False))
    leaves = {p.number: aggregate(p.measure, scope.measured(p.measure), all_of(map(scope.condition, own[p.number]))) for p in parts}
    return Branch(_filtered(shell, where), dimensions, leaves, aggregated=True)


def _apart(parts: Sequence[Part]) -> tuple[list[Conjunct], dict[int, list[Conjunct]]]:
    """The conditions that hold for all leaves, and for each leaf those that are its own."""
    keys = set.intersection(*(set(p.rows) for p in parts))
    shared = [c for k, c in parts[0].rows.items() if k in keys]
    return shared, {p.number: [c for k, c in p.rows.items() if k not in keys] for p in parts}


def _filtered(query: exp.Select, conditions: Sequence[exp.Expr]) -> exp.Select:
    condition = all_of(conditions)
    return query if condition is None else query.where(condition, copy=False)


class _Shown:
    """Dimensions and cuts of a branch whose values are shown for later periods."""

    def __init__(self, dimensions: list[exp.Expr], cuts: list[exp.Expr]) -> None:
        self.dimensions = dimensions
        self.cuts = cuts


def _shown_at(scope: Scope, asked: Asked, part: Part) -> _Shown:
    finest = asked.finest or "day"
    start = moved(trunc(finest, scope.raw(asked.times[0])), part.leaf.offsets)
    dimensions = [within(start, finest, b) if b in asked.times else scope.value(b) for b in asked.bounds]
    return _Shown(dimensions, [cut(c, start, finest) for c in part.cuts])


def lasting(catalog: Catalog, asked: Asked, parts: Sequence[Part], types: Types) -> Branch:
    """Leaves of a level: of each period only the rows of its last moment count, apart for each grouping."""
    level = parts[0].measure.lasting
    model = parts[0].model
    if level is None:
        message = "not a level"
        raise ValueError(message)
    from seeknal_semantic.bind import Bound  # the name is a type elsewhere

    scope = scope_of(catalog, asked, parts, types)
    moment = scope.raw(Bound(level.name, (), model.name, level.name, "dimension", "day"))
    kind = "dimension"
    groupings: list[exp.Expr] = []
    for name in level.groupings:
        kind = "dimension" if name in model.dimensions else "entity"
        groupings.append(scope.value(Bound(name, (), model.name, name, kind)))  # type: ignore[arg-type]
    periods = [scope.value(b) for b in asked.bounds if not b.path and b.kind == "dimension" and b.name == level.name]
    names = [b.asked for b in asked.bounds]
    values = {p.number: free(p.measure.name, [*names]) for p in parts}
    last, at = free("last_moment", [*names, *values.values()]), free("moment", [*names, *values.values()])
    best: exp.Expr = exp.Max(this=moment.copy()) if level.choice == "max" else exp.Min(this=moment.copy())
    over = exp.Window(this=best, partition_by=[*groupings, *periods]) if groupings or periods else exp.Window(this=best)
    columns = [aliased(scope.value(b), b.asked) for b in asked.bounds]
    columns += [aliased(scope.measured(p.measure), values[p.number]) for p in {values[q.number]: q for q in parts}.values()]
    inner = select([*columns, aliased(moment, at), exp.Alias(this=over, alias=exp.to_identifier(last))], scope.source())
    inner = _filtered(scope.joined(inner), [scope.condition(c) for c in parts[0].rows.values()])
    shell = exp.Select().from_(subquery(inner, model.name), copy=False)
    shell.where(exp.EQ(this=column(at, model.name), expression=column(last, model.name)), copy=False)
    leaves = {p.number: aggregate(p.measure, column(values[p.number], model.name)) for p in parts}
    return Branch(shell, [column(n, model.name) for n in names], leaves, aggregated=True)


__all__ = ["is_not_null", "lasting", "plain", "scope_of"]
