"""Export to the Open Semantic Interchange format, core specification 1.0: datasets, fields, relationships and metrics.

What the format has no words for (windows, offsets, filters of groups, levels) is listed rather than approximated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_semantic.branch import aggregate
from seeknal_semantic.catalog import ONE
from seeknal_semantic.expressions import parse_filter
from seeknal_semantic.resolve import Resolver
from seeknal_semantic.scope import Scope
from seeknal_semantic.sqltree import paren

if TYPE_CHECKING:
    from sqlglot import exp

    from seeknal_semantic.catalog import Catalog, Model

VERSION = "1.0"
_DIALECT = "ANSI_SQL"


def exported(known: Catalog, name: str) -> tuple[dict[str, Any], list[str]]:
    """The document, and a line for each metric or measure that could not be said."""
    left_out: list[str] = []
    metrics: list[dict[str, Any]] = []
    for metric in known.metrics.values():
        tree, problem = _expression(known, metric.name)
        if tree is None:
            left_out.append(f"metric {metric.name}: {problem}")
        else:
            metrics.append(_described(metric.name, metric.description, {"expression": _said(tree)}))
    model = {
        "name": name,
        "datasets": [_dataset(m) for m in known.models.values()],
        "relationships": [r for m in known.models.values() for r in _relationships(m, known)],
        "metrics": metrics,
    }
    return {"version": VERSION, "semantic_model": [{k: v for k, v in model.items() if v}]}, left_out


def _said(tree: exp.Expr) -> dict[str, Any]:
    return {"dialects": [{"dialect": _DIALECT, "expression": tree.sql()}]}


def _described(name: str, description: str | None, rest: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, **({"description": description} if description else {}), **rest}


def _dataset(model: Model) -> dict[str, Any]:
    primary = [e.expr.strip('"') for e in model.entities.values() if e.type == "primary"]
    unique = [[e.expr.strip('"')] for e in model.entities.values() if e.type == "unique"]
    fields: list[dict[str, Any]] = [
        {"name": e.name, "expression": {"dialects": [{"dialect": _DIALECT, "expression": e.expr}]}} for e in model.entities.values()
    ]
    for dimension in model.dimensions.values():
        expression = {"dialects": [{"dialect": _DIALECT, "expression": dimension.expr}]}
        entry = {"expression": expression, "dimension": {"is_time": dimension.is_time}}
        fields.append(_described(dimension.name, dimension.description, entry))
    found = _described(model.name, model.description, {"source": model.relation})
    return {**found, **({"primary_key": primary} if primary else {}), **({"unique_keys": unique} if unique else {}), "fields": fields}


def _relationships(model: Model, known: Catalog) -> list[dict[str, Any]]:
    found = []
    for entity in model.entities.values():
        for other in known.by_entity[entity.name]:
            there = other.entities[entity.name]
            if entity.type == "foreign" and there.type in ONE and other.name != model.name:
                found.append(
                    {
                        "name": f"{model.name}_{entity.name}_{other.name}",
                        "from": model.name,
                        "to": other.name,
                        "from_columns": [entity.expr.strip('"')],
                        "to_columns": [there.expr.strip('"')],
                    }
                )
    return found


def _expression(known: Catalog, name: str) -> tuple[exp.Expr | None, str]:
    """A metric as one expression over columns of datasets; None and why where that cannot be."""
    from sqlglot import exp as e

    from seeknal_semantic.bind import Binder
    from seeknal_semantic.dialects import case_for_filter
    from seeknal_semantic.filters import measure_filter, own_filter
    from seeknal_semantic.sqltree import all_of

    resolver, binder = Resolver(known), Binder(known)
    tree = resolver.metric(name)
    leaves: dict[int, e.Expr] = {}
    for number, leaf in enumerate(resolver.leaves):
        model = known.models[leaf.model]
        measure = model.measures[leaf.measure]
        if leaf.running or leaf.offsets or leaf.spine or measure.lasting:
            return None, "windows, offsets, time spines and levels have no words in the format"
        rows = [c for text in leaf.filters for c in own_filter(text, binder, model, name)]
        rows += measure_filter(measure.filter, binder, model) if measure.filter and parse_filter(measure.filter) else []
        scope = Scope(known, model, [b for c in rows for b in c.bounds.values()], {})
        leaves[number] = case_for_filter(aggregate(measure, scope.measured(measure), all_of(map(scope.condition, rows))))

    def change(node: e.Expr) -> e.Expr:
        if isinstance(node, e.Placeholder):
            return paren(leaves[int(node.this)]) if node.parent is not None else leaves[int(node.this)]
        return node

    return tree.transform(change), ""
