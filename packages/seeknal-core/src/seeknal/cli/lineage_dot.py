"""Lineage for Graphviz."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.errors import visible
from seeknal.plan.tracing import column_name

if TYPE_CHECKING:
    from seeknal.cli.lineage_scope import Scope
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
    for point, edge in scope.edges(graph):
        style = " [style=dashed]" if edge.kind == "filter" else ""
        lines.append(f"  {_quoted(column_name(edge.node, edge.column))} -> {_quoted(column_name(*point))}{style};")
    return lines


def _quoted(text: str) -> str:
    escaped = visible(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\\\n")
    return f'"{escaped}"'
