"""A broken plugin harms nobody but those who name what it would have provided."""

from __future__ import annotations

import pytest

from seeknal.errors import PluginError
from seeknal.registry import Registry

SQL = {"seeknal/a.sql": "select 1 as a"}
BROKEN = {
    "import": ("import nosuch_module", "ModuleNotFoundError: No module named 'nosuch_module'", "pip install nosuch_module"),
    "syntax": ("def (", "SyntaxError", None),
    "exit": ("raise SystemExit('bye\\n now')", "SystemExit: bye now", None),
    "name": ("@hookimpl\ndef seeknal_engine():\n    return []", "unknown hook seeknal_engine", "did you mean 'seeknal_engines'?"),
    "prefix": ("@hookimpl\ndef seknal_audits():\n    return []", "unknown hook seknal_audits", "did you mean 'seeknal_audits'?"),
    "argument": (
        "@hookimpl\ndef seeknal_event(nam, data):\n    pass", "seeknal_event has no argument 'nam'", "did you mean 'name'?"
    ),
    "argument of none": ("@hookimpl\ndef seeknal_audits(project):\n    return []", "seeknal_audits has no argument 'project'", "arguments: none"),
    "unmarked": ("def seeknal_engines():\n    return []", "seeknal_engines is not marked as a hook", "put @hookimpl from seeknal.plugin before it"),
    "raises": ("@hookimpl\ndef seeknal_engines():\n    return 1 / 0", "ZeroDivisionError: division by zero", None),
    "nothing": ("@hookimpl\ndef seeknal_engines():\n    pass", "seeknal_engines must return a list of Engine, found None", None),
    "wrong type": (
        "@hookimpl\ndef seeknal_engines():\n    return [NodeKind('a', 'b:c')]", "seeknal_engines must return a list of Engine", None
    ),
}  # fmt: skip


def broken_engine(site):
    """A plugin that fails when it is imported, and whose engine somebody may want."""
    site.install("acme-engine", "raise RuntimeError('no licence\\nfound')", version="2.1", name="acme")


@pytest.mark.parametrize("case", BROKEN)
def test_whatever_is_wrong_with_a_plugin_is_its_own_problem(site, case):
    code, problem, hint = BROKEN[case]
    site.install("acme-bad", code, version="2.1")
    site.install("acme-good", "@audit\ndef fine(target: Relation) -> str:\n    '''All is well.'''\n    return 'select 1'")
    registry = Registry()
    (broken,) = registry.broken
    assert (broken.distribution, broken.version, str(broken)) == ("acme-bad", "2.1", "acme-bad 2.1")
    assert broken.problem.startswith(problem)
    assert "\n" not in broken.problem
    assert broken.hint == hint
    assert registry.audit("fine").description == "All is well."
    assert registry.engine("duckdb").dialect == "duckdb"


def test_run_goes_on_with_one_line_of_warning(site, project):
    broken_engine(site)
    done = project(SQL).cli("run", env=site.env).assert_success()
    assert done.stderr.count("acme") == 1
    assert "warning: plugin acme-engine 2.1 could not be loaded: RuntimeError: no licence found\n" in done.stderr
    assert "acme" not in project(SQL).cli("run", "-q", env=site.env).assert_success().stderr


def test_json_is_not_disturbed_by_a_warning(site, project):
    broken_engine(site)
    assert project(SQL).cli("plan", "--format", "json", env=site.env).assert_success().json()["nodes"]


def test_error_when_something_names_what_it_would_provide(site, project):
    broken_engine(site)
    outcome = project({**SQL, "seeknal_project.yml": "name: t\nengine: acme\n"}).run().assert_failed("SK-PLUGIN-002", exit_code=2)
    assert "engine 'acme' is not available, and acme-engine 2.1 could not be loaded (RuntimeError: no licence found)" in outcome.output


def test_misspelling_is_not_blamed_on_a_broken_plugin(site, project):
    broken_engine(site)
    outcome = project({"seeknal/a.yml": "kind: transfrom\nname: a\nsql: select 1 as a\n"}).run().assert_failed("SK-PLUGIN-001")
    assert outcome.errors[0].hint == "did you mean 'transform'?"
    assert (outcome.errors[0].at.line, outcome.errors[0].at.column) == (1, 7)


def test_target_that_cannot_be_imported_is_an_error_of_those_who_use_it(site, project):
    site.install("acme-kind", "@hookimpl\ndef seeknal_node_kinds():\n    return [NodeKind('acme', 'nosuch_module:Spec')]")
    project(SQL).run().assert_success()
    outcome = project({"seeknal/a.yml": "kind: acme\nname: a\n"}).run().assert_failed("SK-PLUGIN-003", exit_code=2)
    assert "nosuch_module:Spec cannot be imported" in outcome.output


def test_check_that_fails_is_an_error_and_names_its_plugin(site, project):
    site.install("acme-check", "@hookimpl\ndef seeknal_check_project(nodes):\n    return 1 / 0")
    outcome = project(SQL).run().assert_failed("SK-PLUGIN-006", exit_code=2)
    assert "acme-check" in outcome.output
    assert "ZeroDivisionError" in outcome.output


def test_checks_of_plugins_refuse_projects(site, project):
    site.install(
        "acme-check",
        """
        @hookimpl
        def seeknal_check_project(nodes):
            return [ProjectError("ACME-001", f"{n.id} has no owner", at=n.at) for n in nodes.values() if not n.owner]
        """,
    )
    outcome = project(SQL).run().assert_failed("ACME-001", exit_code=2)
    assert outcome.errors[0].at.path == "seeknal/a.sql"
    project({"seeknal/a.sql": "/* ---\nowner: me\n--- */\nselect 1 as a"}).run().assert_success()


# SEEKNAL_PLUGINS --------------------------------------------------------------------------------------------------------


def names(policy=None):
    return {p.name for p in Registry(policy=policy).plugins}


def test_off_leaves_only_the_core(site):
    site.install("acme-good", "")
    assert names("off") == {"core"}


def test_listed_plugins_are_used_by_name_or_distribution(site):
    site.install("acme-one", "", name="one")
    site.install("acme-two", "", name="two")
    site.install("acme-three", "", name="three")
    assert names(" one, acme-two ,") == {"core", "one", "two"}
    assert {"one", "two", "three", "duckdb"} <= names("")


def test_strict_makes_a_broken_plugin_an_error(site, project, monkeypatch):
    broken_engine(site)
    monkeypatch.setenv("SEEKNAL_PLUGINS", "strict")
    with pytest.raises(PluginError, match=r"acme-engine 2\.1 could not be loaded: RuntimeError"):
        Registry()
    project(SQL).run().assert_failed("SK-PLUGIN-002", exit_code=2)
    project(SQL).cli("run", env=site.env).assert_failed("SK-PLUGIN-002", exit_code=2)


def test_strict_looks_at_listed_plugins_only(site):
    broken_engine(site)
    assert names("strict,duckdb") == {"core", "duckdb"}


def test_what_was_left_out_is_not_told_to_be_installed(site, project):
    done = project(SQL).cli("run", env={"SEEKNAL_PLUGINS": "off"}).assert_failed("SK-PLUGIN-001", exit_code=2)
    assert "unknown engine 'duckdb'" in done.stderr
    assert "SEEKNAL_PLUGINS=off leaves plugins out" in done.stderr
