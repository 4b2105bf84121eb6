"""`seeknal doctor`."""

from __future__ import annotations

import json
import os
import socket

from seeknal.testing.commands import seeknal


def checks(outcome):
    found = {}
    for finding in outcome.json()["checks"]:
        found.setdefault(finding["check"], []).append(finding)
    return found


def worst(findings):
    return max((f["status"] for f in findings), key=["ok", "warning", "problem"].index)


def test_a_project_that_is_fine_has_no_problems(built):
    outcome = built.cli("doctor").assert_success()
    assert outcome.stdout.endswith("\nNo problems.\n")
    assert "3 of 3 nodes published" in outcome.stdout
    assert "duckdb" in outcome.stdout


def test_nothing_of_the_project_is_written(built):
    before = {p: p.stat().st_mtime_ns for p in built.root.rglob("*")}
    built.cli("doctor").assert_success()
    assert {p: p.stat().st_mtime_ns for p in built.root.rglob("*") if p in before and p.is_file()} == {
        p: t for p, t in before.items() if p.is_file()
    }


def test_outside_a_project_the_installation_is_examined(tmp_path):
    outcome = seeknal("doctor", "--format", "json", cwd=tmp_path).assert_success()
    assert {"python", "packages", "plugins", "engine", "project"} == set(checks(outcome))


def test_a_project_that_cannot_be_read_is_a_problem(people):
    people.write("seeknal/sources/broken.yml", "kind: sauce\n")
    outcome = people.cli("doctor", "--format", "json").assert_exit(1)
    assert not outcome.json()["ok"]
    problem = checks(outcome)["project"][0]
    assert "unknown kind 'sauce'" in problem["detail"]
    assert "seeknal parse" in problem["hint"]


def test_settings_that_cannot_be_read_keep_no_other_check_from_being_made(people):
    people.write("seeknal_project.yml", "}{")
    found = checks(people.cli("doctor", "--format", "json").assert_exit(1))
    assert worst(found["project"]) == "problem"
    assert worst(found["engine"]) == worst(found["target"]) == "ok"


def test_a_broken_plugin_is_named(people):
    people.write("plugins/mine.py", "import nix_da\n")
    problem = checks(people.cli("doctor", "--format", "json").assert_exit(1))["plugins"][0]
    assert "plugins/mine.py" in problem["detail"]
    assert "nix_da" in problem["detail"]


def test_a_missing_engine_is_said_how_to_install(people):
    outcome = people.cli("doctor", env={"SEEKNAL_PLUGINS": "off"}).assert_exit(1)
    assert "pip install seeknal-duckdb" in outcome.stdout


PROFILES = "connections:\n  crm: {type: postgres, host: 127.0.0.1, port: 1, user: u, database: d, password: '${CRM_SECRET}'}\n"


def test_a_variable_that_is_not_set_matters_where_its_connection_is_used(people):
    people.write("profiles.yml", PROFILES)
    assert worst(checks(people.cli("doctor", "--format", "json").assert_success())["profiles"]) == "warning"
    people.write("seeknal/sources/leads.yml", "kind: source\nname: leads\ntype: postgres\nconnection: crm\ntable: leads\n")
    problem = checks(people.cli("doctor", "--format", "json").assert_exit(1))["profiles"][0]
    assert "CRM_SECRET" in problem["detail"]
    assert "profiles.yml:2:" in problem["detail"]
    people.cli("doctor", env={"CRM_SECRET": "x"}).assert_success()


def test_connections_are_reached_only_when_asked(people):
    people.write("profiles.yml", PROFILES)
    env = {"CRM_SECRET": "hush-hush"}
    assert "connections" not in checks(people.cli("doctor", "--format", "json", env=env).assert_success())
    outcome = people.cli("doctor", "--connections", "--format", "json", env=env).assert_exit(1)
    assert checks(outcome)["connections"][0]["detail"].startswith("crm: ")
    assert "hush-hush" not in outcome.output


def test_a_connection_that_answers_is_fine(people):
    people.write("profiles.yml", "connections:\n  local: {type: sqlite, path: data/local.db}\n")
    (people.root / "data/local.db").write_bytes(b"")
    assert worst(checks(people.cli("doctor", "--connections", "--format", "json").assert_success())["connections"]) == "ok"


def test_a_lease_left_behind_is_told_from_one_that_is_held(built):
    holder = {"run_id": "r", "host": socket.gethostname(), "pid": os.getpid(), "command": "seeknal run", "since": "2026-01-01"}
    lock = built.root / "target/locks/prod.lock"
    lock.write_text(json.dumps(holder))
    assert "in use by run r" in built.cli("doctor").assert_success().stdout
    lock.write_text(json.dumps(holder | {"pid": 2**22 + 1}))
    assert "seeknal state unlock" in built.cli("doctor").assert_success().stdout
