"""Talking to PostgreSQL: logging in, asking what a query would return, streaming what it returns, and saying what went wrong."""

from __future__ import annotations

import contextlib
import math
import re
from typing import TYPE_CHECKING

import psycopg
from psycopg import pq, sql
from psycopg.waiting import Wait

from seeknal_duckdb.connections import failures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg.abc import PQGen
    from psycopg.pq.abc import PGresult

    from seeknal.errors import ConnectionFailed
    from seeknal_duckdb.connections.settings import Login

Connection = psycopg.Connection[tuple[object, ...]]

_BLOCK = 4 << 20
_CANCEL_SECONDS = 5
_COPY, _END = b"COPY (\n", b"\n) TO STDOUT (FORMAT csv)"
_READ_ONLY = "25006"
_TEXT_FORMATS = {"TimeZone": "UTC", "DateStyle": "ISO, YMD", "IntervalStyle": "iso_8601", "bytea_output": "hex", "extra_float_digits": "3"}
"""What values look like as text, however the server or the role is configured."""


def connect(login: Login) -> Connection:
    """Log in, and begin a transaction in which text looks as `postgres_text` expects. Raises ConnectionFailed."""
    connection = _connect(login)
    try:
        settings = sql.SQL(", ").join(sql.SQL("set_config({}, {}, true)").format(*pair) for pair in _TEXT_FORMATS.items())
        connection.execute(sql.SQL("SELECT {}").format(settings))
        if login.schema:
            _prefer_schema(connection, login.schema)
    except psycopg.Error as error:
        connection.close()
        raise explain(login, error) from None
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(login: Login) -> Connection:
    try:
        return psycopg.connect(
            host=login.host,
            port=login.port,
            user=login.user,
            password=login.password,
            dbname=login.database,
            sslmode=login.sslmode,
            sslrootcert=login.ssl_ca,
            connect_timeout=login.connect_timeout,
            application_name="seeknal",
            client_encoding="utf8",
            prepare_threshold=None,  # named statements do not survive a pooler in between
        )
    except psycopg.Error as error:
        failure = _refusal(login, error)
    raise failure  # out here, so that the driver's exception, which knows the password, does not hang on it


def _prefer_schema(connection: Connection, schema: str) -> None:
    found = connection.execute("SELECT to_regnamespace(%s) IS NOT NULL", (sql.Identifier(schema).as_string(connection),)).fetchone()
    if found != (True,):
        message = f"there is no schema '{schema}'"
        raise failures.not_there(message, "names are case-sensitive; check `schema` in profiles.yml")
    path = "SELECT set_config('search_path', concat_ws(', ', %s::text, nullif(current_setting('search_path'), '')), true)"
    connection.execute(path, (sql.Identifier(schema).as_string(connection),))


# Reading -------------------------------------------------------------------------------------------------------------------


def describe(connection: Connection, query: bytes) -> PGresult:
    """The columns of one statement, which is parsed but not run. Raises psycopg.Error; its position counts from the query's begin."""
    connection.pgconn.send_prepare(b"", query)
    _result(connection)
    connection.pgconn.send_describe_prepared(b"")
    return _result(connection)


def copy_out(connection: Connection, query: bytes) -> Iterator[bytearray]:
    """Run a query and give its rows as CSV, in blocks of whole lines. Raises psycopg.Error.

    Rows come out of libpq one by one; taking them here, rather than through psycopg's own loop, is five times as fast.
    """
    pgconn = connection.pgconn
    pgconn.send_query(_COPY + query + _END)
    _result(connection)
    get = pgconn.get_copy_data
    block = bytearray()
    while True:
        size, row = get(1)
        if size > 0:
            block += row
            if len(block) >= _BLOCK:
                yield block
                block = bytearray()
        elif size == 0:
            connection.wait(_more(connection))
        else:
            break
    _result(connection)
    if block:
        yield block


def cancel(connection: Connection) -> None:
    """Tell the server, from any thread, to stop working on a query."""
    if connection.info.transaction_status == pq.TransactionStatus.ACTIVE:
        with contextlib.suppress(psycopg.Error):  # a server that cannot be told will notice that nobody listens
            connection.cancel_safe(timeout=_CANCEL_SECONDS)


