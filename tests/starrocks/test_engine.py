"""The engine keeps the promises it declares, on the stand-in; or on the server that SEEKNAL_TEST_STARROCKS_URL names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar

import pytest
from tests.starrocks.standin import StandIn

from seeknal.protocols import Files, SessionSettings
from seeknal.testing import EngineSuite
from seeknal_starrocks import wire
from seeknal_starrocks.engine import StarRocksEngine
from seeknal_starrocks.plugin import seeknal_engines

if TYPE_CHECKING:
    from pathlib import Path

CONTRIBUTION = seeknal_engines()[0]
URL = os.environ.get("SEEKNAL_TEST_STARROCKS_URL")


class TestStarRocks(EngineSuite):
    capabilities: ClassVar = CONTRIBUTION.capabilities
    formats: ClassVar = ("parquet",)
    writable_formats: ClassVar = tuple(f.name for f in CONTRIBUTION.formats if f.writable)

    @pytest.fixture(autouse=True)
    def server(self, request):
        if URL:
            self.settings = {"url": URL}
            yield
            return
        server = StandIn()
        server.start()
        self.settings = {"host": "127.0.0.1", "port": server.port, "http_port": 1, "user": "seeknal", "password": "correct horse"}
        yield
        server.stop()

    def engine(self) -> StarRocksEngine:
        return StarRocksEngine(**self.settings)

    def quoted(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    @pytest.mark.parametrize("query", [
        "SELECT CAST(0.5 AS DOUBLE) AS share, 1 AS id, 'x' AS t", "SELECT CAST(0.5 AS DOUBLE) AS share", "SELECT CAST(0.5 AS DOUBLE) AS seeknal_row",
    ])  # fmt: skip
    def test_an_output_may_begin_with_what_cannot_be_a_key(self, query, tmp_path):
        session = self.engine().open(SessionSettings(tmp_path))
        expected = session.rows(query)
        session.write(query, tmp_path / "out.parquet", {})
        for name, opened in (("kept", session), ("loaded", self.engine().open(SessionSettings(tmp_path)))):
            if name == "loaded" and not URL:  # by somebody who has not made it
                with opened._use() as connection:
                    wire.rows(connection, "DROP DATABASE seeknal_artifacts")
                    wire.rows(connection, "CREATE DATABASE seeknal_artifacts")
            opened.define(name, Files((tmp_path / "out.parquet",)))
            found = opened.rows(f"SELECT * FROM {name}")
            assert (found.columns, found.rows) == (expected.columns, expected.rows)

    def outside_queries(self, path: Path) -> list[str]:
        return [
            f"SELECT * FROM FILES('path' = 'file://{path}', 'format' = 'csv')",
            "SELECT * FROM information_schema.tables",
            "SELECT * FROM seeknal_artifacts.other",
            "SELECT * FROM default_catalog.analytics.t",
        ]
