"""`seeknal connection`: every type is listed and tried, and what fails is told step by step."""

import json
import os

PROFILES = """
    connections:
      files: {type: sqlite, path: data/shop.sqlite}
      lake:
        type: starrocks
        url: starrocks://ann:hunter2@127.0.0.1:1/default_catalog.sales
      pg: {type: postgres, host: 127.0.0.1, port: 1, user: u, password: "${PG_PASSWORD}", database: d}
"""
NODE = "kind: source\nname: users\ntype: sqlite\nconnection: files\ntable: users\n"


def made(project):
    return project({"profiles.yml": PROFILES, "seeknal/users.yml": NODE, "data/shop.sqlite": b""})


def test_connections_are_listed_without_secrets(project):
    folder = made(project)
    done = folder.cli("connection", "list")
    assert done.exit_code == 0
    assert "hunter2" not in done.stdout
    assert "127.0.0.1:1/default_catalog.sales" in done.stdout
    found = {c["name"]: c for c in json.loads(folder.cli("connection", "list", "--format", "json").stdout)}
    assert found["files"]["nodes"] == ["source.users"]
    assert found["pg"]["place"] == "host 127.0.0.1, port 1, database d, user u"


def test_a_connection_that_works_says_what_answered(project):
    done = made(project).cli("connection", "test", "files")
    assert done.exit_code == 0
    assert done.stdout.startswith("ok      log in  SQLite")


def test_the_step_that_failed_is_said_with_what_to_do(project):
    folder = made(project)
    done = folder.cli("connection", "test", "lake")
    assert done.exit_code == 1
    assert "failed  reach  SK-CONN-001: cannot connect to starrocks at 127.0.0.1:1" in done.stdout
    assert "help: " in done.stdout
    assert "hunter2" not in done.stdout + done.stderr
    document = json.loads(folder.cli("connection", "test", "lake", "--format", "json").stdout)
    assert (document["ok"], document["error"]["step"]) == (False, "reach")


def test_a_variable_that_is_not_set_is_a_failed_step(project):
    assert "PG_PASSWORD" not in os.environ
    done = made(project).cli("connection", "test", "pg")
    assert done.exit_code == 1
    assert "failed  settings  SK-CFG-003" in done.stdout
    assert "PG_PASSWORD" in done.stdout


def test_an_unknown_name_is_an_error_with_a_suggestion(project):
    done = made(project).cli("connection", "test", "file")
    assert done.exit_code == 2
    assert "did you mean 'files'?" in done.stderr
