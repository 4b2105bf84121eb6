"""Audits of what is published, without building anything: nothing is written that a run, a plan or a promotion looks at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from sqlglot import exp

from seeknal.audits.runner import AuditRunner
from seeknal.audits.verdict import judged
from seeknal.errors import EngineError, NodeError
from seeknal.nodes import ExposureLogic, Key, RuleLogic
from seeknal.run.evidence import Evidence, shown
from seeknal.run.history import last_failure, past_runs
from seeknal.state.outcomes import AuditOutcome

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from seeknal.api import Project
    from seeknal.nodes import AuditSpec, Node, NodeId, Schema
    from seeknal.protocols import Rows, Session
    from seeknal.run.sessions import Relations
    from seeknal.state.model import Artifact, Snapshot

AuditStatus = Literal["pass", "warn", "fail", "error", "skipped"]


@dataclass(frozen=True, slots=True)
class Checked:
    """What an audit says of a node: of what an environment publishes, or of the last output that was kept from being published.

    `error` is why it could not be asked, `rows` are some of the rows that fail.
    """

    node: NodeId
    outcome: AuditOutcome
    published: bool = True
    error: NodeError | None = None
    rows: tuple[Rows, ...] = ()

    @property
    def status(self) -> AuditStatus:
        """In one word. What could not be asked blocks as a failure does."""
        if self.error is not None:
            return "error"
        if self.outcome.passed:
            return "pass"
        return "warn" if self.outcome.severity == "warn" else "fail"

    @property
    def blocks(self) -> bool:
        """Whether it keeps an output from being published."""
        return self.status == "fail" or (self.status == "error" and self.outcome.severity == "error")


def check(project: Project, selected: Collection[NodeId] | None, environment: str, sample: int = 0) -> list[Checked]:
    """Run the audits of the nodes that are selected (None: of all) on what an environment publishes. `sample` says how many failing rows to bring.

    A node whose last output failed its audits is also told of by what was found then. Raises ProjectError for an unknown environment.
    """
    audited = [n for n in project.dag.order if project.nodes[n].audits and (selected is None or n in selected)]
    found: list[Checked] = []
    with project.reading(environment) as relations:
        checking = _Checking(project, relations, environment, sample)
        for name in audited:
            found += checking.of(project.nodes[name])
    return found


def failing_rows(project: Project, node: NodeId, key: Key, sample: int) -> list[Checked]:
    """The rows that were kept when an output failed its audits."""
    relations = project.relations()
    try:
        return list(_kept(project, relations.session, project.state.read(), project.nodes[node], key, sample))
    finally:
        relations.close()


class _Checking:
    """One go at the audits of several nodes."""

    def __init__(self, project: Project, relations: Relations, environment: str, sample: int) -> None:
        self._project = project
        self._relations = relations
        self._environment = environment
        self._sample = sample
        self._dialect = project.loaded.engine.dialect
        self._snapshot = project.state.read()
        self._keys = self._snapshot.keys(environment)
        self._runs = past_runs(project.target)

    def of(self, node: Node) -> list[Checked]:
        """What the audits of a node say."""
        published, failed = self._keys.get(node.id), last_failure(self._runs, node.id, self._environment)
        found = self._published(node) if published is not None else []
        if failed is not None and failed != published:
            found += _kept(self._project, self._relations.session, self._snapshot, node, failed, self._sample)
        if not found:
            hint = f"build it first: seeknal run --select '+{node.id}'"
            error = NodeError("SK-RUN-002", f"{node.id} has not been built in environment '{self._environment}' yet", at=node.at, hint=hint)
            found = [Checked(node.id, _unasked(spec, error), error=error) for spec in node.audits]
        return found

    def _published(self, node: Node) -> list[Checked]:
        audits = self._project.loaded.registry
        runner = AuditRunner(self._relations.session, self._dialect, {s.type: audits.audit(s.type) for s in node.audits})
        try:
            read = node.inputs[0] if isinstance(node.logic, RuleLogic | ExposureLogic) else node.id
            relation = self._relations.define(read)
            for source in dict.fromkeys(n for s in node.audits for n in s.reads):
                self._relations.define(source)
            schema = self._relations.session.describe(_all(relation).sql(dialect=self._dialect))
        except (EngineError, NodeError) as problem:
            error = NodeError(problem.code, problem.message, at=problem.at or node.at, hint=problem.hint)
            return [Checked(node.id, _unasked(spec, error), error=error) for spec in node.audits]
        artifact = self._snapshot.artifact(self._keys[node.id])
        # By the audit itself: two may ask the same and differ in what they make of it.
        aside = {id(s): c for s, c in self._set_aside(node, artifact)} if artifact is not None else {}
        rest = replace(node, audits=tuple(s for s in node.audits if id(s) not in aside))
        asked = {id(s): self._with_rows(runner, c, s, relation, schema) for s, c in self._asked(runner, rest, relation, schema)}
        return [(aside | asked)[id(s)] for s in node.audits]

    def _set_aside(self, node: Node, artifact: Artifact) -> Iterator[tuple[AuditSpec, Checked]]:
        """What audits found that have set rows aside: of all rows, not only of those that are published."""
        for spec in node.quarantines:
            outcome = artifact.rejected.outcomes.get(spec.definition) if artifact.rejected is not None else None
            if outcome is not None:
                checked = Checked(node.id, judged(spec, outcome))
                yield spec, _with_aside(self._project, self._relations.session, artifact, checked, _shown(spec, self._sample))

    def _asked(self, runner: AuditRunner, node: Node, relation: str, schema: Schema) -> list[tuple[AuditSpec, Checked]]:
        """All audits at once; one by one where one of them cannot be asked, so that it does not hide the others."""
        specs: Sequence[AuditSpec] = node.audits
        if not specs:
            return []
        try:
            return [(a.spec, Checked(node.id, a.outcome)) for a in runner.run(specs, relation, schema, node.at)]
        except NodeError as error:
            if len(specs) == 1:
                return [(specs[0], Checked(node.id, _unasked(specs[0], error), error=error))]
        return [item for spec in specs for item in self._asked(runner, replace(node, audits=(spec,)), relation, schema)]

    def _with_rows(self, runner: AuditRunner, checked: Checked, spec: AuditSpec, relation: str, schema: Schema) -> Checked:
        limit = min(self._sample, spec.sample)
        if not limit or not checked.outcome.failing_rows or checked.error is not None:
            return checked
        session = self._relations.session
        queries = [shown(session, q, spec, limit, self._dialect) for q in runner.failing(spec, relation, schema)]
        return replace(checked, rows=tuple(r for r in (session.rows(q) for q in queries) if r.rows))


def _kept(project: Project, session: Session, snapshot: Snapshot, node: Node, key: Key, sample: int) -> Iterator[Checked]:
    """What was found in an output that is not published, with the rows that were kept of it."""
    evidence = Evidence(project.target, project.loaded.engine.dialect)
    for spec in (_as_found(snapshot, key, s) for s in node.audits):
        outcome = snapshot.audit(key, spec.definition)
        if outcome is not None and outcome.failing_rows:
            rows = tuple(evidence.kept(session, node.id, key, spec, sample)) if sample else ()
            checked = Checked(node.id, judged(spec, outcome), published=False, rows=rows)
            artifact = snapshot.artifact(key) if spec.quarantines else None
            yield checked if artifact is None else _with_aside(project, session, artifact, checked, _shown(spec, sample))


def _as_found(snapshot: Snapshot, key: Key, spec: AuditSpec) -> AuditSpec:
    """The audit with the definition under which its outcome is known, which also tells what it looked at of other nodes."""
    if not spec.reads:
        return spec
    found = [k for k in snapshot.tables["audits"] if k.startswith(f"{key}/{spec.definition}-")]
    return replace(spec, definition=found[-1].partition("/")[2]) if found else spec


def _shown(spec: AuditSpec, sample: int) -> int:
    """How many failing rows an audit lets be shown, of so many."""
    return min(sample, spec.sample) if spec.store_failures else 0


def _with_aside(project: Project, session: Session, artifact: Artifact, checked: Checked, sample: int) -> Checked:
    """With some of the rows that the audit set aside."""
    if not sample or not checked.outcome.failing_rows or artifact.rejected is None:
        return checked
    evidence = Evidence(project.target, project.loaded.engine.dialect)
    return replace(checked, rows=(evidence.set_aside(session, project.store.rejected_paths(artifact), checked.outcome.label, sample),))


def _unasked(spec: AuditSpec, error: NodeError) -> AuditOutcome:
    """The outcome of an audit that could not be asked."""
    return AuditOutcome(spec.type, (), spec.severity, passed=False, failing_rows=0, message=error.message, seconds=0.0, name=spec.name)


def _all(relation: str) -> exp.Select:
    return exp.select("*").from_(exp.Table(this=exp.to_identifier(relation, quoted=True)))
