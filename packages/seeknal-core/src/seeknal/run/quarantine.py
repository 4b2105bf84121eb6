"""Setting rows aside: what a node came to is parted into rows that may be published and rows that failed an audit.

Each audit decides of each row by itself, so that the same rows are always parted alike, however they were built. A row for which the condition of
an audit is NULL is not set aside.
"""

from __future__ import annotations

import os
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from seeknal.errors import NodeError
from seeknal.nodes import fold
from seeknal.protocols import Files
from seeknal.run.evidence import hidden
from seeknal.state.model import Rejected

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlglot import exp

    from seeknal.artifacts import ArtifactStore, Stage
    from seeknal.audits.outcomes import Audited
    from seeknal.audits.runner import AuditRunner
    from seeknal.nodes import AuditSpec, Node, Schema
    from seeknal.project.loader import LoadedProject
    from seeknal.protocols import Session, Written
    from seeknal.state.outcomes import AuditOutcome
    from seeknal.state.parts import Held

ADDED = ("_audit", "_error", "_run_id")
"""The columns that tell why a row was set aside."""


class Quarantine:
    """Parts what nodes came to in one run."""

    def __init__(self, project: LoadedProject, store: ArtifactStore, run_id: str) -> None:
        self._registry = project.registry
        self._dialect = project.engine.dialect
        self._store = store
        self._run_id = run_id

    def part(
        self, node: Node, stage: Stage, written: Written, session: Session, metadata: Mapping[str, str]
    ) -> tuple[Stage, Written, Rejected]:
        """Part the rows that were written: what is left of them, and what was set aside. Raises NodeError where an audit cannot be asked."""
        from seeknal.audits.runner import AuditRunner  # start-up time

        self._check_names(node, written.schema)
        raw = f"{node.relation}__parted"
        session.define(raw, Files((stage.part,)))
        runner = AuditRunner(session, self._dialect, {a.type: self._registry.audit(a.type) for a in node.quarantines})
        audited = tuple(runner.run(node.quarantines, raw, written.schema, node.at))
        bad = [(a, self._bad(runner, a.spec, node, raw, written.schema)) for a in audited]
        stage = replace(stage, aside=stage.part.with_name(stage.part.name.replace(".part.", ".rejected.", 1)))
        try:
            aside = self._aside(stage, session, raw, written.schema, bad, metadata)
            stage, kept = self._kept(stage, session, raw, [b for _, b in bad], metadata) if aside.rows else (stage, written)
            _check_whole(node, written.rows, kept.rows, aside.rows)
        except BaseException:
            self._store.discard(stage)
            raise
        outcomes = {a.spec.definition: a.outcome for a in audited}
        return stage, kept, Rejected(aside.rows, aside.schema, (), outcomes)

    def taken_over(self, node: Node, stage: Stage, old: Held, session: Session) -> tuple[Stage, Rejected | None]:
        """What was set aside in those windows that hold of a part, or all of it where its rows do not say of which they are."""
        from sqlglot import exp  # start-up time

        from seeknal.run.cutting import cut

        rejected = old.artifact.rejected
        if rejected is None or node.windows is None:
            return stage, None
        times = {c for c in old.artifact.schema if fold(c.name) == fold(node.windows.time_column)}
        raw = f"{node.relation}__aside_{stage.key[:16]}"
        session.define(raw, Files(self._store.rejected_paths(old.artifact)))
        query = exp.select("*").from_(_table(raw)).sql(dialect=self._dialect)
        if times <= set(rejected.schema):
            query = cut(query, rejected.schema, node, old.ranges, self._dialect)
        path = stage.part.with_name(stage.part.name.replace(".part.", ".rejected.", 1))
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            written = session.write(query, path, {"seeknal.node": node.id, "seeknal.key": stage.key})
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return replace(stage, aside=path), replace(rejected, rows=written.rows, files=())

    def _check_names(self, node: Node, schema: Schema) -> None:
        taken = {fold(c.name) for c in schema} & set(ADDED)
        if taken:
            message = f"{node.id} has a column {min(taken)}, which is what says why a row was set aside"
            raise NodeError("SK-AUDIT-006", message, at=node.quarantines[0].at or node.at, hint="give the column another name")

    def _bad(self, runner: AuditRunner, spec: AuditSpec, node: Node, raw: str, schema: Schema) -> exp.Expr:
        """The condition under which a row fails an audit, never NULL."""
        from sqlglot import exp  # start-up time

        (query,) = runner.failing(spec, raw, schema, node.at)
        condition: exp.Expr = query.args["where"].this
        return exp.Coalesce(this=exp.paren(condition.copy()), expressions=[exp.false()])

    def _aside(
        self, stage: Stage, session: Session, raw: str, schema: Schema, bad: list[tuple[Audited, exp.Expr]], metadata: Mapping[str, str]
    ) -> Written:
        """Write the rows that fail, with why they do; a file without rows where none does."""
        from sqlglot import exp  # start-up time

        columns = hidden([c.name for c in schema], [c for a, _ in bad for c in a.spec.redact])
        audits = _listed([(condition, a.outcome.label) for a, condition in bad]).as_("_audit", quoted=True)
        errors = _listed([(condition, _error(a.spec, a.outcome)) for a, condition in bad]).as_("_error", quoted=True)
        run = exp.Literal.string(self._run_id).as_("_run_id", quoted=True)
        query = exp.select(*columns, audits, errors, run).from_(_table(raw)).where(exp.or_(*(b.copy() for _, b in bad)))
        path = stage.aside or stage.part
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        return session.write(query.sql(dialect=self._dialect), path, metadata)

    def _kept(self, stage: Stage, session: Session, raw: str, bad: list[exp.Expr], metadata: Mapping[str, str]) -> tuple[Stage, Written]:
        """Write the rows that pass, in place of all."""
        from sqlglot import exp  # start-up time

        rest = replace(stage, part=stage.part.with_name(f".part.{uuid.uuid4().hex}.tmp"))
        query = exp.select("*").from_(_table(raw)).where(exp.not_(exp.paren(exp.or_(*(b.copy() for b in bad)))))
        try:
            kept = session.write(query.sql(dialect=self._dialect), rest.part, metadata)
        except BaseException:
            rest.part.unlink(missing_ok=True)
            raise
        stage.part.unlink(missing_ok=True)
        return rest, kept


def _check_whole(node: Node, rows: int, kept: int, aside: int) -> None:
    """Each row is either kept or set aside."""
    if kept + aside != rows:
        message = f"{rows:,} rows came apart as {kept:,} and {aside:,}: an audit does not say the same of a row each time"
        raise NodeError("SK-AUDIT-006", message, at=node.quarantines[0].at or node.at)


def _listed(told: list[tuple[exp.Expr, str]]) -> exp.Expr:
    """The texts of all conditions that hold, one after the other."""
    from sqlglot import exp  # start-up time

    cases = [exp.case().when(condition.copy(), exp.Literal.string(text)) for condition, text in told]
    return exp.ArrayToString(this=exp.array(*cases), expression=exp.Literal.string("; "))


def _error(spec: AuditSpec, outcome: AuditOutcome) -> str:
    """What is wrong with a row, in the words of the project where it has any."""
    return spec.description or f"{outcome.label} failed"


def _table(name: str) -> exp.Table:
    from sqlglot import exp  # start-up time

    return exp.Table(this=exp.to_identifier(name, quoted=True))
