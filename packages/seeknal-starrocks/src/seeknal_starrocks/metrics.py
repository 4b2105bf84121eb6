"""Metrics as views of StarRocks: what is to stand there for each, as a set that `serving` plans and applies.

A simple metric is a materialized view, grouped by all dimensions of its model. Every other metric is a plain view with those columns, as
StarRocks can keep up selects, joins and groups only, and a ratio that was stored at one grain is wrong at every other. It reads a
materialized view of its model's measures where they can be added up from it without loss, and the tables themselves where not.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.errors import ProjectError
from seeknal.sql.canonical import clock
from seeknal_semantic.catalog import Catalog, Measure, Model
from seeknal_semantic.compiler import Question, compiled
from seeknal_semantic.dialects import generate
from seeknal_semantic.outside import placed
from seeknal_semantic.resolve import Resolver
from seeknal_starrocks.names import DIALECT, TableName
from seeknal_starrocks.serving import Definition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeknal_semantic.compiler import Compiled
    from seeknal_semantic.resolve import Leaf
    from seeknal_semantic.scope import Types
    from seeknal_starrocks.ddl import Refresh

_ADDED_UP = {"sum": "sum", "count": "sum", "sum_boolean": "sum", "min": "min", "max": "max"}
"""How values of small groups make the value of a larger one. Averages, distinct counts and percentiles do not."""


@dataclass(frozen=True)
class Served:
    """What metrics are made from: the models, the tables their relations are, column types, and where and how often views are kept up."""

    catalog: Catalog
    tables: Mapping[str, exp.Table]
    types: Types
    database: str
    refresh: Refresh
    _of_measures: dict[str, Definition | None] = field(default_factory=dict, init=False, repr=False)

    def definitions(self, names: Sequence[str]) -> list[Definition]:
        """The views of metrics, and those they read. Raises ProjectError for one that cannot be deployed."""
        found: dict[str, Definition] = {}
        for name in names:
            for definition in self._metric(name):
                found[definition.name] = definition
        return list(found.values())

    def rest(self, names: Sequence[str]) -> list[Definition]:
        """The views of all metrics but these; what cannot be deployed has none."""
        found: dict[str, Definition] = {}
        for name in self.catalog.metrics:
            if name not in names:
                with contextlib.suppress(ProjectError):
                    found.update((d.name, d) for d in self._metric(name))
        return list(found.values())

    def on(self, types: Types) -> Served:
        """The same where columns have these types."""
        return replace(self, types={**self.types, **types})

    def _metric(self, name: str) -> list[Definition]:
        question, leaves = self._question(name)
        metric = self.catalog.metrics.get(name)
        comment = metric.description if metric is not None else None
        own = self._compiled(question) if metric is None or metric.type == "simple" else None
        if own is not None and is_flat(own.tree):
            self._check_name(name)
            return [self._definition(f"mv_{name}", own.tree, comment, self.refresh)]
        kept = self._over_measures(question, leaves)
        if kept is None:
            return [self._definition(f"v_{name}", (own or self._compiled(question)).tree, comment)]
        over, below = kept
        return [*below, self._definition(f"v_{name}", over.tree, comment, reads=tuple(d.name for d in below))]

    def _check_name(self, name: str) -> None:
        """Raise ProjectError for a metric whose view would be called as that of a model's measures is."""
        clashing = next((m.name for m in self.catalog.models.values() if f"mv_{name}" == _view_of(m)), None)
        if clashing is not None:
            message = f"metric '{name}' would be the view mv_{name}, and so are the measures of {clashing}"
            raise ProjectError("SK-SEM-003", message, hint="rename the metric")

    def _compiled(self, question: Question) -> Compiled:
        return compiled(question, self.catalog, self.types)

    def _question(self, name: str) -> tuple[Question, Sequence[Leaf]]:
        """A metric by every dimension that all its models have: their own ones, or the default time where there are several. And its leaves."""
        resolver = Resolver(self.catalog)
        resolver.metric(name)
        models = self._models(resolver.leaves)
        if len(models) == 1:
            return Question((name,), tuple(models[0].dimensions)), resolver.leaves
        timed = all(m.default_time is not None for m in models)
        return Question((name,), ("metric_time",) if timed else ()), resolver.leaves

    def _models(self, leaves: Sequence[Leaf]) -> list[Model]:
        return [self.catalog.models[m] for m in dict.fromkeys(leaf.model for leaf in leaves)]

    def _definition(
        self, name: str, tree: exp.Query, comment: str | None, refresh: Refresh | None = None, reads: tuple[str, ...] = ()
    ) -> Definition:
        """A view of a query, its relations replaced by the tables and views that they are on the server."""
        views = {v: exp.table_(v, db=self.database, quoted=True) for v in reads}
        relations = dict.fromkeys(t.name for t in tree.find_all(exp.Table) if t.name in self.tables)
        below = tuple(TableName(t.name, t.db or None, t.catalog or None) for t in (self.tables[r] for r in relations))
        query = generate(placed(tree, {**self.tables, **views}), DIALECT)
        return Definition(name, query, refresh, reads, comment=comment, tables=below)

    # Measures, kept up at the grain of all dimensions

    def _over_measures(self, question: Question, leaves: Sequence[Leaf]) -> tuple[Compiled, list[Definition]] | None:
        """The question over views of measures, and these; None where it cannot be answered from them as from the tables."""
        models = self._models(leaves)
        own = [d for d in map(self._measures, models) if d is not None]
        lossless = all(_adds_up(self.catalog.models[leaf.model].measures[leaf.measure]) for leaf in leaves)
        if not lossless or len(own) < len(models):
            return None
        kept = [_kept(m) for m in models]
        try:
            over = compiled(question, Catalog({**self.catalog.models, **{m.name: m for m in kept}}, self.catalog.metrics), {})
        except ProjectError:  # a condition on another model's dimension, which the view has not
            return None
        relations = {t.name for t in over.tree.find_all(exp.Table)}
        return (over, own) if {d.name for d in own} <= relations and not relations & set(self.tables) else None

    def _measures(self, model: Model) -> Definition | None:
        """The view of a model's measures that add up; None where it has none, or its values depend on when they are asked for."""
        if model.name not in self._of_measures:
            self._of_measures[model.name] = self._made_of_measures(model)
        return self._of_measures[model.name]

    def _made_of_measures(self, model: Model) -> Definition | None:
        names = [f"{model.name}.{m.name}" for m in model.measures.values() if _adds_up(m)]
        if not names:
            return None
        # The measures themselves, not metrics of the same name.
        tree = compiled(Question(tuple(names), tuple(model.dimensions)), replace(self.catalog, metrics={}), self.types).tree
        for column in tree.selects:
            if isinstance(column, exp.Alias) and column.alias in names:
                column.set("alias", exp.to_identifier(column.alias.removeprefix(f"{model.name}."), quoted=True))
        if not is_flat(tree):
            return None
        return self._definition(_view_of(model), tree, f"The measures of {model.name} by all its dimensions.", self.refresh)


def _view_of(model: Model) -> str:
    return f"mv_measures_{model.name}"


def _adds_up(measure: Measure) -> bool:
    return measure.agg in _ADDED_UP and measure.filter is None and measure.lasting is None


def _kept(model: Model) -> Model:
    """The model as its view of measures has it."""
    dimensions = {n: replace(d, expr=f'"{n}"') for n, d in model.dimensions.items()}
    measures = {n: replace(m, expr=f'"{n}"', agg=_ADDED_UP[m.agg]) for n, m in model.measures.items() if _adds_up(m)}
    rest = {n: m for n, m in model.measures.items() if n not in measures}
    return replace(model, relation=_view_of(model), entities={}, dimensions=dimensions, measures={**measures, **rest})


def is_flat(tree: exp.Query) -> bool:
    """Whether a materialized view can be kept up from it: one SELECT of joins and groups that does not ask for the time."""
    nested = (exp.Subquery, exp.CTE, exp.SetOperation, exp.Window, exp.Having, exp.Order, exp.Limit)
    return isinstance(tree, exp.Select) and tree.find(*nested) is None and clock(tree) is None
