"""The filters of a query: which names are dimensions and which metrics, and so which conditions are about rows and which about groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seeknal.errors import ProjectError, did_you_mean
from seeknal_semantic.bind import METRIC_TIME
from seeknal_semantic.expressions import Refused, conjuncts, names, parse_filter
from seeknal_semantic.scope import Conjunct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlglot import exp

    from seeknal_semantic.bind import Binder, Bound
    from seeknal_semantic.catalog import Catalog, Model

_UNKNOWN = "SK-SEM-010"
_SHOWN = 80


@dataclass
class Classified:
    """The conditions of a query: on rows, and on groups with the metrics they name."""

    rows: list[exp.Expr] = field(default_factory=list)
    groups: list[exp.Expr] = field(default_factory=list)
    metrics: list[str] = field(default_factory=list)


def classify(
    filters: Sequence[str], catalog: Catalog, binder: Binder, models: Sequence[Model], metrics: Sequence[str], dimensions: Sequence[str]
) -> Classified:
    """Tell the conjuncts apart. Raises ProjectError for what is not allowed or names what is unknown."""
    found = Classified()
    for text in filters:
        try:
            trees = list(conjuncts(parse_filter(text)))
        except Refused as refused:
            message = f'filter "{_short(text)}": {refused.message}'
            raise ProjectError("SK-SEM-020", message, hint=refused.hint) from None
        for tree in trees:
            kinds = {name: _is_metric(name, text, catalog, binder, models, metrics, dimensions) for name in names(tree)}
            if not any(kinds.values()):
                found.rows.append(tree)
                continue
            for name, is_metric in kinds.items():
                if is_metric:
                    found.metrics.append(name)
                elif name not in dimensions:
                    message = f"filter \"{_short(text)}\": '{name}' stands beside a metric and must be among the dimensions then"
                    raise ProjectError("SK-SEM-021", message, hint=f"add it to --dimensions, or give it a --filter of its own: {name}")
            found.groups.append(tree)
    return found


def _is_metric(
    name: str, text: str, catalog: Catalog, binder: Binder, models: Sequence[Model], metrics: Sequence[str], dimensions: Sequence[str]
) -> bool:
    if name in metrics or name in dimensions:
        return name in metrics
    problem: ProjectError | None = None
    for model in models:
        try:
            binder.bind(model, name, metrics[0])
        except ProjectError as error:
            if problem is None or error.code != _UNKNOWN:
                problem = error
        else:
            return False
    if problem is not None and problem.code != _UNKNOWN:
        raise _inside(text, problem)
    if name in catalog.metrics or name in catalog.measures:
        return True
    base = name.rpartition("__")[0] or name
    if problem is not None and METRIC_TIME in (name, base):
        raise _inside(text, problem)
    if problem is not None and any(n in m.dimensions or n in m.entities for m in catalog.models.values() for n in (name, base)):
        raise _inside(text, problem)
    known = [*catalog.askable, *(n for m in models for n in binder.reachable(m))]
    hint = did_you_mean(name, known) or (problem.hint if problem else None)
    message = f"filter \"{_short(text)}\": '{name}' is no dimension, entity or metric"
    raise ProjectError("SK-SEM-020", message, hint=hint)


def bound_conjunct(tree: exp.Expr, binder: Binder, model: Model, metric: str) -> Conjunct:
    """A condition on rows, bound to a model. Raises ProjectError where the model does not have all of its names."""
    bounds: dict[str, Bound] = {}
    for name in names(tree):
        try:
            bounds[name] = binder.bind(model, name, metric)
        except ProjectError as error:
            raise _inside(tree.sql("duckdb"), error) from None
    return Conjunct(tree, bounds)


def own_filter(text: str, binder: Binder, model: Model, metric: str) -> list[Conjunct]:
    """A metric's own filter, bound to the model of a measure it is made of."""
    return [bound_conjunct(tree, binder, model, metric) for tree in conjuncts(parse_filter(text))]


def measure_filter(text: str, binder: Binder, model: Model) -> list[Conjunct]:
    """A measure's filter: names of the model's dimensions and entities, and else of columns."""
    found = []
    for tree in conjuncts(parse_filter(text)):
        known = [n for n in names(tree) if n in model.dimensions or n in model.entities]
        found.append(Conjunct(tree, {n: binder.bind(model, n, model.name) for n in known}))
    return found


def _inside(text: str, error: ProjectError) -> ProjectError:
    return ProjectError(error.code, f'filter "{_short(text)}": {error.message}', hint=error.hint)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
