"""What can go wrong with a database outside, one function a code.

    SK-CONN-001  nothing answers there
    SK-CONN-002  the login was refused
    SK-CONN-003  the database, schema or table does not exist
    SK-CONN-004  the query failed
    SK-CONN-005  a value cannot be represented
    SK-CONN-006  the connection was lost half-way
    SK-CONN-007  TLS could not be agreed on
    SK-CONN-008  the table and the data do not fit each other
    SK-CONN-009  a setting or a table's name cannot be used
    SK-CONN-010  a package is missing

`type_` is the connection's type and `place` where the server is, as messages have them. The core puts the connection's name in front.
"""

from __future__ import annotations

from typing import Any

from seeknal.errors import ConnectionFailed

_SHOWN = 60


class Unavailable(ConnectionFailed):
    """Nothing answers at this place; another may."""


def unreachable(type_: str, place: str, reason: str, hint: str | None = None) -> Unavailable:
    """SK-CONN-001."""
    hint = hint or "check that the server runs, that host and port are right and that no firewall is in between"
    return Unavailable("SK-CONN-001", f"cannot connect to {type_} at {place}: {reason}", hint=hint)


def login_refused(type_: str, place: str, reason: str) -> ConnectionFailed:
    """SK-CONN-002."""
    hint = "check user, password and database, and that the server lets this user in from this machine"
    return ConnectionFailed("SK-CONN-002", f"{type_} at {place} refused the login: {reason}", hint=hint)


def not_there(message: str, hint: str | None = None) -> ConnectionFailed:
    """SK-CONN-003."""
    return ConnectionFailed("SK-CONN-003", message, hint=hint)


def query_failed(reason: str, hint: str | None = None) -> ConnectionFailed:
    """SK-CONN-004. `reason` is what the server said."""
    return ConnectionFailed("SK-CONN-004", f"the query failed: {reason}", hint=hint)


def not_representable(column: str, value: Any, type_: str, hint: str | None = None) -> ConnectionFailed:
    """SK-CONN-005: the value of a column does not fit the type it is read or written as."""
    text = value if isinstance(value, str) else repr(value)
    shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return ConnectionFailed("SK-CONN-005", f"column '{column}': the value {shown} cannot be represented as {type_}", hint=hint)


def value_refused(column: str, reason: str) -> ConnectionFailed:
    """SK-CONN-005, in the words of the database that refused the value."""
    hint = "cast or clean it in the model, or change the column's type"
    return ConnectionFailed("SK-CONN-005", f"column '{column}': {reason}", hint=hint)


def type_not_representable(column: str, type_: str, hint: str) -> ConnectionFailed:
    """SK-CONN-005: no value of a column's type can be read or written."""
    return ConnectionFailed("SK-CONN-005", f"column '{column}': the type {type_} cannot be carried", hint=hint)


def lost(type_: str, place: str, reason: str) -> ConnectionFailed:
    """SK-CONN-006."""
    hint = "nothing was kept of what had arrived; run it again, and see the server's log if it happens again"
    return ConnectionFailed("SK-CONN-006", f"lost the connection to {type_} at {place}: {reason}", hint=hint)


def tls_failed(type_: str, place: str, reason: str) -> ConnectionFailed:
    """SK-CONN-007."""
    hint = "check sslmode (disable, prefer, require, verify-ca, verify-full) and ssl_ca, the file with the certificate authority"
    return ConnectionFailed("SK-CONN-007", f"no TLS with {type_} at {place}: {reason}", hint=hint)


def misfit(message: str, hint: str | None = None) -> ConnectionFailed:
    """SK-CONN-008."""
    return ConnectionFailed("SK-CONN-008", message, hint=hint)


def unusable(message: str, hint: str | None = None) -> ConnectionFailed:
    """SK-CONN-009."""
    return ConnectionFailed("SK-CONN-009", message, hint=hint)


def package_missing(message: str, hint: str) -> ConnectionFailed:
    """SK-CONN-010."""
    return ConnectionFailed("SK-CONN-010", message, hint=hint)
