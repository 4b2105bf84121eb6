"""Where the value of an expression comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.errors import nearest
from seeknal.sql.functions import SCALAR
from seeknal.sql.relations import NOWHERE, Derived, Known, OpaqueError, merged, shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from seeknal.sql.scopes import Scope

_UNKNOWN = (exp.PositionalColumn, exp.MatchRecognize, exp.Parameter, exp.Placeholder, exp.Star, exp.Columns)
_SEVERAL_ROWS = (exp.Explode, exp.Unnest, exp.Posexplode)
_NAMES_MATTER = (exp.Struct, exp.Anonymous, exp.JSONObject)


@dataclass(frozen=True, slots=True)
class NameProblem:
    """A column that a query names and no relation has, or several have. `offset` is where it stands in the text."""

    message: str
    offset: int
    hint: str | None = None


@dataclass
class _Found:
    """What was met in one expression. `bound` are names that lambdas and comprehensions gave."""

    value: list[Derived] = field(default_factory=list)
    filters: list[Derived] = field(default_factory=list)
    alias_first: bool = False


class Expressions:
    """Analyses expressions; `query` analyses the subqueries in them. What no relation has is kept in `problems`."""

    def __init__(self, query: Callable[[exp.Expr, Mapping[str, Known], Scope], Known], dialect: str) -> None:
        self._query = query
        self._dialect = dialect
        self.problems: list[NameProblem] = []

    def derive(self, node: exp.Expr, scope: Scope, ctes: Mapping[str, Known], *, alias_first: bool = False) -> Derived:
        """Where a value comes from.

        Its shape is the text of the expression with each column replaced by the shape of what it means, so that aliases, quoting and the
        names of CTEs play no part in it. Raises OpaqueError.
        """
        while isinstance(node, exp.Paren):
            node = node.this
        if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
            found, fields = self._column(node, scope, alias_first=alias_first)
            if not fields:
                return found
        holder = exp.Paren(this=node.copy())
        met = _Found(alias_first=alias_first)
        self._replace(holder.this, scope, ctes, met, frozenset(), in_filter=False)
        value = NOWHERE.union(*(d.value for d in met.value))
        filters = NOWHERE.union(*(d.filter for d in met.value), *(d.origins for d in met.filters))
        return Derived(value, filters, shape("expression", self.text(holder.this)))

    def text(self, node: exp.Expr) -> str:
        """SQL without comments, names as they stand."""
        return node.sql(dialect=self._dialect, comments=False)

    def _replace(
        self, node: exp.Expr, scope: Scope, ctes: Mapping[str, Known], met: _Found, bound: frozenset[str], *, in_filter: bool
    ) -> None:
        """Replace every reference at or below `node` by a name made of its shape."""
        into = met.filters if in_filter else met.value
        if isinstance(node, exp.Query):
            into.append(self._subquery(node, scope, ctes))
            return
        if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
            if node.parts[0].name.casefold() not in bound:
                found, fields = self._column(node, scope, alias_first=met.alias_first)
                into.append(found)
                name = [node.name] if isinstance(node.parent, _NAMES_MATTER) else []
                node.replace(exp.column(exp.to_identifier(" ".join(["c", found.shape, *fields, *name]), quoted=True)))
            return
        if isinstance(node, exp.Star) and isinstance(node.parent, exp.Count):
            return
        if isinstance(node, _UNKNOWN):
            message = f"{node.key.upper()} within an expression"
            raise OpaqueError(message)
        within = bound | _bound(node)
        for key, child in list(node.args.items()):
            inside = in_filter or (isinstance(node, exp.Window) and key in ("partition_by", "order", "spec"))
            inside = inside or (isinstance(node, exp.Filter) and key == "expression")
            for item in child if isinstance(child, list) else [child]:
                if isinstance(item, exp.Expr):
                    names = bound if isinstance(node, exp.Comprehension) and key == "iterator" else within
                    self._replace(item, scope, ctes, met, names, in_filter=inside)

    def _subquery(self, node: exp.Query, scope: Scope, ctes: Mapping[str, Known]) -> Derived:
        relation = self._query(node, ctes, scope).settled
        columns = [c.derived for c in relation.columns] if relation.columns is not None else [relation.any_column]
        both = merged(columns)
        found = Derived(both.value, both.filter | relation.rows, shape("subquery", both.shape, relation.shape))
        node.replace(exp.to_identifier(f"q {found.shape}", quoted=True))
        return found

    def _column(self, node: exp.Column, scope: Scope, *, alias_first: bool) -> tuple[Derived, list[str]]:
        parts = [p.name for p in node.parts]
        found = scope.resolve(parts, alias_first=alias_first)
        if found is None:
            self._unknown(node, parts, scope)
            return Derived(shape="unknown"), []
        owners = scope.owners(parts[0]) if len(parts) == 1 and not alias_first else []
        if len(owners) > 1:
            hint = "write " + " or ".join(f"{o}.{parts[0]}" for o in owners if not o.startswith("\0"))
            self.problems.append(NameProblem(f"column '{parts[0]}' is in several relations", _offset(node), hint))
        return found

    def _unknown(self, node: exp.Column, parts: list[str], scope: Scope) -> None:
        """Keep what no relation has; raise where some relation's columns are not known, so that it may have it."""
        written = ".".join(parts)
        if not scope.is_sure:
            message = f"{written} is in none of the relations whose columns are known"
            raise OpaqueError(message)
        near = nearest(parts[-1], list(scope.names()))
        having = [a for a, r in scope.relations.items() if not a.startswith("\0") and r.find(parts[-1]) is not None]
        hint = f"did you mean '{near}'?" if near else None
        hint = f"{' and '.join(having)} {'has' if len(having) == 1 else 'have'} a column of that name" if having else hint
        if hint is None and scope.relations:
            hint = f"the columns are: {', '.join(sorted(set(scope.names()))[:20])}"
        self.problems.append(NameProblem(f"unknown column '{written}'", _offset(node), hint))


