"""A stand-in for StarRocks: no StarRocks, but something that answers like one as far as seeknal's tests need it.

It speaks the MySQL protocol (the package mysql-mimic), translates StarRocks' SQL to DuckDB's with sqlglot, and runs it in a DuckDB in
memory. Databases are schemas. A primary key is one: a row that is added replaces the one with its key, and a key is never NULL. Other keys, distribution, partitions, refresh schemes and properties are remembered and shown again, and do
nothing. What it is sent, it keeps in `statements`, so that tests can say what must not be sent. It proves that seeknal sends sound
statements in the right order and understands the answers it expects; that StarRocks answers so, only a StarRocks can prove:
the same tests run against one when SEEKNAL_TEST_STARROCKS_URL is set.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import json
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb
from mysql_mimic import MysqlServer, packets
from mysql_mimic.auth import IdentityProvider, NativePasswordAuthPlugin, User
from mysql_mimic.constants import KillKind
from mysql_mimic.errors import MysqlError
from mysql_mimic.results import ResultColumn, ResultSet
from mysql_mimic.session import BaseSession
from mysql_mimic.types import ColumnType
from mysql_mimic.variables import GlobalVariables, SessionVariables
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterator

DIALECT = "starrocks"
VERSION = "3.3.5-standin"
CATALOG = "default_catalog"
USERS = {"seeknal": "correct horse", "reader": "only looks"}
SYNTAX, UNKNOWN_TABLE, UNKNOWN_DATABASE, DENIED, EXISTS = 1064, 5502, 1049, 5203, 1050
_WIRE = {
    "BOOLEAN": ColumnType.TINY, "TINYINT": ColumnType.TINY, "SMALLINT": ColumnType.SHORT, "INTEGER": ColumnType.LONG, "BIGINT": ColumnType.LONGLONG,
    "FLOAT": ColumnType.FLOAT, "DOUBLE": ColumnType.DOUBLE, "DATE": ColumnType.DATE, "TIMESTAMP": ColumnType.DATETIME, "UTINYINT": ColumnType.SHORT,
}  # fmt: skip
_SHOWN = {
    "INTEGER": "int",
    "HUGEINT": "largeint",
    "TIMESTAMP": "datetime",
    "BLOB": "varbinary",
    "VARCHAR": "varchar(65533)",
    "JSON": "json",
}
_STATES = ("BITMAP", "HLL", "PERCENTILE")
Name = tuple[str, str]


class Described(str):
    """A column's name with what its definition on the wire says of its length and scale."""

    length = 256
    scale = 0


def _definition(make: Any) -> Any:
    """mysql-mimic says 256 and 0 for every column; decimals need their own numbers."""

    @functools.wraps(make)
    def made(*args: Any, **kwargs: Any) -> bytes:
        name = kwargs.get("name")
        if isinstance(name, Described):
            kwargs |= {"column_length": name.length, "decimals": name.scale}
        return make(*args, **kwargs)

    return made


packets.make_column_definition_41 = _definition(packets.make_column_definition_41)


@dataclass
class View:
    """A materialized view: its statement as it was sent, what stands in front of AS, its query, and what became of it."""

    tree: exp.Create
    query: str
    comment: str = ""
    refresh: str = "ASYNC"
    properties: dict[str, str] = field(default_factory=dict)
    clauses: list[str] = field(default_factory=list)
    active: bool = True
    state: str = ""
    error: str = ""
    refreshed: int = 0


