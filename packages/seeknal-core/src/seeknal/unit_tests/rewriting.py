"""A node's query, rewritten in its tree for a test: with the time standing still, or cut down to one of its CTEs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.errors import ProjectError
from seeknal.nodes import SqlLogic, fold
from seeknal.sql.guard import parse_select

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

_TYPES: dict[str, str] = {
    **dict.fromkeys(("now", "current_timestamp", "get_current_timestamp", "transaction_timestamp", "statement_timestamp", "clock_timestamp"), "TIMESTAMPTZ"),
    **dict.fromkeys(("current_localtimestamp", "localtimestamp", "current_datetime", "utc_timestamp"), "TIMESTAMP"),
    **dict.fromkeys(("current_date", "today", "curdate", "utc_date"), "DATE"),
    **dict.fromkeys(("current_localtime", "localtime"), "TIME"),
    **dict.fromkeys(("current_time", "get_current_time", "utc_time"), "TIMETZ"),
}  # fmt: skip
"""The functions that ask for the time, and the types they return."""


def frozen(logic: SqlLogic, now: dt.datetime) -> str:
    """The query with every question for the time answered by `now`. Raises ProjectError where its tree does not say all of it."""
    if logic.clock is None:
        return logic.sql
    return _tree(logic).transform(_stopped, now).sql(dialect=logic.dialect, comments=False)


def cte_names(logic: SqlLogic) -> list[str]:
    """The names of the parts of the query's WITH."""
    with_ = parse_select(logic.sql, logic.dialect).args.get("with_")
    return [cte.alias for cte in with_.expressions] if with_ is not None else []


def cte_query(logic: SqlLogic, name: str, now: dt.datetime | None) -> str:
    """A query that returns what one of the CTEs does."""
    tree: exp.Expr = _tree(logic)
    if now is not None:
        tree = tree.transform(_stopped, now)
    with_ = tree.args["with_"]
    cte = next(c for c in with_.expressions if fold(c.alias) == fold(name))
    found = exp.select("*").from_(exp.Table(this=exp.to_identifier(cte.alias, quoted=True)))
    found.set("with_", with_.copy())
    return found.sql(dialect=logic.dialect, comments=False)


def _tree(logic: SqlLogic) -> exp.Query:
    tree = parse_select(logic.sql, logic.dialect)
    told: str = tree.meta.get("apart", "")
    if "~" in told:
        message = "a query with the operator ~ cannot be rewritten, which now: and ctes: need"
        hint = "write regexp_full_match(text, pattern), which means the same"
        at = logic.place.at(1, 1) if logic.place else None
        raise ProjectError("SK-TEST-009", message, at=at, hint=hint)
    return tree


def _stopped(node: exp.Expr, now: dt.datetime) -> exp.Expr:
    if not isinstance(node, exp.Func):
        return node
    name = fold(node.name) if isinstance(node, exp.Anonymous) else fold(node.sql_name())
    if name == "age" and isinstance(node, exp.Anonymous) and len(node.expressions) == 1:
        return exp.Anonymous(this="age", expressions=[_moment("DATE", now), node.expressions[0]])
    return _moment(_TYPES[name], now) if name in _TYPES and not _arguments(node) else node


def _arguments(node: exp.Func) -> Sequence[exp.Expr]:
    return node.expressions if isinstance(node, exp.Anonymous) else ()


def _moment(type_: str, now: dt.datetime) -> exp.Expr:
    """The moment as this type, in UTC as everything is."""
    plain = now.replace(tzinfo=None)
    text = {
        "DATE": plain.date().isoformat(),
        "TIME": plain.time().isoformat(),
        "TIMETZ": f"{plain.time().isoformat()}+00",
        "TIMESTAMP": plain.isoformat(sep=" "),
    }.get(type_, now.isoformat(sep=" "))
    return exp.cast(exp.Literal.string(text), type_)
