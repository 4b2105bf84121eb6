"""`start_ts` and `end_ts` in SQL: two moments that stand in for those of the window until it is built.

Templates are rendered once, when a project is read, and a query is analysed once for all windows. So the two become timestamps that nobody writes, in quotes or
out of them, and are replaced, token by token, when a window is built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import Dialect
from sqlglot.tokenizer_core import TokenType

from seeknal.sql.guard import SqlProblem, position

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS = {"start_ts": "__start_ts__", "end_ts": "__end_ts__"}
"""What the two render to."""

_STANDING = {"__start_ts__": "1000-01-01 00:00:00.000001", "__end_ts__": "3000-01-01 00:00:00.000001"}


STARTS, ENDS = _STANDING.values()
"""The timestamps that stand in for the two, as text: for queries that are put together, not written."""


class Moment:
    """`start_ts` or `end_ts` in a template: it can be written into SQL, and nothing else can be done with it."""

    def __init__(self, name: str) -> None:
        self._word = WORDS[name]

    def __str__(self) -> str:
        return self._word


def with_standing(text: str, dialect: str, *, windowed: bool) -> str:
    """A rendered template as SQL: timestamps where the words stand by themselves, their text where they stand in quotes.

    Raises SqlProblem SK-INT-003 for them in SQL that is not `windowed`.
    """
    if not any(word in text for word in _STANDING):
        return text
    if not windowed:
        line, column = position(text, min(text.find(word) for word in _STANDING if word in text))
        hint = "they are there in the SQL of a node with schedule and time_column"
        raise SqlProblem("SK-INT-003", "start_ts and end_ts are those of a window, and there is none here", line, column, hint)
    return _replaced(text, dialect, _STANDING, {word: f"TIMESTAMP '{moment}'" for word, moment in _STANDING.items()})


def asks_for_window(sql: str) -> bool:
    """Whether a query depends on the window that it is built for."""
    return any(moment in sql for moment in _STANDING.values())


def with_window(sql: str, dialect: str, start: str, end: str) -> str:
    """The query for one window, each line where it was. The two are timestamps as text."""
    if not asks_for_window(sql):
        return sql
    texts = dict(zip(_STANDING.values(), (start, end), strict=True))
    return _replaced(sql, dialect, texts, {})


def as_written(sql: str) -> str:
    """A query as people are shown it: `start_ts` and `end_ts` where they stand for a window's."""
    for word, moment in _STANDING.items():
        sql = sql.replace(moment, word.strip("_"))
    return sql


def _replaced(text: str, dialect: str, quoted: Mapping[str, str], bare: Mapping[str, str]) -> str:
    for token in reversed(Dialect.get_or_raise(dialect).tokenize(text)):
        before = text[token.start : token.end + 1]
        after = bare.get(before, before)
        if token.token_type == TokenType.STRING:
            for old, new in quoted.items():
                after = after.replace(old, new)
        if after != before:
            text = f"{text[: token.start]}{after}{text[token.end + 1 :]}"
    return text
