"""The warehouse file: what people open in DuckDB, a notebook or a database tool. Views only."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING
from uuid import uuid4

import duckdb

from seeknal_duckdb.errors import engine_error
from seeknal_duckdb.sql import identifier, literal, view_sql

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from seeknal.protocols import Files, Query

STORAGE_VERSION = "v1.4.0"
"""The oldest file format that every supported DuckDB reads and writes."""

_NAME = "warehouse"


def publish(warehouse: Path, environment: str, relations: Mapping[str, Files | Query], dropped: Sequence[str]) -> None:
    """Change a copy of the warehouse and put it in the file's place."""
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    copy = warehouse.with_name(f".{warehouse.name}.{uuid4().hex}.tmp")
    try:
        if warehouse.exists():
            shutil.copyfile(warehouse, copy)
        _change(copy, environment, relations, dropped)
        _replace(copy, warehouse)
    finally:
        copy.unlink(missing_ok=True)


def _change(copy: Path, environment: str, relations: Mapping[str, Files | Query], dropped: Sequence[str]) -> None:
    """Bring the views of one environment up to date."""
    with duckdb.connect(":memory:") as connection:
        try:
            connection.execute(
                "".join(["ATTACH ", literal(copy), " AS ", identifier(_NAME), " (STORAGE_VERSION ", literal(STORAGE_VERSION), ")"])
            )
            connection.execute("USE " + identifier(_NAME))
            connection.execute("CREATE SCHEMA IF NOT EXISTS " + identifier(environment))
            connection.execute("BEGIN")
            for name in dropped:
                connection.execute("DROP VIEW IF EXISTS " + identifier(environment) + "." + identifier(name))
            for name, relation in relations.items():
                connection.execute(view_sql(name, relation, environment))
            connection.execute("COMMIT")
            connection.execute("USE memory")
            connection.execute("DETACH " + identifier(_NAME))
        except duckdb.Error as error:
            raise engine_error(error) from error


def _replace(copy: Path, warehouse: Path) -> None:
    """Put the copy in place, durably."""
    _sync(copy)
    copy.replace(warehouse)
    _sync(warehouse.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
