"""Keeping warehouse.duckdb, or whatever the engine publishes to, in step with what an environment points to.

`warehouse.json` beside it says what was published last and from which folder. It is written after the warehouse, so a run that was cut
off between the two publishes once more.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from seeknal.durable import locked, write_whole
from seeknal.errors import EngineError, StateError
from seeknal.nodes import REJECTED, fold, relation_name
from seeknal.protocols import Files, Query
from seeknal.run.engines import engine_driver
from seeknal.run.held import held_name
from seeknal.state.model import Artifact
from seeknal.state.segments import Joined

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seeknal.artifacts import ArtifactStore
    from seeknal.graph.dag import Dag
    from seeknal.nodes import Key, NodeId
    from seeknal.project.loader import LoadedProject
    from seeknal.run.held import Held
    from seeknal.state.model import Pointer, Snapshot, View

WAREHOUSE = "warehouse.duckdb"
_RECORD = "warehouse.json"
_LOCK = "warehouse.lock"
EARLIER, LATEST = "@earlier", "@latest"
"""After the name of a relation: the two by which files by the thousand are read."""


class Publication:
    """What one environment of a project has in the warehouse."""

    def __init__(self, project: LoadedProject, dag: Dag, store: ArtifactStore, environment: str, held: Held) -> None:
        """`held` finds the outputs that views were published over and that their nodes no longer have."""
        self._project = project
        self._dag = dag
        self._store = store
        self._environment = environment
        self._held = held
        self._path = store.target / WAREHOUSE

    def publish(self, pointers: Mapping[NodeId, Pointer], artifacts: Mapping[NodeId, Artifact]) -> int:
        """Bring the warehouse up to date. Returns how many relations changed; with nothing to change nothing is opened."""
        if "publish" not in self._project.engine.capabilities:
            return 0
        with locked(self._path.with_name(_LOCK)):  # environments share the file
            return self._publish(pointers, artifacts)

    def _publish(self, pointers: Mapping[NodeId, Pointer], artifacts: Mapping[NodeId, Artifact]) -> int:
        record = self._record()
        before = record.get(self._environment, {})
        wanted = self._wanted({n: pointers[n] for n in self._listed(pointers)}, artifacts)
        relations = {r: relation for r, (stamp, relation) in wanted.items() if before.get(r) != stamp}
        dropped = sorted(set(before) - set(wanted))
        if not relations and not dropped:
            return 0
        try:
            if not self._written(relations, dropped, ours=self._is_ours()):
                record = {}
            now = {r: before[r] for r in before if r not in dropped} | {r: wanted[r][0] for r in relations}
            document = {**record, self._environment: now, "": self._identity()}
            if not now:
                del document[self._environment]
        except OSError as error:
            message = f"{self._path} cannot be written: {error.strerror}"
            raise StateError(
                "SK-DISK-001", message, hint="free some space and run again: every output is there, and is published then"
            ) from None
        write_whole(self._store.target / _RECORD, json.dumps(document).encode())
        return len(relations) + len(dropped)

    def _listed(self, pointers: Mapping[NodeId, Pointer]) -> list[NodeId]:
        """What is published: the project's nodes in their order, then those that only the environment still has, as after it went back."""
        own = [n for n in self._dag.order if n in pointers and self._dag.nodes[n].is_readable]
        alone = sorted(pointers.keys() - self._dag.nodes.keys())
        names = {fold(relation_name(n)) for n in own} if alone else set()
        return [*own, *(n for n in alone if fold(relation_name(n)) not in names)]

    def _written(self, relations: Mapping[str, Files | Query], dropped: Sequence[str], *, ours: bool) -> bool:
        """Change the warehouse. A file that is not as it was left, and cannot be changed, is set aside; False where it was made anew so."""
        driver = engine_driver(self._project)
        try:
            driver.publish(self._path, self._environment, relations, dropped)
        except EngineError:
            if ours or not self._path.is_file():
                raise
            self._path.replace(self._path.with_name(f"{WAREHOUSE}.damaged"))
            driver.publish(self._path, self._environment, relations, dropped)
            return False
        return True

    def _identity(self) -> list[Any]:
        """What tells whether the warehouse is as it was left here: its folder, size and time."""
        stat = self._path.stat()
        return [str(self._store.target), stat.st_size, stat.st_mtime_ns]

    def _is_ours(self) -> bool:
        try:
            left: Any = json.loads((self._store.target / _RECORD).read_bytes())[""]
            return bool(left == self._identity())
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def _wanted(self, pointers: Mapping[NodeId, Pointer], artifacts: Mapping[NodeId, Artifact]) -> dict[str, tuple[str, Files | Query]]:
        """Every relation by name, what its definition depends on, and the definition; those that a view reads come before it."""
        found: dict[str, tuple[str, Files | Query]] = {}

        def add(name: str, key: Key, output: Artifact | View) -> None:
            if isinstance(output, Artifact):  # files are part of it: an output that was built again may have others
                found.update(self._of_files(name, key, output))
                return
            over: dict[str, str] = {}
            for source, read in output.inputs.items():
                if not read or (source in pointers and pointers[source].key == read):
                    publish(source)  # what it was published over is what is published
                    continue
                held = over[relation_name(source)] = held_name(source, read)
                if held not in found:
                    add(held, read, self._held.find(source, read))
            found[name] = (" ".join(["view", key, *over.values()]), Query(output.sql, over))

        def publish(node: NodeId) -> None:
            pointer = pointers.get(node)
            if pointer is None or relation_name(node) in found:
                return
            output = pointer.view(node) or artifacts.get(node)
            if output is not None:
                add(relation_name(node), pointer.key, output)
            if isinstance(output, Artifact) and output.rejected is not None:
                aside = self._store.rejected_paths(output)
                found[relation_name(node) + REJECTED] = (" ".join([output.key, *(p.name for p in aside)]), Files(aside))

        for node in pointers:
            publish(node)
        return found

    def _of_files(self, name: str, key: Key, output: Artifact) -> dict[str, tuple[str, Files | Query]]:
        """The relation of an output. Where most of its files are in segments, it reads these as one relation and those after them as another.

        A day more so defines a few files anew, and not thousands. The janitor leaves what a stamp names: the key that the latter has is that of all files.
        """
        members = output.members if isinstance(output, Joined) else ()
        last = max((n for n, m in enumerate(members, 1) if m.is_joined), default=0)
        if not isinstance(output, Joined) or not 0 < last < len(members) or members[last - 1].schema != output.schema:
            names = [_short(output.names)] if output.is_joined else output.names
            return {name: (" ".join([key, *names]), self._store.relation(output))}
        earlier, latest = Joined(key, members[:last], ""), Joined(key, members[last:], "")
        columns = _short([f"{c.name} {c.type}" for c in output.schema])
        return {
            name + EARLIER: ("view " + _short(earlier.names), self._store.relation(earlier)),
            name + LATEST: (" ".join([key, _short(latest.names)]), self._store.relation(latest)),
            name: ("view of both " + columns, Query(_union(name + EARLIER, name + LATEST, self._project.engine.dialect))),
        }

    def _record(self) -> dict[str, Any]:
        """What was published. Where the warehouse is not as it was left, or elsewhere, its relations are known but out of date."""
        try:
            document: dict[str, Any] = json.loads((self._store.target / _RECORD).read_bytes())
            ours = self._is_ours()
            del document[""]
            return {e: {r: str(s) if ours else "" for r, s in relations.items()} for e, relations in document.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}


def _union(one: str, other: str, dialect: str) -> str:
    """The query for the rows of two relations."""
    from sqlglot import exp  # start-up time

    from seeknal.run.expressions import table

    first, second = (exp.select("*").from_(table(name)) for name in (one, other))
    return exp.union(first, second, distinct=False).sql(dialect=dialect)


def _short(names: Sequence[str]) -> str:
    """Thousands of files as one word."""
    return hashlib.sha256("\0".join(names).encode()).hexdigest()[:16]


def outputs_of(
    dag: Dag, read: Callable[[], Snapshot], pointers: Mapping[NodeId, Pointer], known: Mapping[NodeId, Artifact]
) -> dict[NodeId, Artifact]:
    """The output each node's pointer is about, also where the last build was not published. State is read only for those not `known`."""
    found = {n: a for n, a in known.items() if n in pointers and pointers[n].key == a.key}
    missing = [n for n in pointers if n not in found and (n not in dag.nodes or dag.nodes[n].is_stored)]
    if missing:
        snapshot = read()
        for node in missing:
            artifact = snapshot.artifact(pointers[node].key)
            if artifact is not None:
                found[node] = artifact
    return found
