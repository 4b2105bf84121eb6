"""DuckDB keeps every promise an engine makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import duckdb

from seeknal.protocols import Rows
from seeknal.testing import EngineSuite
from seeknal_duckdb.engine import DuckDBEngine
from seeknal_duckdb.plugin import seeknal_engines

if TYPE_CHECKING:
    from pathlib import Path

CONTRIBUTION = seeknal_engines()[0]


class TestDuckDB(EngineSuite):
    capabilities: ClassVar = CONTRIBUTION.capabilities
    formats: ClassVar = tuple(f.name for f in CONTRIBUTION.formats)
    writable_formats: ClassVar = tuple(f.name for f in CONTRIBUTION.formats if f.writable)

    def engine(self) -> DuckDBEngine:
        return DuckDBEngine()

    def outside_queries(self, path: Path) -> list[str]:
        return [f"FROM read_csv('{path}')", f"FROM '{path}'", f"FROM read_text('{path}')", f"FROM glob('{path.parent}/*')"]

    def published(self, warehouse: Path, environment: str, name: str) -> Rows:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            cursor = connection.execute(f'FROM "{environment}"."{name}"')
            return Rows(tuple(column[0] for column in cursor.description), cursor.fetchall())
