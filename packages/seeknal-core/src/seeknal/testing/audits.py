"""Asking an audit what is wrong with a few rows, on the real engine and without a project."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from seeknal.audits.runner import AuditRunner
from seeknal.audits.signature import signature_of
from seeknal.errors import ProjectError, did_you_mean
from seeknal.nodes import AuditSpec
from seeknal.plugin import Audit, Column, Columns, ColumnTypes, Relation, RowCheck
from seeknal.protocols import Query, SessionSettings
from seeknal.registry import Registry
from seeknal.targets import load_target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

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
        **params: Any,
    ) -> Failing:
        """What `audit` (or the installed one of this name) finds wrong with `rows`, or with what the SELECT `query` returns.

        `params` are the audit's parameters as YAML would say them, and checked as YAML's are: ProjectError says what is wrong.
        """
        found = self._registry.audit(audit) if isinstance(audit, str) else audit
        session, dialect = self._opened(), self._engine.dialect
        if (rows is None) == (query is None):
            message = "say either rows=[{...}] or query='SELECT ...'"
            raise ValueError(message)
        session.define(RELATION, Query(query if query is not None else _values(rows or [], dialect)))
        schema = session.describe(_everything(dialect))
        checked = _checked(found, params)
        spec = AuditSpec(found.name, checked, where=where)
        outcome = AuditRunner(session, dialect, {found.name: found}).run([spec], RELATION, schema)[0].outcome
        shown = self._rows(found, checked, where, schema) if outcome.failing_rows else []
        return Failing(outcome.failing_rows, outcome.message, shown)

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

    def _rows(self, audit: Audit, params: Mapping[str, Any], where: str | None, schema: Schema) -> list[dict[str, Any]]:
        """The rows that fail."""
        shown: list[dict[str, Any]] = []
        for query in _queries(audit, params, where, self._engine.dialect, schema):
            result = self._opened().rows(query)
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


def _queries(audit: Audit, params: Mapping[str, Any], where: str | None, dialect: str, schema: Schema) -> list[str]:
    """What selects the failing rows; nothing where an aggregate is checked."""
    signature = signature_of(audit)
    arguments = dict(params)
    for name, parameter in signature.parameters.items():
        if parameter.is_columns and name in arguments:
            listed = [arguments[name]] if parameter.type is Column else arguments[name]
            quoted = [Column(_quoted(c, dialect)) for c in listed]
            arguments[name] = quoted[0] if parameter.type is Column else Columns(quoted)
    arguments |= {name: ColumnTypes({c.name: c.type or "" for c in schema}) for name in signature.given}
    target = _quoted(RELATION, dialect) if where is None else f"({_everything(dialect)} WHERE {where})"
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


def _everything(dialect: str) -> str:
    return exp.select("*").from_(exp.to_table(RELATION)).sql(dialect=dialect)


def _quoted(name: str, dialect: str) -> str:
    return exp.to_identifier(name, quoted=True).sql(dialect=dialect)
