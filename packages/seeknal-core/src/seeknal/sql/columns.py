"""Which input columns each output column of a query comes from, and what decides its rows.

The query is walked scope by scope. What is not known is not guessed about: either the relation becomes coarse (everything in it depends
on everything in what it is made of), or `OpaqueError` is raised and the caller takes the whole query to depend on every input. Edges may be
too many, never too few; two queries may have different shapes and mean the same, never the other way round.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.sql.expressions import Expressions
from seeknal.sql.projections import Projections, all_of
from seeknal.sql.relations import NOWHERE, Derived, Known, OpaqueError, RelationColumn, coarse, input_relation, merged, shape
from seeknal.sql.scopes import Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seeknal.sql.expressions import NameProblem
    from seeknal.sql.projections import Projection
    from seeknal.sql.relations import Origins

_SELECT = frozenset({
    "with_", "expressions", "distinct", "from_", "laterals", "joins", "where", "group", "having", "qualify", "windows", "order", "limit", "offset",
    "sample",
})  # fmt: skip
_TABLE = frozenset({"this", "alias", "joins", "laterals", "pivots", "sample"})
_JOIN = frozenset({"this", "on", "side", "kind", "using", "method"})
_AROUND = frozenset({"this", "alias", "with_", "joins", "laterals", "pivots", "sample", "order", "limit", "offset"})
_SET = frozenset({"with_", "this", "expression", "distinct", "by_name", "order", "limit", "offset"})
_GROUP = frozenset({"expressions", "grouping_sets", "cube", "rollup", "all"})
_CUTS = ("limit", "offset", "sample")


class Analyser:
    """Analyses queries over inputs of known (a list of names) or unknown (None) columns."""

    def __init__(self, schemas: Mapping[str, Sequence[str] | None], dialect: str) -> None:
        self._inputs = {name.casefold(): input_relation(name, columns) for name, columns in schemas.items()}
        self._expressions = Expressions(self._query_within, dialect)

    @property
    def problems(self) -> list[NameProblem]:
        """Names that mean nothing, or too much; what was analysed is not to be relied on where there are any."""
        return self._expressions.problems

    def query(self, node: exp.Expr, ctes: Mapping[str, Known] | None = None, outer: Scope | None = None) -> Known:
        """Analyse any query expression. Raises OpaqueError."""
        ctes = self._with(node, dict(ctes or {}), outer)
        if isinstance(node, exp.Subquery):
            _only(node, _AROUND)
            return self._around(node, ctes, outer)
        if isinstance(node, exp.SetOperation):
            _only(node, _SET)
            return self._sorted(node, self._set_operation(node, ctes, outer), ctes, outer)
        if isinstance(node, exp.Select):
            _only(node, _SELECT)
            return self._select(node, ctes, outer)
        if isinstance(node, exp.Values):
            return self._values(node, Scope(outer), ctes)
        if isinstance(node, exp.Pivot | exp.Table):
            return self._pivoted(node, Scope(outer), ctes)
        message = f"{node.key.upper()} is not analysed"
        raise OpaqueError(message)

    def _query_within(self, node: exp.Expr, ctes: Mapping[str, Known], scope: Scope) -> Known:
        return self.query(node, ctes, scope)

    def _derive(self, node: exp.Expr, scope: Scope, ctes: Mapping[str, Known], *, alias_first: bool = False) -> Derived:
        return self._expressions.derive(node, scope, ctes, alias_first=alias_first)

    # WITH, set operations, and what stands around a query

    def _with(self, node: exp.Expr, ctes: dict[str, Known], outer: Scope | None) -> dict[str, Known]:
        with_ = node.args.get("with_")
        if with_ is None:
            return ctes
        for cte in with_.expressions:
            if cte.args.get("key_expressions") or cte.args.get("scalar"):
                message = "a recursive CTE with a key"
                raise OpaqueError(message)
            ctes[cte.alias.casefold()] = self._cte(cte, ctes, outer, recursive=bool(with_.recursive))
        return ctes

    def _cte(self, cte: exp.CTE, ctes: Mapping[str, Known], outer: Scope | None, *, recursive: bool) -> Known:
        names = _column_names(cte)
        name = cte.alias.casefold()
        if not (recursive and any(t.name.casefold() == name and not t.db for t in cte.this.find_all(exp.Table))):
            return self.query(cte.this, ctes, outer).settled.named(names)
        if not isinstance(cte.this, exp.SetOperation):
            message = "a recursive CTE without a first part"
            raise OpaqueError(message)
        anchor = self.query(cte.this.left, ctes, outer).settled.named(names)
        step = self.query(cte.this, {**ctes, name: anchor}, outer).settled
        # Each round may carry any column into any other, so all depend on all that either part reads.
        both = coarse([anchor, step], "recursive")
        if anchor.columns is None:
            return both
        columns = tuple(
            RelationColumn(c.name, Derived(both.rows, both.rows, shape(both.shape, str(i))), c.label) for i, c in enumerate(anchor.columns)
        )
        return replace(both, columns=columns)

    def _set_operation(self, node: exp.SetOperation, ctes: Mapping[str, Known], outer: Scope | None) -> Known:
        left, right = self.query(node.left, ctes, outer).settled, self.query(node.right, ctes, outer).settled
        all_ = isinstance(node, exp.Union) and not node.args.get("distinct")
        parts = [node.key, str(node.args.get("distinct")), str(node.args.get("by_name"))]
        if left.columns is None or right.columns is None or (node.args.get("by_name") and not (left.is_sure and right.is_sure)):
            return coarse([left, right], *parts)
        columns = _by_name(left, right) if node.args.get("by_name") else _by_position(left, right, node)
        rows = left.rows | right.rows
        parts += [left.shape, right.shape]
        if not all_:  # which rows are left depends on every column
            rows = rows.union(*(c.derived.origins for c in columns))
            parts += [c.derived.shape for c in columns]
        return Known(tuple(columns), rows, shape(*parts))

    def _around(self, node: exp.Subquery, ctes: Mapping[str, Known], outer: Scope | None) -> Known:
        """A query in parentheses, with what follows them."""
        if isinstance(node.this, exp.Table):
            scope = Scope(outer)
            rows, parts = self._relation(node, scope, ctes)
            columns = tuple(Projections(self._expressions, scope, ctes, rows).star())
            found = Known(columns, rows, shape("joined", *parts))
        else:
            found = self.query(node.this, ctes, outer)
            if any(node.args.get(k) for k in ("order", *_CUTS)):
                found = found.settled
        found = self._sorted(node, found, ctes, outer)
        return self._pivots(node, found)

    def _sorted(self, node: exp.Expr, found: Known, ctes: Mapping[str, Known], outer: Scope | None) -> Known:
        """ORDER BY around a whole query, and LIMIT, for which the order decides which rows are left."""
        if not any(node.args.get(k) for k in ("order", *_CUTS)):
            return found
        scope = Scope(outer)
        scope.add("", found)
        columns = [c.derived for c in found.columns] if found.columns is not None else [found.any_column]
        order = [self._ordered(o, columns, scope, ctes) for o in _ordering(node)]
        if not any(node.args.get(k) for k in _CUTS):
            return replace(found, order=merged(order, "order"))
        cuts = [self._derive(node.args[k], scope, ctes) for k in _CUTS if node.args.get(k)]
        rows = found.rows.union(*(d.origins for d in (*order, *cuts)))
        return replace(found, rows=rows, shape=shape("limited", found.shape, *(d.shape for d in (*order, *cuts))))

    def _ordered(self, item: exp.Expr, columns: list[Derived], scope: Scope, ctes: Mapping[str, Known]) -> Derived:
        """One item of ORDER BY: a position, ALL, or an expression; its direction is part of its shape."""
        inner = item.this if isinstance(item, exp.Ordered) else item
        derived = self._positional(inner, columns, scope, ctes, alias_first=True)
        return replace(derived, shape=shape(derived.shape, str(item.args.get("desc") or False), str(item.args.get("nulls_first"))))

    # One SELECT

    def _select(self, node: exp.Select, ctes: Mapping[str, Known], outer: Scope | None) -> Known:
        scope = Scope(outer)
        rows, parts = self._from(node, scope, ctes)
        projections = Projections(self._expressions, scope, ctes, rows).read(node)
        deciders = self._row_deciders(node, scope, ctes, projections)
        rows = rows.union(*(d.origins for _, d in deciders))
        aggregated = any(p.aggregates for p in projections) or bool(node.args.get("having") or node.args.get("group"))
        whole = shape("select", str(aggregated), *parts, *(part for label, d in deciders for part in (label, d.shape)))
        order = Derived()
        if _ordering(node) and not any(label == "order" for label, _ in deciders):
            by_position = [p.derived for p in projections]
            order = merged([self._ordered(o, by_position, scope, ctes) for o in _ordering(node)], "order")
        return Known(tuple(p.column for p in projections), rows, whole, order=order)

    def _from(self, node: exp.Select, scope: Scope, ctes: Mapping[str, Known]) -> tuple[Origins, list[str]]:
        from_ = node.args.get("from_")
        rows, parts = self._relation(from_.this, scope, ctes) if from_ else (NOWHERE, [])
        for join in node.args.get("joins") or ():
            rows, parts = self._join(join, scope, ctes, rows, parts)
        for lateral in node.args.get("laterals") or ():
            relation = self._item(lateral, scope, ctes)
            rows, parts = rows | relation.rows, [*parts, "lateral", relation.shape]
        return rows, parts

    def _relation(self, item: exp.Expr, scope: Scope, ctes: Mapping[str, Known]) -> tuple[Origins, list[str]]:
        """A relation of FROM with the joins that are written at it."""
        if isinstance(item, exp.Subquery) and isinstance(item.this, exp.Table) and not item.alias:
            _only(item, _AROUND - {"order", "limit", "offset", "sample", "pivots", "with_"})
            rows, parts = self._relation(item.this, scope, ctes)
        else:
            relation = self._item(item, scope, ctes)
            rows, parts = relation.rows, [relation.shape]
        for join in item.args.get("joins") or ():
            rows, parts = self._join(join, scope, ctes, rows, parts)
        return rows, parts

    def _join(self, join: exp.Join, scope: Scope, ctes: Mapping[str, Known], rows: Origins, parts: list[str]) -> tuple[Origins, list[str]]:
        _only(join, _JOIN)
        method = str(join.args.get("method") or "").upper()
        kind = f"{join.args.get('side') or ''} {join.args.get('kind') or ''} {method}".upper()
        if method == "POSITIONAL":
            message = "a positional join depends on the order of rows"
            raise OpaqueError(message)
        before = Scope(None, dict(scope.relations), dict(scope.joined), {}, set(scope.hidden))
        if isinstance(join.this, exp.Subquery) and isinstance(join.this.this, exp.Table) and not join.this.alias:
            message = "a join with a join in parentheses"
            raise OpaqueError(message)
        relation = self._item(join.this, scope, ctes)
        parts = [*parts, "join", kind, relation.shape]
        rows |= relation.rows
        names = _shared(before, relation) if method == "NATURAL" else [i.name for i in join.args.get("using") or ()]
        added = next(reversed(scope.relations))
        for name in names:
            left, right = before.resolve([name]), scope.relations[added].find(name)
            both = merged([d for d in (left[0] if left else None, right) if d is not None], "using", kind)
            scope.joined[name.casefold()] = both
            rows |= both.origins
            parts += ["using", both.shape]
        if join.args.get("on"):
            on = self._derive(join.args["on"], scope, ctes)
            rows, parts = rows | on.origins, [*parts, on.shape]
        if "SEMI" in kind or "ANTI" in kind:
            scope.hidden.add(added)
        return rows, parts

    def _item(self, item: exp.Expr, scope: Scope, ctes: Mapping[str, Known]) -> Known:
        """One relation of FROM, put into scope under its alias."""
        if isinstance(item, exp.Table) and isinstance(item.this, exp.Identifier):
            _only(item, _TABLE)
            found = self._pivots(item, self._named_relation(item, ctes))
        elif isinstance(item, exp.Subquery):
            found = self.query(item, ctes, scope)
        elif isinstance(item, exp.Lateral) and isinstance(item.this, exp.Subquery):
            found = self.query(item.this, ctes, scope)
        elif isinstance(item, exp.Values):
            found = self._values(item, scope, ctes)
        else:
            found = self._function(item, scope, ctes)
        found = found.settled.named(_column_names(item))
        scope.add(item.alias_or_name.casefold(), found)
        return found

    def _named_relation(self, table: exp.Table, ctes: Mapping[str, Known]) -> Known:
        name = table.name.casefold()
        found = ctes.get(name) or self._inputs.get(name)
        if found is None:
            message = f"{table.name} is not a relation that is known here"
            raise OpaqueError(message)
        return found

    def _pivots(self, item: exp.Expr, found: Known) -> Known:
        """PIVOT, UNPIVOT and samples: the names and values that come out may depend on anything that goes in."""
        clauses = [*(item.args.get("pivots") or ()), *([item.args["sample"]] if item.args.get("sample") and item.key == "table" else [])]
        if any(c.find(exp.Query, exp.Table) for c in clauses):
            message = "a PIVOT with a query in it"
            raise OpaqueError(message)
        return coarse([found], *(self._expressions.text(c) for c in clauses)) if clauses else found

    def _pivoted(self, node: exp.Expr, scope: Scope, ctes: Mapping[str, Known]) -> Known:
        """The statements PIVOT and UNPIVOT, and a table in parentheses."""
        relation = self._item(node.this if isinstance(node, exp.Pivot) else node, scope, ctes)
        copy = node.copy()
        if isinstance(node, exp.Pivot):
            copy.set("this", exp.to_table("t"))
            if any(q is not copy for q in copy.find_all(exp.Query)):
                message = "a PIVOT with a query in it"
                raise OpaqueError(message)
            return coarse([relation], self._expressions.text(copy))
        return relation

    def _function(self, node: exp.Expr, scope: Scope, ctes: Mapping[str, Known]) -> Known:
        """unnest() and the like: rows and values alike come from the arguments."""
        target = node.this if isinstance(node, exp.Table | exp.Lateral) and isinstance(node.this, exp.Expr) else node
        copy = target.copy()
        copy.set("alias", None)
        derived = self._derive(exp.Paren(this=copy).this, scope, ctes)
        whole = shape("function", derived.shape, str(node.args.get("ordinality") or ""))
        return Known(None, derived.origins, whole, Derived(derived.origins, derived.origins, whole))

    def _values(self, node: exp.Values, scope: Scope, ctes: Mapping[str, Known]) -> Known:
        rows = [t.expressions if isinstance(t, exp.Tuple) else [t] for t in node.expressions]
        width = len(rows[0]) if rows else 0
        columns = [merged([self._derive(r[i], scope, ctes) for r in rows if i < len(r)], "values") for i in range(width)]
        named = tuple(RelationColumn(f"col{i}", c) for i, c in enumerate(columns))
        return Known(named, NOWHERE, shape("values", str(len(rows)))).named(_column_names(node))

    # What decides the rows

    def _row_deciders(
        self, node: exp.Select, scope: Scope, ctes: Mapping[str, Known], projections: list[Projection]
    ) -> list[tuple[str, Derived]]:
        """Everything after FROM that decides which rows come out, each with the name of its clause."""
        conditions = [(key, node.args[key].this) for key in ("where", "having", "qualify") if node.args.get(key)]
        found = [(key, self._condition(condition, scope, ctes)) for key, condition in conditions]
        by_position = [p.derived for p in projections]
        found += [("group", d) for d in self._grouping(node.args.get("group"), projections, scope, ctes)]
        distinct = node.args.get("distinct")
        on = distinct.args.get("on") if distinct else None
        if distinct:
            found += [("distinct", d) for d in ([self._derive(on, scope, ctes)] if on else by_position)]
        cuts = [node.args[k] for k in _CUTS if node.args.get(k)]
        if cuts or on:
            found += [("limit", self._derive(c, scope, ctes)) for c in cuts]
            found += [("order", self._ordered(o, by_position, scope, ctes)) for o in _ordering(node)]
        found += [("selected", p.derived) for p in projections if p.multiplies]
        return found

    def _condition(self, node: exp.Expr, scope: Scope, ctes: Mapping[str, Known]) -> Derived:
        """A condition. COLUMNS() in one means all of its columns at once."""
        if node.find(exp.Columns):
            message = "COLUMNS() in a condition"
            raise OpaqueError(message)
        return self._derive(node, scope, ctes)

    def _grouping(
        self, group: exp.Expr | None, projections: list[Projection], scope: Scope, ctes: Mapping[str, Known]
    ) -> Iterable[Derived]:
        if group is None:
            return
        _only(group, _GROUP)
        by_position = [p.derived for p in projections]
        if group.args.get("all"):
            yield from (p.derived for p in projections if not p.aggregates)
        for item in group.expressions:
            yield self._positional(item, by_position, scope, ctes)
        for key in ("grouping_sets", "cube", "rollup"):
            for item in group.args.get(key) or ():
                yield self._derive(item, scope, ctes)
                if item.find(exp.Literal):
                    yield all_of(projections)

    def _positional(
        self, item: exp.Expr, columns: list[Derived], scope: Scope, ctes: Mapping[str, Known], *, alias_first: bool = False
    ) -> Derived:
        """`GROUP BY 1` and `ORDER BY 2` mean a selected column."""
        if isinstance(item, exp.Literal) and not item.is_string:
            position = int(item.this) - 1 if item.this.isdigit() else -1
            if 0 <= position < len(columns):
                return columns[position]
        if isinstance(item, exp.Var) and item.name.upper() == "ALL":
            return merged(columns, "all")
        return self._derive(item, scope, ctes, alias_first=alias_first)


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
        names.setdefault((column.name or "").casefold(), column.name or "")
    found = []
    for name in names.values():
        sides = [relation.find(name) or Derived(shape="null") for relation in (left, right)]
        found.append(RelationColumn(name, merged(sides, "by name")))
    return found


def _only(node: exp.Expr, known: frozenset[str]) -> None:
    """What a clause may hold that is understood; anything else might change its meaning. Raises OpaqueError."""
    for key, value in node.args.items():
        if value and key not in known:
            message = f"{key.strip('_').upper()} of {node.key.upper()} is not analysed"
            raise OpaqueError(message)


def _column_names(node: exp.Expr) -> list[str]:
    alias = node.args.get("alias")
    return [c.name for c in alias.columns] if isinstance(alias, exp.TableAlias) else []


def _ordering(node: exp.Expr) -> list[exp.Expr]:
    order = node.args.get("order")
    return list(order.expressions) if order is not None else []


def _shared(before: Scope, right: Known) -> list[str]:
    """The columns a NATURAL join compares."""
    if not right.is_sure or not before.is_sure:
        message = "a natural join over a relation whose columns are not known"
        raise OpaqueError(message)
    left = {n.casefold() for n in before.names()}
    return [c.name for c in right.columns or () if c.name is not None and c.name.casefold() in left]
