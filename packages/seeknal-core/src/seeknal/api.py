"""The Python API: a project that can be planned, run and read.

from seeknal import Project

project = Project.open("shop")
result = project.run()
rows = project.rows("transform.orders_by_day", limit=10)
"""

from __future__ import annotations

import os
import socket
import sys
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal.artifacts import ArtifactStore
from seeknal.errors import Location, ProjectError, ProjectErrors
from seeknal.graph.dag import Dag
from seeknal.nodes import ExposureLogic, Node, NodeId, SourceLogic
from seeknal.plan.analyses import Analyses
from seeknal.plan.planner import Plan, Situation, make_plan
from seeknal.project.loader import LoadedProject, load_project
from seeknal.project.locate import find_root
from seeknal.run.results import NodeResult, RunResult
from seeknal.state.backend import Holder
from seeknal.state.model import PROD, Change, Pointer
from seeknal.targets import load_target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from seeknal.errors import SeeknalError
    from seeknal.fileversions import FileVersions
    from seeknal.graph.selection import History
    from seeknal.plan.lineage import Lineage
    from seeknal.plan.outlook import Outlook
    from seeknal.protocols import Rows, Session
    from seeknal.run.comparing import CompareOptions
    from seeknal.run.comparison import Comparison
    from seeknal.run.scheduler import Listener
    from seeknal.run.sessions import Relations
    from seeknal.state.backend import StateBackend


@dataclass(frozen=True)
class RunOptions:
    """What a run may be told. `selected` None means every node; `wait_seconds` is how long to wait for another run."""

    selected: frozenset[NodeId] | None = None
    full: bool = False
    workers: int | None = None
    continue_on_error: bool = False
    wait_seconds: float = 0.0
    memory_limit: str | None = None
    now: datetime | None = None


@dataclass
class _Silent:
    """The listener of a run that nobody watches."""

    def started(self, node: NodeId) -> None:
        """Nothing to say."""

    def finished(self, result: NodeResult, done: int, total: int) -> None:
        """Nothing to say."""