def abandon(connection: Connection) -> None:
    """Close a connection that may be in the middle of a query."""
    cancel(connection)
    connection.close()


def _result(connection: Connection) -> PGresult:
    """What the server answers to what was sent. Raises psycopg.Error where it is an error."""
    connection.wait(_answered(connection))
    result = connection.pgconn.get_result()
    if result is None:
        message = "the server sent no result"
        raise psycopg.OperationalError(message)
    if result.status == pq.ExecStatus.COPY_OUT:
        return result
    while connection.pgconn.get_result() is not None:  # None follows the last result of a command
        pass
    if result.status == pq.ExecStatus.FATAL_ERROR:
        raise psycopg.errors.error_from_result(result)
    return result


def _answered(connection: Connection) -> PQGen[None]:
    while connection.pgconn.flush():
        yield Wait.W
    while connection.pgconn.is_busy():
        yield Wait.R
        connection.pgconn.consume_input()


def _more(connection: Connection) -> PQGen[None]:
    while not (yield Wait.R):
        pass
    connection.pgconn.consume_input()


# What went wrong -----------------------------------------------------------------------------------------------------------


def _refusal(login: Login, error: psycopg.Error) -> ConnectionFailed:
    """Why nobody could log in. libpq gives no code before the login, so its words have to do; others' languages end as 001 or 002."""
    text = login.scrub(str(error))
    said = [m.strip() for m in re.findall(r"^.*failed: (.+)", text, re.MULTILINE)] or [text.strip().splitlines()[0]]
    reason = re.sub(r"^FATAL:\s*", "", said[0])
    from_server = said[0].startswith("FATAL:") or bool(error.pgconn and error.pgconn.used_password)
    if from_server and re.search(r"database .* does not exist", reason):
        return failures.not_there(f"postgres at {login.place} has no database '{login.database}'", "check `database` in profiles.yml")
    if from_server and re.search(r"too many|starting up|shutting down|remaining connection slots|recovery", reason):
        return failures.unreachable(login.type, login.place, reason, "the server is there but takes nobody in at the moment")
    if from_server or "no password supplied" in reason:
        return failures.login_refused(login.type, login.place, reason)
    if re.search(r"ssl|certificate", reason, re.IGNORECASE) and "invalid response" not in reason:
        return failures.tls_failed(login.type, login.place, reason)
    return failures.unreachable(login.type, login.place, reason)


def explain(login: Login, error: psycopg.Error, query: str | None = None, *, wrapped: bool = False) -> ConnectionFailed:
    """What an error of the server means. `wrapped`: it counts positions from the begin of COPY, not of the query."""
    diag, state = error.diag, error.sqlstate or ""
    reason = login.scrub(diag.message_primary or str(error).strip())
    if diag.message_detail:
        reason += f" ({login.scrub(diag.message_detail)})"
    of_driver = not state and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    if of_driver or state.startswith("08") or state in ("57P01", "57P02", "57P03", "57P05"):
        return failures.lost(login.type, login.place, reason)
    if state.startswith("28"):
        return failures.login_refused(login.type, login.place, reason)
    if state in ("3D000", "3F000", "42P01"):
        return failures.not_there(reason, diag.message_hint or "names are case-sensitive; schema.table names a table of another schema")
    column = re.search(r"^COPY .*, column ([^:]+)", diag.context or "", re.MULTILINE)
    if column and state.startswith("22"):
        return failures.value_refused(column[1], reason)
    if state == _READ_ONLY:
        return failures.query_failed(reason, "a source only reads: write one SELECT")
    return failures.query_failed(reason + _position(diag.statement_position, query, wrapped=wrapped), diag.message_hint)


def _position(position: str | None, query: str | None, *, wrapped: bool) -> str:
    at = int(position) - 1 - (len(_COPY) if wrapped else 0) if position else math.inf
    if query is None or not 0 <= at < len(query):
        return ""
    before = query[: int(at)]
    return f" (line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))} of the query)"
