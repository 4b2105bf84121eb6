"""A directed acyclic graph of nodes: which read which, and whose audits look at which."""

from __future__ import annotations

import graphlib
import itertools
from collections import deque
from functools import cached_property
from typing import TYPE_CHECKING

from seeknal.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seeknal.nodes import Node, NodeId


class Dag:
    """Nodes and the edges their inputs make.

    A node also waits for what its audits look at; that is no input of it, and only says what comes first.
    """

    def __init__(self, nodes: Mapping[NodeId, Node]) -> None:
        """Build the graph. Raises ProjectError printing the cycle where there is one."""
        self.nodes = nodes
        self.inputs: dict[NodeId, tuple[NodeId, ...]] = {n.id: tuple(i for i in n.inputs if i in nodes) for n in nodes.values()}
        self.waits: dict[NodeId, tuple[NodeId, ...]] = {
            n: tuple(dict.fromkeys([*inputs, *self._looked_at(n)])) for n, inputs in self.inputs.items()
        }
        """For each node, what must be done before it: its inputs, and what its audits look at."""
        self.order: tuple[NodeId, ...] = self._sorted()

    def _sorted(self) -> tuple[NodeId, ...]:
        try:
            return tuple(graphlib.TopologicalSorter(self.waits).static_order())
        except graphlib.CycleError as error:
            cycle: list[NodeId] = error.args[1]
            at = self.nodes[cycle[0]].at
            text = " -> ".join(cycle)
            looks = [f"an audit of {b} reads {a}" for a, b in itertools.pairwise(cycle) if a not in self.inputs[b]]
            hint = "one of these must stop reading the next" + (f"; {looks[0]}" if looks else "")
            if len(set(cycle)) == 1:
                hint = "what it held before is read as {{ this }}, in a node that is built incrementally"
            raise ProjectError("SK-GRAPH-001", f"cycle: {text}", at=at, hint=hint) from None

    def _looked_at(self, node: NodeId) -> list[NodeId]:
        return [n for audit in self.nodes[node].audits for n in audit.reads if n in self.nodes]

    @cached_property
    def awaited_by(self) -> dict[NodeId, tuple[NodeId, ...]]:
        """For each node, the nodes that wait for it."""
        return self._turned(self.waits)

    @cached_property
    def looks(self) -> dict[NodeId, tuple[tuple[str, ...] | None, ...]]:
        """For each node that other nodes' audits look at, the columns that each looks at (None: all of them)."""
        found: dict[NodeId, list[tuple[str, ...] | None]] = {}
        for node in self.nodes.values():
            for audit in node.audits:
                for source, columns in audit.reads.items():
                    found.setdefault(source, []).append(columns)
        return {n: tuple(c) for n, c in found.items()}

    @cached_property
    def readers(self) -> dict[NodeId, tuple[NodeId, ...]]:
        """For each node, the nodes that read it, in graph order."""
        return self._turned(self.inputs)

    def _turned(self, edges: Mapping[NodeId, tuple[NodeId, ...]]) -> dict[NodeId, tuple[NodeId, ...]]:
        found: dict[NodeId, list[NodeId]] = {n: [] for n in self.order}
        for node in self.order:
            for source in edges[node]:
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
