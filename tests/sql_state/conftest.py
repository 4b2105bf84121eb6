"""State in each of the databases, and projects that keep theirs there."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.conftest import SHOP

from seeknal.targets import load_target

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seeknal.state.backend import StateBackend

TARGETS = {"sqlite": "seeknal_sql_state.sqlite:SQLiteBackend", "postgres": "seeknal_sql_state.postgres:PostgresBackend"}


def url_of(server, **replaced: Any) -> str:
    """The server's URL, without the password."""
    at = {"user": server.user, "host": server.host, "port": server.port, "database": server.database, **replaced}
    return f"postgresql://{at['user']}@{at['host']}:{at['port']}/{at['database']}"


@pytest.fixture(params=["sqlite", "postgres"])
def options(request, tmp_path: Path) -> dict[str, Any]:
    """`backend` and options for state of this test alone."""
    if request.param == "sqlite":
        return {"backend": "sqlite", "path": str(tmp_path / "shared state.db"), "lease_seconds": 1}
    server = request.getfixturevalue("postgres_server")
    schema = f"state_{uuid.uuid4().hex[:8]}"
    return {"backend": "postgres", "url": url_of(server), "password": server.password, "schema": schema, "lease_seconds": 1}


@pytest.fixture
def opened(options: dict[str, Any], tmp_path: Path) -> Callable[..., StateBackend]:
    """Opens that state, each time anew."""

    def open_(**more: Any) -> StateBackend:
        given = {k: v for k, v in {**options, **more}.items() if k != "backend"}
        return load_target(TARGETS[options["backend"]])(tmp_path / "target", given)

    return open_


@pytest.fixture(params=["file", "sqlite", "postgres"])
def where(request, tmp_path):
    """What the environment of a command says, for the project to keep its state there."""
    if request.param == "file":
        return {}
    if request.param == "sqlite":
        return {"SEEKNAL_STATE_URL": f"sqlite:///{tmp_path / 'state.db'}"}
    server = request.getfixturevalue("postgres_server")
    return {"SEEKNAL_STATE_URL": f"{url_of(server)}?schema=s_{uuid.uuid4().hex[:8]}", "PGPASSWORD": server.password}


@pytest.fixture
def shop(project, where, monkeypatch):
    """A project that was built with its state there."""
    for name, value in where.items():
        monkeypatch.setenv(name, value)
    folder = project(SHOP)
    folder.run().assert_success()
    return folder
