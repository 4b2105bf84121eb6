"""Servers for the tests of seeknal-starrocks: the stand-in, or the StarRocks that SEEKNAL_TEST_STARROCKS_URL names; MariaDB for the wire."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import uuid

import pytest
from tests.starrocks.standin import StandIn
from tests.starrocks.stream_load_stub import StreamLoadStub

from seeknal.errors import ConnectionFailed
from seeknal_starrocks.driver import StarRocksConnection

URL = os.environ.get("SEEKNAL_TEST_STARROCKS_URL")


@pytest.fixture
def standin():
    """A stand-in of its own, for tests that look into it."""
    server = StandIn()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def stub(standin):
    """Stream Load's HTTP, beside the stand-in."""
    made = StreamLoadStub(standin)
    yield made
    made.stop()


@pytest.fixture
def settings(standin):
    """What a connection to the stand-in needs. Nothing answers on its HTTP port."""
    account = {"user": "seeknal", "password": "correct horse", "database": "analytics"}
    return {"host": "127.0.0.1", "port": standin.port, "http_port": 1, **account}


@pytest.fixture
def loading(settings, stub, tmp_path):
    """A connection to the stand-in with Stream Load, and a folder where files can stand in between."""
    made = StarRocksConnection(**settings | {"http_port": stub.port, "stage": {"path": f"file://{tmp_path}/stage"}})
    yield made
    made.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that vouches for itself: its file, and that of its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    new = (
        "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out server.pem"
    )
    subprocess.run(["openssl", *new.split()], check=True, capture_output=True, cwd=folder)
    return folder / "server.pem", folder / "key.pem"


@pytest.fixture
def driver(request):
    """A connection to the real server where there is one, else to the stand-in."""
    made = StarRocksConnection(url=URL) if URL else StarRocksConnection(**request.getfixturevalue("settings"))
    yield made
    made.close()


@pytest.fixture
def run(driver):
    """Run statements; the rows of the last, as text."""
    from seeknal_starrocks import wire

    def execute(*statements):
        with driver.connected() as connection:
            return [wire.rows(connection, statement) for statement in statements][-1]

    return execute


@pytest.fixture
def wired(mariadb_server):
    """A connection to MariaDB: the protocol, its types, TLS and its failures are real there; the SQL of StarRocks is not."""
    made = StarRocksConnection(**mariadb_server.settings)
    yield made
    made.close()


@pytest.fixture
def table():
    """A name no other test uses."""
    return f"t_{uuid.uuid4().hex[:12]}"


@pytest.fixture
def fails():
    """`with fails("SK-CONN-003", "no such"):` a ConnectionFailed of this code, with these words in its message."""

    @contextlib.contextmanager
    def check(code, *words):
        with pytest.raises(ConnectionFailed) as caught:
            yield caught
        error = caught.value
        assert error.code == code, str(error)
        for word in words:
            assert word in error.message

    return check
