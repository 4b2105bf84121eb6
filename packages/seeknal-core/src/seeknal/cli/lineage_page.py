"""Lineage as a page: one file that needs nothing else."""

from __future__ import annotations

import html
import json
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeknal.cli.lineage_scope import Scope
    from seeknal.nodes import NodeId
    from seeknal.plan.lineage import Lineage

_SWEEPS = 4
_ESCAPED = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}
"""What would mean something to HTML or to old JavaScript, as JSON can write it."""


def page(graph: Lineage, scope: Scope, project: str) -> str:
    """The whole page. Names and descriptions are data in it, never markup."""
    parts = {
        "TITLE": html.escape(f"{project}: {scope.title}"),
        "DATA": json.dumps(_data(graph, scope), ensure_ascii=False, separators=(",", ":")).translate(_ESCAPED),
    }
    text = files("seeknal.cli").joinpath("lineage_page.html").read_text(encoding="utf-8")
    return re.sub("__(TITLE|DATA)__", lambda m: parts[m[1]], text).rstrip("\n")


def _data(graph: Lineage, scope: Scope) -> dict[str, Any]:
    """Nodes with their columns and edges, all by number; nodes of a layer only read such as are further left."""
    number = {n: i for i, n in enumerate(scope.nodes)}
    columns = {n: {c: i for i, c in enumerate(scope.columns(graph, n))} for n in scope.nodes}
    inputs = {n: [i for i in graph.dag.inputs[n] if i in number] for n in scope.nodes}
    layer = _layers(scope.nodes, inputs)
    place = _places(scope.nodes, layer, inputs)
    nodes = []
    for name in scope.nodes:
        node = graph.dag.nodes[name]
        blocks = []
        for made, edges in graph.blocks(name, columns[name]):
            up = [
                [number[e.node], columns[e.node][e.column], int(e.kind == "filter")] for e in edges if e.column in columns.get(e.node, ())
            ]
            own = [columns[name][c] for c in made if c in columns[name]]
            blocks += [[own, up]] if up and own else []
        nodes.append({
            "id": name, "columns": list(columns[name]), "layer": layer[name], "place": place[name], "inputs": [number[i] for i in inputs[name]],
            "blocks": blocks, "opaque": graph.opaque(name), "description": node.description, "bare": not node.is_readable,
        })  # fmt: skip
    chosen = columns[scope.node].get(scope.column) if scope.node is not None and scope.column is not None else None
    return {"nodes": nodes, "node": number[scope.node] if scope.node is not None else None, "column": chosen}


def _layers(nodes: Sequence[NodeId], inputs: Mapping[NodeId, Sequence[NodeId]]) -> dict[NodeId, int]:
    """How far right each node is: one further than what it reads."""
    layer: dict[NodeId, int] = {}
    for node in nodes:
        layer[node] = 1 + max((layer[i] for i in inputs[node]), default=-1)
    return layer


def _places(nodes: Sequence[NodeId], layer: Mapping[NodeId, int], inputs: Mapping[NodeId, Sequence[NodeId]]) -> dict[NodeId, int]:
    """Where in its layer each node stands, so that few edges cross: near the middle of its neighbours, to and fro (Sugiyama's barycentres)."""
    layers: list[list[NodeId]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    readers: dict[NodeId, list[NodeId]] = {n: [] for n in nodes}
    for node in nodes:
        layers[layer[node]].append(node)
        for source in inputs[node]:
            readers[source].append(node)
    place = {n: i for row in layers for i, n in enumerate(row)}
    for sweep in range(_SWEEPS):
        towards = inputs if sweep % 2 == 0 else readers
        for row in layers if sweep % 2 == 0 else reversed(layers):
            middle = {n: sum(place[m] for m in towards[n]) / len(towards[n]) if towards[n] else place[n] for n in row}
            row.sort(key=lambda n: (middle[n], place[n]))
            place |= {n: i for i, n in enumerate(row)}
    return place
