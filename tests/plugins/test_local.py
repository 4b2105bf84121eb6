"""`plugins/*.py` of a project: what people write who don't want to package anything."""

from __future__ import annotations

AUDIT = """
    from __future__ import annotations

    from seeknal.plugin import Column, Relation, audit


    @audit
    def small(target: Relation, *, column: Column, most: int = 10) -> str:
        \"\"\"No value of `column` is greater than `most`.\"\"\"
        return f"select {column} from {target} where {column} > {most}"
    """
FILES = {
    "plugins/checks.py": AUDIT,
    "seeknal/a.sql": "/* ---\naudits: [{type: small, column: n}]\n--- */\nselect 9 as n",
}


def test_bare_audit_is_all_it_takes(project):
    local = project(FILES)
    assert local.run().assert_success().node("transform.a").audits[0].type == "small"
    local.edit("seeknal/a.sql", "9", "11").run().assert_failed("SK-AUDIT-010")


def test_parameters_are_its_yaml_schema(project):
    local = project(FILES).edit("seeknal/a.sql", "column: n", "column: n, mosst: 3")
    assert "did you mean 'most'?" in local.run().assert_failed("SK-AUDIT-001", exit_code=2).output
    local.edit("seeknal/a.sql", "mosst: 3", "most: three").run().assert_failed("SK-AUDIT-002", exit_code=2)


def test_edit_of_the_plugin_is_seen_by_the_next_run(project):
    local = project(FILES)
    local.run().assert_success()
    assert local.run().reused == {"transform.a"}
    local.edit("plugins/checks.py", "= 10", "= 5 ").run().assert_failed("SK-AUDIT-010")
    local.edit("plugins/checks.py", "= 5 ", "= 10").run().assert_success()


def test_hooks_work_as_in_a_package(project):
    local = project(
        {
            "plugins/names.py": """
                from seeknal.plugin import TemplateGlobal, hookimpl

                @hookimpl
                def seeknal_template_globals():
                    return [TemplateGlobal("upper_name", target="string:capwords")]
                """,
            "seeknal/a.sql": "select '{{ upper_name(\"ann bo\") }}' as n",
        }
    )
    assert local.run().assert_success().rows("transform.a") == [("Ann Bo",)]


def test_broken_file_is_a_warning_with_its_path(project):
    local = project({**FILES, "plugins/broken.py": "import nosuch_module"})
    done = local.cli("run").assert_success()
    assert "warning: plugin plugins/broken.py could not be loaded: ModuleNotFoundError: No module named 'nosuch_module'\n" in done.stderr


def test_private_files_are_left_alone(project):
    project({**FILES, "plugins/_draft.py": "raise RuntimeError"}).run().assert_success()


def test_plugins_of_one_project_are_unknown_to_another(project):
    project(FILES).run().assert_success()
    project({"seeknal/a.sql": FILES["seeknal/a.sql"]}).run().assert_failed("SK-PLUGIN-001", exit_code=2)


def test_same_file_name_in_two_projects_is_two_plugins(project):
    first = project(FILES)
    second = project({**FILES, "plugins/checks.py": AUDIT.replace("= 10", "= 5")})
    first.run().assert_success()
    second.run().assert_failed("SK-AUDIT-010")
    first.run().assert_success()


def test_nothing_is_left_beside_the_plugins(project):
    local = project(FILES)
    local.run().assert_success()
    local.cli("run").assert_success()
    assert [p.name for p in (local.root / "plugins").iterdir()] == ["checks.py"]


def test_commands_are_listed_and_called_inside_the_project(project):
    local = project(
        {
            "plugins/hello.py": """
                import click
                from seeknal.plugin import Command, hookimpl

                @hookimpl
                def seeknal_commands():
                    return [Command("calendar", target="calendar:main_command", description="Print a calendar.")]
                """
        }
    )
    assert "Print a calendar." in local.cli("--help").assert_success().stdout
    assert "calendar:main_command cannot be imported" in local.cli("calendar").assert_failed("SK-PLUGIN-003").stderr
