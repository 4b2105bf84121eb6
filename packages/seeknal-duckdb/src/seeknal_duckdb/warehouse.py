"""The warehouse file: what people open in DuckDB, a notebook or a database tool. It holds views and no data."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING
from uuid import uuid4

import duckdb

from seeknal.errors import EngineError
from seeknal.protocols import Files
from seeknal_duckdb.database import CATALOG, QUIET
from seeknal_duckdb.errors import engine_error
from seeknal_duckdb.sql import literal, qualified, relation_sql, view_sql
from seeknal_duckdb.statements import columns_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from seeknal.protocols import Query

STORAGE_VERSION = "v1.4.0"
"""The oldest file format that every supported DuckDB reads and writes."""

_CATALOG = "seeknal_warehouse"
_COPIES = 5
_kept: dict[int, duckdb.DuckDBPyConnection] = {}
"""By process: one that was forked has threads that are not there."""


def publish(warehouse: Path, environment: str, relations: Mapping[str, Files | Query], dropped: Sequence[str]) -> None:
    """Change a copy of the warehouse, then put it in the file's place: readers see all of the change or none.

    Readers that have the file open go on reading what they opened. Raises EngineError SK-DATA-001 for a file that is no warehouse.
    """
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    copy = warehouse.with_name(f".{warehouse.name}.{uuid4().hex}.tmp")
    log = copy.with_name(copy.name + ".wal")
    try:
        if warehouse.exists():
            _copy(warehouse, copy)
        _change(copy, warehouse, environment, relations, dropped)
        _replace(copy, warehouse)
    finally:
        copy.unlink(missing_ok=True)
        log.unlink(missing_ok=True)


def _copy(warehouse: Path, copy: Path) -> None:
    """Copy the file as it was at one moment, although somebody may have it open for writing."""
    for _ in range(_COPIES):
        before = warehouse.stat()
        shutil.copy(warehouse, copy)
        after = warehouse.stat()
        if (before.st_mtime_ns, before.st_size, before.st_ino) == (after.st_mtime_ns, after.st_size, after.st_ino):
            return
    message = f"another program keeps writing to {warehouse}"
    raise EngineError("SK-DATA-001", message, hint="close it, or have it open the file read-only")


def _change(copy: Path, warehouse: Path, environment: str, relations: Mapping[str, Files | Query], dropped: Sequence[str]) -> None:
    """Bring the views of one environment up to date. A schema in which nothing is left goes with the last of them."""
    schema = (_CATALOG, environment)
    with _database() as connection:
        _attach(connection, copy, warehouse)
        try:
            for statement in ("BEGIN", "CREATE SCHEMA IF NOT EXISTS " + qualified(*schema), "USE " + qualified(*schema)):
                connection.execute(statement)
            for name in dropped:
                connection.execute("DROP VIEW IF EXISTS " + qualified(*schema, name))
            for name, relation in relations.items():
                _create(connection, (*schema, name), relation)
            connection.execute("USE " + qualified(CATALOG, "main"))
            if not relations and environment != "main" and _is_empty(connection, environment):
                connection.execute("DROP SCHEMA " + qualified(*schema))
            for statement in ("COMMIT", "DETACH " + qualified(_CATALOG)):
                connection.execute(statement)
        except duckdb.Error as error:
            raise engine_error(error) from error


@contextlib.contextmanager
def _database() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory. A process that publishes once more takes the one that it had: opening one takes longer than most changes."""
    connection = _kept.pop(os.getpid(), None) or duckdb.connect(":memory:", config=QUIET)
    try:
        yield connection
    except BaseException:
        connection.close()
        raise
    _kept[os.getpid()] = connection


def _is_empty(connection: duckdb.DuckDBPyConnection, schema: str) -> bool:
    """Whether nothing of ours or anybody's is left in a schema."""
    found = "SELECT 1 FROM {} WHERE database_name = $catalog AND schema_name = $schema"
    kinds = " UNION ALL ".join(found.format(f) for f in ("duckdb_views()", "duckdb_tables()", "duckdb_functions()", "duckdb_types()"))
    return not connection.execute(kinds, {"catalog": _CATALOG, "schema": schema}).fetchall()


def _attach(connection: duckdb.DuckDBPyConnection, copy: Path, warehouse: Path) -> None:
    # no log: the copy is nobody's until it is whole, and is made durable then
    options = " (RECOVERY_MODE 'no_wal_writes', STORAGE_VERSION " + literal(STORAGE_VERSION) + ")"
    try:
        connection.execute("ATTACH " + literal(copy) + " AS " + qualified(_CATALOG) + options)
    except duckdb.Error as error:
        message = f"{warehouse} cannot be opened as a DuckDB file: {engine_error(error).message.replace(str(copy), warehouse.name)}"
        raise EngineError("SK-DATA-001", message, hint="delete it, and publish everything again: it holds views only") from error


def _create(connection: duckdb.DuckDBPyConnection, name: tuple[str, ...], relation: Files | Query) -> None:
    """Create or replace one view."""
    query = None if isinstance(relation, Files) else relation_sql(relation) if relation.over else relation.sql
    try:
        if query is not None:
            columns_of(connection, query)
        connection.execute(view_sql(qualified(*name), relation))
    except duckdb.Error as error:
        raise engine_error(error, query) from error


def _replace(copy: Path, warehouse: Path) -> None:
    """Put the copy in place, durably.

    A log that somebody left beside the old file belongs to that file, and must not be taken for one of the new.
    """
    _sync(copy)
    warehouse.with_name(warehouse.name + ".wal").unlink(missing_ok=True)
    copy.replace(warehouse)
    _sync(warehouse.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
