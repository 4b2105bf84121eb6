"""The SQL prompt's side of StarRocks: one session that is kept open, what may be typed, cancelling, and coming back after a loss."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pymysql
import sqlglot
from pymysql.constants import FIELD_TYPE
from sqlglot import TokenType
from sqlglot.errors import TokenError

from seeknal.errors import ConnectionFailed, EngineError, ProjectError
from seeknal.protocols import Rows
from seeknal_drivers.mysql.connecting import close, hang_up
from seeknal_drivers.mysql.errors import is_lost
from seeknal_starrocks import failures, wire
from seeknal_starrocks.names import DIALECT, TableName
from seeknal_starrocks.statements import changes, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeknal_drivers.mysql.connecting import Connection
    from seeknal_starrocks.settings import FrontEnd, Login

_READS = ("SELECT", "WITH", "(", "SHOW", "DESC", "DESCRIBE", "EXPLAIN", "USE", "SET", "VALUES")
_NEVER = ("GLOBAL", "PASSWORD", "PROPERTY")
_NUMBERS: dict[int, Callable[[str], Any]] = {
    **dict.fromkeys((FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.INT24, FIELD_TYPE.LONG, FIELD_TYPE.LONGLONG), int),
    **dict.fromkeys((FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL), Decimal),
    **dict.fromkeys((FIELD_TYPE.FLOAT, FIELD_TYPE.DOUBLE), float),
}
_MVS = (
    "SELECT TABLE_SCHEMA AS `database`, TABLE_NAME AS `view`, REFRESH_TYPE AS refresh, IS_ACTIVE AS active, LAST_REFRESH_STATE AS last_refresh,"
    " LAST_REFRESH_ERROR_MESSAGE AS problem FROM information_schema.materialized_views ORDER BY 1, 2"
)


class StarRocksShell:
    """See `seeknal.protocols.Shell`."""

    dialect = DIALECT
    commands = (
        (".tables [DATABASE]", "tables and views"),
        (".schema TABLE", "the columns of a table"),
        (".databases", "databases of the catalog"),
        (".catalogs", "catalogs"),
        (".mvs", "materialized views, and how their last refresh went"),
    )

    def __init__(self, login: Login) -> None:
        self._login = login
        self._connection: Connection | None = None
        self._front_end: FrontEnd | None = None
        self._session: list[str] = []
        self._cancelled = False
        self.reconnected = False

    @property
    def place(self) -> str:
        """Where it is connected to, for the prompt."""
        return f"{self._front_end or self._login.place}/{self._login.catalog or ''}{'.' if self._login.catalog else ''}{self._login.database or ''}"

    def rows(self, text: str, limit: int | None = None) -> Rows:
        """Answer one statement that reads. Raises ConnectionFailed, and EngineError SK-RUN-130 where it was cancelled."""
        statement = _reading(text)
        self.reconnected = False
        self._cancelled = False
        try:
            return self._ask(statement, limit)
        except pymysql.Error as error:
            if self._was_cancelled():
                raise self._stopped() from None
            if not is_lost(error):
                raise wire.explain(self._login, error) from None
        self._drop()
        try:  # the statement only reads: asking again does no harm
            found = self._ask(statement, limit)
        except pymysql.Error as error:
            raise self._stopped() if self._was_cancelled() else wire.explain(self._login, error) from None
        self.reconnected = True
        return found

    def command(self, word: str, argument: str) -> Rows | None:
        """Answer a dot command of `commands`; None for one that is not. Raises ConnectionFailed, ProjectError."""
        match word:
            case ".tables":
                return self.rows(f"SHOW TABLES FROM {TableName.parse(argument).sql}" if argument else "SHOW TABLES")
            case ".schema":
                if not argument:
                    raise ProjectError("SK-REPL-001", ".schema needs a table", hint="`.tables` lists them")
                found = self.rows(f"DESC {TableName.parse(argument).sql}")
                return Rows(found.columns[:4], [r[:4] for r in found.rows])
            case ".databases":
                return self.rows("SHOW DATABASES")
            case ".catalogs":
                return self.rows("SHOW CATALOGS")
            case ".mvs":
                return self.rows(_MVS)
        return None

    def interrupt(self) -> None:
        """Cancel what is running: KILL QUERY, from another connection to the same front end."""
        connection, front_end = self._connection, self._front_end
        if connection is None or front_end is None:
            return
        self._cancelled = True
        try:
            wire.kill_query(self._login, front_end, connection.thread_id())  # type: ignore[no-untyped-call]
        except ConnectionFailed:  # then the query ends with its connection
            hang_up(connection)

    def close(self) -> None:
        """Log out."""
        self._drop()

    def _ask(self, statement: str, limit: int | None) -> Rows:
        connection = self._connected()
        with connection.cursor() as cursor:
            cursor.execute(statement)
            fields: Any = cursor.description or ()
            names = tuple(f[0].decode() if isinstance(f[0], bytes) else str(f[0]) for f in fields)
            codes: list[int] = [f[1] for f in fields]
            fetched = cursor.fetchall() if fields else ()
        if statement.split(maxsplit=1)[0].upper() in ("USE", "SET"):
            self._session.append(statement)
        kept = list(fetched)[:limit]
        return Rows(names, [tuple(_value(v, c) for v, c in zip(row, codes, strict=True)) for row in kept])

    def _connected(self) -> Connection:
        if self._connection is None or not self._connection.open:
            self._connection, self._front_end = wire.connect(self._login)
            for statement in self._session:  # where the user was before the connection was lost
                wire.rows(self._connection, statement)
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            close(self._connection)
        self._connection = None

    def _was_cancelled(self) -> bool:
        """Whether another thread has cancelled it meanwhile."""
        return self._cancelled

    def _stopped(self) -> EngineError:
        with contextlib.suppress(Exception):
            self._drop()
        return EngineError("SK-RUN-130", "the query was cancelled")


def _reading(text: str) -> str:
    """One statement that reads. Raises ConnectionFailed (SK-CONN-004) for any other."""
    hint = "the prompt only reads: SELECT, SHOW, DESC, EXPLAIN, USE and SET"
    try:
        tokens = sqlglot.tokenize(text, read=DIALECT)
    except TokenError:
        raise failures.query_failed("its quotes or comments do not end") from None
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens.pop()
    said = words(tokens)
    if not said or said[0] not in _READS or ";" in said:
        raise failures.query_failed(f"'{said[0] if said else ''}' is not answered here", hint)
    if said[0] == "SET" and (word := next((w for w in said if w in _NEVER), None)) is not None:
        raise failures.query_failed(f"SET {word} is not answered here", hint)
    if said[:3] == ["SET", "DEFAULT", "ROLE"]:
        raise failures.query_failed("SET DEFAULT ROLE is not answered here", hint)
    if said[0] not in ("SHOW", "SET", "USE") and (change := changes(tokens)) is not None:
        raise failures.query_failed(f"{change} is not answered here", hint)
    return text.strip().rstrip(";").rstrip()


def _value(value: Any, code: int) -> Any:
    if not isinstance(value, bytes):
        return value
    shown = value.decode(errors="backslashreplace")
    try:
        return _NUMBERS[code](shown) if code in _NUMBERS else shown
    except (ValueError, ArithmeticError):
        return shown
