"""What this package brings. Listing it imports neither SQLAlchemy nor a driver."""

from __future__ import annotations

from seeknal.plugin import StateBackend, hookimpl


@hookimpl
def seeknal_state_backends() -> list[StateBackend]:
    """State in a database."""
    return [
        StateBackend(
            "sqlite", "seeknal_sql_state.sqlite:SQLiteBackend", "A SQLite file, for several processes on one machine.", shared=True
        ),
        StateBackend("postgres", "seeknal_sql_state.postgres:PostgresBackend", "A PostgreSQL schema, for several machines.", shared=True),
    ]
