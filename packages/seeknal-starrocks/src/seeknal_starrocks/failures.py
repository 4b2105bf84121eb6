"""What can go wrong with StarRocks, one function a code.

The codes SK-CONN-001 … SK-CONN-010 are those of every connection; SK-SR-… are StarRocks' own. A message names the statement
where there is one; the core puts the connection's name in front.
"""

from __future__ import annotations

from seeknal.errors import ConnectionFailed
from seeknal_drivers.failures import (
    login_refused,
    lost,
    misfit,
    not_representable,
    not_there,
    query_failed,
    type_not_representable,
    unreachable,
    unusable,
)

__all__ = [
    "load_refused",
    "login_refused",
    "lost",
    "misfit",
    "not_ours",
    "not_representable",
    "not_there",
    "privilege_missing",
    "query_failed",
    "refresh_failed",
    "statement_refused",
    "type_not_representable",
    "unreachable",
    "unusable",
]

TYPE = "starrocks"
"""What messages call the server."""

_STATEMENT_SHOWN = 200


def statement_refused(statement: str, reason: str, hint: str | None = None) -> ConnectionFailed:
    """SK-SR-001: the server refused a statement that was to change something."""
    return ConnectionFailed("SK-SR-001", f"starrocks refused the statement: {reason}; it was: {shortened(statement)}", hint=hint)


def not_ours(what: str, name: str) -> ConnectionFailed:
    """SK-SR-002: an object of this name exists that seeknal did not make."""
    hint = "choose another name, or drop it yourself: only what carries seeknal's comment is ever altered or dropped"
    return ConnectionFailed("SK-SR-002", f"{what} '{name}' exists, and was not made by seeknal", hint=hint)


def refresh_failed(name: str, reason: str) -> ConnectionFailed:
    """SK-SR-003: a materialized view could not be refreshed, or is inactive."""
    hint = "correct its query or its base tables, then run again; the view keeps the rows of its last good refresh"
    return ConnectionFailed("SK-SR-003", f"materialized view '{name}' could not be refreshed: {reason}", hint=hint)


def load_refused(table: str, reason: str, hint: str | None = None) -> ConnectionFailed:
    """SK-SR-004: a load failed. Nothing of it is visible."""
    return ConnectionFailed("SK-SR-004", f"loading into '{table}' failed: {reason}", hint=hint)


def stage_failed(path: str, reason: str, table: str | None = None) -> ConnectionFailed:
    """SK-SR-004: files could not be put where StarRocks reads them, or be removed from there."""
    hint = "check the connection's stage: its path, and what its key may do (list, write, delete)"
    doing = f"loading into '{table}' failed: " if table else ""
    return ConnectionFailed("SK-SR-004", f"{doing}stage {path}: {reason}", hint=hint)


def privilege_missing(reason: str, statement: str | None = None) -> ConnectionFailed:
    """SK-SR-005: the user may not do this; `statement` is the one that was to change something."""
    hint = "have it granted to the user or to one of its active roles (GRANT …)"
    was = f"; it was: {shortened(statement)}" if statement is not None else ""
    return ConnectionFailed("SK-SR-005", f"a privilege is missing: {reason}{was}", hint=hint)


def shortened(statement: str) -> str:
    """A statement on one line, cut to what can be read in a message."""
    text = " ".join(statement.split())
    return text if len(text) <= _STATEMENT_SHOWN else text[: _STATEMENT_SHOWN - 1] + "…"
