"""Talking to MySQL and MariaDB: logging in, asking what a query would return, streaming what it returns, saying what went wrong."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from typing import TYPE_CHECKING, Any

import pymysql
from pymysql.constants import CR, ER
from pymysql.converters import encoders
from pymysql.cursors import SSCursor

from seeknal_duckdb.connections import failures
from seeknal_duckdb.connections.mysql_types import ResultColumn
from seeknal_duckdb.connections.queries import check_result_columns

if TYPE_CHECKING:
    from seeknal.errors import ConnectionFailed
    from seeknal_duckdb.connections.settings import Login

    Connection = pymysql.Connection[pymysql.cursors.Cursor]

_PATIENCE = 24 * 3600
_CONVERSIONS: dict[Any, Any] = dict(encoders)
_NO_ROWS = ("SELECT * FROM (", "\n) AS q LIMIT 0")
_SSL_REFUSED = 2026
_MODES = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO"
_LOST = {CR.CR_SERVER_LOST, CR.CR_SERVER_GONE_ERROR, ER.SERVER_SHUTDOWN, 1927, 4031}  # the last: killed, and idle for too long
_NOT_THERE = {ER.BAD_DB_ERROR, ER.DBACCESS_DENIED_ERROR, ER.NO_SUCH_TABLE, ER.BAD_TABLE_ERROR}
_BUSY = {ER.CON_COUNT_ERROR, ER.TOO_MANY_USER_CONNECTIONS}
_VALUE = {ER.DATA_TOO_LONG, ER.WARN_DATA_OUT_OF_RANGE, ER.WARN_DATA_TRUNCATED, ER.TRUNCATED_WRONG_VALUE, ER.TRUNCATED_WRONG_VALUE_FOR_FIELD}
_READ_ONLY = 1792


def connect(login: Login, *, writing: bool = False) -> Connection:
    """Log in. Times are in UTC; a slow reader is not thrown out; `writing` makes the server refuse what it cannot hold."""
    connection = _connect(login)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION time_zone = '+00:00', net_write_timeout = %s", (_PATIENCE,))
            if writing:
                cursor.execute("SET SESSION sql_mode = %s", (_MODES,))
                cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # its DELETE keeps new rows of others out
        if login.schema:
            connection.select_db(login.schema)
    except pymysql.Error as error:
        connection.close()
        raise explain(login, error) from None
    return connection


def _connect(login: Login) -> Connection:
    context = _tls(login)
    try:
        connection = pymysql.connect(
            host=login.host,
            port=login.port,
            user=login.user,
            password=(login.password or "").encode(),  # as text, pymysql takes it for Latin-1
            database=login.database,
            charset="utf8mb4",
            use_unicode=False,
            conv=_CONVERSIONS,  # values stay the bytes that were sent
            connect_timeout=login.connect_timeout,
            read_timeout=login.connect_timeout,
            program_name="seeknal",
            ssl=context,
            ssl_disabled=login.sslmode == "disable",
        )
    except (pymysql.Error, RuntimeError) as error:
        failure = _refusal(login, error)
    else:
        connection._read_timeout = None  # type: ignore[attr-defined]  # noqa: SLF001 - the login must be quick, queries need not be
        return connection
    raise failure  # out here, so that the driver's exception, which knows the password, does not hang on it


def _tls(login: Login) -> ssl.SSLContext | None:
    """What TLS has to prove. None leaves it to the server whether there is any: modes allow and prefer."""
    if login.sslmode in ("disable", "allow", "prefer"):
        return None
    try:
        context = ssl.create_default_context(cafile=login.ssl_ca)
    except OSError as error:
        raise failures.tls_failed(login.type, login.place, f"{login.ssl_ca}: {error.strerror or error}") from None
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # certificates that servers make for themselves are not strict
    context.check_hostname = login.sslmode == "verify-full"
    context.verify_mode = ssl.CERT_NONE if login.sslmode == "require" else ssl.CERT_REQUIRED
    return context


# Reading -------------------------------------------------------------------------------------------------------------------


def describe(connection: Connection, query: str) -> list[ResultColumn]:
    """The columns a query would return. Raises pymysql.Error, ConnectionFailed."""
    with connection.cursor() as cursor:
        cursor.execute(query.join(_NO_ROWS))
        columns = [
            ResultColumn(f.name.decode() if isinstance(f.name, bytes) else f.name, f.type_code, f.flags, f.charsetnr, f.length, f.scale)
            for f in cursor._result.fields  # type: ignore[attr-defined]  # noqa: SLF001 - the public description has no flags
        ]
    check_result_columns([c.name for c in columns])
    return columns


def start(connection: Connection, query: str) -> SSCursor:
    """Run a query whose rows are fetched as they are asked for. Raises pymysql.Error."""
    cursor = connection.cursor(SSCursor)
    cursor.execute(query)
    return cursor


def abandon(cursor: SSCursor) -> None:
    """Let go of a query's remaining rows, which closing the cursor would read one by one."""
    result: Any = cursor._result  # type: ignore[attr-defined]  # noqa: SLF001 - nothing public does it
    if result is not None:
        result.unbuffered_active = False