@dataclass
class Project:
    """A project in a folder, read and checked."""

    loaded: LoadedProject
    dag: Dag
    store: ArtifactStore = field(init=False)
    analyses: Analyses = field(init=False)

    def __post_init__(self) -> None:
        self.store = ArtifactStore(self.root, self.target)
        self.analyses = Analyses(self.target)

    @classmethod
    def open(
        cls,
        path: str | Path = ".",
        *,
        profile: str | None = None,
        variables: Mapping[str, Any] | None = None,
        cache: bool = True,
        extra: Sequence[str] = (),
    ) -> Project:
        """Read the project in `path` or a folder above it. Raises ProjectErrors with everything that is wrong.

        `extra` are files that are read as if they stood below `seeknal/`; a path is relative to the project's folder, or absolute.
        """
        loaded = load_project(find_root(Path(path)), profile=profile, variables=variables, cache=cache, extra=extra)
        errors = list(loaded.errors)
        dag = None
        try:
            dag = Dag(loaded.nodes)
        except ProjectError as error:
            errors.append(error)
        if errors or dag is None:
            raise ProjectErrors(errors)
        project = cls(loaded, dag)
        if extra:  # a draft leaves no trace
            project.analyses = Analyses(project.target, keeps=False)
        return project

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.loaded.root

    @property
    def target(self) -> Path:
        """The folder of everything generated."""
        return self.root / "target"

    @property
    def nodes(self) -> dict[NodeId, Node]:
        """Every node by id."""
        return self.loaded.nodes

    @cached_property
    def state(self) -> StateBackend:
        """Where the project's state is kept."""
        from seeknal.project.settings import resolve

        settings = self.loaded.settings
        contribution = self.loaded.registry.state_backend(settings.state_backend)
        options = resolve(dict(settings.state_options), Location("seeknal_project.yml"))
        backend: StateBackend = load_target(contribution.target)(self.target, options)
        return backend

    def find(self, name: str) -> Node:
        """The node a person means by an id or a name. Raises ProjectError with a suggestion."""
        from seeknal.graph.selection import select

        found = sorted(select(name, self.dag, self.history)) if name.strip() else []
        exact = [n for n in found if n == name] or found
        if len(exact) != 1:
            message = f"'{name}' is {len(exact)} nodes; name one" if exact else "name a node"
            raise ProjectError("SK-SEL-002", message, hint=", ".join(exact[:5]) or "see `seeknal list`")
        return self.nodes[exact[0]]

    def select(self, selector: str | None, exclude: str | None = None) -> frozenset[NodeId] | None:
        """The nodes a selector names, without those `exclude` names; None for all of them."""
        from seeknal.graph.selection import select

        if selector is None and exclude is None:
            return None
        chosen = set(self.dag.nodes) if selector is None else select(selector, self.dag, self.history)
        return frozenset(chosen - (select(exclude, self.dag, self.history) if exclude else set()))

    def history(self) -> History:
        """What selectors by state and result look at."""
        from seeknal.graph.selection import History
        from seeknal.run.history import last_results

        changes = self.plan().changes
        new = frozenset(n for n, c in changes.items() if c.change == "added")
        modified = frozenset(n for n, c in changes.items() if c.change in ("added", "modified"))
        return History(new, modified, last_results(self.target))

    # Planning and running

    def plan(
        self, *, selected: frozenset[NodeId] | None = None, full: bool = False, now: datetime | None = None, environment: str = PROD
    ) -> Plan:
        """What a run would do, and why. Builds nothing. Raises ProjectErrors for names in queries that mean nothing."""
        from seeknal.run.binding import query_types

        situation, _ = self._look(RunOptions(selected=selected, full=full, now=now), environment, probes=False)
        self._check_names(situation, situation.outlook())
        plan = make_plan(situation, lambda outlook, node: query_types(self, outlook, node))
        self.analyses.keep()
        return plan

    def _check_names(self, situation: Situation, outlook: Outlook) -> None:
        from seeknal.run.binding import name_errors

        errors: list[SeeknalError] = list(name_errors(self, situation, outlook))
        if errors:
            raise ProjectErrors(errors)
        self.keep()

    def keep(self) -> None:
        """Remember what was parsed and analysed. Called once the project is known to be right: before, nothing is written."""
        self.loaded.keep()
        self.analyses.keep()

    def run(self, options: RunOptions | None = None, listener: Listener | None = None) -> RunResult:
        """Build what changed, check it, publish it. Raises LockedError when another run is at it."""
        options = options or RunOptions()
        begun = time.perf_counter()
        run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"
        holder = Holder(run_id, socket.gethostname(), os.getpid(), " ".join(["seeknal", *sys.argv[1:]]), _now())
        with self.state.lease(PROD, holder, options.wait_seconds) as lease:
            result = self._run(
                options, listener or _Silent(), RunResult(run_id, PROD, _now(), continue_on_error=options.continue_on_error), lease
            )
            result.seconds = time.perf_counter() - begun
            result.ended_at = _now()
            result.write(self.target)
        return result

    def _run(self, options: RunOptions, listener: Listener, result: RunResult, lease: Any) -> RunResult:
        from seeknal.run.builder import Builder
        from seeknal.run.publication import Publication
        from seeknal.run.scheduler import Scheduler

        begun = time.perf_counter()
        situation, files = self._look(options, PROD, probes=True)
        result.notices += situation.snapshot.notices
        outlook = situation.outlook()
        self._check_names(situation, outlook)
        self.state.commit(list(files.changes.values()), lease)
        relations = self.relations(options.memory_limit)
        emit = _Events(self, listener, result)
        emit.send("run_started", {"run_id": result.run_id, "environment": PROD, "nodes": len(self.dag.order)})
        try:
            builder = Builder(self.loaded, situation, files, self.store, relations)
            scheduler = Scheduler(
                situation,
                outlook,
                builder,
                relations,
                lambda changes: self.state.commit(changes, lease),
                emit,
                workers=self._workers(options),
                continue_on_error=options.continue_on_error,
                run_id=result.run_id,
            )
            progress = scheduler.run()
            result.nodes = [progress.results[n] for n in self.dag.order]
            result.interrupted = progress.interrupted
            gone = self._forget_removed(situation, progress.pointers, options)
            self.state.commit(gone, lease)
            Publication(self.loaded, self.dag, self.store, PROD).publish(
                progress.pointers, self._published(progress.pointers, progress.artifacts)
            )
            self.state.settle()
            self.analyses.keep()
        finally:
            relations.close()
        emit.send("run_finished", {"run_id": result.run_id, "status": result.status, "seconds": round(time.perf_counter() - begun, 3)})
        return result

    def _forget_removed(self, situation: Situation, pointers: dict[NodeId, Pointer], options: RunOptions) -> list[Change]:
        """Take nodes that the project no longer has out of the environment; their outputs stay."""
        if options.selected is not None:
            return []
        gone = [n for n in situation.pointers if n not in self.dag.nodes]
        for node in gone:
            del pointers[node]
        changes = [Change("pointers", f"{PROD}/{n}", None) for n in gone]
        if PROD not in situation.snapshot.tables["environments"]:
            changes.append(Change("environments", PROD, {"created": _now(), "expires": None, "base": None, "plan": None}))
        return changes

    def _published(self, pointers: Mapping[NodeId, Pointer], artifacts: Mapping[NodeId, Any]) -> dict[NodeId, Any]:
        """The output of every node, also of those whose last build was not published."""
        found = {n: a for n, a in artifacts.items() if n in pointers and pointers[n].key == a.key}
        missing = [n for n in pointers if n not in found and n in self.dag.nodes and self.dag.nodes[n].is_stored]
        if missing:
            snapshot = self.state.read()
            for node in missing:
                artifact = snapshot.artifact(pointers[node].key)
                if artifact is not None:
                    found[node] = artifact
        return found

    def _workers(self, options: RunOptions) -> int:
        if options.workers is not None:
            return max(1, options.workers)
        settings = self.loaded.settings
        return (settings.max_workers or os.cpu_count() or 1) if settings.parallel else 1

    def _look(self, options: RunOptions, environment: str, *, probes: bool) -> tuple[Situation, FileVersions]:
        from seeknal.run.situation import look

        forced = frozenset(options.selected or self.dag.nodes) if options.full else frozenset()
        snapshot = self.state.read()
        snapshot.require(environment)
        return look(
            self.loaded,
            self.dag,
            self.store,
            snapshot,
            environment,
            self.analyses,
            selected=options.selected,
            forced=forced,
            now=options.now,
            probes=probes,
        )

    # Reading

    def relations(self, memory_limit: str | None = None) -> Relations:
        """An engine session, opened when first used, that can read every node once its output is put there."""
        from seeknal.run.sessions import Relations

        return Relations(lambda: self._open_session(memory_limit), self.nodes, self.store)

    @contextmanager
    def reading(self) -> Iterator[Relations]:
        """A session in which everything that is published can be read by name."""
        relations = self.relations()
        try:
            snapshot = self.state.read()
            for node, pointer in snapshot.pointers(PROD).items():
                artifact = snapshot.artifact(pointer.key)
                if node in self.nodes and pointer.is_view and pointer.sql is not None:
                    relations.put_view(node, pointer.sql, pointer.inputs)
                elif node in self.nodes and artifact is not None:
                    relations.put(node, artifact)
            yield relations
        finally:
            relations.close()

    def rows(self, name: str, limit: int | None = None, *, rejected: bool = False) -> Rows:
        """Rows of a node's published output; with `rejected`, of the last one that its audits kept from being published."""
        from seeknal.run.reading import read_rows

        return read_rows(self, self.find(name), limit, rejected=rejected)

    def compare(
        self, name: str, other: str | None = None, *, environments: Sequence[str] = (), options: CompareOptions | None = None
    ) -> Comparison:
        """How the data of two outputs differs; see `seeknal table-diff`. `other` is another node, `environments` names one or two."""
        from seeknal.run.comparing import compare

        return compare(self, self.find(name), None if other is None else self.find(other), environments, options)

    def lineage(self) -> Lineage:
        """Which columns each column comes from, and what reads it: `project.lineage().of("transform.x.c")`, and `impact`."""
        from seeknal.run.lineage import project_lineage

        return project_lineage(self, PROD)

    def _open_session(self, memory_limit: str | None = None) -> Session:
        from seeknal.protocols import SessionSettings
        from seeknal.run.engines import engine_driver  # start-up time

        readable, writable = [self.store.cache], [self.store.cache]
        for node in self.nodes.values():
            logic = node.logic
            if isinstance(logic, SourceLogic) and not logic.cache and logic.table is not None:
                readable.append((self.root / logic.table.partition("*")[0]).parent)
            if isinstance(logic, ExposureLogic) and logic.type == "file":
                writable.append((self.root / str(logic.params["path"])).parent)
        settings = SessionSettings(
            scratch=self.target / "tmp",
            readable=tuple(dict.fromkeys(readable)),
            writable=tuple(dict.fromkeys(writable)),
            memory_limit=memory_limit or self.loaded.settings.memory_limit,
        )
        session: Session = engine_driver(self.loaded).open(settings)
        return session


class _Events:
    """Passes what happens on to the listener and to plugins."""

    def __init__(self, project: Project, listener: Listener, result: RunResult) -> None:
        self._registry = project.loaded.registry
        self._listener = listener
        self._result = result
        self._heard = self._registry.listens

    def send(self, name: str, data: Mapping[str, Any]) -> None:
        if self._heard:
            self._result.notices += self._registry.emit(name, data)

    def started(self, node: NodeId) -> None:
        self._listener.started(node)
        self.send("node_started", {"node": node})

    def finished(self, result: NodeResult, done: int, total: int) -> None:
        self._listener.finished(result, done, total)
        data = {"node": result.id, "status": result.status, "reason": result.reason, "rows": result.rows, "seconds": result.seconds}
        self.send("node_finished", data)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
