"""Runs audits over one relation: as few scans as possible, each query checked before the engine sees it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from seeknal.audits.arguments import Arguments
from seeknal.audits.outcomes import Audited
from seeknal.audits.scan import Measure, measured
from seeknal.audits.signature import THIS, signature_of
from seeknal.audits.verdict import judged
from seeknal.errors import EngineError, Location, NodeError
from seeknal.nodes import relation_name
from seeknal.plugin import AggregateCheck, Condition, Relation, RowCheck, Sql
from seeknal.sql.canonical import clock
from seeknal.sql.guard import SqlProblem, parse_condition, parse_select, refuse_shadows, tables
from seeknal.state.outcomes import EXAMPLE, AuditOutcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeknal.audits.scan import Answer
    from seeknal.audits.signature import Signature
    from seeknal.nodes import AuditSpec, Schema
    from seeknal.plugin import Audit, Check
    from seeknal.protocols import Session

HIDDEN = "***"
"""What stands for a value that is not to be shown."""


@dataclass(frozen=True)
class _Prepared:
    """An audit turned into SQL: expressions for the shared scan, or queries of its own."""

    spec: AuditSpec
    columns: tuple[str, ...]
    bad: exp.Expr | None = None
    value: exp.Expr | None = None
    queries: tuple[exp.Query, ...] = ()
    check: AggregateCheck | None = None


class AuditRunner:
    """Runs audits in one session. `audits` finds an audit by name, `dialect` is the engine's; `stored`: the relations are files, no views."""

    def __init__(self, session: Session, dialect: str, audits: Mapping[str, Audit], *, stored: bool = False) -> None:
        self._session = session
        self._dialect = dialect
        self._audits = audits
        self._stored = stored

    def run(self, specs: Sequence[AuditSpec], relation: str, schema: Schema, at: Location | None = None) -> list[Audited]:
        """Run audits over a relation of this schema, in the order given.

        Raises NodeError for one that cannot be asked: an unknown column, SQL that is not allowed or fails.
        """
        prepared = [self._prepare(spec, relation, schema, at) for spec in specs]
        asked = [i for i in prepared if not i.queries or i.spec.counts_rows]
        measures = [Measure(i.spec, self._where(i.spec), i.bad, i.value) for i in asked]

        def ask(query: exp.Query, spec: AuditSpec) -> tuple[Any, ...]:
            return self._rows(query, spec, relation)[1][0]

        answers = dict(zip((id(i) for i in asked), measured(measures, relation, ask, stored=self._stored), strict=True))
        results = []
        for item in prepared:
            answer = answers.get(id(item))
            if item.queries or answer is None:
                results.append(self._query(item, relation, answer.rows if answer is not None else None))
            else:
                volatile = any(e is not None and clock(e) is not None for e in (item.bad, item.value, self._where(item.spec)))
                results.append(_judge_scan(item, answer, volatile=volatile))
        return [Audited(a.spec, judged(a.spec, a.outcome), a.volatile) for a in results]

    def failing(self, spec: AuditSpec, relation: str, schema: Schema, at: Location | None = None) -> tuple[exp.Query, ...]:
        """Queries for the rows that an audit finds wrong; none for one that checks a single value."""
        item = self._prepare(spec, relation, schema, at)
        if item.bad is None:
            return item.queries
        where = self._where(spec)
        wrong = item.bad if where is None else exp.case().when(where, item.bad)  # of a row that it leaves out nothing else is asked
        return (exp.select("*").from_(_table(relation)).where(wrong),)

    def _prepare(self, spec: AuditSpec, relation: str, schema: Schema, at: Location | None) -> _Prepared:
        signature = signature_of(self._audits[spec.type])
        finder = Arguments(spec, signature, schema, self._describe, self._dialect, at)
        arguments, columns = finder.found()
        for name in spec.redact:
            finder.column(name, schema, spec.places.get("redact"))
        target = Relation(exp.to_identifier(THIS, quoted=True).sql(dialect=self._dialect))  # it may also be the other node of its audit
        try:
            check = _asked(signature, target, arguments, spec)
            if isinstance(check, RowCheck):
                return _Prepared(spec, columns, bad=parse_condition(check.bad, self._dialect))
            if isinstance(check, AggregateCheck):
                _refuse_thresholds(spec)
                return _Prepared(spec, columns, value=self._value(check), check=check)
            listed = [check] if isinstance(check, str) else check
            return _Prepared(spec, columns, queries=tuple(self._checked(q, relation, spec) for q in listed))
        except SqlProblem as problem:
            raise NodeError("SK-AUDIT-003", f"audit {spec.type}: {problem.message}", at=spec.at or at, hint=problem.hint) from None

    def _describe(self, relation: str) -> Schema:
        everything = exp.select("*").from_(_table(relation))
        return self._session.describe(everything.sql(dialect=self._dialect))

    def _where(self, spec: AuditSpec) -> exp.Expr | None:
        return parse_condition(spec.where, self._dialect) if spec.where else None

    def _value(self, check: AggregateCheck) -> exp.Expr:
        tree = parse_select("SELECT " + check.value, self._dialect)
        for use in tables(tree):
            message = f"its value reads {use.dotted}; an aggregate is of the output it is on"
            raise SqlProblem("SK-SQL-004", message)
        return tree.selects[0].unalias()

    def _checked(self, query: str, relation: str, spec: AuditSpec) -> exp.Query:
        """A query that reads the relation and what the audit refers to, and nothing else; `__THIS__` replaced."""
        tree = parse_select(query, self._dialect)
        known = {relation, *(relation_name(n) for n in spec.reads)}
        refuse_shadows(tree, [THIS, *known])
        for use in tables(tree):
            if use.dotted.upper() != THIS and use.dotted not in known:
                message = f"reads {use.dotted}; an audit reads the output it is on, and what it refers to"
                raise SqlProblem("SK-SQL-004", message)
        _put_relation(tree, relation, self._where(spec))
        return tree

    def _query(self, item: _Prepared, relation: str, rows: int | None) -> Audited:
        begun = time.perf_counter()
        failing, volatile, example = 0, False, ""
        for query in item.queries:
            volatile = volatile or clock(query) is not None
            counted = exp.select(exp.Count(this=exp.Star())).from_(query.copy().subquery("failing"))
            count = int(self._rows(counted, item.spec, relation)[1][0][0])
            if count and not failing and item.spec.sample:
                example = EXAMPLE + ", ".join(f"{n} = {v}" for n, v in self._example(query, item.spec, relation))
            failing += count
        message = f"{failing:,} failing row{'s' if failing != 1 else ''}{example}" if failing else "passed"
        return Audited(item.spec, _outcome(item, failing, message, time.perf_counter() - begun, rows), volatile)

    def _example(self, query: exp.Query, spec: AuditSpec, relation: str) -> list[tuple[str, str]]:
        """The least of the rows that a query returns: the same one each time. What is to be hidden is."""
        names, _ = self._rows(query, spec, relation)
        least = exp.select("*").from_(query.copy().subquery("failing")).order_by(*(exp.Literal.number(n + 1) for n in range(len(names))))
        _, rows = self._rows(least, spec, relation)
        return [(n, HIDDEN if spec.hides(n) else _text(v)) for n, v in zip(names, rows[0], strict=True)]

    def _rows(self, query: exp.Query, spec: AuditSpec, relation: str) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """The first row of what a query returns, if there is one, and the columns."""
        try:
            result = self._session.rows(query.sql(dialect=self._dialect), 1)
        except EngineError as error:
            raise self._could_not_run(spec, relation, error) from None
        return result.columns, result.rows

    def _could_not_run(self, spec: AuditSpec, relation: str, error: EngineError) -> NodeError:
        """The error that an audit cannot be asked of a relation, at what of it is to blame."""
        name = f"{spec.type} '{spec.name}'" if spec.name else spec.type
        message = f"audit {name} could not run: {error.message}"
        return NodeError("SK-AUDIT-003", message, at=self._to_blame(spec, relation) or spec.at, hint=error.hint)

    def _to_blame(self, spec: AuditSpec, relation: str) -> Location | None:
        """Where that stands which fails: the `where` if it does so by itself, else the SQL of the audit, if it has some."""
        where = self._where(spec)
        if where is not None:
            alone = exp.select(exp.Count(this=exp.Star())).from_(_table(relation)).where(where)
            try:
                self._session.rows(alone.sql(dialect=self._dialect), 1)
            except EngineError:
                return spec.places.get("where")
        parameters = signature_of(self._audits[spec.type]).parameters.values()
        return next((spec.places[p.name] for p in parameters if p.type in (Sql, Condition) and p.name in spec.places), None)


