"""How a query is written, for what the engine names after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import Dialect, exp
from sqlglot.tokenizer_core import TokenType

from seeknal.nodes import fold

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token

_NAMES = frozenset({TokenType.VAR, TokenType.IDENTIFIER})
_VALUES = frozenset({TokenType.STRING, TokenType.NUMBER})
_NOTHING = frozenset({TokenType.L_PAREN, TokenType.R_PAREN, TokenType.COMMA, TokenType.DOT, TokenType.SEMICOLON, TokenType.ALIAS})


def spelling(tree: exp.Expr, sql: str, dialect: str) -> str:
    """The words and signs of a query in order, without names, values and parentheses, of which `sum(a)` would be called otherwise."""
    given = {fold(a.name) for a in tree.find_all(exp.TableAlias)}
    tokens = _tokens(sql, dialect)
    words = []
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        if token.token_type in _VALUES or token.token_type in _NOTHING:
            continue
        if token.token_type in _NAMES:
            called = after is not None and after.token_type == TokenType.L_PAREN
            if called and fold(token.text) not in given:
                words.append(fold(token.text))
        else:
            words.append(fold(token.text))
    return " ".join(words)


def _tokens(sql: str, dialect: str) -> list[Token]:
    return Dialect.get_or_raise(dialect).tokenize(sql)
