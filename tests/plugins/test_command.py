"""`seeknal plugins` tells what is there, whatever state it is in."""

from __future__ import annotations

import re

from seeknal.testing.commands import seeknal


def test_table_tells_plugin_distribution_version_and_what_it_provides(tmp_path):
    lines = seeknal("plugins", cwd=tmp_path).assert_success().stdout.splitlines()
    assert lines[0].split() == ["plugin", "distribution", "version", "provides"]
    (duckdb,) = [line for line in lines if line.startswith("duckdb ")]
    assert "seeknal-duckdb" in duckdb
    assert "engine duckdb; connection postgres, mysql" in duckdb


def test_json_tells_the_same(tmp_path):
    document = seeknal("plugins", "--format", "json", cwd=tmp_path).assert_success().json()
    core = document["plugins"][0]
    assert (core["name"], core["distribution"], core["problem"], core["hint"]) == ("core", "seeknal-core", None, None)
    assert {"kind": "audit", "name": "not_null", "description": "No NULL in `columns`."} in core["provides"]
    assert document["conflicts"] == []


def test_broken_plugins_are_shown_with_cause_and_way_out(site, tmp_path):
    site.install("acme-bad", "import nosuch_module", version="2.1", name="acme")
    for env in (site.env, {**site.env, "SEEKNAL_PLUGINS": "strict"}):
        done = seeknal("plugins", cwd=tmp_path, env=env).assert_success()
        assert re.search(r"acme +acme-bad +2\.1 +nothing: it could not be loaded", done.stdout)
        assert "warning: plugin acme-bad 2.1 could not be loaded: ModuleNotFoundError: No module named 'nosuch_module'" in done.stderr
        assert "help: pip install nosuch_module" in done.stderr
    found = seeknal("plugins", "--format", "json", cwd=tmp_path, env=site.env).assert_success()
    assert [p["hint"] for p in found.json()["plugins"] if p["problem"]] == ["pip install nosuch_module"]
    assert found.stderr == ""


def test_conflicts_are_shown_until_the_project_settles_them(site, project):
    code = "@hookimpl\ndef seeknal_engines():\n    return [Engine('clash', 'a:b', 'duckdb')]"
    site.install("acme-one", code)
    site.install("acme-two", code)
    local = project()
    done = local.cli("plugins", env=site.env).assert_success()
    assert "warning: engine 'clash' is provided by both acme-one 1.0 and acme-two 1.0" in done.stderr
    local.write("seeknal_project.yml", "name: t\nplugins: {prefer: {engine.clash: acme-two}}\n")
    assert local.cli("plugins", env=site.env).assert_success().stderr == ""


def test_project_adds_its_own_even_when_it_cannot_be_read(project):
    local = project({"plugins/checks.py": "from seeknal.plugin import hookimpl\n"})
    assert "plugins/checks.py" in local.cli("plugins").assert_success().stdout
    local.write("seeknal_project.yml", "nonsense: [")
    done = local.cli("plugins").assert_success()
    assert "hooks only" in done.stdout


def test_restriction_shows_in_what_is_listed(tmp_path):
    listed = seeknal("plugins", "--format", "json", cwd=tmp_path, env={"SEEKNAL_PLUGINS": "off"}).assert_success().json()["plugins"]
    assert [p["name"] for p in listed] == ["core"]
