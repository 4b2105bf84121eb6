"""The form of a query that only its meaning decides, and how its answer depends on time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.nodes import fold

if TYPE_CHECKING:
    from seeknal.nodes import Clock

_DAY = frozenset({"today", "current_date", "curdate"})
_INSTANT = frozenset({
    "now", "current_timestamp", "localtimestamp", "current_localtimestamp", "get_current_timestamp", "get_current_time", "transaction_timestamp",
    "statement_timestamp", "clock_timestamp", "current_localtime", "current_time", "localtime", "sysdate", "unix_timestamp", "utc_timestamp",
})  # fmt: skip
_INSTANT_NODES = (
    exp.CurrentTimestamp,
    exp.CurrentDatetime,
    exp.CurrentTime,
    exp.Localtime,
    exp.Localtimestamp,
    exp.UtcTimestamp,
    exp.UtcTime,
)


def canonical(tree: exp.Expr, dialect: str) -> str:
    """The query as generated from its tree: comments, white space and the case of keywords play no part."""
    text = tree.sql(dialect=dialect, comments=False)
    told = tree.meta.get("apart")  # see seeknal.sql.guard.apart
    return f"{text} /* {told} */" if told else text


def clock(tree: exp.Expr) -> Clock | None:
    """`instant` where the query asks for the time, `day` where it asks for the date only."""
    found: Clock | None = None
    for node in tree.find_all(exp.Func):
        name = fold(node.name) if isinstance(node, exp.Anonymous) else ""
        if isinstance(node, _INSTANT_NODES) or name in _INSTANT:
            return "instant"
        if isinstance(node, exp.CurrentDate | exp.UtcDate) or name in _DAY or (name == "age" and len(node.expressions) == 1):
            found = "day"
    return found
