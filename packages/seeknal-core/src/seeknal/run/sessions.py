"""One engine session for a run, opened when the first node needs it, and the relations it knows."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from seeknal.errors import EngineError, NodeError, SeeknalError
from seeknal.nodes import Key, Node, NodeId, SqlLogic, relation_name
from seeknal.protocols import Query
from seeknal.run.held import Held, held_name
from seeknal.state.model import Artifact, View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from seeknal.artifacts import ArtifactStore
    from seeknal.protocols import Session
    from seeknal.state.model import Snapshot


_CURRENT = Key("")
"""In place of a key: whatever the node has now. State of an earlier version knew no others."""


class Relations:
    """Opens the session lazily and makes nodes readable in it, each once. Safe to use from several threads."""

    def __init__(
        self, open_session: Callable[[], Session], nodes: Mapping[NodeId, Node], store: ArtifactStore, earlier: Callable[[], Snapshot]
    ) -> None:
        """`earlier` is state, asked for outputs that views were published over and that their nodes no longer have."""
        self._open = open_session
        self._nodes = nodes
        self._store = store
        self._earlier = Held(earlier)
        self._lock = threading.RLock()
        self._opening_lock = threading.RLock()  # opening takes a while, in which others say what there is to read
        self._session: Session | None = None
        self._opening: threading.Thread | None = None
        self._artifacts: dict[NodeId, Artifact] = {}
        self._views: dict[NodeId, tuple[str, tuple[NodeId, ...]]] = {}
        self._held: dict[NodeId, tuple[Key, View]] = {}
        self._defined: set[str] = set()

    @property
    def session(self) -> Session:
        """The session."""
        with self._opening_lock:
            if self._session is None:
                self._session = self._open()
            return self._session

    def open_soon(self) -> None:
        """Open the session in a thread: it will be needed. What keeps it from being opened is said where it is."""

        def opened() -> None:
            with contextlib.suppress(SeeknalError):
                _ = self.session

        self._opening = threading.Thread(target=opened, name="seeknal-session", daemon=True)
        self._opening.start()

    def put(self, node: NodeId, artifact: Artifact) -> None:
        """Say which output a node has in this run."""
        with self._lock:
            self._artifacts[node] = artifact
            self._held.pop(node, None)
            self._defined.discard(relation_name(node))

    def put_view(self, node: NodeId, sql: str, inputs: Iterable[NodeId]) -> None:
        """Say that a node is read by this query, whatever the project says of it now."""
        with self._lock:
            self._views[node] = (sql, tuple(inputs))
            self._defined.discard(relation_name(node))

    def hold(self, key: Key, view: View) -> None:
        """Say that a node is the view that was published under this key, over the outputs it was published over."""
        with self._lock:
            self._held[view.node] = (key, view)
            self._defined.discard(relation_name(view.node))

    def artifact(self, node: NodeId) -> Artifact | None:
        """The output a node has in this run."""
        return self._artifacts.get(node)

    def has(self, node: NodeId) -> bool:
        """Whether there is anything of a node to read: an output, or a view that was published."""
        return node in self._artifacts or node in self._held

    def define(self, node: NodeId) -> str:
        """Make a node, and for a view all it reads, readable. Returns the relation's name."""
        with self._lock:
            name = relation_name(node)
            if name in self._defined:
                return name
            artifact, held, view = self._artifacts.get(node), self._held.get(node), self._view(node)
            if held is not None:
                self._define(name, held[1])
            elif view is not None:
                sql, inputs = view
                for source in inputs:
                    self.define(source)
                self.session.define(name, Query(sql))
            else:
                if artifact is None:
                    raise NodeError("SK-RUN-002", f"{node} has not been built yet", hint=f"build it first: seeknal run --select '+{node}'")
                self._define(name, artifact)
            self._defined.add(name)
            return name

    def _define(self, name: str, output: Artifact | View) -> None:
        """Make an output readable by a name. A view reads what it was published over: by its usual name where that is what there is now."""
        if isinstance(output, Artifact):
            self._whole(output)
            self.session.define(name, self._store.relation(output))
            return
        over: dict[str, str] = {}
        for source, key in output.inputs.items():
            if self._is_current(source, key):
                self.define(source)
                continue
            held = over[relation_name(source)] = held_name(source, key)
            if held not in self._defined:
                self._define(held, self._earlier.find(source, key))
                self._defined.add(held)
        self.session.define(name, Query(output.sql, over))

    def _is_current(self, node: NodeId, key: Key) -> bool:
        """Whether the output of a key is the one that the node has."""
        artifact, held = self._artifacts.get(node), self._held.get(node)
        now = held[0] if held is not None else artifact.key if artifact is not None else None
        return key in (_CURRENT, now)

    def _view(self, node: NodeId) -> tuple[str, tuple[NodeId, ...]] | None:
        """The query a node is read by, and what that reads; None where it has an output of its own."""
        if node in self._views:
            return self._views[node]
        logic = self._nodes[node].logic if node in self._nodes else None
        if node not in self._artifacts and isinstance(logic, SqlLogic) and self._nodes[node].is_view:
            return logic.sql, self._nodes[node].inputs
        return None

    def _whole(self, artifact: Artifact) -> None:
        """An output that is not what was written is never read as data."""
        node, presence = artifact.node, self._store.check(artifact)
        if presence != "whole":
            message = f"the output of {node} is {presence}"
            if artifact.location is None:
                message = f"a file of {node} {'is missing' if presence == 'missing' else 'has changed since it was last built'}"
            if node not in self._nodes:
                raise NodeError("SK-RUN-007", message, hint="the project no longer has the node: put it back, and run it")
            raise NodeError("SK-RUN-007", message, at=self._nodes[node].at, hint=f"build it again: seeknal run --select '{node}'")

    def in_place(self, node: NodeId) -> list[Artifact]:
        """The outputs a node reads that are files of the project, read where they are."""
        found: dict[Key, Artifact] = {}
        seen: set[tuple[NodeId, Key]] = set()
        waiting = [(i, _CURRENT) for i in self._nodes[node].inputs]
        while waiting:
            source, key = waiting.pop()
            key = _CURRENT if self._is_current(source, key) else key
            if (source, key) in seen:
                continue
            seen.add((source, key))
            output = self._earlier.find(source, key) if key else self._output(source)
            if isinstance(output, Artifact):
                found |= {output.key: output} if output.location is None else {}
            elif isinstance(output, View):
                waiting += output.inputs.items()
            elif (view := self._view(source)) is not None:
                waiting += [(i, _CURRENT) for i in view[1]]
        return list(found.values())

    def _output(self, node: NodeId) -> Artifact | View | None:
        return self._held[node][1] if node in self._held else self._artifacts.get(node)

    def interrupt(self) -> None:
        """Cancel what is running."""
        with self._opening_lock:
            session = self._session
        if session is not None:
            session.interrupt()

    def close(self) -> None:
        """Close the session if it was opened."""
        if self._opening is not None:
            self._opening.join()
        with self._opening_lock:
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
            at = logic.place.at(*locate(error.line, error.column or 1, logic.sql, logic.template, built=logic.built))
    elif getattr(logic, "place", None) is not None:
        at = logic.place  # type: ignore[union-attr,assignment]
    return NodeError(error.code, error.message, at=at, hint=error.hint)
