"""Two plugins that claim one name are both named, and the project chooses; the last one never just wins."""

from __future__ import annotations

import pytest

from seeknal.errors import PluginError
from seeknal.registry import Registry

AUDIT = "@audit\ndef clash(target: Relation) -> str:\n    '''{0}.'''\n    return 'select 1 as {0} where {1}'"
SQL = "/* ---\naudits: [{type: clash}]\n--- */\nselect 1 as a"


def two_audits(site):
    site.install("acme-one", AUDIT.format("one", "true"), version="1.1")
    site.install("acme-two", AUDIT.format("two", "false"), version="2.2")


def test_conflict_names_both_sides_and_the_way_out(site, project):
    two_audits(site)
    outcome = project({"seeknal/a.sql": SQL}).run().assert_failed("SK-PLUGIN-004", exit_code=2)
    assert "audit 'clash' is provided by both acme-one 1.1 and acme-two 2.2" in outcome.output
    assert "plugins: {prefer: {audit.clash: acme-one}}" in outcome.output


@pytest.mark.parametrize(("preferred", "passes"), [("acme-one", False), ("acme-two", True)])
def test_project_prefers_one(site, project, preferred, passes):
    two_audits(site)
    config = f"name: t\nplugins: {{prefer: {{audit.clash: {preferred}}}}}\n"
    outcome = project({"seeknal_project.yml": config, "seeknal/a.sql": SQL}).run()
    assert (outcome.exit_code == 0) == passes


def test_preferring_somebody_else_settles_nothing(site, project):
    two_audits(site)
    config = "name: t\nplugins: {prefer: {audit.clash: acme-three}}\n"
    project({"seeknal_project.yml": config, "seeknal/a.sql": SQL}).run().assert_failed("SK-PLUGIN-004")


def test_nobody_replaces_what_the_core_has_by_accident(site):
    site.install("acme-kinds", "@hookimpl\ndef seeknal_node_kinds():\n    return [NodeKind('transform', 'acme:Spec')]")
    with pytest.raises(PluginError, match=r"kind 'transform' is provided by both acme-kinds 1\.0 and seeknal-core"):
        Registry().node_kind("transform")
    assert Registry(prefer={"kind.transform": "acme-kinds"}).node_kind("transform").target == "acme:Spec"


def test_audits_imported_from_elsewhere_are_not_claimed(site):
    site.install("acme-user", "from seeknal.audits.values import not_null, rejected_values")
    assert Registry().conflicts() == []


def test_commands_in_conflict_are_errors_when_called_and_listed_once(site, project):
    code = "@hookimpl\ndef seeknal_commands():\n    return [Command('greet', 'nosuch:greet', 'Say hello.')]"
    site.install("acme-one", code)
    site.install("acme-two", code)
    empty = project()
    assert empty.cli("--help", env=site.env).assert_success().stdout.count("greet") == 1
    assert "acme-one 1.0 and acme-two 1.0" in empty.cli("greet", env=site.env).assert_failed("SK-PLUGIN-004", exit_code=2).stderr
