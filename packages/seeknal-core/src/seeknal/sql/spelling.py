"""What the parser takes to be one and the same, and the engine does not: some operators, and the names of what has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import Dialect, exp
from sqlglot.tokenizer_core import TokenType

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token

_NAMES = frozenset({TokenType.VAR, TokenType.IDENTIFIER})
_VALUES = frozenset({TokenType.STRING, TokenType.NUMBER})
_NOTHING = frozenset({TokenType.L_PAREN, TokenType.R_PAREN, TokenType.COMMA, TokenType.DOT, TokenType.SEMICOLON, TokenType.ALIAS})
_BEFORE_VALUE = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.STRING, TokenType.NUMBER, *_NAMES})
_UNARY_AFTER = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.COMMA, TokenType.SELECT, TokenType.DISTINCT})


def unclear(sql: str, dialect: str) -> str | None:
    """Why the tree of a query does not say all that its text does; None where it does."""
    if "~" not in sql and "+" not in sql:
        return None
    before: Token | None = None
    for token in _tokens(sql, dialect):
        if token.text == "~" and before is not None and before.token_type in _BEFORE_VALUE:
            return "the operator ~ is read as a function that differs from it"  # regexp_matches() finds, ~ matches the whole
        if token.token_type == TokenType.PLUS and (before is None or before.token_type in _UNARY_AFTER):
            return "a plus sign before a value"  # the parser leaves it out, the engine makes it part of the column's name
        before = token
    return None


def spelling(tree: exp.Expr, sql: str, dialect: str) -> str:
    """The words and signs of a query in order, without names, values and parentheses, of which `sum(a)` would be called otherwise."""
    given = {a.name.casefold() for a in tree.find_all(exp.TableAlias)}
    tokens = _tokens(sql, dialect)
    words = []
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        if token.token_type in _VALUES or token.token_type in _NOTHING:
            continue
        if token.token_type in _NAMES:
            called = after is not None and after.token_type == TokenType.L_PAREN
            if called and token.text.casefold() not in given:
                words.append(token.text.casefold())
        else:
            words.append(token.text.casefold())
    return " ".join(words)


def _tokens(sql: str, dialect: str) -> list[Token]:
    return Dialect.get_or_raise(dialect).tokenize(sql)
