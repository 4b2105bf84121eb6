"""The queries an environment was built from, analysed against the columns their inputs had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.nodes import fold, relation_name
from seeknal.plan.depth import unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seeknal.nodes import Key, NodeId
    from seeknal.plan.analyses import Analyses
    from seeknal.sql.analysis import Analysis
    from seeknal.state.model import Artifact, Pointer


class Recorded:
    """What an environment holds, as the logic it came from."""

    def __init__(
        self, pointers: Mapping[NodeId, Pointer], artifact: Callable[[Key], Artifact | None], analyses: Analyses, dialect: str
    ) -> None:
        self._pointers = pointers
        self._artifact = artifact
        self._analyses = analyses
        self._dialect = dialect
        self._names: dict[NodeId, tuple[str, ...] | None] = {}

    def analysis(self, node: NodeId) -> Analysis | None:
        """The analysis of the query a node was built by; None where it was not built by one."""
        pointer = self._pointers.get(node)
        if pointer is None or pointer.sql is None:
            return None
        found = self.under(pointer.sql, node)
        names = self.names(node)
        return found.named(names) if names is not None and names != found.names else found

    def under(self, sql: str, node: NodeId) -> Analysis:
        """The analysis of a query against the columns that a node's inputs had."""
        schemas = {relation_name(i): self.names(i) for i in self._pointers[node].inputs}
        artifact, own = self._artifact(self._pointers[node].key), relation_name(node)
        if artifact is None or own not in sql:
            return self._analyses.of(sql, self._dialect, schemas)[0]
        schemas[own] = tuple(c.name for c in artifact.schema)
        return self._analyses.of(sql, self._dialect, schemas, own)[0]

    def names(self, node: NodeId) -> tuple[str, ...] | None:
        """The columns a node had."""
        if node not in self._names:
            for name in unknown(node, self._names, self._looked_through):
                self._names[name] = self._found_names(name)
        return self._names[node]

    def _looked_through(self, node: NodeId) -> tuple[NodeId, ...]:
        """The inputs of a view, whose columns say which it had."""
        pointer = self._pointers.get(node)
        return () if pointer is None or self._artifact(pointer.key) is not None else tuple(pointer.inputs)

    def _found_names(self, node: NodeId) -> tuple[str, ...] | None:
        pointer = self._pointers.get(node)
        artifact = self._artifact(pointer.key) if pointer is not None else None
        if artifact is not None:
            return tuple(c.name for c in artifact.schema)
        if pointer is None or pointer.sql is None:
            return None
        names = self.under(pointer.sql, node).names
        return tuple(n for n in names if n is not None) if names is not None and all(n is not None for n in names) else None

    def types(self, node: NodeId) -> dict[str, str | None]:
        """The types a node's columns had, by folded name; none for a view."""
        pointer = self._pointers.get(node)
        artifact = self._artifact(pointer.key) if pointer is not None else None
        return {fold(c.name): c.type for c in artifact.schema} if artifact is not None else {}