class StandIn:
    """The server: everything that its sessions share."""

    def __init__(self) -> None:
        self.db = duckdb.connect(":memory:")
        self.db.execute(f"ATTACH ':memory:' AS {CATALOG}; USE {CATALOG}")
        self.db.execute(f"CREATE MACRO current_version() AS '{VERSION}'; CREATE MACRO bitmap_to_string(x) AS '1,2'")
        for unit in ("day", "week", "month", "quarter", "year"):
            self.db.execute(f"CREATE MACRO memory.main.{unit}s_add(t, n) AS CAST(t + to_{unit}s(CAST(n AS INTEGER)) AS DATE)")
            self.db.execute(f"CREATE MACRO memory.main.{unit}s_diff(a, b) AS datesub('{unit}', b, a)")
        self.lock = threading.RLock()
        self.statements: list[str] = []
        self.types: dict[Name, dict[str, str]] = {}
        self.comments: dict[Name, str] = {}
        self.created: dict[Name, str] = {}
        self.views: dict[Name, View] = {}
        self.catalogs: dict[str, dict[str, str]] = {CATALOG: {}}
        self.labels: dict[str, str] = {}
        self.task_runs: list[dict[str, Any]] = []
        self.refuse: dict[str, tuple[int, str]] = {}
        self.fail_refresh: dict[str, str] = {}
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._server: MysqlServer | None = None
        self.run_sql(CATALOG, None, "CREATE DATABASE analytics")

    # Serving

    def start(self) -> None:
        """Listen on a port of its own, in a thread of its own."""
        started = threading.Event()

        async def serve() -> None:
            self._server = MysqlServer(session_factory=lambda: StandInSession(self), identity_provider=Users())
            await self._server.start_server(host="127.0.0.1", port=0)
            self.port = self._server.sockets()[0].getsockname()[1]
            started.set()

        def run() -> None:
            asyncio.set_event_loop(self._loop)
            self._loop.run_until_complete(serve())
            self._loop.run_forever()
            self._loop.close()

        threading.Thread(target=run, daemon=True).start()
        if not started.wait(20):
            raise RuntimeError("the stand-in did not start")

    def stop(self) -> None:
        """Stop listening."""

        async def end() -> None:
            if self._server is not None:
                self._server.close()
            others = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            self._loop.stop()

        asyncio.run_coroutine_threadsafe(end(), self._loop)

    async def kill(self, connection: int) -> None:
        """KILL QUERY."""
        if self._server is not None:
            await self._server.control.kill(connection, KillKind.QUERY)

    def disconnect_all(self) -> None:
        """Cut every connection, as a restart does."""
        server = self._server
        if server is not None:
            for connection in list(server.control._connections.values()):
                self._loop.call_soon_threadsafe(connection.stream.writer.transport.abort)

    # What statements mean

    def run_sql(self, catalog: str, database: str | None, sql: str, user: str = "seeknal", cursor: Any = None) -> Result:
        """Run one statement. Raises MysqlError."""
        for word, (code, message) in self.refuse.items():
            if word in sql:
                raise MysqlError(message, code)
        return Statement(self, catalog, database, user, cursor or self.db.cursor()).run(sql)

    def databases(self, catalog: str = CATALOG) -> list[str]:
        """Names of databases."""
        found = (
            self.db.cursor()
            .execute("SELECT schema_name FROM duckdb_schemas() WHERE database_name = ? AND NOT internal", [catalog])
            .fetchall()
        )
        return sorted(row[0] for row in found)

    def relations(self) -> Iterator[tuple[Name, str]]:
        """Tables, views and materialized views with what they are."""
        rows = (
            self.db.cursor()
            .execute(
                "SELECT schema_name, table_name, 'BASE TABLE' FROM duckdb_tables() WHERE database_name = ?"
                " UNION ALL SELECT schema_name, view_name, 'VIEW' FROM duckdb_views() WHERE database_name = ? AND NOT internal ORDER BY 1, 2",
                [CATALOG, CATALOG],
            )
            .fetchall()
        )
        for schema, name, kind in rows:
            yield (schema, name), "VIEW" if (schema, name) in self.views else kind

    def columns(self, name: Name) -> dict[str, str]:
        """Columns and their StarRocks types."""
        return self.all_columns().get(name, {})

    def all_columns(self) -> dict[Name, dict[str, str]]:
        """Columns and their StarRocks types, of all tables and views."""
        query = "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = ? ORDER BY column_index"
        found: dict[Name, dict[str, str]] = {}
        for schema, table, column, type_ in self.db.cursor().execute(query, [CATALOG]).fetchall():
            name = (schema, table)
            found.setdefault(name, {})[column] = self.types.get(name, {}).get(column) or shown_type(type_)
        return found


