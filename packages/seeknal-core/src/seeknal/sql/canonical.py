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
_CHANCE = frozenset({"random", "setseed", "uuid", "gen_random_uuid", "uuidv4", "uuidv7", "first", "any_value", "nextval"})
_INSTANT_NODES = (
    exp.CurrentTimestamp,
    exp.CurrentDatetime,
    exp.CurrentTime,
    exp.Localtime,
    exp.Localtimestamp,
    exp.UtcTimestamp,
    exp.UtcTime,
)

_UNREPEATABLE = frozenset({exp.Rand, exp.Randn, exp.Uuid, exp.TableSample, exp.First, exp.AnyValue})


def canonical(tree: exp.Expr, dialect: str) -> str:
    """The query as generated from its tree: comments, white space and the case of keywords play no part."""
    text = tree.sql(dialect=dialect, comments=False)
    told = tree.meta.get("apart")  # see seeknal.sql.guard.apart
    return f"{text} /* {told} */" if told else text


def repeatable(tree: exp.Expr) -> bool:
    """Whether the same rows always give the same answer: no chance, no sample, and no LIMIT that leaves open which rows it keeps."""
    for node in tree.walk():
        cls = type(node)
        if cls in _UNREPEATABLE or (cls is exp.Anonymous and fold(node.name) in _CHANCE):
            return False
        if cls is exp.Limit and isinstance(node.parent, exp.Query) and node.parent.args.get("order") is None:
            return False
    return True


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
