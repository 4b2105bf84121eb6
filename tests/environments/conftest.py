"""A shop in two environments, its state in each of the backends where that matters."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from tests.core.conftest import SHOP
from tests.sql_state.conftest import url_of

if TYPE_CHECKING:
    from seeknal.testing.project import ProjectFolder, ProjectMaker


@pytest.fixture
def shop(project: ProjectMaker) -> ProjectFolder:
    """The shop, built in prod."""
    folder = project(SHOP)
    folder.run().assert_success()
    return folder


@pytest.fixture(params=["file", "sqlite", "postgres"])
def everywhere(request: pytest.FixtureRequest, project: ProjectMaker, monkeypatch: pytest.MonkeyPatch) -> ProjectFolder:
    """The shop, built in prod, with its state in a file, in SQLite and in PostgreSQL."""
    config = f"name: shop\nstate: {{backend: {request.param}}}\n"
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        monkeypatch.setenv("STATE_PASSWORD", server.password)
        keys = {"backend": "postgres", "url": url_of(server), "password": "${STATE_PASSWORD}", "schema": f"env_{uuid.uuid4().hex[:8]}"}
        config = "name: shop\nstate:\n" + "".join(f"  {k}: {v}\n" for k, v in keys.items())
    folder = project({**SHOP, "seeknal_project.yml": config})
    folder.run().assert_success()
    return folder