@dataclass
class Result:
    """Rows with names and DuckDB types of their columns."""

    names: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    @classmethod
    def texts(cls, names: list[str], rows: list[tuple[Any, ...]]) -> Result:
        """All columns text."""
        return cls(names, ["VARCHAR"] * len(names), rows)


def shown_type(duck: str) -> str:
    """A DuckDB type as StarRocks shows its own."""
    if duck in _SHOWN:
        return _SHOWN[duck]
    if duck.endswith("[]"):
        return f"array<{shown_type(duck[:-2])}>"
    if duck.startswith(("STRUCT", "MAP")):
        return exp.DataType.build(duck, dialect="duckdb").sql(dialect=DIALECT).lower()
    return duck.lower().replace(" ", "")


def encoded(value: Any) -> bytes:
    """A value as the text protocol has it."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool):
        return b"1" if value else b"0"
    if isinstance(value, dict | list):
        return json.dumps(value, default=str, separators=(",", ":"), ensure_ascii=False).encode()
    if isinstance(value, float):
        return repr(value).encode()
    if isinstance(value, dt.datetime):
        return str(value).encode()
    return str(value).encode()


def result_set(result: Result) -> ResultSet | None:
    """The result with the wire types StarRocks gives such columns."""
    if not result.names:
        return None
    columns = []
    for name, type_ in zip(result.names, result.types, strict=True):
        described, code = Described(name), _WIRE.get(type_, ColumnType.VAR_STRING)
        decimal = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", type_)
        if decimal:
            precision, described.scale = int(decimal[1]), int(decimal[2])
            described.length = precision + 1 + (1 if described.scale else 0)
            code = ColumnType.NEWDECIMAL
        columns.append(ResultColumn(described, code, text_encoder=lambda _, value: encoded(value)))
    return ResultSet(result.rows, columns)


class Users(IdentityProvider):
    """Two users; `reader` may change nothing."""

    async def get_user(self, username: str) -> User:
        password = USERS.get(username, "nobody knows")
        return User(username, NativePasswordAuthPlugin.create_auth_string(password), NativePasswordAuthPlugin.name)


class StandInSession(BaseSession):
    """One connection."""

    def __init__(self, server: StandIn) -> None:
        self.variables = SessionVariables(GlobalVariables())
        self.username = None
        self.database = None
        self.catalog = CATALOG
        self._server = server
        self._cursor = server.db.cursor()

    async def use(self, database: str) -> None:
        self._enter(database)

    def _enter(self, database: str) -> None:
        if database not in self._server.databases(self.catalog):
            raise MysqlError(f"Unknown database '{database}'", UNKNOWN_DATABASE)
        self.database = database

    async def handle_query(self, sql: str, attrs: dict[str, str]) -> Any:
        text = sql.strip().rstrip(";").strip()
        self._server.statements.append(text)
        words = text.split()
        match [w.upper() for w in words[:2]]:
            case ["SET", "CATALOG"]:
                name = words[2].strip("`")
                if name not in self._server.catalogs:
                    raise MysqlError(f"Unknown catalog '{name}'", SYNTAX)
                self.catalog = name
                return None
            case ["SET", *_]:
                return None
            case ["USE", *_]:
                self._enter(words[1].strip("`"))
                return None
            case ["KILL", _]:
                await self._server.kill(int(words[2]))
                return None
        work = functools.partial(self._server.run_sql, self.catalog, self.database, text, self.username or "", self._cursor)
        future = asyncio.get_running_loop().run_in_executor(None, work)
        try:
            return result_set(await asyncio.shield(future))
        except asyncio.CancelledError:
            self._cursor.interrupt()
            raise

    async def close(self) -> None:
        self._cursor.interrupt()


from tests.starrocks.standin_statements import Statement  # noqa: E402 - it needs what is above
