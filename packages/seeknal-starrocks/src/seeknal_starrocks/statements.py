"""What a statement does, by its words. StarRocks knows no read-only session, so what only reads is told here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import TokenType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlglot import Token

_QUOTED = (TokenType.IDENTIFIER, TokenType.STRING, TokenType.NATIONAL_STRING)
_READING = ("SELECT", "VALUES", "TABLE")
_CHANGING = ("INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE")
_EXPLAINING = ("EXPLAIN", "DESC", "DESCRIBE")


def words(tokens: Sequence[Token]) -> list[str]:
    """The words of a statement in capitals; empty ones for quoted names and texts."""
    return ["" if t.token_type in _QUOTED else t.text.upper() for t in tokens]


def changes(tokens: Sequence[Token]) -> str | None:
    """The word of a statement that changes rows or writes files where one that reads is expected: `WITH … DELETE`, `EXPLAIN ANALYZE INSERT`, `INTO OUTFILE`."""
    said = words(tokens)
    if "OUTFILE" in said:
        return "INTO OUTFILE"
    doing = _outermost(said)
    explained = said[:1] and said[0] in _EXPLAINING and "ANALYZE" not in said[1:3]
    return doing if doing in _CHANGING and not explained else None


def _outermost(said: Sequence[str]) -> str | None:
    """The first word outside of brackets that says what is done."""
    depth = 0
    for word in said:
        depth += (word == "(") - (word == ")")
        if depth == 0 and word in (*_READING, *_CHANGING):
            return word
    return None
