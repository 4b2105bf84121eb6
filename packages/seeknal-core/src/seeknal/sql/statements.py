"""Cutting a text into statements, as people type them one after another."""

from __future__ import annotations

from sqlglot import Dialect
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import TokenType


def statements(text: str, dialect: str) -> tuple[list[str], str]:
    """The statements that end with a semicolon, without it, and what stands after the last of them.

    A semicolon inside a string or a comment ends nothing; a string or comment that is not closed belongs to the rest.
    """
    found: list[str] = []
    begun = 0
    for end in _ends(text, dialect):
        statement = text[begun:end]
        if statement.strip():
            found.append(statement)
        begun = end + 1
    return found, text[begun:]


def _ends(text: str, dialect: str) -> list[int]:
    """Where the semicolons are. Text that cannot be cut into tokens is not finished yet, so that it has none."""
    try:
        tokens = Dialect.get_or_raise(dialect).tokenize(text)
    except TokenError:
        return []
    return [token.start for token in tokens if token.token_type == TokenType.SEMICOLON]
