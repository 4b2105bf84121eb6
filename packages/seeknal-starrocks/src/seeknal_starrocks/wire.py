"""Talking to a front end over the MySQL protocol: logging in, running statements, saying what went wrong.

There are no transactions here: StarRocks refuses BEGIN, or lets it cover INSERTs only, depending on its version.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import TYPE_CHECKING, Any

import pymysql
from pymysql.constants import CR, ER
from pymysql.converters import encoders
from pymysql.cursors import SSCursor

from seeknal.errors import ConnectionFailed
from seeknal_starrocks import failures
from seeknal_starrocks.names import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal_starrocks.settings import FrontEnd, Login

    Connection = pymysql.Connection[pymysql.cursors.Cursor]

_CONVERSIONS: dict[Any, Any] = dict(encoders)
_SSL_REFUSED = 2026
_LOST = {CR.CR_SERVER_LOST, CR.CR_SERVER_GONE_ERROR, ER.SERVER_SHUTDOWN, 1927, 4031}
_KILLED = {1317, 3169}
_NOT_THERE = {ER.BAD_DB_ERROR, ER.NO_SUCH_TABLE, ER.BAD_TABLE_ERROR, 5501, 5502}
_PRIVILEGE = {ER.DBACCESS_DENIED_ERROR, ER.TABLEACCESS_DENIED_ERROR, ER.SPECIFIC_ACCESS_DENIED_ERROR, 5203}
_BUSY = {ER.CON_COUNT_ERROR, ER.TOO_MANY_USER_CONNECTIONS}


def connect(login: Login, *, front_end: FrontEnd | None = None) -> tuple[Connection, FrontEnd]:
    """Log in to the first front end that answers, and enter catalog and database. Raises ConnectionFailed.

    A front end that cannot be reached is passed over; one that refuses the login is not: the others would, too.
    """
    connection, chosen = log_in(login, front_end=front_end)
    try:
        enter(connection, login)
    except BaseException:
        close(connection)
        raise
    return connection, chosen


def log_in(login: Login, *, front_end: FrontEnd | None = None) -> tuple[Connection, FrontEnd]:
    """A connection in which nothing has been set yet, and the front end it is to. Raises ConnectionFailed."""
    problems: list[ConnectionFailed] = []
    for candidate in (front_end,) if front_end else login.front_ends:
        try:
            return _connect(login, candidate), candidate
        except Unavailable as problem:
            problems.append(problem)
    if len(problems) == 1:
        raise problems[0]
    reasons = "; ".join(p.message.removeprefix("cannot connect to starrocks at ") for p in problems)
    raise failures.unreachable(f"any of {len(problems)} front ends", reasons)


def enter(connection: Connection, login: Login) -> None:
    """Times in UTC unless set otherwise (the server's own default is Asia/Shanghai), then catalog and database. Raises ConnectionFailed."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET time_zone = %s", (login.time_zone,))
            if login.query_timeout is not None:
                cursor.execute("SET query_timeout = %s", (login.query_timeout,))
    except pymysql.Error as error:
        raise explain(login, error) from None
    enter_catalog(connection, login)
    enter_database(connection, login)


def enter_catalog(connection: Connection, login: Login) -> None:
    """Enter the catalog, where one is set. Raises ConnectionFailed."""
    if login.catalog is None:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET CATALOG " + quoted(login.catalog))
    except pymysql.Error as error:
        reason = said(login, error)[1]
        hint = "check `catalog` in profiles.yml; `seeknal starrocks setup-catalog` prints the statement that creates one"
        raise failures.not_there(f"there is no catalog '{login.catalog}', or user '{login.user}' may not use it: {reason}", hint) from None


def enter_database(connection: Connection, login: Login) -> None:
    """Enter the database, where one is set. Raises ConnectionFailed."""
    if login.database is None:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("USE " + quoted(login.database))
    except pymysql.Error as error:
        reason = said(login, error)[1]
        message = f"there is no database '{login.database}', or user '{login.user}' may not use it: {reason}"
        raise failures.not_there(message, "check `database` in profiles.yml") from None


class Unavailable(ConnectionFailed):
    """Nothing answers at this front end; another may."""

    def __init__(self, place: str, reason: str, hint: str | None = None) -> None:
        failure = failures.unreachable(place, reason, hint)
        super().__init__(failure.code, failure.message, hint=failure.hint)


def _connect(login: Login, front_end: FrontEnd) -> Connection:
    context = tls_context(login)
    try:
        connection = pymysql.connect(
            host=front_end.host,
            port=front_end.port,
            user=login.user,
            password=login.password.encode(),  # as text, pymysql takes it for Latin-1
            charset="utf8mb4",
            use_unicode=False,
            conv=_CONVERSIONS,  # values stay the bytes that were sent
            autocommit=True,
            connect_timeout=login.connect_timeout,
            read_timeout=login.connect_timeout,
            program_name="seeknal",
            ssl=context,
            ssl_disabled=login.sslmode == "disable",
        )
    except (pymysql.Error, RuntimeError) as error:
        failure = _refusal(login, front_end, error)
    else:
        connection._read_timeout = None  # type: ignore[attr-defined]  # noqa: SLF001 - the login must be quick, queries need not be
        return connection
    raise failure  # out here, so that the driver's exception, which knows the password, does not hang on it


def tls_context(login: Login) -> ssl.SSLContext | None:
    """What TLS has to prove. None leaves it to the server whether there is any."""
    if login.sslmode in ("disable", "prefer"):
        return None
    try:
        context = ssl.create_default_context(cafile=login.ssl_ca)
    except OSError as error:
        raise failures.tls_failed(login.place, f"{login.ssl_ca}: {error.strerror or error}") from None
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # certificates that servers make for themselves are not strict
    context.check_hostname = login.sslmode == "verify-full"
    context.verify_mode = ssl.CERT_NONE if login.sslmode == "require" else ssl.CERT_REQUIRED
    return context


# Statements ----------------------------------------------------------------------------------------------------------------


def rows(connection: Connection, statement: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
    """The rows of a small result, values as text. Raises pymysql.Error."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [tuple(v.decode(errors="replace") if isinstance(v, bytes) else v for v in row) for row in cursor.fetchall()]


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


def close(connection: Connection) -> None:
    """Close it, whatever state it is in."""
    if connection.open:
        with contextlib.suppress(pymysql.Error, OSError):
            connection.close()


def kill_query(login: Login, front_end: FrontEnd, connection_id: int) -> None:
    """Cancel what a connection is running, from another one to the same front end. Raises ConnectionFailed, pymysql.Error."""
    connection, _ = log_in(login, front_end=front_end)
    try:
        rows(connection, f"KILL QUERY {int(connection_id)}")
    finally:
        close(connection)


# What went wrong -----------------------------------------------------------------------------------------------------------


def _refusal(login: Login, front_end: FrontEnd, error: pymysql.Error | RuntimeError) -> ConnectionFailed:
    code, reason = said(login, error)
    place, cause = str(front_end), getattr(error, "original_exception", None)
    if isinstance(error, RuntimeError):  # how pymysql says that a login method needs another package
        return failures.login_refused(place, reason)
    if isinstance(cause, ssl.SSLError) or code == _SSL_REFUSED:
        return failures.tls_failed(place, getattr(cause, "verify_message", "") or reason)
    if code == CR.CR_CONN_HOST_ERROR:
        return Unavailable(place, getattr(cause, "strerror", "") or str(cause or reason))
    if code in _LOST:
        return Unavailable(place, f"no answer within {login.connect_timeout} s, or the server hung up")
    if not code:
        hint = "port is the front end's query port, 9030 unless set otherwise; 8030 is for HTTP"
        return Unavailable(place, f"what answers does not speak the MySQL protocol ({reason})", hint)
    if code in _BUSY:
        return Unavailable(place, reason, "the server is there but takes nobody in at the moment")
    return failures.login_refused(place, reason)


def explain(login: Login, error: pymysql.Error, statement: str | None = None) -> ConnectionFailed:
    """What an error of the server means; `statement` is the one that was to change something."""
    code, reason = said(login, error)
    if code in _LOST or not code:
        return failures.lost(login.place, reason)
    if code in _PRIVILEGE or "access denied" in reason.casefold():
        return failures.privilege_missing(reason)
    if statement is not None:
        return failures.statement_refused(login.scrub(statement), reason)
    if code in _NOT_THERE:
        return failures.not_there(reason, "catalog.database.table names a table elsewhere")
    if code in _KILLED:
        return failures.query_failed(reason, "somebody cancelled it, or it took longer than query_timeout")
    if code == ER.DUP_FIELDNAME:
        return failures.query_failed(reason, "name one of the columns with AS")
    return failures.query_failed(reason)


def is_lost(error: pymysql.Error) -> bool:
    """Whether the connection is of no further use."""
    code = error.args[0] if error.args else 0
    return code in _LOST or not code


def said(login: Login, error: Exception) -> tuple[int, str]:
    """The server's code and words, without the password."""
    code, *text = error.args or (0,)
    if isinstance(code, int):
        return code, login.scrub(str(text[0]) if text else f"error {code}")
    return 0, login.scrub(str(error))
