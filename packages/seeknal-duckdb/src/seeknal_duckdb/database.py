"""Opening DuckDB databases in memory: one for SQL that people wrote, locked down, and one for our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from seeknal.errors import EngineError
from seeknal_duckdb.errors import engine_error
from seeknal_duckdb.scratch import own_folder
from seeknal_duckdb.sql import literal

if TYPE_CHECKING:
    from seeknal.protocols import SessionSettings

CATALOG = "memory"
"""What DuckDB calls a database in memory."""

QUIET: dict[str, Any] = {
    "python_enable_replacements": False,
    "autoload_known_extensions": False,
    "autoinstall_known_extensions": False,
    "allow_persistent_secrets": False,
    "enable_external_file_cache": False,
}
"""Nothing is looked up in Python's variables, downloaded, or read from the user's home. And files are read where they are: the cache
takes a file that was rewritten within one tick of the disk's clock for the old one, and made nothing faster that we measured."""

_LOCK = {"enable_external_access": False, "lock_configuration": True}


def open_database(settings: SessionSettings, *, locked: bool) -> duckdb.DuckDBPyConnection:
    """A database in memory. `locked`: it opens files in the settings' folders only, and no SQL can change that.

    Raises EngineError SK-SQL-012 for settings DuckDB does not take, such as a memory limit without a unit.
    """
    config: dict[str, Any] = {**QUIET, "temp_directory": str(own_folder(settings.scratch))}
    if settings.memory_limit is not None:
        config["memory_limit"] = settings.memory_limit
    if settings.threads is not None:
        config["threads"] = settings.threads
    try:
        connection = duckdb.connect(":memory:", config=config)
        _set(connection, {"TimeZone": "UTC"})  # for all cursors: SET alone would be for this one
        if locked:
            folders = [folder.absolute() for folder in (*settings.readable, *settings.writable)]
            _set(connection, {"allowed_directories": folders, **_LOCK})
    except duckdb.Error as error:
        raise EngineError("SK-SQL-012", f"DuckDB cannot be started: {engine_error(error).message}") from error
    return connection


def _set(connection: duckdb.DuckDBPyConnection, options: dict[str, Any]) -> None:
    for name, value in options.items():
        connection.execute("".join(["SET GLOBAL ", name, " = ", literal(value)]))
