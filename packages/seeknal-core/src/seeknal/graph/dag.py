"""A directed acyclic graph of nodes."""

from __future__ import annotations

import graphlib
from collections import deque
from functools import cached_property
from typing import TYPE_CHECKING

from seeknal.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seeknal.nodes import Node, NodeId


class Dag:
    """Nodes and the edges their inputs make."""

    def __init__(self, nodes: Mapping[NodeId, Node]) -> None:
        """Build the graph. Raises ProjectError printing the cycle where there is one."""
        self.nodes = nodes
        self.inputs: dict[NodeId, tuple[NodeId, ...]] = {n.id: tuple(i for i in n.inputs if i in nodes) for n in nodes.values()}
        self.order: tuple[NodeId, ...] = self._sorted()

    def _sorted(self) -> tuple[NodeId, ...]:
        try:
            return tuple(graphlib.TopologicalSorter(self.inputs).static_order())
        except graphlib.CycleError as error:
            cycle: list[NodeId] = error.args[1]
            at = self.nodes[cycle[0]].at
            text = " -> ".join(cycle)
            raise ProjectError("SK-GRAPH-001", f"cycle: {text}", at=at, hint="one of these must stop reading the next") from None

    @cached_property
    def readers(self) -> dict[NodeId, tuple[NodeId, ...]]:
        """For each node, the nodes that read it, in graph order."""
        found: dict[NodeId, list[NodeId]] = {n: [] for n in self.order}
        for node in self.order:
            for source in self.inputs[node]:
                found[source].append(node)
        return {n: tuple(r) for n, r in found.items()}

    def upstream(self, start: Iterable[NodeId], depth: int | None = None) -> set[NodeId]:
        """Everything `start` reads, directly or through others, at most `depth` steps away; without `start` itself."""
        return _reach(start, self.inputs, depth)

    def downstream(self, start: Iterable[NodeId], depth: int | None = None) -> set[NodeId]:
        """Everything that reads `start`, directly or through others, at most `depth` steps away; without `start` itself."""
        return _reach(start, self.readers, depth)


def _reach(start: Iterable[NodeId], edges: Mapping[NodeId, tuple[NodeId, ...]], depth: int | None) -> set[NodeId]:
    begun = set(start)
    seen: dict[NodeId, int] = dict.fromkeys(begun, 0)
    queue = deque(begun)
    while queue:
        node = queue.popleft()
        if depth is not None and seen[node] >= depth:
            continue
        for other in edges[node]:
            if other not in seen:
                seen[other] = seen[node] + 1
                queue.append(other)
    return set(seen) - begun