def hang_up(connection: Connection) -> None:
    """End whatever another thread is waiting for on this connection."""
    with contextlib.suppress(OSError, AttributeError):  # it has just ended by itself
        connection._sock.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]  # noqa: SLF001 - closing would wait for that thread


# What went wrong -----------------------------------------------------------------------------------------------------------


def _refusal(login: Login, error: pymysql.Error | RuntimeError) -> ConnectionFailed:
    code, reason = _said(login, error)
    cause = getattr(error, "original_exception", None)
    if isinstance(error, RuntimeError):  # how pymysql says that a login method needs another package
        return failures.package_missing(reason, "pip install cryptography, or use TLS: sslmode: require")
    if isinstance(cause, ssl.SSLError) or code == _SSL_REFUSED:
        return failures.tls_failed(login.type, login.place, getattr(cause, "verify_message", "") or reason)
    if code in _NOT_THERE:
        message = f"mysql at {login.place} has no database '{login.database}', or user '{login.user}' may not use it"
        return failures.not_there(message, "check `database` in profiles.yml")
    if code == CR.CR_CONN_HOST_ERROR:
        return failures.unreachable(login.type, login.place, getattr(cause, "strerror", "") or str(cause or reason))
    if code in _LOST:
        return failures.unreachable(login.type, login.place, f"no answer within {login.connect_timeout} s, or the server hung up")
    if not code:
        return failures.unreachable(login.type, login.place, f"what answers is no MySQL server ({reason})")
    if code in _BUSY:
        return failures.unreachable(login.type, login.place, reason, "the server is there but takes nobody in at the moment")
    return failures.login_refused(login.type, login.place, reason)


def explain(login: Login, error: pymysql.Error) -> ConnectionFailed:
    """What an error of the server means."""
    code, reason = _said(login, error)
    if code in _LOST or not code:
        return failures.lost(login.type, login.place, reason)
    if code in _NOT_THERE:
        return failures.not_there(reason, "schema.table names a table of another database")
    column = re.search(r"column (?:(?:`[^`]*`\.)*`([^`]*)`|'([^']*)')", reason)
    if code in _VALUE and column:
        return failures.value_refused(column[1] or column[2], reason)
    if code == ER.DUP_FIELDNAME:
        return failures.query_failed(reason, "name one of the columns with AS")
    return failures.query_failed(reason, "a source only reads: write one SELECT" if code == _READ_ONLY else None)


def _said(login: Login, error: Exception) -> tuple[int, str]:
    code, *text = error.args or (0,)
    if isinstance(code, int):
        return code, login.scrub(str(text[0]) if text else f"error {code}")
    return 0, login.scrub(str(error))
