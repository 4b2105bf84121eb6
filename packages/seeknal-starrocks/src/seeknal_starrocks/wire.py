"""Talking to a front end over the MySQL protocol: logging in, running statements, saying what went wrong.

There are no transactions here: StarRocks refuses BEGIN, or lets it cover INSERTs only, depending on its version.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pymysql
from pymysql.constants import ER

from seeknal_drivers.failures import Unavailable
from seeknal_drivers.mysql import connecting
from seeknal_drivers.mysql.connecting import closing, keeping
from seeknal_drivers.mysql.errors import LOST, NOT_THERE, said
from seeknal_starrocks import failures
from seeknal_starrocks.names import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal.errors import ConnectionFailed
    from seeknal_drivers.mysql.connecting import Connection
    from seeknal_starrocks.settings import FrontEnd, Login

_WHERE = "check that the front end runs, that host and port (9030 unless set otherwise; 8030 is for HTTP) are right and that no firewall is in between"
_KILLED = {1317, 3169}
_NOT_THERE = NOT_THERE | {5501, 5502}
_PRIVILEGE = {ER.DBACCESS_DENIED_ERROR, ER.TABLEACCESS_DENIED_ERROR, ER.SPECIFIC_ACCESS_DENIED_ERROR, 5203}


def connect(login: Login, *, front_end: FrontEnd | None = None) -> tuple[Connection, FrontEnd]:
    """Log in to the first front end that answers, and enter catalog and database. Raises ConnectionFailed.

    A front end that cannot be reached is passed over; one that refuses the login is not: the others would, too.
    """
    connection, chosen = log_in(login, front_end=front_end)
    with keeping(connection, partial(explain, login)):
        enter(connection, login)
    return connection, chosen


def log_in(login: Login, *, front_end: FrontEnd | None = None) -> tuple[Connection, FrontEnd]:
    """A connection in which nothing has been set yet, and the front end it is to. Raises ConnectionFailed."""
    problems: list[ConnectionFailed] = []
    for candidate in (front_end,) if front_end else login.front_ends:
        try:
            made = connecting.connect(login, failures.TYPE, candidate.host, candidate.port, autocommit=True, hint=_WHERE)
        except Unavailable as problem:
            problems.append(problem)
        else:
            return made, candidate
    if len(problems) == 1:
        raise problems[0]
    reasons = "; ".join(p.message.removeprefix(f"cannot connect to {failures.TYPE} at ") for p in problems)
    raise failures.unreachable(failures.TYPE, f"any of {len(problems)} front ends", reasons, _WHERE)


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


# Statements ----------------------------------------------------------------------------------------------------------------


def rows(connection: Connection, statement: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
    """The rows of a small result, values as text. Raises pymysql.Error."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [tuple(v.decode(errors="replace") if isinstance(v, bytes) else v for v in row) for row in cursor.fetchall()]


def kill_query(login: Login, front_end: FrontEnd, connection_id: int) -> None:
    """Cancel what a connection is running, from another one to the same front end. Raises ConnectionFailed."""
    connection, _ = log_in(login, front_end=front_end)
    with closing(connection, partial(explain, login)):
        rows(connection, f"KILL QUERY {int(connection_id)}")


# What went wrong -----------------------------------------------------------------------------------------------------------


def explain(login: Login, error: pymysql.Error, statement: str | None = None) -> ConnectionFailed:
    """What an error of the server means; `statement` is the one that was to change something."""
    code, reason = said(login, error)
    if code in LOST or not code:
        return failures.lost(failures.TYPE, login.place, reason)
    if code in _PRIVILEGE or "access denied" in reason.casefold():
        return failures.privilege_missing(reason, statement and login.scrub(statement))
    if statement is not None:
        return failures.statement_refused(login.scrub(statement), reason)
    if code in _NOT_THERE:
        return failures.not_there(reason, "catalog.database.table names a table elsewhere")
    if code in _KILLED:
        return failures.query_failed(reason, "somebody cancelled it, or it took longer than query_timeout")
    if code == ER.DUP_FIELDNAME:
        return failures.query_failed(reason, "name one of the columns with AS")
    return failures.query_failed(reason)
