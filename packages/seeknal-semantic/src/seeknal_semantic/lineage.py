"""What metrics are made of, down to the columns of semantic models, so that lineage, impact and plans know which of them a change moves."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from seeknal.errors import ProjectError
from seeknal.nodes import DocumentLogic, Made, NodeId, node_id
from seeknal_semantic.bind import Binder
from seeknal_semantic.catalog import catalog
from seeknal_semantic.check import cycles, models_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from seeknal.nodes import Node
    from seeknal_semantic.bind import Bound
    from seeknal_semantic.catalog import Catalog, Metric

Pair = tuple[NodeId, str]

VALUE = "value"
"""The one column of a metric."""


def made_of(nodes: Mapping[NodeId, Node]) -> dict[NodeId, dict[str, Made]]:
    """For each metric and saved query what it stands on."""
    known = catalog(nodes)
    binder = Binder(known)
    in_circles = {name for circle in cycles(known) for name in circle}
    found: dict[NodeId, dict[str, Made]] = {}
    for name, metric in known.metrics.items():
        node = nodes[node_id("metric", name)]
        said = node.logic.params if isinstance(node.logic, DocumentLogic) else {}
        value = [p for u in metric.uses for p in _used(known, u, metric) if not (name in in_circles and p[0].startswith("metric."))]
        decides = list(_deciding(metric, known, binder, said.get("names", ())))
        found[node.id] = {VALUE: Made(_shape(said), tuple(dict.fromkeys(value)), tuple(dict.fromkeys(decides)))}
    for name, query in known.saved.items():
        node = nodes[node_id("saved_query", name)]
        pairs = [p for asked in query["metrics"] for p in _used(known, asked, None)]
        found[node.id] = {"rows": Made(_shape(query), tuple(dict.fromkeys(pairs)))}
    return found


def _shape(params: Mapping[str, Any]) -> str:
    plain = {k: v for k, v in params.items() if k != "description"}
    return hashlib.blake2b(json.dumps(plain, sort_keys=True, default=str).encode(), digest_size=8).hexdigest()


def _used(known: Catalog, name: str, metric: Metric | None) -> Iterator[Pair]:
    if name in known.metrics and (metric is None or metric.measure != name):
        yield node_id("metric", name), VALUE
    else:
        for model, measure in known.measures.get(name, [])[:1]:
            yield node_id("semantic_model", model.name), measure.name


def _deciding(metric: Metric, known: Catalog, binder: Binder, filtered: Sequence[str]) -> Iterator[Pair]:
    """The dimensions that filters name with the entities on the way to them, and the times that windows and offsets go by."""
    timed = metric.type == "cumulative" or metric.spine or any(i.offset for i in metric.inputs)
    for model in models_of(metric, known, set()):
        if timed and model.default_time is not None:
            yield node_id("semantic_model", model.name), model.default_time
        for name in filtered:
            try:
                yield from _on_the_way(binder.bind(model, name, metric.name))
            except ProjectError:  # the check of the project says so
                continue


def _on_the_way(bound: Bound) -> Iterator[Pair]:
    for hop in bound.path:
        yield node_id("semantic_model", hop.left), hop.entity
        yield node_id("semantic_model", hop.right), hop.entity
    yield node_id("semantic_model", bound.model), bound.name
