"""A built shop with metrics."""

from __future__ import annotations

import pytest
from tests.semantic.world import project_files, rows_of

from seeknal.testing.project import ProjectMaker


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = ProjectMaker(tmp_path_factory.mktemp("shop"))(project_files(rows_of(7)))
    folder.run().assert_success()
    return folder
