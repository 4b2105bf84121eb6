"""Keeping warehouse.duckdb, or whatever the engine publishes to, in step with what an environment points to.

`warehouse.json` beside it says what was published last and from which folder. It is written after the warehouse, so a run that was cut
off between the two publishes once more.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seeknal.durable import write_whole
from seeknal.nodes import NodeId, SqlLogic
from seeknal.protocols import Files, Query
from seeknal.targets import load_target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal.artifacts import ArtifactStore
    from seeknal.graph.dag import Dag
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
        wanted = {
            self._dag.nodes[n].relation: (n, p) for n, p in pointers.items() if n in self._dag.nodes and self._dag.nodes[n].is_readable
        }
        order = {self._dag.nodes[n].relation: i for i, n in enumerate(self._dag.order)}
        changed = sorted((r for r, (_, p) in wanted.items() if before.get(r) != p.key), key=order.__getitem__)
        dropped = sorted(set(before) - set(wanted))
        if not changed and not dropped:
            return 0
        relations: dict[str, Files | Query] = {}
        for name in changed:
            relation = self._relation(wanted[name][0], artifacts)
            if relation is not None:
                relations[name] = relation
        driver = load_target(self._project.engine.target)()
        driver.publish(self._path, self._environment, relations, dropped)
        now = {r: before[r] for r in before if r not in dropped} | {r: wanted[r][1].key for r in relations}
        document = {**record, self._environment: now, "": str(self._store.target)}
        write_whole(self._store.target / _RECORD, json.dumps(document).encode())
        return len(relations) + len(dropped)

    def _relation(self, node: NodeId, artifacts: Mapping[NodeId, Artifact]) -> Files | Query | None:
        logic = self._dag.nodes[node].logic
        if self._dag.nodes[node].is_view and isinstance(logic, SqlLogic):
            return Query(logic.sql)
        artifact = artifacts.get(node)
        return Files(self._store.paths(artifact)) if artifact is not None else None

    def _record(self) -> dict[str, Any]:
        """What was published, as far as it still holds: the file is there and the folder has not moved."""
        try:
            document: dict[str, Any] = json.loads((self._store.target / _RECORD).read_bytes())
        except (OSError, ValueError):
            return {}
        if document.get("") != str(self._store.target) or not self._path.is_file():
            return {}
        return document
