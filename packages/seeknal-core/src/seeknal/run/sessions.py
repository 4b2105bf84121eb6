"""One engine session for a run, opened when the first node needs it, and the relations it knows."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from seeknal.errors import EngineError, NodeError
from seeknal.nodes import Node, NodeId, SqlLogic
from seeknal.protocols import Files, Query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from seeknal.artifacts import ArtifactStore
    from seeknal.protocols import Session
    from seeknal.state.model import Artifact


class Relations:
    """Opens the session lazily and makes nodes readable in it, each once. Safe to use from several threads."""

    def __init__(self, open_session: Callable[[], Session], nodes: Mapping[NodeId, Node], store: ArtifactStore) -> None:
        self._open = open_session
        self._nodes = nodes
        self._store = store
        self._lock = threading.RLock()
        self._session: Session | None = None
        self._artifacts: dict[NodeId, Artifact] = {}
        self._views: dict[NodeId, tuple[str, tuple[NodeId, ...]]] = {}
        self._defined: set[NodeId] = set()

    @property
    def session(self) -> Session:
        """The session."""
        with self._lock:
            if self._session is None:
                self._session = self._open()
            return self._session

    def put(self, node: NodeId, artifact: Artifact) -> None:
        """Say which output a node has in this run."""
        with self._lock:
            self._artifacts[node] = artifact
            self._defined.discard(node)

    def put_view(self, node: NodeId, sql: str, inputs: Iterable[NodeId]) -> None:
        """Say that a node is read by this query, whatever the project says of it now."""
        with self._lock:
            self._views[node] = (sql, tuple(inputs))
            self._defined.discard(node)

    def artifact(self, node: NodeId) -> Artifact | None:
        """The output a node has in this run."""
        return self._artifacts.get(node)

    def define(self, node: NodeId) -> str:
        """Make a node, and for a view all it reads, readable. Returns the relation's name."""
        with self._lock:
            name = self._nodes[node].relation
            if node in self._defined:
                return name
            artifact, view = self._artifacts.get(node), self._view(node)
            if view is not None:
                sql, inputs = view
                for source in inputs:
                    self.define(source)
                self.session.define(name, Query(sql))
            else:
                if artifact is None:
                    raise NodeError("SK-RUN-002", f"{node} has not been built yet", hint=f"build it first: seeknal run --select '+{node}'")
                self._whole(node, artifact)
                self.session.define(name, Files(self._store.paths(artifact)))
            self._defined.add(node)
            return name

    def _view(self, node: NodeId) -> tuple[str, tuple[NodeId, ...]] | None:
        """The query a node is read by, and what that reads; None where it has an output of its own."""
        logic = self._nodes[node].logic
        if node in self._views:
            return self._views[node]
        if node not in self._artifacts and self._nodes[node].is_view and isinstance(logic, SqlLogic):
            return logic.sql, self._nodes[node].inputs
        return None

    def _whole(self, node: NodeId, artifact: Artifact) -> None:
        """An output that is not what was written is never read as data."""
        presence = self._store.check(artifact)
        if presence != "whole":
            message = f"the output of {node} is {presence}"
            if artifact.location is None:
                message = f"a file of {node} {'is missing' if presence == 'missing' else 'has changed since it was last built'}"
            raise NodeError("SK-RUN-007", message, at=self._nodes[node].at, hint=f"build it again: seeknal run --select '{node}'")

    def in_place(self, node: NodeId) -> list[Artifact]:
        """The outputs a node reads, also through views, that are files of the project, read where they are."""
        reads, found = dict.fromkeys(self._nodes[node].inputs), []
        waiting = list(reads)
        while waiting:
            source = waiting.pop()
            artifact = self._artifacts.get(source)
            if self._nodes[source].is_view:
                further = [i for i in self._nodes[source].inputs if i not in reads]
                reads |= dict.fromkeys(further)
                waiting += further
            elif artifact is not None and artifact.location is None:
                found.append(artifact)
        return found

    def interrupt(self) -> None:
        """Cancel what is running."""
        with self._lock:
            session = self._session
        if session is not None:
            session.interrupt()

    def close(self) -> None:
        """Close the session if it was opened."""
        with self._lock:
            if self._session is not None:
                self._session.close()
                self._session = None


def placed(error: EngineError, node: Node) -> NodeError:
    """An engine's error at the node's own line and column."""
    from seeknal.project.lowering import locate  # start-up time

    logic = node.logic
    at = node.at
    if isinstance(logic, SqlLogic) and logic.place is not None:
        at = logic.place.at(1, 1)
        if error.line is not None:
            at = logic.place.at(*locate(error.line, error.column or 1, logic.sql, logic.template))
    elif getattr(logic, "place", None) is not None:
        at = logic.place  # type: ignore[union-attr,assignment]
    return NodeError(error.code, error.message, at=at, hint=error.hint)
