"""What can go wrong with StarRocks, one function a code.

The codes SK-CONN-001 … SK-CONN-010 mean what they mean for every connection; SK-SR-… are StarRocks' own. A message names the statement
where there is one; the core puts the connection's name in front.
"""

from __future__ import annotations

from typing import Any

from seeknal.errors import ConnectionFailed

_SHOWN = 60
_STATEMENT_SHOWN = 200


def unreachable(place: str, reason: str, hint: str | None = None) -> ConnectionFailed:
    """SK-CONN-001: nothing answers there."""
    hint = (
        hint or "check that the front end runs, that host and port (9030 unless set otherwise) are right and that no firewall is in between"
    )
    return ConnectionFailed("SK-CONN-001", f"cannot connect to starrocks at {place}: {reason}", hint=hint)


def login_refused(place: str, reason: str) -> ConnectionFailed:
    """SK-CONN-002: the login was refused."""
    hint = "check user and password, and that the server lets this user in from this machine"
    return ConnectionFailed("SK-CONN-002", f"starrocks at {place} refused the login: {reason}", hint=hint)


def not_there(message: str, hint: str | None = None) -> ConnectionFailed:
    """SK-CONN-003: the catalog, database or table does not exist."""
    return ConnectionFailed("SK-CONN-003", message, hint=hint)


def query_failed(reason: str, hint: str | None = None) -> ConnectionFailed:
    """SK-CONN-004: the query failed. `reason` is what the server said."""
    return ConnectionFailed("SK-CONN-004", f"the query failed: {reason}", hint=hint)


def not_representable(column: str, value: Any, type_: str, hint: str | None = None) -> ConnectionFailed:
    """SK-CONN-005: a value does not fit the type it is read or written as."""
    text = value if isinstance(value, str) else repr(value)
    shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return ConnectionFailed("SK-CONN-005", f"column '{column}': the value {shown} cannot be represented as {type_}", hint=hint)


def type_not_representable(column: str, type_: str, hint: str) -> ConnectionFailed:
    """SK-CONN-005: no value of a column's type can be read or written."""
    return ConnectionFailed("SK-CONN-005", f"column '{column}': the type {type_} cannot be carried", hint=hint)


def lost(place: str, reason: str) -> ConnectionFailed:
    """SK-CONN-006: the connection was lost half-way."""
    hint = "nothing was kept of what had arrived; run it again, and see the front end's log if it happens again"
    return ConnectionFailed("SK-CONN-006", f"lost the connection to starrocks at {place}: {reason}", hint=hint)


def tls_failed(place: str, reason: str) -> ConnectionFailed:
    """SK-CONN-007: TLS could not be agreed on."""
    hint = "check sslmode (disable, prefer, require, verify-ca, verify-full) and ssl_ca, the file with the certificate authority"
    return ConnectionFailed("SK-CONN-007", f"no TLS with starrocks at {place}: {reason}", hint=hint)


def misfit(message: str, hint: str | None = None) -> ConnectionFailed:
    """SK-CONN-008: the table and the data do not fit each other."""
    return ConnectionFailed("SK-CONN-008", message, hint=hint)


def unusable(message: str, hint: str | None = None) -> ConnectionFailed:
    """SK-CONN-009: a setting or a name cannot be used."""
    return ConnectionFailed("SK-CONN-009", message, hint=hint)


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
    """SK-SR-004: a Stream Load failed. Nothing of it is visible."""
    return ConnectionFailed("SK-SR-004", f"loading into '{table}' failed: {reason}", hint=hint)


def privilege_missing(reason: str) -> ConnectionFailed:
    """SK-SR-005: the user may not do this."""
    return ConnectionFailed(
        "SK-SR-005", f"a privilege is missing: {reason}", hint="have it granted to the user or to one of its active roles (GRANT …)"
    )


def shortened(statement: str) -> str:
    """A statement on one line, cut to what can be read in a message."""
    text = " ".join(statement.split())
    return text if len(text) <= _STATEMENT_SHOWN else text[: _STATEMENT_SHOWN - 1] + "…"