def _asked(signature: Signature, target: Relation, arguments: dict[str, Any], spec: AuditSpec) -> Check:
    """What the audit's function answers. It may be anyone's: whatever it raises is its own failure, named."""
    try:
        check: object = signature.function(target, **arguments)
    except Exception as error:
        raise NodeError("SK-AUDIT-003", f"audit {spec.type} failed: {type(error).__name__}: {error}", at=spec.at) from error
    if isinstance(check, str | RowCheck | AggregateCheck):
        return check
    if isinstance(check, list) and all(isinstance(q, str) for q in check):
        return check
    hint = "return a query, a list of queries, a RowCheck or an AggregateCheck"
    raise NodeError("SK-AUDIT-003", f"audit {spec.type} returned {type(check).__name__}", at=spec.at, hint=hint)


def _refuse_thresholds(spec: AuditSpec) -> None:
    if spec.warn_if or spec.error_if:
        message = "warn_if, error_if and mostly count failing rows; this audit checks one value"
        raise SqlProblem("SK-AUDIT-002", message)


def _put_relation(tree: exp.Query, relation: str, where: exp.Expr | None) -> None:
    """Put the relation in place of `__THIS__`, of which only the rows are seen that `where` keeps. Its own name means all of them."""
    for table in list(tree.find_all(exp.Table)):
        if table.db or table.name.upper() != THIS:
            continue
        named = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(THIS, quoted=True))
        table.set("alias", named)
        table.set("this", exp.to_identifier(relation, quoted=True))
        if where is not None:
            rows = exp.select("*").from_(_table(relation)).where(where.copy())
            table.replace(exp.Subquery(this=rows, alias=named))


