"""The engine keeps the promises it declares, on the stand-in; or on the server that SEEKNAL_TEST_STARROCKS_URL names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar

import pytest
from tests.starrocks.standin import StandIn

from seeknal.testing import EngineSuite
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

    def outside_queries(self, path: Path) -> list[str]:
        return [
            f"SELECT * FROM FILES('path' = 'file://{path}', 'format' = 'csv')",
            "SELECT * FROM information_schema.tables",
            "SELECT * FROM seeknal_artifacts.other",
            "SELECT * FROM default_catalog.analytics.t",
        ]
