"""Which version the tables have, and bringing older ones forward.

A migration is a function that changes the tables from one version to the next. It only goes forward, in one transaction with the row
that says so; before it, every table is copied to one with the ending `_v<version>`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, inspect, select
from sqlalchemy.schema import CreateTableAs

from seeknal.plugin import ProjectError
from seeknal_sql_state import failures
from seeknal_sql_state.tables import PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from seeknal_sql_state.tables import Tables

    Migration = Callable[[Connection, Tables], None]


def _create(connection: Connection, tables: Tables) -> None:
    tables.layout.metadata.create_all(connection, tables=list(tables.every), checkfirst=False)


MIGRATIONS: tuple[Migration, ...] = (_create,)
"""What makes version 1 of nothing, version 2 of version 1, and so on."""


def version_of(connection: Connection, tables: Tables, place: str, *, alone: bool) -> int:
    """The version of the tables; 0 where there are none.

    `alone`: no other tables may be there. Raises ProjectError where what is there is someone else's, and for a version that is newer
    than this package knows.
    """
    inspector = inspect(connection)
    if not inspector.has_table(tables.layout.name, schema=tables.layout.schema):
        taken = [n for n in inspector.get_table_names(schema=tables.layout.schema) if alone or n.startswith(PREFIX)]
        if taken:
            raise failures.foreign(place, f"it has a table '{taken[0]}' that is not seeknal's")
        return 0
    version: int = connection.execute(select(func.coalesce(func.max(tables.layout.c.version), 0))).scalar_one()
    if version > len(MIGRATIONS):
        message = f"the state in {place} has tables of version {version}; this version reads up to {len(MIGRATIONS)}"
        raise ProjectError("SK-STATE-002", message, hint="upgrade seeknal: pip install --upgrade seeknal-sql-state")
    return version


def bring_forward(connection: Connection, tables: Tables, version: int, writer: str) -> None:
    """Make the tables what this package works with, from `version`. Call it in a transaction that nobody else can be in."""
    for number in range(version, len(MIGRATIONS)):
        if number:
            _back_up(connection, tables, number)
        MIGRATIONS[number](connection, tables)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        connection.execute(insert(tables.layout).values(version=number + 1, applied_at=now, writer=writer))


def _back_up(connection: Connection, tables: Tables, version: int) -> None:
    """Keep the rows of every table as they are before a migration."""
    inspector = inspect(connection)
    for table in tables.every:
        if inspector.has_table(table.name, schema=table.schema):
            present = [c["name"] for c in inspector.get_columns(table.name, schema=table.schema)]
            rows = select(*(c for c in table.c if c.name in present))
            connection.execute(CreateTableAs(rows, f"{table.name}_v{version}", schema=table.schema))
