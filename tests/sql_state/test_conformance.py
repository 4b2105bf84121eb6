"""State in SQLite and in PostgreSQL keeps every promise a state backend makes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from seeknal.testing import StateSuite

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Server


class TestSQLiteBackend(StateSuite):
    target: ClassVar = "seeknal_sql_state.sqlite:SQLiteBackend"

    def options(self, folder: Path) -> dict[str, Any]:
        return {"path": str(folder / "state.db")}


class TestPostgresBackend(StateSuite):
    target: ClassVar = "seeknal_sql_state.postgres:PostgresBackend"
    server: ClassVar[Server]

    @pytest.fixture(autouse=True)
    def _server(self, postgres_server: Server) -> None:
        type(self).server = postgres_server

    def options(self, folder: Path) -> dict[str, Any]:
        s = self.server
        name = hashlib.blake2b(str(folder).encode(), digest_size=8).hexdigest()
        return {"url": f"postgresql://{s.user}@{s.host}:{s.port}/{s.database}", "password": s.password, "project": f"project {name}"}
