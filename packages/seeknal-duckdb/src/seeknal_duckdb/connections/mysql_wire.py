"""Talking to MySQL and MariaDB: logging in, and saying what went wrong."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from pymysql.constants import ER

from seeknal_drivers.mysql import connecting
from seeknal_drivers.mysql.errors import LOST, NOT_THERE, said
from seeknal_duckdb.connections import failures

if TYPE_CHECKING:
    import pymysql

    from seeknal.errors import ConnectionFailed
    from seeknal_drivers.mysql.connecting import Connection
    from seeknal_duckdb.connections.settings import Login

_PATIENCE = 24 * 3600
_MODES = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO"
_VALUE = {ER.DATA_TOO_LONG, ER.WARN_DATA_OUT_OF_RANGE, ER.WARN_DATA_TRUNCATED, ER.TRUNCATED_WRONG_VALUE, ER.TRUNCATED_WRONG_VALUE_FOR_FIELD}
_READ_ONLY = 1792


def connect(login: Login, *, writing: bool = False) -> Connection:
    """Log in. Times are in UTC; a slow reader is not thrown out; `writing` makes the server refuse what it cannot hold."""
    connection = connecting.connect(login, login.type, login.host, login.port, database=login.database)
    with connecting.keeping(connection, partial(explain, login)):
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION time_zone = '+00:00', net_write_timeout = %s", (_PATIENCE,))
            if writing:
                cursor.execute("SET SESSION sql_mode = %s", (_MODES,))
                cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # its DELETE keeps new rows of others out
        if login.schema:
            connection.select_db(login.schema)
    return connection


def explain(login: Login, error: pymysql.Error) -> ConnectionFailed:
    """What an error of the server means."""
    code, reason = said(login, error)
    if code in LOST or not code:
        return failures.lost(login.type, login.place, reason)
    if code in NOT_THERE | {ER.DBACCESS_DENIED_ERROR}:
        return failures.not_there(reason, "schema.table names a table of another database")
    column = re.search(r"column (?:(?:`[^`]*`\.)*`([^`]*)`|'([^']*)')", reason)
    if code in _VALUE and column:
        return failures.value_refused(column[1] or column[2], reason)
    if code == ER.DUP_FIELDNAME:
        return failures.query_failed(reason, "name one of the columns with AS")
    return failures.query_failed(reason, "a source only reads: write one SELECT" if code == _READ_ONLY else None)
