"""What can go wrong with a database that keeps state, and what people are told."""

from __future__ import annotations

import resource
import sqlite3
import sys
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import OperationalError
from tests.servers import SUPERUSER
from tests.sql_state.conftest import TARGETS, url_of

from seeknal.errors import LockedError, ProjectError, StateError
from seeknal.plugin import Change
from seeknal.targets import load_target
from seeknal.testing.other_process import this_process
from seeknal_sql_state import layout


def put(backend, key="a"):
    with backend.lease("prod", this_process("put")) as lease:
        backend.commit([Change("files", key, {"v": 1})], lease)


def open_(backend, folder, **options):
    return load_target(TARGETS[backend])(folder, options)


def test_wrong_password_is_said_and_not_shown(postgres_server, tmp_path):
    backend = open_("postgres", tmp_path, url=url_of(postgres_server), password="hunter22")
    with pytest.raises(StateError) as caught:
        backend.read()
    assert caught.value.code == "SK-STATE-009"
    assert "hunter22" not in str(caught.value) + repr(backend.describe.__self__.__dict__)
    assert "password" in caught.value.message


def test_server_that_does_not_answer_is_named(tmp_path):
    with pytest.raises(StateError) as caught:
        open_("postgres", tmp_path, url="postgresql://someone:hunter22@127.0.0.1:1/db").read()
    assert caught.value.code == "SK-STATE-008"
    assert "127.0.0.1:1" in caught.value.message
    assert "hunter22" not in str(caught.value)


def test_server_that_is_full_is_not_said_to_refuse_the_login(own_postgres_server, tmp_path):
    server = own_postgres_server
    login = {**server.settings, "user": "postgres", "password": SUPERUSER, "database": "postgres"}
    with psycopg.connect(dbname=login.pop("database"), **login, autocommit=True) as connection:
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'hunter22' CONNECTION LIMIT 0")
    with pytest.raises(StateError) as caught:
        open_("postgres", tmp_path, url=url_of(server, user="guest"), password="hunter22").read()
    assert caught.value.code == "SK-STATE-008"
    assert "too many connections" in caught.value.message


def test_server_that_dies_under_a_run_ends_it_with_an_error(own_postgres_server, tmp_path):
    server = own_postgres_server
    backend = open_("postgres", tmp_path, url=url_of(server), password=server.password)
    with backend.lease("prod", this_process("run")) as lease:
        backend.commit([Change("files", "a", {})], lease)
        server.process.kill()
        server.process.wait(20)
        with pytest.raises(StateError) as caught:
            backend.commit([Change("files", "b", {})], lease)
    assert caught.value.code == "SK-STATE-008"


def test_missing_driver_is_named_with_what_installs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ProjectError) as caught:
        open_("postgres", tmp_path, url="postgresql://someone@127.0.0.1/db")
    assert caught.value.code == "SK-STATE-010"
    assert caught.value.hint == "pip install 'seeknal-sql-state[postgres]'"


def test_account_without_rights_is_told_which(postgres_server, tmp_path):
    url = url_of(postgres_server, database="postgres")
    with pytest.raises(ProjectError) as caught:
        put(open_("postgres", tmp_path, url=url, password=postgres_server.password))
    assert caught.value.code == "SK-STATE-005"
    assert "permission denied" in caught.value.message


def test_file_that_cannot_be_written_can_be_read(tmp_path, monkeypatch):
    put(open_("sqlite", tmp_path / "target"))
    monkeypatch.setattr("seeknal_sql_state.sqlite.os.access", lambda path, mode: False)
    assert open_("sqlite", tmp_path / "target").read().tables["files"] == {"a": {"v": 1}}
    with pytest.raises(ProjectError) as caught:
        put(open_("sqlite", tmp_path / "target"))
    assert caught.value.code == "SK-STATE-005"


