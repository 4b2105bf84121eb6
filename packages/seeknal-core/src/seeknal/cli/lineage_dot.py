"""Lineage for Graphviz."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.errors import visible
from seeknal.plan.tracing import column_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeknal.cli.lineage_scope import Scope
    from seeknal.nodes import NodeId
    from seeknal.plan.lineage import Lineage


def dot(graph: Lineage, scope: Scope) -> str:
    """A directed graph, from what is read to what reads it; edges that only filter are dashed."""
    lines = [f"digraph {_quoted(scope.title)} {{", "  rankdir=LR;", "  node [shape=box, style=rounded];"]
    lines += _columns(graph, scope) if scope.points else _nodes(graph, scope)
    return "\n".join([*lines, "}"])


def _nodes(graph: Lineage, scope: Scope) -> list[str]:
    among = set(scope.nodes)
    lines = [f"  {_quoted(n)}{' [penwidth=2]' if n == scope.node else ''};" for n in scope.nodes]
    return lines + [f"  {_quoted(i)} -> {_quoted(n)};" for n in scope.nodes for i in graph.dag.inputs[n] if i in among]


def _columns(graph: Lineage, scope: Scope) -> list[str]:
    lines = []
    for node in scope.nodes:
        reason = graph.opaque(node)
        label = node if reason is None else f"{node} (opaque: {reason})"
        lines += [f"  subgraph {_quoted(f'cluster_{node}')} {{", f"    label={_quoted(label)};"]
        for column in scope.columns(graph, node):
            if (node, column) in scope.points:
                marked = ", penwidth=2" if (node, column) == (scope.node, scope.column) else ""
                lines.append(f"    {_quoted(column_name(node, column))} [label={_quoted(column)}{marked}];")
        lines.append("  }")
    for node in scope.nodes:
        lines += _edges(graph, scope, node)
    return lines


def _edges(graph: Lineage, scope: Scope, node: NodeId) -> Iterator[str]:
    """The edges into a node's columns. Where many columns share many edges, they meet in a point."""
    for number, (columns, edges) in enumerate(graph.blocks(node, scope.columns(graph, node))):
        below = [_quoted(column_name(node, c)) for c in columns if (node, c) in scope.points]
        above = [e for e in edges if (e.node, e.column) in scope.points]
        if len(below) > 1 and len(above) > 1:
            meeting = _quoted(f"{node} {number}")
            yield f"  {meeting} [shape=point];"
            yield from (f"  {meeting} -> {column};" for column in below)
            below = [meeting]
        for edge in above:
            style = " [style=dashed]" if edge.kind == "filter" else ""
            yield from (f"  {_quoted(column_name(edge.node, edge.column))} -> {column}{style};" for column in below)


def _quoted(text: str) -> str:
    escaped = visible(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\\\n")
    return f'"{escaped}"'