def _table(relation: str) -> exp.Table:
    return exp.Table(this=exp.to_identifier(relation, quoted=True))


def _judge_scan(item: _Prepared, answer: Answer, *, volatile: bool) -> Audited:
    value, rows, seconds = answer.value, answer.rows, answer.seconds
    if item.check is None:
        failing = int(value or 0)
        message = f"{failing:,} failing row{'s' if failing != 1 else ''}" if failing else "passed"
        return Audited(item.spec, _outcome(item, failing, message, seconds, rows), volatile)
    check = item.check
    unknown = value is None or value != value  # noqa: PLR0124 - NaN, which is below and above nothing
    low = check.minimum is not None and (unknown or value < check.minimum)
    high = check.maximum is not None and (unknown or value > check.maximum)
    bound = f"at least {check.minimum:,}" if low else f"at most {check.maximum:,}" if high else ""
    shown = f"{value:,}" if isinstance(value, int | float) else str(value)
    shown = HIDDEN if any(item.spec.hides(c) for c in item.columns) else shown
    message = f"{check.value} is {shown}, expected {bound}" if bound else "passed"
    return Audited(item.spec, _outcome(item, 1 if bound else 0, message, seconds, rows), volatile)


def _outcome(item: _Prepared, failing: int, message: str, seconds: float, rows: int | None) -> AuditOutcome:
    spec = item.spec
    if rows == 0 and spec.empty != "pass":
        message = "no rows to check"
    return AuditOutcome(spec.type, item.columns, spec.severity, failing == 0, failing, message, round(seconds, 6), spec.name, rows)


def _text(value: object) -> str:
    """A value in an example: text in quotes, the rest as it prints."""
    return repr(value) if isinstance(value, str) else str(value)
