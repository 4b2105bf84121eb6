"""What a SELECT selects: its expressions, with stars and COLUMNS() spelled out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.nodes import fold
from seeknal.sql.expressions import unwrapped
from seeknal.sql.relations import Derived, OpaqueError, RelationColumn, merged, shape
from seeknal.sql.stars import chosen, filtered, starred
from seeknal.sql.walk import ColumnsMet, spreads

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seeknal.sql.expressions import Expressions
    from seeknal.sql.relations import Deferred, Origins
    from seeknal.sql.scopes import Scope
    from seeknal.sql.walk import Walk

_FILTERED = (exp.Like, exp.ILike, exp.Glob, exp.SimilarTo)


@dataclass(frozen=True, slots=True)
class Projection:
    """A selected column; whether it aggregates rows for certain, whether it may, and whether it may multiply them."""

    column: RelationColumn
    aggregates: bool = False
    may_aggregate: bool = False
    multiplies: bool = False

    @property
    def derived(self) -> Derived:
        """Where its value comes from."""
        return self.column.derived


class Projections:
    """Reads the select list of one SELECT. `rows` are the columns that decide the rows it is computed over."""

    def __init__(self, expressions: Expressions, scope: Scope, ctes: Mapping[str, Deferred], rows: Origins) -> None:
        self._expressions = expressions
        self._scope = scope
        self._ctes = ctes
        self._rows = rows

    def read(self, node: exp.Select) -> list[Projection]:
        """Every column it selects, in order. Raises OpaqueError."""
        windows = node.args.get("windows")
        if windows:
            self._scope.windows = merged([self._window(w) for w in windows], "windows")
        found: list[Projection] = []
        for item in node.expressions:
            star, table = _star(item)
            if star is not None:
                found += [Projection(c) for c in self._starred(star, table)]
                continue
            star, table = _star(item.this) if isinstance(item, _FILTERED) else (None, "")
            if star is not None:
                found += [Projection(c) for c in filtered(item, self._starred(star, table))]
            else:
                found += self._item(item)
        return found

    def star(self) -> list[RelationColumn]:
        """What `*` alone stands for."""
        return self._starred(exp.Star(), "")

    def condition(self, node: exp.Expr, *, alias_too: bool = False) -> Derived:
        """A condition on the rows. COLUMNS() in one means all of its columns, one after another."""
        try:
            return self._expressions.derive(node, self._scope, self._ctes, alias_too=alias_too)
        except ColumnsMet:
            return merged([d for d, _, _ in self._for_each(node, alias_too=alias_too)], "each")

    def _item(self, item: exp.Expr) -> Iterator[Projection]:
        inner = item.this if isinstance(item, exp.Alias) else item
        try:
            derived, walk = self._expressions.examine(inner, self._scope, self._ctes)
        except ColumnsMet:
            if isinstance(item, exp.Alias) and "\\" in item.alias:
                message = "COLUMNS() with a name made of its pattern"
                raise OpaqueError(message) from None
            for derived, walk, name in self._for_each(inner):
                alias = item.alias if isinstance(item, exp.Alias) else name
                yield self._projection(inner, derived, walk, alias)
            return
        yield self._projection(inner, derived, walk, item.alias if isinstance(item, exp.Alias) else self._name(inner))

    def _projection(self, inner: exp.Expr, derived: Derived, walk: Walk, name: str | None) -> Projection:
        if not derived.value and walk.counts:
            derived = replace(derived, value=self._rows)
        several = spreads(unwrapped(inner))
        if name:
            known = self._scope.aliases.get(fold(name))  # which of two it is differs between clauses
            self._scope.aliases[fold(name)] = derived if known is None or known == derived else merged([known, derived], "either alias")
        name = None if several else name
        label = "" if name else self._expressions.text(inner)
        column = RelationColumn(name, derived, label, self._uncast(inner), several)
        return Projection(column, walk.aggregates, walk.aggregates or walk.may_aggregate, walk.multiplies)

    def _uncast(self, inner: exp.Expr) -> str:
        """The shape of what a cast is around."""
        if not isinstance(inner, exp.Cast) or isinstance(inner, exp.TryCast) or inner.find(exp.Columns):
            return ""
        return self._expressions.derive(inner.this, self._scope, self._ctes).shape

    def _name(self, inner: exp.Expr) -> str | None:
        """The name of a column that is given none: as its relation spells it, or as it is written where that is a field or an alias."""
        inner = unwrapped(inner)
        if not isinstance(inner, exp.Column):
            return None
        return self._scope.spelled([p.name for p in inner.parts]) or inner.name

    def _window(self, window: exp.Expr) -> Derived:
        """A window of the WINDOW clause; its name plays no part, except to other windows."""
        copy = window.copy()
        name = copy.this.name if copy.this is not None else ""
        copy.set("this", exp.Null())
        derived = self._expressions.derive(copy, self._scope, self._ctes)
        return replace(derived, shape=shape(fold(name), derived.shape))

    def _starred(self, star: exp.Star, table: str) -> list[RelationColumn]:
        return starred(star, table, self._scope, lambda node: self._expressions.derive(node, self._scope, self._ctes))

    def _for_each(self, node: exp.Expr, *, alias_too: bool = False) -> Iterator[tuple[Derived, Walk, str | None]]:
        """An expression with COLUMNS() in it, for each of the columns that stands for; once for all of them where it is unpacked."""
        used = list(_columns_within(node))
        if len({(c.this.sql(), bool(c.args.get("unpack"))) for c in used}) > 1:
            message = "COLUMNS() twice, choosing different columns"
            raise OpaqueError(message)
        columns = chosen(used[0].this, self._scope, lambda n: self._expressions.derive(n, self._scope, self._ctes))
        if used[0].args.get("unpack"):
            given = {True: [_given(c) for c in columns]}
            yield (*self._expressions.examine(node, self._scope, self._ctes, alias_too=alias_too, columns=given), None)
            return
        for column in columns:
            given = {False: [_given(column)]}
            yield (*self._expressions.examine(node, self._scope, self._ctes, alias_too=alias_too, columns=given), column.name)


def _given(column: RelationColumn) -> Derived:
    """What COLUMNS() stands for; some functions make use of its name."""
    return replace(column.derived, shape=shape("columns", column.name or "", column.derived.shape))


def _star(item: exp.Expr) -> tuple[exp.Star | None, str]:
    """The star an item of a select list is, and the relation before it."""
    if isinstance(item, exp.Star):
        return item, ""
    if isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
        if len(item.parts) > 2:  # noqa: PLR2004 - a relation and its star
            message = "a star of a relation with a dot"
            raise OpaqueError(message)
        return item.this, item.table
    return None, ""


def _columns_within(node: exp.Expr) -> Iterator[exp.Columns]:
    """COLUMNS() in an expression, not that of its subqueries."""
    if isinstance(node, exp.Columns):
        yield node
    elif not isinstance(node, exp.Query):
        for child in node.iter_expressions():
            yield from _columns_within(child)
