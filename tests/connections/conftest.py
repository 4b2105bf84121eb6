"""Drivers of every type on real databases, and what their failures look like."""

import contextlib
import uuid

import pyarrow as pa
import pytest

from seeknal.errors import ConnectionFailed
from seeknal_duckdb.connections.duckdb import DuckDBConnection
from seeknal_duckdb.connections.mysql import MySQLConnection
from seeknal_duckdb.connections.postgres import PostgresConnection
from seeknal_duckdb.connections.sqlite import SQLiteConnection


@pytest.fixture
def postgres(postgres_server):
    driver = PostgresConnection(**postgres_server.settings)
    yield driver
    driver.close()


@pytest.fixture
def mysql(mariadb_server):
    driver = MySQLConnection(**mariadb_server.settings)
    yield driver
    driver.close()


@pytest.fixture
def sqlite(tmp_path):
    driver = SQLiteConnection(path=tmp_path / "shop.sqlite")
    yield driver
    driver.close()


@pytest.fixture
def duck(tmp_path):
    driver = DuckDBConnection(path=tmp_path / "shop.duckdb")
    yield driver
    driver.close()


@pytest.fixture(params=["postgres", "mysql", "sqlite", "duck"])
def driver(request):
    """Each type of connection in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def table():
    """A name no other test uses."""
    return f"t_{uuid.uuid4().hex[:12]}"


@pytest.fixture
def rows():
    """All rows of a table or of a query, as dicts."""

    def read(driver, what):
        query = what if what.lower().startswith(("select", "with")) else driver.table_query(what)
        return driver.read(query).read_all().to_pylist()

    return read


@pytest.fixture
def fails():
    """`with fails("SK-CONN-003", "no such"):` a ConnectionFailed of this code, with these words in its message, and a hint."""

    @contextlib.contextmanager
    def check(code, *words):
        with pytest.raises(ConnectionFailed) as caught:
            yield caught
        error = caught.value
        assert error.code == code, str(error)
        for word in words:
            assert word in error.message
        assert error.hint or code == "SK-CONN-004"

    return check


@pytest.fixture
def broken_off():
    """A stream of rows that fails after its first batch."""

    def stream(rows=1000):
        batch = pa.record_batch({"id": list(range(rows))})

        def batches():
            yield batch
            message = "the rows end here"
            raise RuntimeError(message)

        return pa.RecordBatchReader.from_batches(batch.schema, batches())

    return stream
