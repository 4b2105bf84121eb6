"""A run from beginning to end: takes the lease, looks, builds what is to be built, publishes, and writes down what came of it."""

from __future__ import annotations

import os
import threading
import time
import uuid
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seeknal.plan.planner import Request
from seeknal.plan.saved import SavedPlan, refuse_stale, saved_plan
from seeknal.run.builder import Builder
from seeknal.run.environments import Course
from seeknal.run.held import Held
from seeknal.run.holding import now, this_process
from seeknal.run.publication import Publication, outputs_of
from seeknal.run.results import Batch, NodeResult, RunResult
from seeknal.run.scheduler import Scheduler
from seeknal.state.backend import CLEANING
from seeknal.state.environments import PROD, check_name
from seeknal.state.model import Change, kept_view

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal.api import Project, RunOptions
    from seeknal.fileversions import FileVersions
    from seeknal.nodes import NodeId
    from seeknal.plan.outlook import Outlook
    from seeknal.plan.planner import Situation
    from seeknal.run.scheduler import Listener
    from seeknal.state.backend import Lease
    from seeknal.state.model import Pointer


_PATIENCE_SECONDS = 60.0
"""How long a run that makes an environment waits for the janitor at most."""


def execute(project: Project, options: RunOptions, listener: Listener | None = None) -> RunResult:
    """Run a project. Raises LockedError when another run is at it, and ProjectError where the plan that was saved for it is stale."""
    environment = options.named
    check_name(environment)
    begun = time.perf_counter()
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"
    with project.state.lease(environment, this_process(run_id), options.wait_seconds) as lease:
        result = RunResult(run_id, environment, now(), continue_on_error=options.continue_on_error)
        _Execution(project, options, listener or _Silent(), result, lease).run()
        result.seconds = time.perf_counter() - begun
        result.ended_at = now()
        result.write(project.target)
    if project.loaded.settings.janitor.get("auto_run"):
        from seeknal.run.cleaning import clean_if_due  # start-up time

        result.notices += clean_if_due(project, this_process(run_id))
    return result


class _Execution:
    """One run, the lease being held."""

    def __init__(self, project: Project, options: RunOptions, listener: Listener, result: RunResult, lease: Lease) -> None:
        self._project = project
        self._options = options
        self._result = result
        self._lease = lease
        self._environment = result.environment
        self._emit = _Events(project, listener, result)
        self._committing = threading.Lock()

    def run(self) -> None:
        """Build what is to be built, and publish it."""
        begun = time.perf_counter()
        project, result = self._project, self._result
        with ExitStack() as alone:
            situation, outlook, files, course = self._begun(alone)
        relations = project.relations(self._options.memory_limit)
        builder = Builder(project.loaded, situation, files, project.store, relations, result.run_id, self._commit, self._emit.batch)
        self._emit.send("run_started", {"run_id": result.run_id, "environment": self._environment, "nodes": len(project.dag.order)})
        try:
            scheduler = Scheduler(
                situation,
                outlook,
                builder,
                relations,
                lambda changes: self._commit(course.keeping(changes)),
                self._emit,
                workers=self._workers(),
                continue_on_error=self._options.continue_on_error,
                run_id=result.run_id,
            )
            progress = scheduler.run()
            result.nodes = [progress.results[n] for n in project.dag.order]
            result.interrupted = progress.interrupted
            gone = self._forget_removed(situation, progress.pointers)
            self._commit([*course.keeping(gone), *course.end(result, whole=self._options.selected is None)])
            Publication(project.loaded, project.dag, project.store, self._environment, Held(project.state.read)).publish(
                progress.pointers, outputs_of(project.dag, project.state.read, progress.pointers, progress.artifacts)
            )
            project.state.settle()
            project.analyses.keep()
        finally:
            relations.close()
        seconds = round(time.perf_counter() - begun, 3)
        self._emit.send("run_finished", {"run_id": result.run_id, "status": result.status, "seconds": seconds})

    def _begun(self, alone: ExitStack) -> tuple[Situation, Outlook, FileVersions, Course]:
        """Look at everything, and write down that the run has begun.

        An environment that is made by it is known to nobody before that: the janitor is kept out until then, so that it leaves what is looked at.
        """
        project, result = self._project, self._result
        snapshot = project.state.read()
        if self._environment not in {PROD, *snapshot.environments()}:
            holder = this_process(result.run_id)
            alone.enter_context(project.state.lease(CLEANING, holder, max(self._options.wait_seconds, _PATIENCE_SECONDS)))
            snapshot = project.state.read()
        check_name(self._environment, snapshot.environments())
        plan = saved_plan(snapshot, self._environment) if self._options.environment is not None else None
        if plan is not None and (self._options.selected is not None or self._options.full or self._options.windows != Request()):
            plan = None  # a run of its own
        if plan is not None:
            selected = None if plan.selected is None else frozenset(plan.selected) & frozenset(project.dag.nodes)
            self._options = replace(self._options, selected=selected, full=plan.full)
        situation, files = project.look(self._options, snapshot, probes=True)
        if plan is not None and not self._options.force:
            refuse_stale(plan, plan.stale(SavedPlan.of(situation, "", selected=None, full=False, summary={})))
        result.notices += situation.snapshot.notices
        outlook = situation.outlook()
        project.check_names(situation, outlook)
        course = Course(snapshot, self._environment, project.loaded.settings.ttl)
        self._commit([*files.changes.values(), *course.begin(plan)])
        return situation, outlook, files, course

    def _commit(self, changes: list[Change]) -> None:
        with self._committing:
            self._project.state.commit(changes, self._lease)

    def _forget_removed(self, situation: Situation, pointers: dict[NodeId, Pointer]) -> list[Change]:
        """Take nodes that the project no longer has out of the environment; their outputs stay."""
        if self._options.selected is not None:
            return []
        gone = {n: p for n, p in situation.pointers.items() if n not in self._project.dag.nodes}
        for node in gone:
            del pointers[node]
        return [c for n, p in gone.items() for c in (*kept_view(n, p), Change("pointers", f"{self._environment}/{n}", None))]

    def _workers(self) -> int:
        if self._options.workers is not None:
            return max(1, self._options.workers)
        settings = self._project.loaded.settings
        return (settings.max_workers or os.cpu_count() or 1) if settings.parallel else 1


class _Silent:
    """The listener of a run that nobody watches."""

    def started(self, node: NodeId) -> None:
        """Nothing to say."""

    def batch(self, node: NodeId, batch: Batch) -> None:
        """Nothing to say."""

    def finished(self, result: NodeResult, done: int, total: int) -> None:
        """Nothing to say."""


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

    def batch(self, node: NodeId, batch: Batch) -> None:
        self._listener.batch(node, batch)
        self.send("batch_started", {"node": node, **asdict(batch)})

    def finished(self, result: NodeResult, done: int, total: int) -> None:
        self._listener.finished(result, done, total)
        data = {"node": result.id, "status": result.status, "reason": result.reason, "rows": result.rows, "seconds": result.seconds}
        self.send("node_finished", data)
