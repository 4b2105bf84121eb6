"""The run loop: decides each node as its inputs become known, hands what must be built to workers, commits what they finish.

Decisions and commits happen in one thread, building in others. A node starts as soon as its inputs are there; nodes at the same depth
do not wait for each other.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from seeknal.audits.verdict import judged
from seeknal.errors import EngineError, NodeError, SeeknalError
from seeknal.nodes import Key, NodeId, SqlLogic
from seeknal.plan.planner import Decision, decide, not_selected
from seeknal.run.results import NodeResult, Status
from seeknal.state.model import ALL, Artifact, Change, Pointer, kept_view, recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seeknal.nodes import Node
    from seeknal.plan.outlook import Columns, Outlook
    from seeknal.plan.planner import Situation
    from seeknal.run.builder import Builder
    from seeknal.run.built import Built
    from seeknal.run.results import Batch
    from seeknal.run.sessions import Relations
    from seeknal.state.model import Artifact, Read

_GRACE_SECONDS = 10.0


class Listener(Protocol):
    """Hears how a run goes."""

    def started(self, node: NodeId) -> None:
        """A node is being built."""
        ...

    def batch(self, node: NodeId, batch: Batch) -> None:
        """Some of a node's windows are being built."""
        ...

    def finished(self, result: NodeResult, done: int, total: int) -> None:
        """A node is done."""
        ...


@dataclass
class Progress:
    """What is known so far: the state of one run, owned by the loop's thread."""

    waiting: dict[NodeId, int]
    results: dict[NodeId, NodeResult] = field(default_factory=dict)
    pointers: dict[NodeId, Pointer] = field(default_factory=dict)
    artifacts: dict[NodeId, Artifact] = field(default_factory=dict)
    blocked: set[NodeId] = field(default_factory=set)
    stopped: bool = False
    interrupted: bool = False


