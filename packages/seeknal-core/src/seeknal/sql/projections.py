"""What a SELECT selects: its expressions, with stars and COLUMNS() spelled out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.sql.expressions import aggregates, counts_rows, multiplies
from seeknal.sql.relations import NOWHERE, Derived, OpaqueError, RelationColumn, merged, shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seeknal.sql.expressions import Expressions
    from seeknal.sql.relations import Known, Origins
    from seeknal.sql.scopes import Scope


@dataclass(frozen=True, slots=True)
class Projection:
    """A selected column, and whether it aggregates rows or multiplies them."""

    column: RelationColumn
    aggregates: bool = False
    multiplies: bool = False

    @property
    def derived(self) -> Derived:
        """Where its value comes from."""
        return self.column.derived


class Projections:
    """Reads the select list of one SELECT. `rows` are the columns that decide the rows it is computed over."""

    def __init__(self, expressions: Expressions, scope: Scope, ctes: Mapping[str, Known], rows: Origins) -> None:
        self._expressions = expressions
        self._scope = scope
        self._ctes = ctes
        self._rows = rows

    def read(self, node: exp.Select) -> list[Projection]:
        """Every column it selects, in order. Raises OpaqueError."""
        windows = [self._window(w) for w in node.args.get("windows") or ()]
        found: list[Projection] = []
        for item in node.expressions:
            star = item.this if isinstance(item, exp.Column) else item
            if isinstance(star, exp.Star):
                table = item.table if isinstance(item, exp.Column) else ""
                found += [Projection(c) for c in self._star(star, table)]
            elif isinstance(item, exp.Like | exp.ILike | exp.SimilarTo | exp.Not) and item.find(exp.Star) and not item.find(exp.Count):
                message = f"a star that is filtered by {item.key.upper()}"
                raise OpaqueError(message)
            elif item.find(exp.Columns):
                found += self._columns(item, windows)
            else:
                found.append(self._one(item, windows))
        return found

    def _one(self, item: exp.Expr, windows: list[Derived], name: str | None = None) -> Projection:
        inner = item.this if isinstance(item, exp.Alias) else item
        derived = self._expressions.derive(inner, self._scope, self._ctes)
        if windows and inner.find(exp.Window):
            named = merged(windows, "windows")
            derived = Derived(derived.value, derived.filter | named.origins, shape(derived.shape, named.shape))
        if not derived.value and counts_rows(inner):
            derived = Derived(self._rows, derived.filter, derived.shape)
        name = name or _name(item)
        label = "" if name else self._expressions.text(inner)
        if name:
            self._scope.aliases.setdefault(name.casefold(), derived)
        uncast = (
            self._expressions.derive(inner.this, self._scope, self._ctes).shape
            if isinstance(inner, exp.Cast) and not isinstance(inner, exp.TryCast)
            else ""
        )
        return Projection(RelationColumn(name, derived, label, uncast), aggregates(inner), multiplies(inner))

    def _window(self, window: exp.Expr) -> Derived:
        """A window of the WINDOW clause; its name plays no part, except to other windows."""
        copy = window.copy()
        name = copy.this.name if copy.this is not None else ""
        copy.set("this", exp.Null())
        derived = self._expressions.derive(copy, self._scope, self._ctes)
        return Derived(derived.value, derived.filter, shape(name, derived.shape))

    # Stars

    def star(self) -> list[RelationColumn]:
        """What `*` alone stands for."""
        return list(self._every())

    def _star(self, star: exp.Star, table: str) -> Iterator[RelationColumn]:
        excluded = {c.name.casefold() for c in star.args.get("except_") or ()}
        replaced = {a.alias.casefold(): a.this for a in star.args.get("replace") or ()}
        renamed = {a.this.name.casefold(): a.alias for a in star.args.get("rename") or ()}
        if star.args.get("ilike"):
            message = "a star that is filtered by ILIKE"
            raise OpaqueError(message)
        for column in self._every(table):
            folded = (column.name or "").casefold()
            if folded in excluded:
                continue
            derived = column.derived
            if folded in replaced:
                derived = self._expressions.derive(replaced[folded], self._scope, self._ctes)
            yield RelationColumn(renamed.get(folded, column.name), derived, column.label)

    def _every(self, table: str = "") -> Iterator[RelationColumn]:
        """The columns a star stands for. Those that USING or NATURAL joined come once, where they come first."""
        scope = self._scope
        chosen = [r for a, r in scope.relations.items() if (a == table.casefold() if table else a not in scope.hidden)]
        if not chosen:
            message = f"{table or 'the star'} names no relation in scope"
            raise OpaqueError(message)
        done: set[str] = set()
        for relation in chosen:
            if relation.columns is None:
                message = "a star over a relation whose columns are not known"
                raise OpaqueError(message)
            for column in relation.columns:
                folded = (column.name or "").casefold()
                if not table and folded in scope.joined:
                    if folded not in done:
                        yield RelationColumn(column.name, scope.joined[folded], column.label)
                    done.add(folded)
                else:
                    yield column

    # The columns of a pattern

    def _columns(self, item: exp.Expr, windows: list[Derived]) -> Iterator[Projection]:
        """One column for each that COLUMNS() stands for."""
        used = list(item.find_all(exp.Columns))
        if any(c.args.get("unpack") for c in used) or len({c.sql() for c in used}) > 1:
            message = "COLUMNS() unpacked, or two that differ"
            raise OpaqueError(message)
        alias = item.alias if isinstance(item, exp.Alias) else None
        if alias and "\\" in alias:
            message = "COLUMNS() with a name made of its pattern"
            raise OpaqueError(message)
        for column in matching(used[0].this, list(self._every())):
            if column.name is None:
                message = "COLUMNS() over columns whose names are not known"
                raise OpaqueError(message)
            copy = exp.Paren(this=item.copy())
            for place in list(copy.find_all(exp.Columns)):
                place.replace(exp.column(exp.to_identifier(column.name, quoted=True)))
            yield self._one(copy.this, windows, alias or column.name)


def matching(pattern: exp.Expr, columns: list[RelationColumn]) -> list[RelationColumn]:
    """The columns that the argument of COLUMNS() chooses: all of them, a regular expression, or a list of names."""
    if isinstance(pattern, exp.Star) and not any(pattern.args.get(k) for k in ("except_", "replace", "rename", "ilike")):
        return columns
    if isinstance(pattern, exp.Literal) and pattern.is_string:
        try:
            expression = re.compile(pattern.name)
        except re.error:
            message = "a pattern of COLUMNS() that cannot be read"
            raise OpaqueError(message) from None
        return [c for c in columns if expression.search(c.name or "")]
    if isinstance(pattern, exp.Array) and all(isinstance(e, exp.Literal) for e in pattern.expressions):
        known = {(c.name or "").casefold(): c for c in columns}
        return [known[e.name.casefold()] for e in pattern.expressions if e.name.casefold() in known]
    message = "a COLUMNS() whose choice is computed"
    raise OpaqueError(message)


def all_of(projections: list[Projection]) -> Derived:
    """All selected columns together."""
    return merged((p.derived for p in projections), "all") if projections else Derived(NOWHERE, NOWHERE, "all")


def _name(item: exp.Expr) -> str | None:
    if isinstance(item, exp.Alias):
        return item.alias
    while isinstance(item, exp.Paren):
        item = item.this
    return item.name if isinstance(item, exp.Column) else None
