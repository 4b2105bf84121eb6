"""The query of a source, before it is sent and once its columns are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlglot
from sqlglot import TokenType
from sqlglot.errors import TokenError

from seeknal.nodes import fold
from seeknal_drivers import failures

if TYPE_CHECKING:
    from collections.abc import Sequence


def trimmed(query: str, dialect: str) -> str:
    """The query without what ends it: a semicolon, and comments behind that. Raises ConnectionFailed for a NUL character."""
    if "\0" in query:
        message = "it contains a NUL character"
        raise failures.query_failed(message, "remove it")
    try:
        tokens = sqlglot.tokenize(query, read=dialect)
    except TokenError:  # the database will say what is wrong
        return query
    end = len(tokens)
    while end and tokens[end - 1].token_type == TokenType.SEMICOLON:
        end -= 1
    return query[: tokens[end].start] if end < len(tokens) else query


def check_result_columns(names: Sequence[str]) -> None:
    """A result needs columns, and SQL that reads it later tells their names apart without regard to case."""
    if not names:
        message = "it returns no columns"
        raise failures.query_failed(message, "write one SELECT that returns at least one column")
    seen: set[str] = set()
    for name in names:
        if fold(name) in seen:
            message = f"it returns two columns called '{name}'"
            raise failures.query_failed(message, "name one of them with AS")
        seen.add(fold(name))