def test_a_limit_on_the_size_of_files_is_named(tmp_path):
    backend = open_("sqlite", tmp_path)
    put(backend)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        with pytest.raises(StateError) as caught:
            put(backend, "b" * 9000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.code == "SK-STATE-012"
    assert "4,096 bytes here: raise the limit (ulimit -f)" in caught.value.hint
    put(backend, "c")
    assert set(backend.read().tables["files"]) == {"a", "c"}


def test_two_places_for_one_state_are_refused(tmp_path):
    with pytest.raises(ProjectError, match="by its path and by a url") as caught:
        open_("sqlite", tmp_path, path="target/a.db", url="sqlite:///target/a.db")
    assert (caught.value.code, caught.value.hint) == ("SK-STATE-004", "leave out `path` or `url`")


def test_reading_makes_nothing(opened, options, postgres_server):
    assert not any(opened().read().tables.values())
    assert opened().holder("prod") is None
    assert opened().unlock("prod") is None
    assert opened().describe()["serial"] == 0
    if options["backend"] == "postgres":
        assert postgres_server.sql(f"SELECT 1 FROM pg_namespace WHERE nspname = '{options['schema']}'") == []
    else:
        assert not Path(options["path"]).exists()


def test_newer_tables_and_newer_documents_are_refused_and_left_alone(opened):
    put(opened())
    for table, values in (("projects", {"schema_version": "99.0"}), ("layout", {"version": 99})):
        backend = opened()
        with backend._database.writing() as connection:
            connection.execute(getattr(backend._tables, table).update().values(**values))
        for use in (lambda: opened().read(), lambda: put(opened())):
            with pytest.raises(ProjectError) as caught:
                use()
            assert (caught.value.code, caught.value.exit_code) == ("SK-STATE-002", 2)


def test_tables_of_others_are_left_alone(postgres_server, tmp_path):
    postgres_server.sql("CREATE SCHEMA theirs", "CREATE TABLE theirs.seeknal_documents (x int)", "CREATE TABLE theirs.orders (x int)")
    with pytest.raises(ProjectError) as caught:
        put(open_("postgres", tmp_path, url=url_of(postgres_server), password=postgres_server.password, schema="theirs"))
    assert caught.value.code == "SK-STATE-011"
    assert postgres_server.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'theirs'") == [(2,)]


@pytest.mark.parametrize("content", ["database", "text"])
def test_file_of_another_program_is_left_alone(tmp_path, content):
    path = tmp_path / "theirs.db"
    if content == "database":
        with sqlite3.connect(path) as theirs:
            theirs.execute("CREATE TABLE orders (x)")
        theirs.close()
    else:
        path.write_text("not a database at all\n" * 100)
    before = path.read_bytes()
    for use in (lambda b: b.read(), put):
        with pytest.raises(ProjectError) as caught:
            use(open_("sqlite", tmp_path / "target", path=str(path)))
        assert caught.value.code == "SK-STATE-011"
    assert path.read_bytes() == before


def test_documents_that_were_tampered_with_are_damage(opened):
    put(opened())
    backend = opened()
    with backend._database.writing() as connection:
        connection.execute(backend._tables.documents.update().values(value="{"))
    with pytest.raises(StateError, match="damaged") as caught:
        opened().read()
    assert caught.value.code == "SK-STATE-011"


def test_file_that_another_program_keeps_to_itself_is_waited_for_with_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr("seeknal_sql_state.sqlite.BUSY_SECONDS", 0.3)
    path = tmp_path / "state.db"
    put(open_("sqlite", tmp_path / "target", path=str(path)))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LockedError) as caught:
        put(open_("sqlite", tmp_path / "target", path=str(path)))
    assert (caught.value.code, caught.value.exit_code) == ("SK-LOCK-001", 4)
    assert open_("sqlite", tmp_path / "target", path=str(path)).read().tables["files"], "readers do not wait"
    other.close()


@pytest.mark.parametrize(
    ("backend", "wrong"),
    [
        ("sqlite", {"pth": "x"}),
        ("sqlite", {"path": ":memory:"}),
        ("sqlite", {"url": "sqlite://host/x"}),
        ("sqlite", {"url": "sqlite:///a.db", "path": "b.db"}),
        ("sqlite", {"lease_seconds": "soon"}),
        ("sqlite", {"project": ""}),
        ("postgres", {}),
        ("postgres", {"url": "mysql://x@y/z"}),
        ("postgres", {"url": "//"}),
        ("postgres", {"url": "postgresql://u@h/d", "schema": "x" * 64}),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path, backend, wrong):
    with pytest.raises(ProjectError) as caught:
        open_(backend, tmp_path, **wrong)
    assert caught.value.code == "SK-STATE-004"


# Migrations of the tables -----------------------------------------------------------------------------------------------------


def test_older_tables_are_brought_forward_once_and_kept_beside(opened, monkeypatch):
    put(opened())

    def shout(connection, tables):
        connection.execute(tables.documents.update().values(value='{"v":2}'))

    monkeypatch.setattr(layout, "MIGRATIONS", (*layout.MIGRATIONS, shout))
    assert opened().read().tables["files"] == {"a": {"v": 2}}
    backend = opened()
    with backend._database.reading() as connection:
        kept = connection.exec_driver_sql(f"SELECT value FROM {backend._tables.documents.fullname}_v1").all()
    assert kept == [('{"v":1}',)]
    put(opened(), "b")
    assert opened().read().tables["files"] == {"a": {"v": 2}, "b": {"v": 1}}


def test_migration_that_fails_leaves_everything_as_it_was(opened, monkeypatch):
    put(opened())

    def fail(connection, tables):
        connection.execute(tables.documents.delete())
        connection.exec_driver_sql("SELECT * FROM nosuch")

    with monkeypatch.context() as patch:
        patch.setattr(layout, "MIGRATIONS", (*layout.MIGRATIONS, fail))
        with pytest.raises((StateError, OperationalError)):
            opened().read()
    assert opened().read().tables["files"] == {"a": {"v": 1}}