class Scheduler:
    """Runs the nodes of one situation."""

    def __init__(
        self,
        situation: Situation,
        outlook: Outlook,
        builder: Builder,
        relations: Relations,
        commit: Callable[[list[Change]], None],
        listener: Listener,
        *,
        workers: int,
        continue_on_error: bool,
        run_id: str,
    ) -> None:
        self._situation = situation
        self._builder = builder
        self._relations = relations
        self._commit = commit
        self._listener = listener
        self._workers = workers
        self._continue = continue_on_error
        self._run_id = run_id
        self._outlook = outlook
        self._later: list[Change] = []
        self._tasks: queue.SimpleQueue[tuple[Node, Decision, Mapping[NodeId, Read], set[Columns]] | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[tuple[Node, Decision, Built | SeeknalError | BaseException]] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def run(self) -> Progress:
        """Run every node that can be run. Whatever happens, what was finished has been committed when this returns."""
        dag = self._situation.dag
        progress = Progress({n: len(dag.waits[n]) for n in dag.order}, pointers=dict(self._situation.pointers))
        ready = deque(n for n in dag.order if not progress.waiting[n])
        flying: set[NodeId] = set()
        self._open_soon([n for n in dag.nodes.values() if n.windows is not None and self._is_selected(n.id)])
        try:
            while ready or flying:
                while ready and not progress.stopped:
                    self._take(ready.popleft(), progress, ready, flying)
                if not flying:
                    break
                self._collect(progress, ready, flying)
        except KeyboardInterrupt:
            progress.interrupted = True
            self._cancel(progress, flying)
        except BaseException:
            self._abandon(len(flying))
            raise
        finally:
            for _ in self._threads:
                self._tasks.put(None)
        self._skip_rest(progress)
        self._save([])
        return progress

    def _save(self, changes: list[Change]) -> None:
        """Commit what a node came to, and before it what was only found out about nodes that are reused."""
        if self._later or changes:
            self._commit([*self._later, *changes])
            self._later.clear()

    def _open_soon(self, windowed: list[Node]) -> None:
        """Open the session while the files of earlier windows are looked at, where windows are due."""
        if windowed:
            from seeknal.plan.windows import is_behind  # start-up time

            if any(is_behind(node, self._situation) for node in windowed):
                self._relations.open_soon()

    def _is_selected(self, node: NodeId) -> bool:
        return self._situation.selected is None or node in self._situation.selected

    # Deciding

    def _take(self, name: NodeId, progress: Progress, ready: deque[NodeId], flying: set[NodeId]) -> None:
        """Decide a node whose inputs are done: finish it here and now, or hand it to a worker."""
        node = self._situation.dag.nodes[name]
        blocked = [i for i in self._situation.dag.waits[name] if i in progress.blocked]
        if not self._is_selected(name):
            self._keep(node, not_selected(node, self._situation), progress, ready)
            return
        if blocked:
            self._finish(node, NodeResult(name, "skipped", f"upstream failed: {', '.join(blocked)}"), progress, ready, blocked=True)
            return
        try:
            inputs = self._inputs(node, progress)
            audited = self._with_audits(node, progress)
        except SeeknalError as error:
            self._fail(node, "input not available", error, progress, ready)
            return
        decision, node = decide(node, self._situation, self._outlook, inputs), audited
        if decision.action == "reuse" and decision.audits == "failed":
            self._settle(node, decision, self._builder.known_failure(node, decision), inputs, progress, ready)
        elif decision.action == "reuse" and decision.audits == "known":
            self._reuse(node, decision, inputs, progress, ready)
        else:
            self._start(node, decision, inputs, flying)

    def _inputs(self, node: Node, progress: Progress) -> dict[NodeId, Read]:
        """What a node takes from each of its inputs."""
        found: dict[NodeId, Read] = {}
        for source in self._situation.dag.inputs[node.id]:
            read = self._outlook.read(node.id, source)
            if self._situation.dag.nodes[source].is_view and source not in progress.pointers:
                read = None  # its audits failed, or have not been run
            elif read is None and (artifact := self._outlook.artifact(source)) is not None:
                read = self._first_read(node, source, artifact, progress)
            if read is None:
                hint = f"build it too: seeknal run --select '+{node.id}'"
                raise NodeError("SK-RUN-002", f"{source} has not been built yet", at=node.at, hint=hint)
            found[source] = read
        return found

    def _with_audits(self, node: Node, progress: Progress) -> Node:
        """The node, its audits told apart by what they look at of other nodes."""
        audits = []
        for spec in node.audits:
            for source in spec.reads:
                artifact = self._outlook.artifact(source)
                if artifact is not None and artifact.identity(None) is None:
                    self._identify(source, artifact, progress)
            settled = self._outlook.audit(spec)
            if settled is None:
                sources = ", ".join(spec.reads)
                message = f"audit {spec.type} reads {sources}, which has not been built yet"
                raise NodeError("SK-RUN-002", message, at=spec.at, hint=f"build it too: seeknal run --select '{sources} {node.id}'")
            audits.append(settled)
        return replace(node, audits=tuple(audits))

    def _first_read(self, node: Node, source: NodeId, artifact: Artifact, progress: Progress) -> Read | None:
        """Read an output that nothing read when it was built, so that nothing says how readers know it."""
        self._identify(source, artifact, progress)
        return self._outlook.read(node.id, source)

    def _identify(self, source: NodeId, artifact: Artifact, progress: Progress) -> None:
        digest = self._builder.digest_of(self._builder.paths(artifact), artifact.schema)
        whole = replace(artifact, digests={**artifact.digests, ALL: digest})
        self._remember(source, whole, progress)
        self._save([Change("artifacts", whole.key, whole.to_json())])

    # Finishing

    def _keep(self, node: Node, decision: Decision, progress: Progress, ready: deque[NodeId]) -> None:
        """A node that is not selected stays what the environment has."""
        if decision.artifact is not None:
            self._remember(node.id, decision.artifact, progress)
        self._outlook.keep(node.id)
        pointer = self._situation.pointers.get(node.id)
        view = pointer.view(node.id) if pointer is not None else None
        if pointer is not None and view is not None:
            self._relations.hold(pointer.key, view)
        self._finish(node, NodeResult(node.id, "skipped", decision.reason), progress, ready)

    def _reuse(self, node: Node, decision: Decision, inputs: Mapping[NodeId, Read], progress: Progress, ready: deque[NodeId]) -> None:
        key = decision.key
        if key is None:
            message = f"{node.id} is reused without a key"
            raise TypeError(message)
        changes: list[Change] = []
        if decision.artifact is not None:
            artifact = self._builder.current(decision.artifact)
            if artifact is not decision.artifact or self._situation.snapshot.tables["artifacts"].get(key) is None:
                changes += recorded(artifact)
            changes += [Change("artifacts", now.key, now.to_json()) for now in self._builder.retimed(artifact)]
            self._remember(node.id, artifact, progress)
        elif node.is_view:
            self._outlook.settle_view(node.id, key)
        version = decision.version or self._situation.versions.get(node.id)
        pointer = self._pointer(node, key, inputs, version)
        before = self._situation.pointers.get(node.id)
        if decision.artifact is not None and (before is None or before.key != key):
            self._builder.taken_up(decision.artifact)
        if before is None or replace(before, run_id=pointer.run_id) != pointer:
            changes += self._pointed(node, pointer, progress)
        self._later += changes
        rows = decision.artifact.rows if decision.artifact else None
        audits = tuple(judged(s, o) for s in node.audits if (o := self._situation.snapshot.audit(key, s.definition)) is not None)
        rejected = _rejected(decision.artifact)
        self._finish(node, NodeResult(node.id, "reused", decision.reason, rows, audits=audits, rejected=rejected), progress, ready)

    def _settle(
        self, node: Node, decision: Decision, built: Built, inputs: Mapping[NodeId, Read], progress: Progress, ready: deque[NodeId]
    ) -> None:
        """Commit what a worker made, and publish it unless an audit forbids."""
        changes = [Change("audits", f"{built.key}/{a.spec.definition}", a.outcome.to_json()) for a in built.audited if not a.volatile]
        if built.artifact is not None and built.artifact.location is None:  # only now that its columns are known is it known which are read
            self._outlook.settle(node.id, built.artifact)
            built = replace(built, artifact=self._builder.comparable(built.artifact, self._outlook.wanted(node.id)))
        if built.artifact is not None:
            changes += recorded(built.artifact)
        if built.error is not None:
            self._save(changes)
            reason = "audit failed" if not built.reused else "audit failed on this data before" if not built.audited else "audit failed"
            result = NodeResult(
                node.id, "failed", reason, built.rows, built.seconds, built.error, built.outcomes, built.key, _rejected(built.artifact)
            )
            self._finish(node, result, progress, ready, blocked=True)
            return
        if built.artifact is not None:
            self._remember(node.id, built.artifact, progress)
        elif node.is_view:
            self._outlook.settle_view(node.id, built.key)
        version = built.version or decision.version or self._situation.versions.get(node.id)
        pointer = self._pointer(node, built.key, inputs, version)
        self._save([*changes, *self._pointed(node, pointer, progress)])
        before = self._situation.pointers.get(node.id)
        reason = decision.reason
        if built.reused and before is not None and before.key == built.key:
            reason = "unchanged" if decision.action == "build" else reason
        status: Status = "reused" if built.reused else "built"
        result = NodeResult(
            node.id, status, reason, built.rows, built.seconds, None, built.outcomes,
            rejected=_rejected(built.artifact), audited=bool(built.audited), windows=built.windows, batches=built.batches,
        )  # fmt: skip
        self._finish(node, result, progress, ready)

    def _pointer(self, node: Node, key: Key, inputs: Mapping[NodeId, Read], version: str | None) -> Pointer:
        sql = node.logic.sql if isinstance(node.logic, SqlLogic) else None
        return Pointer(key, self._outlook.fingerprint(node.id), dict(inputs), version, self._run_id, sql, node.is_view)

    def _pointed(self, node: Node, pointer: Pointer, progress: Progress) -> list[Change]:
        """Publish. A view that was published until now is kept for those that were published over it."""
        before = self._situation.pointers.get(node.id)
        progress.pointers[node.id] = pointer
        change = Change("pointers", f"{self._situation.environment}/{node.id}", pointer.to_json())
        return [change] if before is None or before.key == pointer.key else [*kept_view(node.id, before), change]

    def _remember(self, node: NodeId, artifact: Artifact, progress: Progress) -> None:
        progress.artifacts[node] = artifact
        self._relations.put(node, artifact)
        self._outlook.settle(node, artifact)

    def _fail(self, node: Node, reason: str, error: SeeknalError, progress: Progress, ready: deque[NodeId], seconds: float = 0.0) -> None:
        self._finish(node, NodeResult(node.id, "failed", reason, None, seconds, error), progress, ready, blocked=True)

    def _finish(self, node: Node, result: NodeResult, progress: Progress, ready: deque[NodeId], *, blocked: bool = False) -> None:
        progress.results[node.id] = result
        if blocked:
            progress.blocked.add(node.id)
            progress.stopped = progress.stopped or (result.status == "failed" and not self._continue)
        self._listener.finished(result, len(progress.results), len(progress.waiting))
        for reader in self._situation.dag.awaited_by[node.id]:
            progress.waiting[reader] -= 1
            if not progress.waiting[reader]:
                ready.append(reader)

    def _skip_rest(self, progress: Progress) -> None:
        why = "interrupted" if progress.interrupted else "not started: the run stopped at a failure"
        for name in self._situation.dag.order:
            if name not in progress.results:
                failed = [i for i in self._situation.dag.waits[name] if i in progress.blocked]
                reason = f"upstream failed: {', '.join(failed)}" if failed else why
                if failed:
                    progress.blocked.add(name)
                result = NodeResult(name, "skipped", reason)
                progress.results[name] = result
                self._listener.finished(result, len(progress.results), len(progress.waiting))

    # Working

    def _start(self, node: Node, decision: Decision, inputs: Mapping[NodeId, Read], flying: set[NodeId]) -> None:
        flying.add(node.id)
        if len(self._threads) < min(self._workers, len(flying)):
            thread = threading.Thread(target=self._work, name=f"seeknal-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._tasks.put((node, decision, inputs, self._outlook.wanted(node.id)))

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            node, decision, inputs, wanted = task
            self._listener.started(node.id)
            try:
                self._outcomes.put((node, decision, self._builder.build(node, decision, inputs, wanted)))
            except BaseException as error:  # noqa: BLE001 - handed to the loop, which knows what to do with each
                self._outcomes.put((node, decision, error))

    def _collect(self, progress: Progress, ready: deque[NodeId], flying: set[NodeId]) -> None:
        """Take the next outcome; wait in short turns, so that an interrupt is heard at once."""
        while True:
            try:
                node, decision, outcome = self._outcomes.get(timeout=0.5)
                break
            except queue.Empty:
                continue
        flying.discard(node.id)
        self._outcome(node, decision, outcome, progress, ready)

    def _outcome(self, node: Node, decision: Decision, outcome: Built | BaseException, progress: Progress, ready: deque[NodeId]) -> None:
        if isinstance(outcome, SeeknalError):
            self._fail(node, decision.reason, outcome, progress, ready)
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            self._settle(node, decision, outcome, self._inputs(node, progress), progress, ready)

    def _abandon(self, flying: int) -> None:
        """Stop what is in flight, nothing of which can be committed any more: a process must not end while its engine is at work."""
        self._relations.interrupt()
        for _ in range(flying):
            try:
                self._outcomes.get(timeout=_GRACE_SECONDS)
            except queue.Empty:
                return

    def _cancel(self, progress: Progress, flying: set[NodeId]) -> None:
        """Cancel what is in flight, wait a little for it, and commit what still finished."""
        progress.stopped = True
        self._relations.interrupt()
        ready: deque[NodeId] = deque()
        while flying:
            try:
                node, decision, outcome = self._outcomes.get(timeout=_GRACE_SECONDS)
            except queue.Empty:
                return
            flying.discard(node.id)
            if isinstance(outcome, EngineError | NodeError) and outcome.code == "SK-RUN-130":
                continue
            self._outcome(node, decision, outcome, progress, ready)


def _rejected(artifact: Artifact | None) -> int:
    """How many rows audits set aside."""
    return artifact.rejected.rows if artifact is not None and artifact.rejected is not None else 0
