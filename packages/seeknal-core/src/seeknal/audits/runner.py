"""Runs audits over one relation: as few scans as possible, each query checked before the engine sees it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from seeknal.audits.outcomes import Audited
from seeknal.audits.signature import signature_of
from seeknal.errors import EngineError, Location, NodeError, did_you_mean
from seeknal.nodes import fold
from seeknal.plugin import AggregateCheck, Column, Columns, Relation, RowCheck, Sql
from seeknal.sql.canonical import clock
from seeknal.sql.guard import SqlProblem, parse_condition, parse_select, tables
from seeknal.state.model import AuditOutcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeknal.audits.signature import Signature
    from seeknal.nodes import AuditSpec, Schema
    from seeknal.plugin import Audit, Check
    from seeknal.protocols import Session

THIS = "__THIS__"


@dataclass(frozen=True)
class _Prepared:
    """An audit turned into SQL: expressions for the shared scan, or queries of its own."""

    spec: AuditSpec
    columns: tuple[str, ...]
    scan: exp.Expr | None = None
    queries: tuple[exp.Query, ...] = ()
    check: AggregateCheck | None = None


class AuditRunner:
    """Runs audits in one session. `audits` finds an audit by name, `dialect` is the engine's."""

    def __init__(self, session: Session, dialect: str, audits: Mapping[str, Audit]) -> None:
        self._session = session
        self._dialect = dialect
        self._audits = audits

    def run(self, specs: Sequence[AuditSpec], relation: str, schema: Schema, at: Location | None = None) -> list[Audited]:
        """Run audits over a relation of this schema, in the order given.

        Raises NodeError for one that cannot be asked: an unknown column, SQL that is not allowed or fails.
        """
        prepared = [self._prepare(spec, relation, schema, at) for spec in specs]
        shared = self._scan([p for p in prepared if p.scan is not None], relation)
        results = []
        for item in prepared:
            if item.scan is not None:
                volatile = any(e is not None and clock(e) is not None for e in (item.scan, self._where(item.spec)))
                results.append(_judge_scan(item, *shared[id(item)], volatile=volatile))
            else:
                results.append(self._query(item))
        return results

    def _prepare(self, spec: AuditSpec, relation: str, schema: Schema, at: Location | None) -> _Prepared:
        signature = signature_of(self._audits[spec.type])
        arguments, columns = self._arguments(spec, signature, schema, at)
        target = Relation(exp.to_identifier(relation, quoted=True).sql(dialect=self._dialect))
        try:
            check = _asked(signature, target, arguments, spec)
            if isinstance(check, RowCheck):
                return _Prepared(spec, columns, self._bad_rows(check))
            if isinstance(check, AggregateCheck):
                return _Prepared(spec, columns, parse_select("SELECT " + check.value, self._dialect).selects[0].unalias(), check=check)
            listed = [check] if isinstance(check, str) else check
            return _Prepared(spec, columns, queries=tuple(self._checked(q, relation, spec) for q in listed))
        except SqlProblem as problem:
            raise NodeError("SK-AUDIT-003", f"audit {spec.type}: {problem.message}", at=spec.at or at, hint=problem.hint) from None

    def _arguments(
        self, spec: AuditSpec, signature: Signature, schema: Schema, at: Location | None
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The keyword arguments, columns found in the schema and quoted; and the names of those columns."""
        known = {fold(c.name): c.name for c in schema}
        arguments: dict[str, Any] = dict(spec.params)
        named: list[str] = []
        for name, parameter in signature.parameters.items():
            if name not in arguments:
                continue
            if parameter.is_columns:
                listed = [arguments[name]] if parameter.type is Column else list(arguments[name])
                found = [self._column(c, known, spec, spec.places.get(name) or spec.at or at) for c in listed]
                named += found
                quoted = [Column(exp.to_identifier(c, quoted=True).sql(dialect=self._dialect)) for c in found]
                arguments[name] = quoted[0] if parameter.type is Column else Columns(quoted)
            elif parameter.type is Sql:
                arguments[name] = Sql(arguments[name])
        return arguments, tuple(named)

    def _column(self, name: str, known: Mapping[str, str], spec: AuditSpec, at: Location | None) -> str:
        found = known.get(fold(name))
        if found is None:
            hint = did_you_mean(name, known.values()) or f"columns: {', '.join(known.values())}"
            raise NodeError("SK-AUDIT-004", f"audit {spec.type}: no column '{name}'", at=at, hint=hint)
        return found

    def _bad_rows(self, check: RowCheck) -> exp.Expr:
        """How many rows fail: where the condition is true, not where it is NULL."""
        return exp.Count(this=exp.case().when(parse_condition(check.bad, self._dialect), exp.Literal.number(1)))

    def _where(self, spec: AuditSpec) -> exp.Expr | None:
        return parse_condition(spec.where, self._dialect) if spec.where else None

    def _checked(self, query: str, relation: str, spec: AuditSpec) -> exp.Query:
        """A query that reads the relation and nothing else, `__THIS__` replaced."""
        tree = parse_select(query, self._dialect)
        for use in tables(tree):
            if use.dotted.upper() != THIS and use.dotted != relation:
                message = f"reads {use.dotted}; an audit reads the output it is on only"
                raise SqlProblem("SK-SQL-004", message)
        for table in tree.find_all(exp.Table):
            if not table.db and table.name.upper() == THIS:
                table.set("this", exp.to_identifier(relation, quoted=True))
        where = self._where(spec)
        if where is not None:
            _filter_tables(tree, relation, where)
        return tree

    def _scan(self, prepared: list[_Prepared], relation: str) -> dict[int, tuple[Any, float]]:
        """Answer every expression, those with the same `where` in one query over the relation. Audits share its time equally."""
        found: dict[int, tuple[Any, float]] = {}
        for condition in dict.fromkeys(p.spec.where for p in prepared):
            group = [p for p in prepared if p.spec.where == condition and p.scan is not None]
            named = [p.scan.copy().as_(f"c{n}") for n, p in enumerate(group) if p.scan is not None]
            query = exp.select(*named).from_(exp.Table(this=exp.to_identifier(relation, quoted=True)))
            where = self._where(group[0].spec)
            query = query.where(where) if where is not None else query
            begun = time.perf_counter()
            values = self._rows(query, group[0].spec, 1)[1][0]
            seconds = (time.perf_counter() - begun) / len(group)
            found.update({id(p): (value, seconds) for p, value in zip(group, values, strict=True)})
        return found

    def _query(self, item: _Prepared) -> Audited:
        begun = time.perf_counter()
        failing, volatile, example = 0, False, ""
        for query in item.queries:
            volatile = volatile or clock(query) is not None
            counted = exp.select(exp.Count(this=exp.Star())).from_(query.copy().subquery("failing"))
            count = int(self._rows(counted, item.spec, 1)[1][0][0])
            if count and not failing:
                example = ", ".join(f"{n} = {v!r}" if isinstance(v, str) else f"{n} = {v}" for n, v in self._example(query, item.spec))
            failing += count
        message = f"{failing:,} failing row{'s' if failing != 1 else ''}, such as {example}" if failing else "passed"
        return Audited(item.spec, _outcome(item, failing, message, time.perf_counter() - begun), volatile)

    def _example(self, query: exp.Query, spec: AuditSpec) -> list[tuple[str, Any]]:
        """The least of the rows that a query returns: the same one each time."""
        names, _ = self._rows(query, spec, 1)
        least = exp.select("*").from_(query.copy().subquery("failing")).order_by(*(exp.Literal.number(n + 1) for n in range(len(names))))
        _, rows = self._rows(least, spec, 1)
        return list(zip(names, rows[0], strict=True))

    def _rows(self, query: exp.Query, spec: AuditSpec, limit: int) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        try:
            result = self._session.rows(query.sql(dialect=self._dialect), limit)
        except EngineError as error:
            raise NodeError("SK-AUDIT-003", f"audit {spec.type} could not run: {error.message}", at=spec.at, hint=error.hint) from None
        return result.columns, result.rows


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


def _filter_tables(tree: exp.Query, relation: str, where: exp.Expr) -> None:
    """Make every reading of the relation see only the rows that `where` keeps."""
    for table in list(tree.find_all(exp.Table)):
        if table.name == relation and not table.db:
            alias = table.alias or relation
            rows = exp.select("*").from_(exp.Table(this=exp.to_identifier(relation, quoted=True))).where(where.copy())
            table.replace(rows.subquery(alias))


def _judge_scan(item: _Prepared, value: Any, seconds: float, *, volatile: bool) -> Audited:
    if item.check is None:
        failing = int(value or 0)
        message = f"{failing:,} failing row{'s' if failing != 1 else ''}" if failing else "passed"
        return Audited(item.spec, _outcome(item, failing, message, seconds), volatile)
    check = item.check
    low = check.minimum is not None and (value is None or value < check.minimum)
    high = check.maximum is not None and (value is None or value > check.maximum)
    bound = f"at least {check.minimum:,}" if low else f"at most {check.maximum:,}" if high else ""
    shown = f"{value:,}" if isinstance(value, int | float) else str(value)
    message = f"{check.value} is {shown}, expected {bound}" if bound else "passed"
    return Audited(item.spec, _outcome(item, 1 if bound else 0, message, seconds), volatile)


def _outcome(item: _Prepared, failing: int, message: str, seconds: float) -> AuditOutcome:
    spec = item.spec
    return AuditOutcome(spec.type, item.columns, spec.severity, failing == 0, failing, message, round(seconds, 6), spec.name)
