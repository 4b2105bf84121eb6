"""How two queries differ, for people: which clauses, and a diff of the SQL laid out alike."""

from __future__ import annotations

import difflib
from collections import Counter
from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.sql.guard import SqlProblem, parse_select

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONTEXT = 2

FILTER, JOIN, GROUPING = "FILTER_CHANGED", "JOIN_CHANGED", "GROUPING_CHANGED"


def clauses(old: str, new: str, dialect: str) -> list[tuple[str, str]]:
    """The kinds of clauses that decide rows and differ, each with what it was and is now."""
    before, after = (_clauses(sql, dialect) for sql in (old, new))
    found = []
    for kind in (FILTER, JOIN, GROUPING):
        gone, come = before[kind] - after[kind], after[kind] - before[kind]
        if gone or come:
            texts = [f"- {t}" for t in gone.elements()] + [f"+ {t}" for t in come.elements()]
            found.append((kind, "; ".join(texts)))
    return found


def decisive(sql: str, dialect: str) -> str:
    """The kind of clause that decides which rows there are, where no clause itself has changed but what it works on has."""
    kinds = {kind for kind, node in _found(parse_select(sql, dialect)) if kind == GROUPING or node.find(exp.Distinct) is not None}
    return GROUPING if kinds else FILTER


def laid_out(sql: str, dialect: str) -> str:
    """SQL on lines of its own, comments gone, so that two queries can be compared line by line."""
    try:
        return parse_select(sql, dialect).sql(dialect=dialect, pretty=True, comments=False)
    except SqlProblem:
        return sql.strip()


def sql_diff(old: str, new: str, dialect: str) -> str:
    """The lines that differ, with a little around them: ` ` before lines that stayed, `-` gone, `+` new."""
    lines = list(difflib.unified_diff(laid_out(old, dialect).splitlines(), laid_out(new, dialect).splitlines(), n=_CONTEXT, lineterm=""))
    return "\n".join(line for line in lines[2:] if not line.startswith("@@")) if lines else ""


def _clauses(sql: str, dialect: str) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {FILTER: Counter(), JOIN: Counter(), GROUPING: Counter()}
    for kind, node in _found(parse_select(sql, dialect)):
        found[kind][node.sql(dialect=dialect, comments=False)] += 1
    return found


def _found(tree: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
    for node in tree.walk():
        if isinstance(node, exp.Where | exp.Having | exp.Qualify | exp.Limit | exp.Offset | exp.TableSample):
            yield FILTER, node
        elif isinstance(node, exp.Join | exp.From | exp.Lateral):
            yield JOIN, _without_queries(node)
        elif isinstance(node, exp.Group | exp.Distinct):
            yield GROUPING, node
        elif isinstance(node, exp.SetOperation):
            yield JOIN, exp.Literal.string(f"{node.key} {'distinct' if node.args.get('distinct') else 'all'}")


def _without_queries(node: exp.Expr) -> exp.Expr:
    """The clause with a short name in place of each query it joins, whose own clauses are met by themselves."""
    copy = node.copy()
    for query in list(copy.find_all(exp.Subquery)):
        if query.parent is not None:
            query.set("this", exp.select("*"))
    return copy
