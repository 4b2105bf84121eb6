"""The engine that seeknal's registry names: opens sessions, publishes to the warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal_duckdb.session import DuckDBSession
from seeknal_duckdb.warehouse import publish

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from seeknal.protocols import Files, Query, SessionSettings


class DuckDBEngine:
    """DuckDB in this process. See `seeknal.protocols.EngineDriver`."""

    def open(self, settings: SessionSettings) -> DuckDBSession:
        """Start a session: an empty database in memory that can touch `settings.readable` and `settings.writable` only."""
        return DuckDBSession(settings)

    def publish(self, warehouse: Path, environment: str, relations: Mapping[str, Files | Query], dropped: Sequence[str]) -> None:
        """Change the views of one environment in the warehouse file, all at once."""
        publish(warehouse, environment, relations, dropped)
