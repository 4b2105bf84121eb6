"""A few rows of each input of a node that belong together: those behind a few rows of its output.

The query is walked from its output to its inputs. In each SELECT the joined rows behind the wanted rows are fetched (its FROM, JOIN and
WHERE as they are, without grouping, and what its row-wise expressions must be), each joined row gives one row of every table in it, and where a
table is a CTE or a subquery its rows are what is wanted there. What cannot be followed this way gives its first rows, and is said to.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from seeknal.errors import EngineError
from seeknal.nodes import ColumnSchema, fold
from seeknal.sql.guard import parse_select
from seeknal.unit_tests.tables import is_simple, type_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seeknal.nodes import Schema
    from seeknal.protocols import Session

Row = dict[str, Any]
Frozen = tuple[Any, ...]
Columns = list[tuple[str, ColumnSchema]]
"""The columns of joined rows, each with the alias of its table."""
_COMPARABLE = (str, int, Decimal, dt.date, UUID, type(None))
_MOVING = (exp.AggFunc, exp.Window, exp.Subquery, exp.Query, exp.Unnest, exp.Explode, exp.Rand, exp.Star)


@dataclass
class Sample:
    """Rows of each relation, and for each how they were found."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    traced: set[str] = field(default_factory=set)

    def add(self, relation: str, rows: Iterable[Row]) -> None:
        """Add rows that are not there yet."""
        known = self.rows.setdefault(relation, [])
        seen = {_frozen(row) for row in known}
        for row in rows:
            if _frozen(row) not in seen:
                seen.add(_frozen(row))
                known.append(row)


