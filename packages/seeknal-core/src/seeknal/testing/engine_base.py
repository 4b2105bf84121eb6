"""What the suites for engines stand on: the engine, a session, a small relation."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest

from seeknal.protocols import Files, SessionSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seeknal.protocols import EngineDriver, Rows, Session

PEOPLE = "SELECT 1 AS id, 'Ann' AS name UNION ALL SELECT 2, 'Bo' UNION ALL SELECT 3, NULL"


class EngineTests:
    """What a subclass says about its engine, and what the tests use."""

    capabilities: ClassVar[frozenset[str]] = frozenset()
    formats: ClassVar[tuple[str, ...]] = ()
    writable_formats: ClassVar[tuple[str, ...]] = ()

    def engine(self) -> EngineDriver:
        """The engine under test."""
        raise NotImplementedError

    def quoted(self, name: str) -> str:
        """A name, quoted for the engine's SQL."""
        return '"' + name.replace('"', '""') + '"'

    def outside_queries(self, path: Path) -> list[str]:
        """Queries that try to open this file, which lies outside the session's folders. Each must be refused."""
        raise NotImplementedError

    def published(self, warehouse: Path, environment: str, name: str) -> Rows:
        """The rows of a published relation, read as somebody would who knows nothing of seeknal. Raises if there is none."""
        raise NotImplementedError

    # What the tests stand on -------------------------------------------------------------------------------------------

    @pytest.fixture
    def inside(self, tmp_path: Path) -> Path:
        """A folder that SQL may read and write."""
        folder = tmp_path / "in side"
        folder.mkdir()
        return folder

    @pytest.fixture
    def session(self, tmp_path: Path, inside: Path) -> Iterator[Session]:
        """An open session, in which `people` is defined."""
        session = self.engine().open(SessionSettings(tmp_path / "scratch", (inside,), (inside,), threads=2))
        session.write(PEOPLE, inside / "people.parquet", {})
        session.define("people", Files((inside / "people.parquet",)))
        yield session
        session.close()

    def need(self, capability: str) -> None:
        """Skip the test unless the engine has the capability."""
        if capability not in self.capabilities:
            pytest.skip(f"the engine does not declare {capability!r}")

    def need_format(self, name: str) -> None:
        """Skip the test unless the engine loads the format."""
        if name not in self.formats:
            pytest.skip(f"the engine does not load {name}")
