"""Asking an audit what is wrong with a few rows, on the real engine and without a project."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from seeknal.audits.arguments import Arguments
from seeknal.audits.runner import AuditRunner
from seeknal.audits.signature import signature_of
from seeknal.errors import ProjectError, did_you_mean
from seeknal.nodes import AuditSpec, NodeId, relation_name
from seeknal.plugin import Audit, Relation, RowCheck
from seeknal.protocols import Query, SessionSettings
from seeknal.registry import Registry
from seeknal.targets import load_target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from seeknal.audits.signature import Signature
    from seeknal.nodes import Schema
    from seeknal.plugin import Check, Engine
    from seeknal.protocols import Session

RELATION = "audited"


@dataclass(frozen=True)
class Failing:
    """What an audit finds wrong. It is true where anything is, and has a length.

    `count` is what a run would report, `message` what it would print. `rows` are the failing ones themselves, each a dictionary; an
    audit that checks an aggregate has none to show.
    """

    count: int
    message: str
    rows: list[dict[str, Any]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.count > 0

    def __len__(self) -> int:
        return self.count


class AuditTester:
    """Runs audits the way a project does, over rows that a test makes up."""

    def __init__(self, scratch: Path, *, engine: str = "duckdb") -> None:
        """Use the engine of this name; it opens when it is first needed."""
        self._scratch = scratch
        self._name = engine
        self._registry = Registry()
        self._session: Session | None = None

    def failing(
        self,
        audit: Audit | str,
        *,
        rows: Sequence[Mapping[str, Any]] | None = None,
        query: str | None = None,
        where: str | None = None,
        others: Mapping[str, Sequence[Mapping[str, Any]] | str] | None = None,
        **params: Any,
    ) -> Failing:
        """What `audit` (or the installed one of this name) finds wrong with `rows`, or with what the SELECT `query` returns.

        `others` has the rows, or the SELECT, of each node that it refers to. `params` are the audit's parameters as YAML would say them, and
        checked as YAML's are: ProjectError says what is wrong.
        """
        found = self._registry.audit(audit) if isinstance(audit, str) else audit
        session, dialect = self._opened(), self._engine.dialect
        if (rows is None) == (query is None):
            message = "say either rows=[{...}] or query='SELECT ...'"
            raise ValueError(message)
        session.define(RELATION, Query(query if query is not None else _values(rows or [], dialect)))
        for node, told in (others or {}).items():
            session.define(relation_name(NodeId(node)), Query(told if isinstance(told, str) else _values(told, dialect)))
        schema = session.describe(_everything(RELATION, dialect))
        reads = {NodeId(node): None for node in others or {}}
        spec = AuditSpec(found.name, _checked(found, params), where=where, reads=reads)
        outcome = AuditRunner(session, dialect, {found.name: found}).run([spec], RELATION, schema)[0].outcome
        shown = self._rows(found, spec, schema) if outcome.failing_rows else []
        return Failing(outcome.failing_rows, outcome.message, shown)

    def passing(self, audit: Audit | str, **given: Any) -> bool:
        """Whether `audit` finds nothing wrong; `given` is what `failing` takes. The failing rows are in the message of the error otherwise.

        Raises AssertionError where it finds something.
        """
        found = self.failing(audit, **given)
        if found:
            message = f"{found.message}: {found.rows}"
            raise AssertionError(message)
        return True

    def close(self) -> None:
        """Close the engine if it was opened."""
        if self._session is not None:
            self._session.close()
            self._session = None

    @property
    def _engine(self) -> Engine:
        return self._registry.engine(self._name)

    def _opened(self) -> Session:
        if self._session is None:
            self._scratch.mkdir(parents=True, exist_ok=True)
            self._session = load_target(self._engine.target)().open(SessionSettings(self._scratch))
        return self._session

    def _rows(self, audit: Audit, spec: AuditSpec, schema: Schema) -> list[dict[str, Any]]:
        """The rows that fail."""
        session, dialect, signature = self._opened(), self._engine.dialect, signature_of(audit)

        def described(relation: str) -> Schema:
            return session.describe(_everything(relation, dialect))

        arguments, _ = Arguments(spec, signature, schema, described, dialect, None).found()
        shown: list[dict[str, Any]] = []
        for query in _queries(spec, arguments, signature, dialect):
            result = session.rows(query)
            shown += [dict(zip(result.columns, row, strict=True)) for row in result.rows]
        return shown


def _checked(audit: Audit, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, typed by the audit's signature."""
    signature = signature_of(audit)
    for name in params:
        if name not in signature.parameters:
            hint = did_you_mean(name, signature.parameters) or f"known: {', '.join(signature.parameters)}"
            raise ProjectError("SK-AUDIT-001", f"audit {audit.name} has no parameter '{name}'", hint=hint)
    values, problems = signature.check(params)
    if problems:
        raise ProjectError("SK-AUDIT-002", "; ".join(problem for _, problem in problems))
    return values


def _queries(spec: AuditSpec, arguments: Mapping[str, Any], signature: Signature, dialect: str) -> list[str]:
    """What selects the failing rows; nothing where an aggregate is checked."""
    target = _quoted(RELATION, dialect) if spec.where is None else f"({_everything(RELATION, dialect)} WHERE {spec.where})"
    check: Check = signature.function(Relation(target), **arguments)
    if isinstance(check, RowCheck):
        return [f"SELECT * FROM {target} WHERE {check.bad}"]
    listed = [check] if isinstance(check, str) else check if isinstance(check, list) else []
    return [q.replace("__THIS__", target) for q in listed]


def _values(rows: Sequence[Mapping[str, Any]], dialect: str) -> str:
    """Rows as a query: one SELECT a row."""
    if not rows:
        message = "no rows have no columns: say query='SELECT ... WHERE false'"
        raise ValueError(message)
    names = list(dict.fromkeys(name for row in rows for name in row))
    selects = [exp.select(*(exp.convert(row.get(n)).as_(n, quoted=True) for n in names)) for row in rows]
    return " UNION ALL ".join(s.sql(dialect=dialect) for s in selects)


def _everything(relation: str, dialect: str) -> str:
    return exp.select("*").from_(exp.Table(this=exp.to_identifier(relation, quoted=True))).sql(dialect=dialect)


def _quoted(name: str, dialect: str) -> str:
    return exp.to_identifier(name, quoted=True).sql(dialect=dialect)
