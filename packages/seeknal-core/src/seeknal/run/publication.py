"""Keeping warehouse.duckdb, or whatever the engine publishes to, in step with what an environment points to.

`warehouse.json` beside it says what was published last and from which folder. It is written after the warehouse, so a run that was cut
off between the two publishes once more.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seeknal.durable import write_whole
from seeknal.protocols import Files, Query
from seeknal.run.engines import engine_driver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal.artifacts import ArtifactStore
    from seeknal.graph.dag import Dag
    from seeknal.nodes import NodeId
    from seeknal.project.loader import LoadedProject
    from seeknal.state.model import Artifact, Pointer

WAREHOUSE = "warehouse.duckdb"
_RECORD = "warehouse.json"


class Publication:
    """What one environment of a project has in the warehouse."""

    def __init__(self, project: LoadedProject, dag: Dag, store: ArtifactStore, environment: str) -> None:
        self._project = project
        self._dag = dag
        self._store = store
        self._environment = environment
        self._path = store.target / WAREHOUSE

    def publish(self, pointers: Mapping[NodeId, Pointer], artifacts: Mapping[NodeId, Artifact]) -> int:
        """Bring the warehouse up to date. Returns how many relations changed; with nothing to change nothing is opened."""
        if "publish" not in self._project.engine.capabilities:
            return 0
        record = self._record()
        before = record.get(self._environment, {})
        nodes = {self._dag.nodes[n].relation: n for n in self._dag.order if n in pointers and self._dag.nodes[n].is_readable}
        wanted = {r: self._stamp(pointers[n], artifacts.get(n), view=pointers[n].is_view) for r, n in nodes.items()}
        changed = [r for r, stamp in wanted.items() if before.get(r) != stamp]
        dropped = sorted(set(before) - set(wanted))
        if not changed and not dropped:
            return 0
        found = {r: self._relation(pointers[nodes[r]], artifacts.get(nodes[r])) for r in changed}
        relations = {r: relation for r, relation in found.items() if relation is not None}
        driver = engine_driver(self._project)
        driver.publish(self._path, self._environment, relations, dropped)
        now = {r: before[r] for r in before if r not in dropped} | {r: wanted[r] for r in relations}
        document = {**record, self._environment: now, "": str(self._store.target)}
        write_whole(self._store.target / _RECORD, json.dumps(document).encode())
        return len(relations) + len(dropped)

    def _stamp(self, pointer: Pointer, artifact: Artifact | None, *, view: bool) -> str:
        """What a relation's definition depends on. Files are part of it: an output that was built again may have others."""
        if view or artifact is None:
            return f"view {pointer.key}"
        return " ".join([pointer.key, *(f.name for f in artifact.files)])

    def _relation(self, pointer: Pointer, artifact: Artifact | None) -> Files | Query | None:
        if pointer.is_view:
            return Query(pointer.sql or "")
        return Files(self._store.paths(artifact)) if artifact is not None else None

    def _record(self) -> dict[str, Any]:
        """What was published. Where the folder has moved or the warehouse is gone, its relations are known but out of date."""
        try:
            document: dict[str, Any] = json.loads((self._store.target / _RECORD).read_bytes())
        except (OSError, ValueError):
            return {}
        if document.pop("", None) == str(self._store.target) and self._path.is_file():
            return document
        return {environment: dict.fromkeys(relations, "") for environment, relations in document.items()}
