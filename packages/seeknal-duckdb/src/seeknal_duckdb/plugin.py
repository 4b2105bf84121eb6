"""What this package brings. Listing it imports neither DuckDB nor Arrow."""

from __future__ import annotations

from seeknal.plugin import Connection, Engine, hookimpl
from seeknal_duckdb.formats import file_formats

_SERVER = ("host", "user", "database")
_SERVER_OPTIONS = ("port", "password", "sslmode", "ssl_ca", "connect_timeout", "schema")


@hookimpl
def seeknal_engines() -> list[Engine]:
    """DuckDB, in process."""
    return [
        Engine(
            name="duckdb",
            target="seeknal_duckdb.engine:DuckDBEngine",
            dialect="duckdb",
            version_of="duckdb",
            formats=file_formats(),
            capabilities=frozenset({"export", "in_place", "interrupt", "lockdown", "nested_types", "publish", "schemas"}),
            description="DuckDB in this process, artifacts in Parquet",
        )
    ]


@hookimpl
def seeknal_connections() -> list[Connection]:
    """The databases rows are copied from and to."""
    return [
        Connection(
            name="postgres",
            target="seeknal_duckdb.connections.postgres:PostgresConnection",
            dialect="postgres",
            required=_SERVER,
            optional=_SERVER_OPTIONS,
            paths=("ssl_ca",),
            description="PostgreSQL",
            upserts=True,
        ),
        Connection(
            name="mysql",
            target="seeknal_duckdb.connections.mysql:MySQLConnection",
            dialect="mysql",
            required=_SERVER,
            optional=_SERVER_OPTIONS,
            paths=("ssl_ca",),
            description="MySQL and MariaDB",
        ),
        Connection(
            name="sqlite",
            target="seeknal_duckdb.connections.sqlite:SQLiteConnection",
            dialect="sqlite",
            required=("path",),
            secrets=(),
            paths=("path",),
            description="a SQLite file",
            upserts=True,
        ),
        Connection(
            name="duckdb",
            target="seeknal_duckdb.connections.duckdb:DuckDBConnection",
            dialect="duckdb",
            required=("path",),
            secrets=(),
            paths=("path",),
            description="a DuckDB file",
        ),
    ]
