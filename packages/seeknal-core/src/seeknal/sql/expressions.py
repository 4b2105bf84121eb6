"""Where the value of an expression comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.errors import nearest
from seeknal.nodes import fold
from seeknal.sql.relations import NOWHERE, Derived, Known, OpaqueError, merged, shape
from seeknal.sql.walk import ColumnsMet, Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seeknal.sql.relations import Deferred
    from seeknal.sql.scopes import Scope

_WORDS = frozenset({"user", "current_schema", "current_catalog", "current_role", "session_user", "current_user"})
"""Names that mean something where no relation has a column of that name."""

_HIDDEN_COLUMNS = frozenset({"rowid", "file_row_number", "filename", "file_index"})


@dataclass(frozen=True, slots=True)
class NameProblem:
    """A column that a query names and no relation has, or several have. `offset` is where it stands in the text."""

    message: str
    offset: int
    hint: str | None = None


class Expressions:
    """Analyses expressions; `query` analyses the subqueries in them. What no relation has is kept in `problems`."""

    def __init__(
        self, query: Callable[[exp.Expr, Mapping[str, Deferred], Scope], Known], dialect: str, inputs: Mapping[str, Known]
    ) -> None:
        self._query = query
        self._dialect = dialect
        self._inputs = inputs
        self.problems: list[NameProblem] = []

    def derive(self, node: exp.Expr, scope: Scope, ctes: Mapping[str, Deferred], *, alias_too: bool = False) -> Derived:
        """Where a value comes from, and the shape of how. Raises OpaqueError."""
        return self.examine(node, scope, ctes, alias_too=alias_too)[0]

    def examine(
        self,
        node: exp.Expr,
        scope: Scope,
        ctes: Mapping[str, Deferred],
        *,
        alias_too: bool = False,
        columns: Mapping[bool, list[Derived]] | None = None,
    ) -> tuple[Derived, Walk]:
        """Where a value comes from, and what was seen on the way. `columns` are what COLUMNS() stands for, bare and unpacked."""
        walk = Walk(
            lambda column: self._column(column, scope, alias_too=alias_too),
            lambda query: self._subquery(query, scope, ctes),
            lambda name: found[0] if (found := scope.resolve([name])) is not None else None,
            columns,
        )
        walk.read(node)
        if len(walk.parts) == 1 and len(walk.value) == 1 and isinstance(unwrapped(node), exp.Column):
            return walk.value[0], walk
        value = NOWHERE.union(*(d.value for d in walk.value))
        filters = NOWHERE.union(*(d.filter for d in walk.value), *(d.origins for d in walk.filters))
        whole = shape("expression", *walk.parts)
        if walk.windows and scope.windows is not None:
            filters |= scope.windows.origins
            whole = shape("windowed", whole, scope.windows.shape)
        return Derived(value, filters, whole), walk

    def text(self, node: exp.Expr) -> str:
        """SQL without comments, every name quoted."""
        return node.sql(dialect=self._dialect, comments=False, identify=True)

    def _subquery(self, node: exp.Expr, scope: Scope, ctes: Mapping[str, Deferred]) -> Derived:
        try:
            relation = self._query(node, ctes, scope).settled
        except ColumnsMet as met:  # its COLUMNS() is none of the expression around it
            raise OpaqueError(*met.args) from None
        columns = [c.derived for c in relation.columns] if relation.columns is not None else [relation.any_column]
        both = merged(columns) if not _asks_for_rows_alone(node) else Derived(shape=shape("rows"))
        return Derived(both.value, both.filter | relation.rows, shape("subquery", both.shape, relation.shape))

    def _column(self, node: exp.Column, scope: Scope, *, alias_too: bool) -> tuple[Derived, list[str]]:
        parts = [p.name for p in node.parts]
        found = scope.resolve(parts, alias_too=alias_too)
        if found is None:
            return self._unknown(node, parts, scope), []
        owners = scope.owners(parts[0]) if len(parts) == 1 else []
        if len(owners) > 1:
            hint = "write " + " or ".join(f"{o}.{parts[0]}" for o in owners if not o.startswith("\0"))
            self.problems.append(NameProblem(f"column '{parts[0]}' is in several relations", _offset(node), hint))
        return found

    def _unknown(self, node: exp.Column, parts: list[str], scope: Scope) -> Derived:
        """Keep what no relation has; raise where some relation's columns are not known, so that it may have it."""
        written = ".".join(parts)
        if fold(parts[-1]) in _HIDDEN_COLUMNS:
            message = f"{written} is not one of the declared columns"
            raise OpaqueError(message)
        if len(parts) == 1 and fold(parts[0]) in _WORDS:
            return Derived(shape=shape("word", fold(parts[0])))
        if not scope.is_sure:
            message = f"{written} is in none of the relations whose columns are known"
            raise OpaqueError(message)
        self.problems.append(NameProblem(f"unknown column '{written}'", _offset(node), self._hint(parts, scope)))
        return Derived(shape="unknown")

    def _hint(self, parts: list[str], scope: Scope) -> str | None:
        """What may have been meant: the same column elsewhere, another relation, or a name that is near."""
        folded = fold(parts[-1])
        having = [a for a, r in scope.relations.items() if not a.startswith("\0") and r.exact(folded) is not None]
        if having:
            return f"{' and '.join(having)} {'has' if len(having) == 1 else 'have'} a column of that name"
        near = nearest(parts[-1], list(scope.names()))
        if near:
            return f"did you mean '{near}'?"
        elsewhere = [n for n, r in self._inputs.items() if r.exact(folded) is not None]
        if elsewhere:
            return f"{' and '.join(elsewhere)} {'has' if len(elsewhere) == 1 else 'have'} a column of that name, and is not read here"
        return f"the columns are: {', '.join(sorted(set(scope.names()))[:20])}" if scope.relations else None


def _asks_for_rows_alone(query: exp.Expr) -> bool:
    """Whether a subquery stands in EXISTS and selects a star: only whether there is a row counts."""
    select = query.unnest() if isinstance(query, exp.Subquery) else query
    plain = isinstance(select, exp.Select) and not select.args.get("distinct") and all(type(e) is exp.Star for e in select.expressions)
    return isinstance(query.parent, exp.Exists) and plain


def unwrapped(node: exp.Expr) -> exp.Expr:
    """What stands within parentheses."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def _offset(node: exp.Column) -> int:
    return int(node.parts[0].meta.get("start", 0))
