"""The part of a project's lineage that is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from seeknal.plan.lineage import Point
from seeknal.plan.tracing import column_name, refer

if TYPE_CHECKING:
    from seeknal.nodes import NodeId
    from seeknal.plan.lineage import Lineage

Side = Literal["upstream", "downstream"]


@dataclass(frozen=True)
class Scope:
    """Nodes in graph order and, where it is about one column, the columns that have to do with it."""

    title: str
    nodes: tuple[NodeId, ...]
    node: NodeId | None = None
    column: str | None = None
    points: frozenset[Point] = frozenset()

    def columns(self, graph: Lineage, node: NodeId) -> tuple[str, ...]:
        """A node's columns; the one that was asked for is among them even where nothing reads it."""
        found = graph.points(node)
        return (*found, self.column) if node == self.node and self.column is not None and self.column not in found else found


def scope(graph: Lineage, name: str | None, sides: tuple[Side, ...]) -> Scope:
    """What is drawn for a name; the whole project without one. Raises ProjectError for a name that means nothing or too much."""
    if name is None:
        return Scope("all nodes", graph.dag.order)
    node, column = refer(name, graph)
    if column is None:
        reached = {node}
        reached |= graph.dag.upstream([node]) if "upstream" in sides else set()
        reached |= graph.dag.downstream([node]) if "downstream" in sides else set()
        return Scope(node, tuple(n for n in graph.dag.order if n in reached), node)
    start = Point(node, column)
    edges = [*(graph.all_upstream([start]) if "upstream" in sides else ())]
    edges += graph.all_downstream([start]) if "downstream" in sides else ()
    points = frozenset({start, *(Point(e.node, e.column) for e in edges)})
    with_points = {p.node for p in points}
    nodes = tuple(n for n in graph.dag.order if n in with_points)
    return Scope(column_name(node, column), nodes, node, column, points)
