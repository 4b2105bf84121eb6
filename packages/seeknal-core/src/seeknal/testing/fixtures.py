"""The fixtures that `pytest_plugins = ["seeknal.testing"]` brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seeknal.testing.audits import AuditTester
from seeknal.testing.project import ProjectMaker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> ProjectMaker:
    """Make a project of a few files and run it: `project({"seeknal/transforms/a.sql": "select 1 as a"}).run().assert_success()`."""
    return ProjectMaker(tmp_path)


@pytest.fixture
def audits(tmp_path: Path) -> Iterator[AuditTester]:
    """Ask an audit what is wrong with a few rows: `audits.failing(max_age, rows=[{"ts": moment}], column="ts", hours=24)`."""
    tester = AuditTester(tmp_path / "audits")
    yield tester
    tester.close()
