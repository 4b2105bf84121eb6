"""How old the newest data of sources is, as it was last read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlglot import exp

from seeknal.audits.runner import AuditRunner
from seeknal.errors import EngineError, NodeError
from seeknal.nodes import AuditSpec

if TYPE_CHECKING:
    from collections.abc import Collection

    from seeknal.api import Project
    from seeknal.nodes import Freshness, Node, NodeId
    from seeknal.run.sessions import Relations


@dataclass(frozen=True, slots=True)
class Aged:
    """How fresh a source is. `newest` is the newest value of its time column, None where it has none; `error` why it cannot be told."""

    node: NodeId
    freshness: Freshness
    status: Literal["pass", "warn", "fail", "error"]
    newest: Any = None
    age_seconds: float | None = None
    error: NodeError | None = None

    @property
    def blocks(self) -> bool:
        """Whether somebody should do something."""
        return self.status in ("fail", "error")


def check_freshness(project: Project, selected: Collection[NodeId] | None, environment: str) -> list[Aged]:
    """How fresh the sources are that are selected (None: all) and say how fresh they must be, by what an environment publishes of them."""
    nodes = [project.nodes[n] for n in project.dag.order if selected is None or n in selected]
    with project.reading(environment) as relations:
        return [_aged(project, relations, node, node.freshness) for node in nodes if node.freshness is not None]


def _aged(project: Project, relations: Relations, node: Node, freshness: Freshness) -> Aged:
    dialect = project.loaded.engine.dialect
    try:
        relation = relations.define(node.id)
        table = exp.Table(this=exp.to_identifier(relation, quoted=True))
        schema = relations.session.describe(exp.select("*").from_(table).sql(dialect=dialect))
        runner = AuditRunner(relations.session, dialect, {"freshness": project.loaded.registry.audit("freshness")})
        limits = (("fail", freshness.error_after), ("warn", freshness.warn_after))
        exceeded = [
            status
            for status, limit in limits
            if limit is not None and not runner.run([_spec(freshness, limit)], relation, schema)[0].outcome.passed
        ]
        newest, age = relations.session.rows(_newest(freshness, table).sql(dialect=dialect)).rows[0]
    except (EngineError, NodeError) as problem:
        error = NodeError(problem.code, problem.message, at=problem.at or freshness.place, hint=problem.hint)
        return Aged(node.id, freshness, "error", error=error)
    status: Any = exceeded[0] if exceeded else "pass"
    return Aged(node.id, freshness, status, newest, None if age is None else float(age))


def _spec(freshness: Freshness, limit: str) -> AuditSpec:
    places = {} if freshness.place is None else {"": freshness.place, "column": freshness.place}
    return AuditSpec("freshness", {"column": freshness.time_column, "max_age": limit}, sample=0, places=places)


def _newest(freshness: Freshness, table: exp.Table) -> exp.Select:
    """The newest value, and its age in seconds."""
    newest = exp.Max(this=exp.column(exp.to_identifier(freshness.time_column, quoted=True)))
    now = exp.func("epoch", exp.cast(exp.func("now"), "TIMESTAMPTZ"))
    then = exp.func("epoch", exp.cast(newest.copy(), "TIMESTAMPTZ"))
    return exp.select(newest, exp.Sub(this=now, expression=then)).from_(table)
