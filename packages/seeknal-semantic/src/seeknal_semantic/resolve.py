"""From a metric's name to an expression over leaves: aggregations of one measure, each with all that decides which rows it has."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.errors import ProjectError, did_you_mean
from seeknal_semantic.expressions import parse_arithmetic
from seeknal_semantic.sqltree import number, paren, ratio, substituted

if TYPE_CHECKING:
    from seeknal_semantic.catalog import Catalog, Measure, Metric, Model
    from seeknal_semantic.grains import Duration


@dataclass(frozen=True, slots=True)
class Running:
    """How a cumulative metric runs: over a window, since the start of a period, or over all time."""

    window: Duration | None = None
    grain_to_date: str | None = None
    period_agg: str = "last"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One aggregation. `filters` are texts of metrics' own filters; `offsets` lead back in time, the outermost first."""

    model: str
    measure: str
    filters: tuple[str, ...] = ()
    running: Running | None = None
    offsets: tuple[Duration, ...] = ()
    spine: bool = False


@dataclass
class Resolver:
    """Resolves metrics; equal leaves are one. A leaf stands in an expression as a placeholder with its number."""

    catalog: Catalog
    leaves: list[Leaf] = field(default_factory=list)

    def metric(self, name: str) -> exp.Expr:
        """The expression of a metric or measure. Raises ProjectError for a name that means nothing, or too much."""
        return self._name(name, (), ())

    def _name(self, name: str, filters: tuple[str, ...], offsets: tuple[Duration, ...]) -> exp.Expr:
        metric = self.catalog.metrics.get(name)
        if metric is None:
            model, measure = measure_of(self.catalog, name)
            return self._leaf(Leaf(model.name, measure.name, filters, None, offsets))
        own = (*filters, metric.filter) if metric.filter is not None else filters
        own = tuple(dict.fromkeys(own))
        if metric.type == "ratio":
            sides = [self._name(side or "", own, offsets) for side in (metric.numerator, metric.denominator)]
            return ratio(*sides)
        if metric.type == "derived":
            return self._derived(metric, own, offsets)
        model, measure = measure_of(self.catalog, metric.measure or "")
        leaf = Leaf(model.name, measure.name, own, None, offsets, spine=metric.spine)
        if metric.type == "cumulative":
            leaf = replace(leaf, running=Running(metric.window, metric.grain_to_date, metric.period_agg))
        value = self._leaf(leaf)
        return value if metric.fill is None else exp.Coalesce(this=value, expressions=[number(metric.fill)])

    def _derived(self, metric: Metric, filters: tuple[str, ...], offsets: tuple[Duration, ...]) -> exp.Expr:
        inputs = {}
        for entry in metric.inputs:
            own = (*filters, entry.filter) if entry.filter is not None else filters
            moved = (*offsets, entry.offset) if entry.offset is not None else offsets
            inputs[entry.alias] = self._name(entry.metric, tuple(dict.fromkeys(own)), moved)
        return substituted(guarded(parse_arithmetic(metric.expr or "")), lambda name: inputs[name].copy())

    def _leaf(self, leaf: Leaf) -> exp.Expr:
        if leaf not in self.leaves:
            self.leaves.append(leaf)
        return exp.Placeholder(this=str(self.leaves.index(leaf)))


def guarded(tree: exp.Expr) -> exp.Expr:
    """A copy in which every division is NULL where it cannot be done."""

    def change(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Div):
            return ratio(node.this, node.expression)
        if isinstance(node, exp.IntDiv | exp.Mod) and not isinstance(node.expression, exp.Nullif):
            return type(node)(this=node.this, expression=exp.Nullif(this=paren(node.expression), expression=exp.Literal.number(0)))
        return node

    # From the leaves up, so that what is inside a division is guarded before it is moved.
    for node in reversed(list(tree.walk())):
        changed = change(node)
        if changed is not node:
            if node is tree:
                return changed
            node.replace(changed)
    return tree


def measure_of(catalog: Catalog, name: str) -> tuple[Model, Measure]:
    """The measure a name means. Raises ProjectError for none, or several."""
    found = catalog.measures.get(name, [])
    if len(found) > 1:
        models = [m.name for m, _ in found]
        hint = f"write {' or '.join(f'{m}.{name}' for m in models)}"
        raise ProjectError("SK-SEM-006", f"measure '{name}' is defined in {' and in '.join(models)}", hint=hint)
    if not found:
        known = catalog.askable
        hint = did_you_mean(name, [*known, *catalog.measures]) or (
            f"there are {', '.join(known[:12])}" if known else "the project has none"
        )
        raise ProjectError("SK-SEM-001", f"unknown metric '{name}'", hint=hint)
    return found[0]
