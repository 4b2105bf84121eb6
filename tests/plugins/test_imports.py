"""What light commands may import: start-up time is a feature, and the core knows no technology."""

from __future__ import annotations

import json
import subprocess
import sys
from textwrap import dedent

import pytest

HEAVY = ("pydantic", "jinja2", "sqlglot", "rich", "duckdb", "pyarrow", "yaml", "prompt_toolkit")
TECHNOLOGY = ("duckdb", "pyarrow", "pymysql", "psycopg", "sqlalchemy", "numpy", "pandas", "polars")

REPORT = """
    import json, sys
    from seeknal.cli import main
    try:
        main(sys.argv[1:])
    except SystemExit as end:
        code = end.code
    print("\\n" + json.dumps([code, sorted(sys.modules)]))
    """

BLOCKED = """
    import sys
    class Blocked:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in {names!r}:
                raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
    sys.meta_path.insert(0, Blocked())
    """


def python(code, *arguments, cwd):
    done = subprocess.run(
        [sys.executable, "-c", dedent(code), *arguments], cwd=cwd, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def imported(*command, cwd):
    """The top-level packages a successful command imports."""
    code, modules = json.loads(python(REPORT, *command, cwd=cwd).rstrip().rpartition("\n")[2])
    assert code == 0
    return {m.partition(".")[0] for m in modules}


@pytest.fixture
def shop(project):
    return project(
        {
            "data/orders.csv": "id,amount\n1,10\n",
            "data/plain.parquet.csv": "a\n1\n",
            "seeknal/orders.yml": """
                kind: source
                name: orders
                type: csv
                table: data/orders.csv
                columns: [{name: id, type: integer, audits: [not_null]}]
                """,
            "seeknal/total.sql": "select sum(amount) as total, '{{ var('country', 'ID') }}' as country from {{ ref('source.orders') }}",
            "seeknal/seen.sql": "/* ---\nmaterialized: view\n--- */\nselect total from transform.total",
            "plugins/checks.py": """
                from seeknal.plugin import Relation, audit

                @audit
                def never(target: Relation) -> str:
                    return f"select 1 from {target} where false"
                """,
        }
    )


@pytest.mark.parametrize("command", [["--help"], ["--version"], ["run", "--help"], ["plugins", "new", "--help"]])
def test_help_imports_nothing_heavy(tmp_path, command):
    assert not imported(*command, cwd=tmp_path) & set(HEAVY)


def test_help_inside_a_project_imports_nothing_heavy(shop):
    assert not imported("--help", cwd=shop.root) & set(HEAVY)


def test_run_that_builds_nothing_imports_neither_engine_nor_parsers(shop):
    shop.run().assert_success()
    shop.cli("run").assert_success()
    assert not imported("run", cwd=shop.root) & set(HEAVY)


def test_listing_plugins_imports_no_technology(shop):
    assert not imported("plugins", "--format", "json", cwd=shop.root) & {*TECHNOLOGY, "sqlglot", "jinja2", "rich"}


def test_plugin_modules_import_no_technology(tmp_path):
    code = """
        import json, sys
        from seeknal.registry import Registry
        registry = Registry()
        assert {p.name for p in registry.plugins} >= {"core", "duckdb", "example"}
        print(json.dumps(sorted({m.partition(".")[0] for m in sys.modules})))
        """
    assert not set(json.loads(python(code, cwd=tmp_path))) & {*TECHNOLOGY, *HEAVY}


def test_a_starrocks_connection_that_reads_no_rows_needs_no_arrow(tmp_path):
    code = """
        import json, sys
        import seeknal_starrocks.driver, seeknal_starrocks.metrics, seeknal_starrocks.views
        print(json.dumps(sorted({m.partition(".")[0] for m in sys.modules})))
        """
    assert not set(json.loads(python(code, cwd=tmp_path))) & {"pyarrow", "numpy", "pandas"}


def test_kit_imports_neither_pytest_nor_technology(tmp_path):
    code = """
        import json, sys
        import seeknal.testing
        print(json.dumps(sorted({m.partition(".")[0] for m in sys.modules})))
        """
    assert not set(json.loads(python(code, cwd=tmp_path))) & {*TECHNOLOGY, *HEAVY, "pytest"}


def test_core_alone_can_be_imported_and_says_what_to_install(shop):
    core_only = BLOCKED.format(names={*TECHNOLOGY, "seeknal_duckdb", "seeknal_example"})
    code = f"""
        {core_only.strip().replace(chr(10), chr(10) + "    ")}
        import pkgutil, importlib, seeknal, seeknal.api, seeknal.cli
        for module in pkgutil.walk_packages(seeknal.__path__, "seeknal."):
            if not module.name.startswith("seeknal.testing.") and not module.name.endswith("__main__"):
                importlib.import_module(module.name)
        assert not {set(TECHNOLOGY)!r} & set(sys.modules)
        from seeknal.cli import main
        main(["run"])
        """
    done = subprocess.run([sys.executable, "-c", dedent(code)], cwd=shop.root, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2, done.stderr
    assert "seeknal-duckdb" in done.stderr


def test_engine_that_is_not_installed_is_named_with_its_package(project, monkeypatch):
    from seeknal import registry

    discover = registry.discover
    monkeypatch.setattr(registry, "discover", lambda *given: [f for f in discover(*given) if f.plugin.name != "starrocks"])
    outcome = project({"seeknal_project.yml": "name: t\nengine: starrocks\n"}).run().assert_failed("SK-PLUGIN-001", exit_code=2)
    assert outcome.errors[0].hint == "pip install seeknal-starrocks"
    assert outcome.errors[0].at.path == "seeknal_project.yml"
