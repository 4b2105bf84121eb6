"""The engine that seeknal's registry names: transforms run inside StarRocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal.errors import EngineError
from seeknal_starrocks.driver import StarRocksConnection
from seeknal_starrocks.session import StarRocksSession

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from seeknal.protocols import Files, Query, SessionSettings


class StarRocksEngine:
    """StarRocks, through one connection. See `seeknal.protocols.EngineDriver`."""

    def __init__(self, **settings: Any) -> None:
        """`settings` are those of a connection of type starrocks. Raises ConnectionFailed."""
        self._driver = StarRocksConnection(**settings)

    def open(self, settings: SessionSettings) -> StarRocksSession:
        """Log in and make the artifacts' database. What SQL may use of the cluster, the cluster says; `settings` are for this machine."""
        del settings
        return StarRocksSession(self._driver)

    def publish(self, warehouse: Path, environment: str, relations: Mapping[str, Files | Query], dropped: Sequence[str]) -> None:
        """Not offered: StarRocks exchanges views one by one, and a reader could see half of a publication."""
        del warehouse, environment, relations, dropped
        raise EngineError("SK-SQL-012", "this engine publishes no warehouse")
