"""The columns that a star and COLUMNS() stand for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.nodes import fold
from seeknal.sql.relations import NOWHERE, Known, OpaqueError, RelationColumn, merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seeknal.sql.relations import Derived
    from seeknal.sql.scopes import Scope

_CLAUSES = frozenset({"except_", "replace", "rename", "ilike"})
_PLAIN_PATTERN = re.compile(r"(?:[A-Za-z0-9_.|^$()*+?-]|\[[A-Za-z0-9_-]+\])*")
"""What Python's and the engine's regular expressions agree on."""


def starred(star: exp.Star, table: str, scope: Scope, derive: Callable[[exp.Expr], Derived]) -> list[RelationColumn]:
    """The columns of `*` or `t.*`, with what it excludes, replaces and renames."""
    for key, value in star.args.items():
        if value and key not in _CLAUSES:
            message = f"a star with {key.strip('_').upper()}"
            raise OpaqueError(message)
    excluded = {_bare(c) for c in star.args.get("except_") or ()}
    replaced = {fold(a.alias): derive(a.this) for a in star.args.get("replace") or ()}
    renamed = {_bare(a.this): a.alias for a in star.args.get("rename") or ()}
    relations = _relations(table, scope)
    if any(r.columns is None for r in relations):
        if star.args.get("ilike"):
            message = "columns chosen by ILIKE of a relation whose columns are not known"
            raise OpaqueError(message)
        parts = [*(f"except {e}" for e in sorted(excluded)), *(f"{a} for {n}" for n, a in renamed.items())]
        parts += [part for name, d in replaced.items() for part in (name, d.shape)]
        return [_unknown(relations, list(replaced.values()), *parts)]
    found = []
    for column in _every(table, scope):
        folded = fold(column.name or "")
        if folded in excluded:
            continue
        derived = replaced.get(folded, column.derived)
        if star.args.get("ilike") and not _like(star.args["ilike"], column.name or "", re.IGNORECASE):
            continue
        found.append(RelationColumn(renamed.get(folded, column.name), derived, column.label, spreads=column.spreads))
    return found


def chosen(pattern: exp.Expr, scope: Scope, derive: Callable[[exp.Expr], Derived]) -> list[RelationColumn]:
    """The columns that the argument of COLUMNS() chooses: of a star, a regular expression, a list of names, or a condition on the name."""
    star = pattern.this if isinstance(pattern, exp.Column) else pattern
    if isinstance(star, exp.Star):
        found = starred(star, pattern.table if isinstance(pattern, exp.Column) else "", scope, derive)
        return _sure(found)
    columns = _sure(starred(exp.Star(), "", scope, derive))
    if isinstance(pattern, exp.Literal) and pattern.is_string:
        if not _PLAIN_PATTERN.fullmatch(pattern.name):
            message = "a pattern of COLUMNS() that engines may read in other ways"
            raise OpaqueError(message)
        expression = _compiled(pattern.name)
        return [c for c in columns if expression.search(c.name or "")]
    if isinstance(pattern, exp.Array) and all(isinstance(e, exp.Literal) and e.is_string for e in pattern.expressions):
        names = {fold(e.name) for e in pattern.expressions}
        return [c for c in columns if fold(c.name or "") in names]
    if isinstance(pattern, exp.Lambda) and len(pattern.expressions) == 1:
        variable = fold(pattern.expressions[0].name)
        return [c for c in columns if holds(pattern.this, variable, c.name or "")]
    message = "a COLUMNS() whose choice is computed"
    raise OpaqueError(message)


def filtered(item: exp.Expr, columns: list[RelationColumn]) -> list[RelationColumn]:
    """The columns of a star that is followed by LIKE."""
    return [c for c in _sure(columns) if _matches(item, c.name or "")]


def holds(condition: exp.Expr, variable: str, name: str) -> bool:
    """Whether a condition on the name of a column holds for one. Raises OpaqueError where only the engine can tell."""
    if isinstance(condition, exp.Paren):
        return holds(condition.this, variable, name)
    if isinstance(condition, exp.Not):
        return not holds(condition.this, variable, name)
    if isinstance(condition, exp.And):
        return holds(condition.this, variable, name) and holds(condition.expression, variable, name)
    if isinstance(condition, exp.Or):
        return holds(condition.this, variable, name) or holds(condition.expression, variable, name)
    if isinstance(condition.this, exp.Identifier | exp.Column) and fold(condition.this.name) == variable:
        if isinstance(condition, exp.EQ | exp.NEQ):
            return (_text(condition.expression) == name) is isinstance(condition, exp.EQ)
        if isinstance(condition, exp.In) and condition.expressions:
            return name in [_text(e) for e in condition.expressions]
        return _matches(condition, name)
    message = "a COLUMNS() whose choice is computed"
    raise OpaqueError(message)


def _matches(item: exp.Expr, name: str) -> bool:
    if not isinstance(item, exp.Like | exp.ILike):
        message = f"columns chosen by {item.key.upper()}"
        raise OpaqueError(message)
    flags = re.IGNORECASE if isinstance(item, exp.ILike) else re.NOFLAG
    return _like(item.expression, name, flags) is not bool(item.args.get("negate"))


def _like(pattern: exp.Expr, name: str, flags: re.RegexFlag) -> bool:
    written = "".join({"%": ".*", "_": "."}.get(c, re.escape(c)) for c in _text(pattern))
    return re.fullmatch(written, name, flags | re.DOTALL) is not None


def _text(node: exp.Expr) -> str:
    if isinstance(node, exp.Literal) and node.is_string:
        return node.name
    message = "columns chosen by something computed"
    raise OpaqueError(message)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error:
        message = "a pattern of COLUMNS() that cannot be read"
        raise OpaqueError(message) from None


def _bare(node: exp.Expr) -> str:
    """The name that EXCLUDE and RENAME give."""
    if isinstance(node, exp.Column) and node.table:
        message = "a star without a column of one relation"
        raise OpaqueError(message)
    return fold(node.name)


def _relations(table: str, scope: Scope) -> list[Known]:
    found = [r for a, r in scope.relations.items() if (a == fold(table) if table else a not in scope.hidden)]
    if not found and not table:
        message = "the star stands for no relation in scope"
        raise OpaqueError(message)
    if found:
        return found
    resolved = scope.resolve([table])  # `s.*` of a struct
    if resolved is None:
        message = f"{table} names no relation in scope"
        raise OpaqueError(message)
    return [Known(None, NOWHERE, "", resolved[0])]


def _unknown(relations: list[Known], others: list[Derived], *parts: str) -> RelationColumn:
    """One column in place of those of relations whose columns are not known."""
    known = [c.derived for r in relations for c in (r.columns if r.columns is not None else [RelationColumn(None, r.any_column)])]
    return RelationColumn(None, merged([*known, *others], "star", *(r.whole for r in relations), *parts), "*", spreads=True)


def _every(table: str, scope: Scope) -> Iterator[RelationColumn]:
    """The columns a star stands for. Those that USING or NATURAL joined come once, where they come first."""
    done: set[str] = set()
    for alias, relation in scope.relations.items():
        if alias in scope.hidden or (table and alias != fold(table)):
            continue
        for column in relation.columns or ():
            folded = fold(column.name or "")
            if table or alias not in scope.members.get(folded, ()):
                yield column
            elif folded not in done:
                done.add(folded)
                yield RelationColumn(column.name, scope.joined[folded], column.label)


def _sure(columns: list[RelationColumn]) -> list[RelationColumn]:
    if any(c.name is None for c in columns):
        message = "COLUMNS() over columns whose names are not known"
        raise OpaqueError(message)
    return columns
