"""State in a schema of a PostgreSQL database, for several machines: the server's clock, row locks, and an end to every wait."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import Double, Text, cast, column, create_engine, extract, func, inspect, literal, select
from sqlalchemy.dialects.postgresql import JSON, insert
from sqlalchemy.engine import URL
from sqlalchemy.schema import CreateSchema

from seeknal.plugin import ProjectError
from seeknal_sql_state import failures
from seeknal_sql_state.backend import SqlBackend
from seeknal_sql_state.database import Database
from seeknal_sql_state.options import SHARED, Options, name_of, with_query
from seeknal_sql_state.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import ColumnElement, Connection, Table
    from sqlalchemy.exc import DBAPIError

    from seeknal.errors import SeeknalError

SCHEMA = "seeknal"
CONNECT_SECONDS = 10
LOCK_SECONDS = 10
STATEMENT_SECONDS = 120
_LONGEST_NAME = 63
_GUARD = 0x5EE_C4A1
_CUT_OFF = ("57P01", "57P02", "57P03", "57P05", "25P03")
_NOT_NOW = ("too many", "connection slots", "starting up", "shutting down", "recovery mode", "not yet accepting")
"""What a server says that would let one in at another time; psycopg gives no code for it."""
_NO_RIGHTS = "42501"
_READ_ONLY = "25006"
_TOO_LONG = ("55P03", "57014")
_FULL = "53100"
_SILENT_MS = 30_000
_LOCAL = True


class PostgresBackend(SqlBackend):
    """The `postgres` state backend."""

    def __init__(self, target: Path, options: Mapping[str, Any] | None = None) -> None:
        """Check the options; nothing is opened yet. Raises ProjectError (SK-STATE-004, SK-STATE-010)."""
        del target
        url, given = with_query("postgres", options or {}, ("url", "password", "schema", *SHARED))
        if url is None:
            hint = "state: {backend: postgres, url: postgresql://user@host/database}"
            raise ProjectError("SK-STATE-004", "state in PostgreSQL needs a url", hint=hint)
        if url.drivername not in ("postgresql", "postgres", "postgresql+psycopg"):
            raise ProjectError("SK-STATE-004", "the url of state in PostgreSQL begins with postgresql://")
        if given.get("password") is not None:
            url = url.set(password=str(given["password"]))
        checked = Options.of(given)
        super().__init__(
            PostgresDatabase(url, name_of(given.get("schema", SCHEMA), "schema", _LONGEST_NAME), checked.lease_seconds), checked
        )


class PostgresDatabase(Database):
    """One schema of a database."""

    name: ClassVar = "postgres"
    insert = staticmethod(insert)

    def __init__(self, url: URL, schema: str, lease_seconds: float) -> None:
        self.schema = schema
        self._secrets = [str(s) for s in (url.password, url.query.get("password")) if s]
        self._limits = {
            "lock_timeout": LOCK_SECONDS,
            "statement_timeout": STATEMENT_SECONDS,
            "idle_in_transaction_session_timeout": lease_seconds,  # a process paused half-way must not keep its locks for ever
        }
        bounds = {"connect_timeout": CONNECT_SECONDS, "tcp_user_timeout": _SILENT_MS, "application_name": "seeknal"}
        arguments = {"prepare_threshold": None, **{k: v for k, v in bounds.items() if k not in url.query}}
        try:
            engine = create_engine(
                url.set(drivername="postgresql+psycopg"), pool_pre_ping=True, connect_args=arguments, hide_parameters=True
            )
        except ImportError as error:
            raise failures.driver_missing(error) from None
        place = URL.create("postgresql", host=url.host, port=url.port, database=url.database, query={"schema": schema})
        super().__init__(engine, Tables.in_schema(schema), place.render_as_string())

    @property
    def clock(self) -> ColumnElement[float]:
        """The server's clock."""
        return cast(extract("epoch", func.clock_timestamp()), Double)

    @contextlib.contextmanager
    def transaction(self, connection: Connection, *, writes: bool) -> Iterator[None]:
        level = "READ COMMITTED" if writes else "REPEATABLE READ"
        with connection.execution_options(isolation_level=level, postgresql_readonly=not writes).begin():
            connection.execute(select(*(func.set_config(k, f"{seconds * 1000:.0f}ms", _LOCAL) for k, seconds in self._limits.items())))
            yield

    def put(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """One statement with one parameter, a JSON array, not one a row in a pipeline.

        A server does not count a client that stops inside a pipeline as idle, and would keep its locks.
        """
        columns = [column(c.name, c.type) for c in table.columns]
        given = func.json_to_recordset(cast(literal(json.dumps(rows), Text), JSON)).table_valued(*columns).render_derived(with_types=True)
        connection.execute(self.upsert(table, insert(table).from_select([c.name for c in columns], select(given))))

    @contextlib.contextmanager
    def preparing(self) -> Iterator[Connection]:
        with self.writing() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(_GUARD)))
            if not inspect(connection).has_schema(self.schema):
                connection.execute(CreateSchema(self.schema))
            yield connection

    def settle(self) -> None:
        """The server does that by itself."""

    def explain(self, error: DBAPIError) -> SeeknalError:
        cause: Any = error.orig
        state = getattr(cause, "sqlstate", None) or ""
        reason = self._scrubbed(getattr(getattr(cause, "diag", None), "message_primary", None) or str(cause))
        if not state and any(sign in reason for sign in _NOT_NOW):
            return failures.unreachable(self.place, reason)
        if state.startswith("28") or (not state and "FATAL" in reason):
            return failures.login_refused(self.place, reason)
        if state == _NO_RIGHTS:
            return failures.no_rights(self.place, reason)
        if state == _READ_ONLY:
            return failures.read_only(self.place, reason)
        if state in _TOO_LONG:
            return failures.busy(self.place, LOCK_SECONDS)
        if state == _FULL:
            return failures.full(self.place)
        if not state or state.startswith("08") or state in _CUT_OFF:
            return failures.unreachable(self.place, reason)
        return failures.failed(self.place, reason)

    def _scrubbed(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return " ".join(text.split())
