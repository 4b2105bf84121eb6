"""Which input columns each output column of a query comes from, and what decides its rows.

The query is walked scope by scope. What is not known is not guessed about: either the relation becomes coarse (everything in it depends
on everything in what it is made of), or `OpaqueError` is raised and the caller takes the whole query to depend on every input. Edges may be
too many, never too few; two queries may have different shapes and mean the same, never the other way round.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.nodes import fold
from seeknal.sql.clauses import column_names, only, ordering
from seeknal.sql.expressions import Expressions, unwrapped
from seeknal.sql.projections import Projections
from seeknal.sql.relations import NOWHERE, Deferred, Derived, Known, OpaqueError, RelationColumn, coarse, input_relation, merged, shape
from seeknal.sql.scopes import Scope
from seeknal.sql.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from seeknal.sql.expressions import NameProblem
    from seeknal.sql.projections import Projection

_SELECT = frozenset({
    "with_", "expressions", "distinct", "from_", "laterals", "joins", "where", "group", "having", "qualify", "windows", "order", "limit", "offset",
    "sample",
})  # fmt: skip
_AROUND = frozenset({"this", "alias", "with_", "joins", "laterals", "pivots", "sample", "order", "limit", "offset"})
_SET = frozenset({"with_", "this", "expression", "distinct", "by_name", "order", "limit", "offset"})
_VALUES = frozenset({"with_", "expressions", "alias", "order", "limit", "offset"})
_GROUP = frozenset({"expressions", "grouping_sets", "cube", "rollup", "all"})
_SETS = ("grouping_sets", "cube", "rollup")
_CUTS = ("limit", "offset", "sample")


class Analyser:
    """Analyses queries over inputs of known (a list of names) or unknown (None) columns."""

    def __init__(self, schemas: Mapping[str, Sequence[str] | None], dialect: str) -> None:
        inputs = {fold(name): input_relation(name, columns) for name, columns in schemas.items()}
        self._expressions = Expressions(self.query, dialect, inputs)
        self._sources = Sources(self._expressions, inputs, self.query)
        self._recursions = 0

    @property
    def problems(self) -> list[NameProblem]:
        """Names that mean nothing, or too much; what was analysed is not to be relied on where there are any."""
        return self._expressions.problems

    def query(self, node: exp.Expr, ctes: Mapping[str, Deferred] | None = None, outer: Scope | None = None) -> Known:
        """Analyse any query expression. Raises OpaqueError."""
        ctes = self._with(node, dict(ctes or {}), outer)
        if isinstance(node, exp.Select):
            only(node, _SELECT)
            return self._select(node, ctes, outer)
        if isinstance(node, exp.Subquery):
            only(node, _AROUND)
            return self._around(node, ctes, outer)
        if isinstance(node, exp.SetOperation):
            only(node, _SET)
            found, others = self._set_operation(node, ctes, outer)
            return self._sorted(node, found, ctes, outer, others)
        if isinstance(node, exp.Values):
            only(node, _VALUES)
            return self._sorted(node, self._values(node, Scope(outer), ctes), ctes, outer)
        if isinstance(node, exp.Pivot):
            return self._sources.statement(node, outer, ctes)
        message = f"{node.key.upper()} is not analysed"
        raise OpaqueError(message)

    def _derive(self, node: exp.Expr, scope: Scope, ctes: Mapping[str, Deferred], *, alias_too: bool = False) -> Derived:
        return self._expressions.derive(node, scope, ctes, alias_too=alias_too)

    # WITH, set operations, and what stands around a query

    def _with(self, node: exp.Expr, ctes: dict[str, Deferred], outer: Scope | None) -> dict[str, Deferred]:
        with_ = node.args.get("with_")
        if with_ is None:
            return ctes
        only(with_, frozenset({"expressions", "recursive"}))
        for cte in with_.expressions:
            only(cte, frozenset({"this", "alias", "materialized"}))
            analyse = functools.partial(self._cte, cte, dict(ctes), outer, recursive=bool(with_.recursive))
            ctes[fold(cte.alias)] = Deferred(analyse)
        return ctes

    def _cte(self, cte: exp.CTE, ctes: Mapping[str, Deferred], outer: Scope | None, *, recursive: bool) -> Known:
        names = column_names(cte)
        name = fold(cte.alias)
        if not (recursive and any(fold(t.name) == name and not t.db for t in cte.this.find_all(exp.Table))):
            return self.query(cte.this, ctes, outer).settled.named(names)
        if not isinstance(cte.this, exp.SetOperation) or any(cte.this.args.get(k) for k in ("with_", "order", "limit", "offset")):
            message = "a recursive CTE that is not made of two parts"
            raise OpaqueError(message)
        anchor = self.query(cte.this.left, ctes, outer).settled.named(names)
        self._recursions += 1
        itself = _itself(anchor, str(self._recursions))
        step = self.query(cte.this, {**ctes, name: Deferred(lambda: itself)}, outer).settled
        self._recursions -= 1
        # Each round may carry any column into any other, so all depend on all that either part reads.
        both = coarse([anchor, step], "recursive")
        if anchor.columns is None:
            return both
        columns = tuple(
            RelationColumn(c.name, Derived(both.rows, both.rows, shape(both.shape, str(i))), c.label) for i, c in enumerate(anchor.columns)
        )
        return replace(both, columns=columns)

    def _set_operation(self, node: exp.SetOperation, ctes: Mapping[str, Deferred], outer: Scope | None) -> tuple[Known, set[str]]:
        """What the two sides make, and the names of the right one, which ORDER BY may use as well."""
        left, right = self.query(node.left, ctes, outer).settled, self.query(node.right, ctes, outer).settled
        others = {n for side in node.find_all(exp.Select) for n in side.named_selects} if ordering(node) else set()
        all_ = isinstance(node, exp.Union) and not node.args.get("distinct")
        by_name = bool(node.args.get("by_name"))
        parts = [node.key, str(node.args.get("distinct")), str(by_name)]
        if left.columns is None or right.columns is None or (by_name and not (left.is_sure and right.is_sure)):
            return coarse([left, right], *parts), others
        columns = _by_name(left.named([]), right.named([])) if by_name else _by_position(left, right, node)
        rows = left.rows | right.rows
        parts += [left.shape, right.shape]
        if not all_:  # which rows are left depends on every column
            rows = rows.union(*(c.derived.origins for c in columns))
            parts += [c.derived.shape for c in columns]
        return Known(tuple(columns), rows, shape(*parts)), others

    def _around(self, node: exp.Subquery, ctes: Mapping[str, Deferred], outer: Scope | None) -> Known:
        """A query in parentheses, with what follows them."""
        if isinstance(node.this, exp.Table):
            found = self._sources.joined(node, Scope(outer), ctes)
        else:
            found = self.query(node.this, ctes, outer)
            if any(node.args.get(k) for k in ("order", *_CUTS)):
                found = found.settled
        found = self._sorted(node, found, ctes, outer)
        return self._sources.pivots(node, found)

    def _sorted(self, node: exp.Expr, found: Known, ctes: Mapping[str, Deferred], outer: Scope | None, others: Iterable[str] = ()) -> Known:
        """ORDER BY around a whole query, and LIMIT, for which the order decides which rows are left."""
        if not any(node.args.get(k) for k in ("order", *_CUTS)):
            return found
        scope = Scope(outer)
        scope.add("", found)
        columns = [c.derived for c in found.columns] if found.columns is not None else [found.any_column]
        known = any(c.spreads for c in found.columns or ()) or found.columns is None
        scope.aliases = {fold(n): merged(columns, "of either side", fold(n)) for n in others if found.exact(fold(n)) is None}
        order = [self._ordered(o, columns, scope, ctes, counted=not known) for o in ordering(node)]
        if not any(node.args.get(k) for k in _CUTS):
            return replace(found, order=merged(order, "order"))
        cuts = [self._derive(node.args[k], scope, ctes) for k in _CUTS if node.args.get(k)]
        rows = found.rows.union(*(d.origins for d in (*order, *cuts)))
        return replace(found, rows=rows, shape=shape("limited", found.shape, *(d.shape for d in (*order, *cuts))))

    def _ordered(
        self, item: exp.Expr, columns: list[Derived], scope: Scope, ctes: Mapping[str, Deferred], *, counted: bool = True
    ) -> Derived:
        """One item of ORDER BY: a position, ALL, an alias or an expression; its direction is part of its shape."""
        inner = unwrapped(item.this if isinstance(item, exp.Ordered) else item)
        alias = scope.aliases.get(fold(inner.name)) if isinstance(inner, exp.Column) and len(inner.parts) == 1 else None
        derived = alias or self._positional(inner, columns, scope, ctes, alias_too=True, counted=counted)
        if isinstance(item, exp.Ordered):
            only(item, frozenset({"this", "desc", "nulls_first"}))
        return replace(derived, shape=shape(derived.shape, str(item.args.get("desc") or False), str(item.args.get("nulls_first"))))

    # One SELECT

    def _select(self, node: exp.Select, ctes: Mapping[str, Deferred], outer: Scope | None) -> Known:
        scope = Scope(outer)
        rows, parts = self._sources.read(node, scope, ctes)
        reader = Projections(self._expressions, scope, ctes, rows)
        projections = reader.read(node)
        deciders = self._row_deciders(node, scope, ctes, projections, reader)
        rows = rows.union(*(d.origins for _, d in deciders))
        aggregated = any(p.may_aggregate for p in projections) or bool(node.args.get("having") or node.args.get("group"))
        whole = shape("select", str(aggregated), *parts, *(part for label, d in deciders for part in (label, d.shape)))
        order = Derived()
        if ordering(node) and not any(label == "order" for label, _ in deciders):
            order = merged(self._order(node, scope, ctes, projections), "order")
        known = Known(tuple(p.column for p in projections), rows, whole, order=order)
        return known.spread_out if any(p.column.spreads and p.column.label == "*" for p in projections) else known

    def _order(self, node: exp.Expr, scope: Scope, ctes: Mapping[str, Deferred], projections: list[Projection]) -> list[Derived]:
        by_position = [p.derived for p in projections]
        counted = not any(p.column.spreads for p in projections)
        return [self._ordered(o, by_position, scope, ctes, counted=counted) for o in ordering(node)]

    def _values(self, node: exp.Values, scope: Scope, ctes: Mapping[str, Deferred]) -> Known:
        rows = [t.expressions if isinstance(t, exp.Tuple) else [t] for t in node.expressions]
        width = len(rows[0]) if rows else 0
        columns = [merged([self._derive(r[i], scope, ctes) for r in rows if i < len(r)], "values") for i in range(width)]
        named = tuple(RelationColumn(f"col{i}", c) for i, c in enumerate(columns))
        return Known(named, NOWHERE.union(*(c.origins for c in columns)), shape("values", str(len(rows))))

    # What decides the rows

    def _row_deciders(
        self, node: exp.Select, scope: Scope, ctes: Mapping[str, Deferred], projections: list[Projection], reader: Projections
    ) -> list[tuple[str, Derived]]:
        """Everything after FROM that decides which rows come out, each with the name of its clause."""
        conditions = [(key, node.args[key].this) for key in ("where", "having", "qualify") if node.args.get(key)]
        found = [(key, reader.condition(condition, alias_too=key != "where")) for key, condition in conditions]
        by_position = [p.derived for p in projections]
        found += [("group", d) for d in self._grouping(node.args.get("group"), projections, scope, ctes)]
        distinct = node.args.get("distinct")
        on = distinct.args.get("on") if distinct else None
        if on:
            items = on.expressions if isinstance(on, exp.Tuple) else [on]
            found += [("distinct on", self._ordered(i, by_position, scope, ctes)) for i in items]
        elif distinct:
            found += [("distinct", d) for d in by_position]
        cuts = [(k, node.args[k]) for k in _CUTS if node.args.get(k)]
        if cuts or on:
            found += [(k, self._derive(c, scope, ctes)) for k, c in cuts]
            found += [("order", d) for d in self._order(node, scope, ctes, projections)]
        found += [("selected", p.derived) for p in projections if p.multiplies]
        return found

    def _grouping(
        self, group: exp.Expr | None, projections: list[Projection], scope: Scope, ctes: Mapping[str, Deferred]
    ) -> Iterator[Derived]:
        if group is None:
            return
        only(group, _GROUP)
        by_position = [p.derived for p in projections]
        counted = not any(p.column.spreads for p in projections)
        if group.args.get("all"):
            yield merged([p.derived for p in projections if not p.aggregates], "all", str(group.args["all"]))
        for item in (*group.expressions, *(i for k in _SETS for i in group.args.get(k) or ())):
            yield self._positional(unwrapped(item), by_position, scope, ctes, counted=counted)

    def _positional(
        self,
        item: exp.Expr,
        columns: list[Derived],
        scope: Scope,
        ctes: Mapping[str, Deferred],
        *,
        alias_too: bool = False,
        counted: bool = True,
    ) -> Derived:
        """`GROUP BY 1` and `ORDER BY 2` mean a selected column; any of them where it is not known how many there are before it."""
        if isinstance(item, exp.Literal) and not item.is_string:
            position = int(item.this) - 1 if item.this.isdigit() else -1
            if counted and 0 <= position < len(columns):
                return columns[position]
            return merged(columns, "position", item.this)
        if (isinstance(item, exp.Var) and item.name.upper() == "ALL") or (isinstance(item, exp.Star) and not any(item.args.values())):
            return merged(columns, "all")
        derived = self._derive(item, scope, ctes, alias_too=alias_too)
        if isinstance(item, exp.Tuple | exp.GroupingSets | exp.Cube | exp.Rollup) and any(
            not n.is_string for n in item.find_all(exp.Literal)
        ):
            return merged([derived, *columns], "within")
        return derived


def _itself(anchor: Known, number: str) -> Known:
    """A recursive CTE as it reads itself: what it starts with, told apart from everything else of that shape."""
    columns = anchor.columns
    if columns is not None:
        columns = tuple(replace(c, derived=replace(c.derived, shape=shape("itself", number, c.derived.shape))) for c in columns)
    any_column = replace(anchor.any_column, shape=shape("itself", number, anchor.any_column.shape))
    return replace(anchor, columns=columns, any_column=any_column, shape=shape("itself", number, anchor.shape))


def _by_position(left: Known, right: Known, node: exp.Expr) -> list[RelationColumn]:
    a, b = left.columns or (), right.columns or ()
    if len(a) != len(b):
        message = f"{node.key.upper()} of relations that do not have the same number of columns"
        raise OpaqueError(message)
    return [RelationColumn(x.name, merged([x.derived, y.derived], node.key), x.label) for x, y in zip(a, b, strict=True)]


def _by_name(left: Known, right: Known) -> list[RelationColumn]:
    """UNION BY NAME: a column that one side lacks is NULL there."""
    names: dict[str, str] = {}
    for column in (*(left.columns or ()), *(right.columns or ())):
        names.setdefault(fold(column.name or ""), column.name or "")
    found = []
    for name in names.values():
        sides = [relation.find(name) or Derived(shape="null") for relation in (left, right)]
        found.append(RelationColumn(name, merged(sides, "by name")))
    return found