class Sampler:
    """Samples relations that a session can read; `schemas` has the columns of each."""

    def __init__(self, session: Session, dialect: str, schemas: Mapping[str, Schema], each: int) -> None:
        """Fetch at most `each` joined rows for a wanted row."""
        self._session = session
        self._dialect = dialect
        self._schemas = {fold(n): (n, s) for n, s in schemas.items()}
        self._each = each

    def behind(self, sql: str, wanted: Sequence[Row]) -> Sample:
        """The rows behind some rows of a query's output, and the first rows of relations that cannot be followed."""
        sample = Sample()
        root = self._scope(sql)
        if root is not None:
            self._with = root.expression.args.get("with_")
            self._trace(root, wanted, sample)
        self.fill(sample, len(wanted) or 1)
        return sample

    def alike(self, count: int, order: Sequence[str]) -> Sample:
        """The first rows of the first relation, and of the others rows with the same values in columns of the same name."""
        sample = Sample()
        for relation in order:
            name, schema = self._schemas[fold(relation)]
            for other in list(sample.rows):
                shared = [c.name for c in schema if sample.rows[other] and c.name in sample.rows[other][0] and self._is_plain(c)]
                for row in sample.rows[other] if shared else []:
                    found = self._first(name, schema, self._each, [(exp.column(_quoted(c)), row[c]) for c in shared])
                    sample.add(name, found)
                if sample.rows.get(name):
                    sample.traced.add(name)
                    break
            if not sample.rows.get(name):
                sample.add(name, self._first(name, schema, count, []))
        return sample

    def fill(self, sample: Sample, count: int) -> None:
        """Give relations that have no rows yet their first ones."""
        for name, schema in self._schemas.values():
            if name not in sample.traced and not sample.rows.get(name):
                sample.add(name, self._first(name, schema, max(count, self._each), []))

    # The walk

    def _scope(self, sql: str) -> Scope | None:
        """The query, every column of it with the table it is of; None where that cannot be told."""
        schema: dict[str, object] = {name: {c.name: c.type or "VARCHAR" for c in columns} for name, columns in self._schemas.values()}
        try:
            tree = qualify(parse_select(sql, self._dialect), schema=schema, dialect=self._dialect, validate_qualify_columns=True)
            return build_scope(tree)
        except (SqlglotError, AttributeError, KeyError, IndexError, TypeError, ValueError):
            return None

    def _trace(self, scope: Scope, wanted: Sequence[Row] | None, sample: Sample) -> None:
        """Sample what a SELECT reads behind rows it returns; its first rows where it is not known which are wanted."""
        tree = scope.expression
        if isinstance(tree, exp.SetOperation):
            names = tree.named_selects
            for side in scope.set_operation_scopes:
                own = side.expression.named_selects if isinstance(side.expression, exp.Query) else []
                self._trace(side, wanted and [{own[i]: row[n] for i, n in enumerate(names) if n in row} for row in wanted], sample)
            return
        if not isinstance(tree, exp.Select):
            return
        tables = {alias: found for alias, (_, found) in scope.selected_sources.items()}
        columns = [(alias, column) for alias, found in tables.items() for column in self._columns(found)]
        if columns and wanted != []:
            joined = self._joined(tree, columns, wanted)
            self._follow(scope, tables, joined, columns, sample, traced=wanted is not None)
        for inner in scope.subquery_scopes:
            self._trace(inner, None, sample)

    def _follow(
        self, scope: Scope, tables: Mapping[str, Any], joined: list[Frozen], columns: Columns, sample: Sample, *, traced: bool
    ) -> None:
        """Split joined rows into those of each table, and go on into what is no input."""
        for alias, found in tables.items():
            own = [i for i, (a, _) in enumerate(columns) if a == alias]
            rows = [{columns[i][1].name: row[i] for i in own} for row in joined]
            rows = [row for row in rows if any(v is not None for v in row.values())]
            if isinstance(found, exp.Table):
                known = self._schemas.get(fold(found.name))
                if known is not None:
                    sample.traced |= {known[0]} if rows and traced else set()
                    sample.add(known[0], rows)
            elif isinstance(found, Scope) and found is not scope:
                self._trace(found, rows if traced else None, sample)

    def _joined(self, tree: exp.Select, columns: Columns, wanted: Sequence[Row] | None) -> list[Frozen]:
        """The joined rows of a SELECT behind the wanted ones, and one for each table that an outer join found nothing in for these."""
        parts = [self._part(column, alias).as_(f"c{i}") for i, (alias, column) in enumerate(columns)]
        base = exp.select(*parts)
        for clause in ("from_", "joins", "laterals", "where"):
            value = tree.args.get(clause)
            if value:
                base.set(clause, [v.copy() for v in value] if isinstance(value, list) else value.copy())
        if self._with is not None:
            base.set("with_", self._with.copy())
        found: dict[Frozen, Frozen] = {}
        rowwise = {p.alias_or_name: p.unalias() for p in tree.selects if not p.unalias().find(*_MOVING)}
        for row in wanted or [{}]:
            same = [(rowwise[n].copy(), v) for n, v in row.items() if n in rowwise and _is_value(v)]
            rows = self._rows(_where(base, same).limit(self._each))
            if not rows:  # Python cuts nanoseconds off
                rows = self._rows(_where(base, [(e, v) for e, v in same if not isinstance(v, dt.datetime)]).limit(self._each))
            for values in rows:
                found.setdefault(_frozen(dict(enumerate(values))), values)
        for alias in dict.fromkeys(alias for alias, _ in columns):
            own = [i for i, (a, _) in enumerate(columns) if a == alias]
            if found and all(values[i] is None for values in found.values() for i in own):
                present = exp.or_(*(exp.column(_quoted(columns[i][1].name), table=_quoted(alias)).is_(exp.null()).not_() for i in own))
                for values in self._rows(base.where(present).limit(1)):
                    found.setdefault(_frozen(dict(enumerate(values))), values)
        return list(found.values())

    def _columns(self, source: Any) -> list[ColumnSchema]:
        if isinstance(source, exp.Table):
            return list(self._schemas.get(fold(source.name), ("", ()))[1])
        if isinstance(source, Scope) and isinstance(source.expression, exp.Query):
            return [ColumnSchema(n, "VARCHAR") for n in source.expression.named_selects]
        return []

    # Reading

    def _first(self, relation: str, schema: Schema, limit: int, same: list[tuple[exp.Expr, Any]]) -> list[Row]:
        query = exp.select(*(self._part(c, None).as_(c.name, quoted=True) for c in schema)).from_(exp.Table(this=_quoted(relation)))
        names = [c.name for c in schema]
        return [dict(zip(names, row, strict=True)) for row in self._rows(_where(query, same).limit(limit))]

    def _rows(self, query: exp.Select) -> list[Frozen]:
        try:
            return self._session.rows(query.sql(dialect=self._dialect)).rows
        except EngineError:
            return []  # a correlated subquery, or SQL that reads otherwise out of its place: its inputs give their first rows

    def _part(self, column: ColumnSchema, alias: str | None) -> exp.Expr:
        """A column as it is kept: what Python does not hold exactly, as the engine writes it."""
        name = exp.column(_quoted(column.name), table=_quoted(alias) if alias else None)
        return name if is_simple(type_of(column.type or "", self._dialect)) else exp.cast(name, "VARCHAR")

    def _is_plain(self, column: ColumnSchema) -> bool:
        return is_simple(type_of(column.type or "", self._dialect))

    _with: exp.With | None = None


def _quoted(name: str) -> exp.Identifier:
    return exp.to_identifier(name, quoted=True)


def _where(query: exp.Select, same: list[tuple[exp.Expr, Any]]) -> exp.Select:
    """The query's rows in which these expressions have these values, as far as SQL can say them exactly."""
    conditions = [exp.NullSafeEQ(this=expression, expression=_value(value)) for expression, value in same if _is_value(value)]
    return query.where(*conditions) if conditions else query


def _is_value(value: Any) -> bool:
    return isinstance(value, _COMPARABLE)


def _value(value: Any) -> exp.Expr:
    return exp.convert(str(value) if isinstance(value, UUID) else value)


def _frozen(row: Mapping[Any, Any]) -> Frozen:
    return tuple(sorted((str(k), repr(v)) for k, v in row.items()))
