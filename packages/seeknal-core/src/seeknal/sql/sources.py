"""What stands in FROM: relations, joins, functions, pivots."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.sql.clauses import column_names, only
from seeknal.sql.projections import Projections
from seeknal.sql.relations import NOWHERE, Derived, Known, OpaqueError, RelationColumn, coarse, shape
from seeknal.sql.scopes import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seeknal.sql.expressions import Expressions
    from seeknal.sql.relations import Deferred, Origins

_TABLE = frozenset({"this", "alias", "joins", "laterals", "pivots", "sample"})
_FUNCTION_TABLE = frozenset({"this", "alias", "joins", "pivots", "sample", "ordinality"})
_GROUPED = frozenset({"this", "joins"})
_JOIN = frozenset({"this", "on", "side", "kind", "using", "method"})
_LATERAL = frozenset({"this", "alias", "view", "outer"})
_UNNEST = frozenset({"expressions", "alias", "offset"})
_SERIES = {True: "range", False: "generate_series"}

Rows = tuple["Origins", list[str]]
"""The input columns that decide which rows there are, and what the shape of the rows is made from."""


class Sources:
    """Reads the FROM clause of SELECTs. `query` analyses what stands in it in parentheses, `inputs` are the relations there are."""

    def __init__(
        self,
        expressions: Expressions,
        inputs: Mapping[str, Known],
        query: Callable[[exp.Expr, Mapping[str, Deferred], Scope | None], Known],
    ) -> None:
        self._expressions = expressions
        self._inputs = inputs
        self._query = query

    def read(self, node: exp.Select, scope: Scope, ctes: Mapping[str, Deferred]) -> Rows:
        """The whole FROM clause of a SELECT."""
        from_ = node.args.get("from_")
        rows, parts = self.group(from_.this, scope, ctes) if from_ else (NOWHERE, [])
        for join in node.args.get("joins") or ():
            rows, parts = self._join(join, scope, ctes, rows, parts)
        for lateral in node.args.get("laterals") or ():
            relation = self.item(lateral, scope, ctes)
            rows, parts = rows | relation.rows, [*parts, "lateral", str(bool(lateral.args.get("outer"))), relation.shape]
        return rows, parts

    def group(self, item: exp.Expr, scope: Scope, ctes: Mapping[str, Deferred]) -> Rows:
        """A relation of FROM with the joins that are written at it, or several joined ones in parentheses."""
        if _is_group(item):
            only(item, _GROUPED)
            rows, parts = self.group(item.this, scope, ctes)
            parts = ["(", *parts, ")"]
        else:
            relation = self.item(item, scope, ctes)
            rows, parts = relation.rows, [relation.shape]
        for join in item.args.get("joins") or ():
            rows, parts = self._join(join, scope, ctes, rows, parts)
        return rows, parts

    def joined(self, node: exp.Subquery, scope: Scope, ctes: Mapping[str, Deferred]) -> Known:
        """Joined relations in parentheses that have a name of their own."""
        rows, parts = self.group(node.this, scope, ctes)
        for join in node.args.get("joins") or ():
            rows, parts = self._join(join, scope, ctes, rows, parts)
        columns = Projections(self._expressions, scope, ctes, rows).star()
        return Known(tuple(columns), rows, shape("joined", *parts)).settled

    def _join(self, join: exp.Join, scope: Scope, ctes: Mapping[str, Deferred], rows: Origins, parts: list[str]) -> Rows:
        only(join, _JOIN)
        method = str(join.args.get("method") or "").upper()
        kind = f"{join.args.get('side') or ''} {join.args.get('kind') or ''} {method}".upper().replace("INNER", "").replace("OUTER", "")
        if method == "POSITIONAL":
            message = "a positional join depends on the order of rows"
            raise OpaqueError(message)
        before = replace(scope, outer=None, relations=dict(scope.relations), joined=dict(scope.joined), members=dict(scope.members))
        inside = Scope(scope, first=len(scope.relations)) if _is_group(join.this) else scope
        more, added_parts = self.group(join.this, inside, ctes)
        if inside is not scope:
            scope.within(inside)
        parts = [*parts, "join", kind, *added_parts]
        rows |= more
        added = replace(inside, outer=None, relations={k: v for k, v in scope.relations.items() if k not in before.relations})
        if inside is scope:
            added = replace(added, joined={}, members={}, hidden=set())
        for name in _shared(before, added) if method == "NATURAL" else [i.name for i in join.args.get("using") or ()]:
            both = scope.join(name, (before, added), kind)
            rows |= both.origins
            parts += ["using", both.shape]
        if join.args.get("on"):
            on = self._expressions.derive(join.args["on"], scope, ctes)
            rows, parts = rows | on.origins, [*parts, "on", on.shape]
        if "SEMI" in kind or "ANTI" in kind:
            scope.hide(added.relations)
        return rows, parts

    def item(self, item: exp.Expr, scope: Scope, ctes: Mapping[str, Deferred]) -> Known:
        """One relation of FROM, put into scope under its alias."""
        alias = item.alias_or_name
        if isinstance(item, exp.Table) and isinstance(item.this, exp.Identifier):
            only(item, _TABLE)
            found = self.pivots(item, self._named_relation(item, ctes))
            alias = next((p.alias for p in reversed(item.args.get("pivots") or ()) if p.alias), alias)
        elif isinstance(item, exp.Subquery):
            found = self._query(item, ctes, scope)
            alias = next((p.alias for p in reversed(item.args.get("pivots") or ()) if p.alias), alias)
        elif isinstance(item, exp.Lateral) and isinstance(item.this, exp.Subquery):
            only(item, _LATERAL)
            found = self._query(item.this, ctes, scope)
        elif isinstance(item, exp.Values):
            found = self._query(item, ctes, scope)
        else:
            found = self.pivots(item, self._function(item, scope, ctes))
            alias = alias or (found.columns[0].name or "" if found.columns else "")
        found = found.settled.named(column_names(item))
        scope.add(alias.casefold(), found)
        return found

    def _named_relation(self, table: exp.Table, ctes: Mapping[str, Deferred]) -> Known:
        name = table.name.casefold()
        found = ctes[name].known if name in ctes else self._inputs.get(name)
        if found is None:
            message = f"{table.name} is not a relation that is known here"
            raise OpaqueError(message)
        return found

    def pivots(self, item: exp.Expr, found: Known) -> Known:
        """PIVOT, UNPIVOT and samples: the names and values that come out may depend on anything that goes in."""
        clauses = [*(item.args.get("pivots") or ()), *([item.args["sample"]] if item.args.get("sample") and item.key == "table" else [])]
        if any(c.find(exp.Query, exp.Table) for c in clauses):
            message = "a PIVOT with a query in it"
            raise OpaqueError(message)
        return coarse([found.settled], *(self._expressions.text(c) for c in clauses)) if clauses else found

    def statement(self, node: exp.Pivot, outer: Scope | None, ctes: Mapping[str, Deferred]) -> Known:
        """PIVOT and UNPIVOT as a query of their own."""
        scope = Scope(outer)
        relation = self.item(node.this, scope, ctes)
        if node.this.args.get("joins"):
            message = "a PIVOT of a join"
            raise OpaqueError(message)
        copy = node.copy()
        copy.set("this", exp.to_table("t"))
        copy.set("with_", None)
        if next(copy.find_all(exp.Query), None) is not None:
            message = "a PIVOT with a query in it"
            raise OpaqueError(message)
        return coarse([relation], "statement", str(bool(node.args.get("unpivot"))), self._expressions.text(copy))

    def _function(self, node: exp.Expr, scope: Scope, ctes: Mapping[str, Deferred]) -> Known:
        """unnest() and the like: rows and values alike come from the arguments."""
        target = node
        if isinstance(node, exp.Table | exp.Lateral):
            only(node, _FUNCTION_TABLE if isinstance(node, exp.Table) else _LATERAL)
            target = node.this
        if not isinstance(target, exp.Func | exp.Unnest):
            message = f"{node.key.upper()} in FROM"
            raise OpaqueError(message)
        if isinstance(target, exp.Unnest):
            only(target, _UNNEST)
        copy = target.copy()
        copy.set("alias", None)
        derived = self._expressions.derive(copy, scope, ctes)
        plain = not node.args.get("ordinality") and not target.args.get("offset")
        whole = shape("function", derived.shape, str(plain))
        one = Derived(derived.origins, derived.origins, whole)
        name = _only_column(target) if plain else None
        return Known((RelationColumn(name, one),) if name else None, derived.origins, whole, one)


def _only_column(function: exp.Expr) -> str | None:
    """The name of the one column of a function in FROM; None where it may have others."""
    if isinstance(function, exp.GenerateSeries):
        return _SERIES[bool(function.args.get("is_end_exclusive"))]
    if isinstance(function, exp.Unnest) and len(function.expressions) == 1:
        return "unnest"
    return "unnest" if isinstance(function, exp.Explode) and not function.expressions else None


def _is_group(item: exp.Expr) -> bool:
    return isinstance(item, exp.Subquery) and isinstance(item.this, exp.Table) and not item.alias and not item.args.get("pivots")


def _shared(before: Scope, right: Scope) -> list[str]:
    """The columns a NATURAL join compares."""
    if not right.is_sure or not before.is_sure:
        message = "a natural join over a relation whose columns are not known"
        raise OpaqueError(message)
    left = {n.casefold() for n in before.names()}
    return list(dict.fromkeys(n.casefold() for n in right.names() if n.casefold() in left))
