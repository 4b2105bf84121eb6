"""Databases from end to end: read through profiles.yml, built, written back, on real servers."""

from __future__ import annotations

import sqlite3

import pytest

TABLES = (
    "create table users (user_id bigint primary key, email varchar(100), balance decimal(12, 2))",
    "insert into users values (1, 'a@x.com', 10.50), (2, null, 0.00), (3, 'c@x.com', -1.25)",
)
EXPECTED = [(1, "a@x.com", "10.50"), (2, None, "0.00"), (3, "c@x.com", "-1.25")]


@pytest.fixture(params=["postgres", "mysql"])
def database(request):
    server = request.getfixturevalue("postgres_server" if request.param == "postgres" else "mariadb_server")
    server.sql("drop table if exists users", "drop table if exists published", *TABLES)
    return request.param, server


def profiles(kind, server, password="${TEST_DB_PASSWORD}"):
    return f"""
        connections:
          db:
            type: {kind}
            host: {server.host}
            port: {server.port}
            user: {server.user}
            password: {password}
            database: {server.database}
    """


def files(kind, server, source=""):
    return {
        "profiles.yml": profiles(kind, server),
        "seeknal/users.yml": f"kind: source\nname: users\ntype: {kind}\nconnection: db\n{source or 'table: users'}\n",
        "seeknal/rich.sql": "select user_id, email, balance from {{ ref('source.users') }} where balance >= 0",
    }


@pytest.fixture(autouse=True)
def password(monkeypatch, request):
    if "database" in request.fixturenames:
        _, server = request.getfixturevalue("database")
        monkeypatch.setenv("TEST_DB_PASSWORD", server.password)


def test_a_table_is_read_with_its_types(project, database):
    made = project(files(*database))
    made.run().assert_success()
    rows = [(a, b, str(c)) for a, b, c in made.rows("source.users")]
    assert sorted(rows) == EXPECTED


def test_a_query_is_read(project, database):
    made = project(files(*database, source="query: select user_id, email, balance from users where user_id < 3"))
    made.run().assert_success()
    assert len(made.rows("source.users")) == 2


def test_the_same_rows_again_rebuild_nothing_and_new_rows_rebuild_readers(project, database):
    made = project(files(*database))
    made.run().assert_success()
    assert made.run().assert_success().built == set()
    database[1].sql("insert into users values (4, 'd@x.com', 7)")
    assert made.run().assert_success().built == {"source.users", "transform.rich"}


def test_a_change_probe_that_answers_the_same_spares_the_read(project, database):
    made = project(files(*database, source="table: users\nchange_probe: select max(user_id), count(*) from users"))
    made.run().assert_success()
    database[1].sql("update users set email = 'changed' where user_id = 1")
    assert made.run().assert_success().built == set()
    database[1].sql("insert into users values (4, 'd@x.com', 7)")
    assert "source.users" in made.run().assert_success().built


def test_an_exposure_replaces_a_table_whole(project, database):
    kind, server = database
    exposure = "kind: exposure\nname: out\ntype: table\nconnection: db\ninputs: [{ref: transform.rich}]\nparams: {table: published}\n"
    made = project({**files(kind, server), "seeknal/out.yml": exposure})
    made.run().assert_success()
    assert sorted(r[0] for r in server.sql("select user_id from published")) == [1, 2]
    assert made.run().assert_success().built == set()
    server.sql("insert into users values (5, 'e@x.com', 1)")
    made.run().assert_success()
    assert sorted(r[0] for r in server.sql("select user_id from published")) == [1, 2, 5]


def test_a_wrong_password_fails_its_nodes_only_and_is_never_shown(project, database, monkeypatch):
    monkeypatch.setenv("TEST_DB_PASSWORD", "S3CRET-CANARY")
    made = project({**files(*database), "data/x.csv": "a\n1\n", "seeknal/x.yml": "kind: source\nname: x\ntype: csv\ntable: data/x.csv\n"})
    outcome = made.cli("run", "--continue-on-error")
    assert outcome.exit_code == 3
    assert "profiles.yml" in outcome.output
    assert "db" in outcome.output
    assert made.rows("source.x") == [(1,)]
    assert "S3CRET-CANARY" not in outcome.output
    for path in made.root.rglob("*"):
        assert not path.is_file() or b"S3CRET-CANARY" not in path.read_bytes()


def test_a_server_that_is_down_is_named_and_other_branches_run(project, database):
    kind, server = database
    settings = profiles(kind, server).replace(f"port: {server.port}", "port: 1")
    made = project({**files(kind, server), "profiles.yml": settings, "data/x.csv": "a\n1\n",
                    "seeknal/x.yml": "kind: source\nname: x\ntype: csv\ntable: data/x.csv\n"})  # fmt: skip
    outcome = made.cli("run", "--continue-on-error")
    assert outcome.exit_code == 3
    assert "127.0.0.1:1" in outcome.output
    assert "connection 'db'" in outcome.output
    assert made.rows("source.x") == [(1,)]


def test_a_missing_variable_is_named_with_its_place(project, database, monkeypatch):
    monkeypatch.delenv("TEST_DB_PASSWORD")
    outcome = project(files(*database)).cli("run")
    assert outcome.exit_code == 1, outcome.output
    assert "TEST_DB_PASSWORD" in outcome.output
    assert "profiles.yml:7" in outcome.output


def test_a_sqlite_file_is_read_by_path_and_read_again_only_when_it_changes(project):
    made = project({"seeknal/s.yml": "kind: source\nname: s\ntype: sqlite\ntable: users\nparams: {path: data/app.db}\n", "data/keep": ""})
    with sqlite3.connect(made.root / "data/app.db") as connection:
        connection.execute("create table users (id integer, name text)")
        connection.execute("insert into users values (1, 'a')")
    connection.close()
    made.run().assert_success()
    assert made.rows("source.s") == [(1, "a")]
    assert made.run().assert_success().built == set()
    with sqlite3.connect(made.root / "data/app.db") as connection:
        connection.execute("insert into users values (2, 'b')")
    connection.close()
    assert made.run().assert_success().built == {"source.s"}


def test_a_query_that_writes_is_refused_before_anything_runs(project, database):
    outcome = project(files(*database, source="query: delete from users")).cli("plan")
    assert outcome.exit_code == 2
    assert "SELECT" in outcome.output
