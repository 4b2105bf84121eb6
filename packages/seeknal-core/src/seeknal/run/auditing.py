"""Checks what a node came to before anyone can see it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seeknal.audits.outcomes import Audited, blocking
from seeknal.audits.verdict import judged
from seeknal.errors import NodeError
from seeknal.run.evidence import Evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal.artifacts import ArtifactStore
    from seeknal.errors import Location
    from seeknal.nodes import AuditSpec, Node, Schema
    from seeknal.plan.planner import Situation
    from seeknal.project.loader import LoadedProject
    from seeknal.run.built import Built
    from seeknal.run.sessions import Relations
    from seeknal.state.model import Artifact
    from seeknal.state.outcomes import AuditOutcome


class Auditing:
    """The audits of one run. Methods are called from worker threads."""

    def __init__(self, project: LoadedProject, situation: Situation, store: ArtifactStore, relations: Relations) -> None:
        self._project = project
        self._situation = situation
        self._relations = relations
        self._evidence = Evidence(store.target, project.engine.dialect)

    def audited(self, node: Node, built: Built, schema: Schema, relation: str | None = None) -> Built:
        """Run the audits this output has not been through, and say whether it may be published.

        One that was written again under a key it had before goes through all of them: its rows need not be the same.
        """
        anew = (built.artifact is not None and not built.reused) or node.id in self._situation.forced
        known: list[tuple[AuditSpec, AuditOutcome]] = []
        missing: list[AuditSpec] = []
        audited: list[Audited] = []
        for spec in node.audits:
            outcome = self._situation.snapshot.audit(built.key, spec.definition)
            aside = _set_aside(built.artifact, spec)
            if aside is not None and (outcome is None or anew):
                audited.append(Audited(spec, judged(spec, aside)))
            elif outcome is None or anew or (outcome.rows is None and spec.counts_rows):
                missing.append(spec)
            else:
                known.append((spec, judged(spec, outcome)))
        if missing:
            if relation is None:
                if built.artifact is not None:
                    self._relations.put(node.id, built.artifact)
                relation = self._relations.define(node.id)
            for source in dict.fromkeys(n for s in missing for n in s.reads):
                self._relations.define(source)
            audited += self._run(node, built, missing, relation, schema)
        built = replace(built, audited=tuple(audited), known=tuple(o for _, o in known))
        failed = blocking(built.outcomes)
        if not failed:
            return built
        at = next(s.at for s, o in (*known, *((a.spec, a.outcome) for a in audited)) if o is failed[0])
        return replace(built, error=audit_error(node, failed, at))

    def _run(self, node: Node, built: Built, specs: Sequence[AuditSpec], relation: str, schema: Schema) -> list[Audited]:
        """Run audits, and keep the rows that fail."""
        from seeknal.audits.runner import AuditRunner  # start-up time

        session = self._relations.session
        found = {s.type: self._project.registry.audit(s.type) for s in specs}
        runner = AuditRunner(session, self._project.engine.dialect, found, stored=built.artifact is not None)
        audited = runner.run(specs, relation, schema, node.at)
        for item in audited:
            failing = runner.failing(item.spec, relation, schema, node.at) if item.outcome.failing_rows else ()
            self._evidence.keep(session, node.id, built.key, item.spec, failing)
        return audited


def _set_aside(artifact: Artifact | None, spec: AuditSpec) -> AuditOutcome | None:
    """What an audit that sets rows aside found, all rows being there."""
    rejected = artifact.rejected if artifact is not None and spec.quarantines else None
    return rejected.outcomes.get(spec.definition) if rejected is not None else None


def audit_error(node: Node, failed: list[AuditOutcome], at: Location | None) -> NodeError:
    """Why an output is not published. `at` is the place of the first audit that failed."""
    parts = [f"{o.label}: {o.message}" for o in failed]
    rows = f"the rows that fail with `seeknal audit {node.id} --rows`"
    hint = (
        f"the last good output stays published; see all rows with `seeknal show {node.id} --rejected`, {rows}"
        if node.is_stored
        else f"see {rows}"
    )
    return NodeError("SK-AUDIT-010", f"{node.id}: {'; '.join(parts)}", at=at or node.at, hint=hint)