def aggregates(node: exp.Expr) -> bool:
    """Whether it aggregates the rows of its SELECT, or calls a function that may: then one row comes out where many went in."""
    if isinstance(node, exp.Query):
        return False
    if isinstance(node, exp.Window):
        function, *others = node.this, *(c for c in _children(node) if c is not node.this)
        return any(aggregates(c) for c in (*_children(function), *others))
    return isinstance(node, exp.AggFunc) or is_unclassed(node) or any(aggregates(c) for c in _children(node))


def multiplies(node: exp.Expr) -> bool:
    """Whether its value decides how many rows come out: it unnests, or calls a function that may."""
    if isinstance(node, exp.Query):
        return False
    return isinstance(node, _SEVERAL_ROWS) or is_unclassed(node) or any(multiplies(c) for c in _children(node))


def is_unclassed(node: exp.Expr) -> bool:
    """Whether it is a function of which only the engine knows whether it aggregates or unnests."""
    return isinstance(node, exp.Anonymous | exp.AnonymousAggFunc) and node.name.casefold() not in SCALAR


def counts_rows(node: exp.Expr) -> bool:
    """Whether the value depends on the rows there are although it names no column: `count(*)`, `row_number()`."""
    return node.find(exp.AggFunc, exp.Window, exp.Anonymous) is not None


def _children(node: exp.Expr) -> Iterator[exp.Expr]:
    for child in node.args.values():
        for item in child if isinstance(child, list) else [child]:
            if isinstance(item, exp.Expr):
                yield item


def _bound(node: exp.Expr) -> frozenset[str]:
    """The names that a lambda or comprehension gives to what is within it."""
    if isinstance(node, exp.Lambda):
        return frozenset(e.name.casefold() for e in node.expressions)
    if isinstance(node, exp.Comprehension):
        return frozenset(i.name.casefold() for i in node.args["expression"].find_all(exp.Identifier))
    return frozenset()


def _offset(node: exp.Column) -> int:
    return int(node.parts[0].meta.get("start", 0))
