"""What the codes of a server, and of pymysql, mean."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Protocol

from pymysql.constants import CR, ER

from seeknal_drivers import failures

if TYPE_CHECKING:
    import pymysql

    from seeknal.errors import ConnectionFailed

LOST = {CR.CR_SERVER_LOST, CR.CR_SERVER_GONE_ERROR, ER.SERVER_SHUTDOWN, 1927, 4031}
"""The connection is gone; the last two: killed, and idle for too long."""

NOT_THERE = {ER.BAD_DB_ERROR, ER.NO_SUCH_TABLE, ER.BAD_TABLE_ERROR}
"""There is no such database or table."""

_BUSY = {ER.CON_COUNT_ERROR, ER.TOO_MANY_USER_CONNECTIONS}
_SSL_REFUSED = 2026


class Account(Protocol):
    """Who logs in, and what TLS has to prove: `sslmode` as libpq has it."""

    @property
    def user(self) -> str: ...
    @property
    def password(self) -> str | None: ...
    @property
    def sslmode(self) -> str: ...
    @property
    def ssl_ca(self) -> str | None: ...
    @property
    def connect_timeout(self) -> int: ...

    def scrub(self, text: str) -> str:
        """`text` without the password."""


def said(account: Account, error: Exception) -> tuple[int, str]:
    """The server's code and words, without the password. The code is 0 where what answered does not speak the protocol."""
    code, *text = error.args or (0,)
    if isinstance(code, int):
        return code, account.scrub(str(text[0]) if text else f"error {code}")
    return 0, account.scrub(str(error))


def is_lost(error: pymysql.Error) -> bool:
    """Whether the connection is of no further use."""
    code = error.args[0] if error.args else 0
    return code in LOST or not code


def refusal(
    account: Account, type_: str, place: str, error: pymysql.Error | RuntimeError, *, database: str | None = None, hint: str | None = None
) -> ConnectionFailed:
    """Why nobody could log in: `failures.Unavailable` where nothing useful answered, and then `hint` says what to check."""
    code, reason = said(account, error)
    cause = getattr(error, "original_exception", None)
    if isinstance(error, RuntimeError):  # how pymysql says that a login method needs another package
        return failures.package_missing(reason, "pip install cryptography, or use TLS: sslmode: require")
    if isinstance(cause, ssl.SSLError) or code == _SSL_REFUSED:
        return failures.tls_failed(type_, place, getattr(cause, "verify_message", "") or reason)
    if database is not None and code in NOT_THERE | {ER.DBACCESS_DENIED_ERROR}:
        message = f"{type_} at {place} has no database '{database}', or user '{account.user}' may not use it"
        return failures.not_there(message, "check `database` in profiles.yml")
    if code == CR.CR_CONN_HOST_ERROR:
        return failures.unreachable(type_, place, getattr(cause, "strerror", "") or str(cause or reason), hint)
    if code in LOST:
        return failures.unreachable(type_, place, f"no answer within {account.connect_timeout} s, or the server hung up", hint)
    if not code:
        return failures.unreachable(type_, place, f"what answers does not speak the MySQL protocol ({reason})", hint)
    if code in _BUSY:
        return failures.unreachable(type_, place, reason, "the server is there but takes nobody in at the moment")
    return failures.login_refused(type_, place, reason)
