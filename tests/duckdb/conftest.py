"""A DuckDB session on a folder of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from seeknal.nodes import ColumnSchema
from seeknal.protocols import FileRead, Files, SessionSettings
from seeknal_duckdb.engine import DuckDBEngine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seeknal.protocols import Written
    from seeknal_duckdb.session import DuckDBSession


@dataclass
class Workshop:
    """A session, the folder its SQL may touch, and one it may not."""

    session: DuckDBSession
    inside: Path
    outside: Path
    stored: int = 0

    def write(self, query: str) -> Written:
        """Store a query under the name `stored`."""
        written = self.session.write(query, self.next_target(), {})
        return self.define(written)

    def ingest(self, data: Any) -> Written:
        """Store Arrow data under the name `stored`."""
        written = self.session.ingest(data, self.next_target(), {})
        return self.define(written)

    def load(self, text: str | bytes, format: str = "csv", columns: dict[str, str | None] | None = None, **params: Any) -> Written:  # noqa: A002
        """Write a file outside, and load it under the name `stored`."""
        path = self.outside / f"in.{format}"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return self.load_files([path], format, columns, **params)

    def load_files(self, paths: list[Path], format: str, columns: dict[str, str | None] | None = None, **params: Any) -> Written:  # noqa: A002
        """Load files under the name `stored`."""
        schema = tuple(ColumnSchema(name, type_) for name, type_ in (columns or {}).items())
        written = self.session.load(FileRead(format, tuple(paths), params, schema), self.next_target(), {})
        return self.define(written)

    def next_target(self) -> Path:
        self.stored += 1
        return self.inside / f"stored-{self.stored}.parquet"

    def define(self, written: Written) -> Written:
        self.session.define("stored", Files((self.inside / f"stored-{self.stored}.parquet",)))
        return written

    def rows(self, query: str = "FROM stored") -> list[tuple[Any, ...]]:
        return self.session.rows(query).rows


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    """A workshop with two threads."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    session = DuckDBEngine().open(SessionSettings(tmp_path / "scratch", (inside,), (inside,), threads=2))
    yield Workshop(session, inside, outside)
    session.close()


def types(written: Written) -> list[str | None]:
    """The types of what was stored."""
    return [column.type for column in written.schema]
