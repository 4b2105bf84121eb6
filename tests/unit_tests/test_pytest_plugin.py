"""pytest runs the same files, where they are tests of a project."""

from __future__ import annotations

import subprocess
import sys

from tests.unit_tests.test_running import PAID


def pytest_in(folder, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", *arguments],
        cwd=folder.root,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_the_same_files_run_under_pytest(shop):
    shop.write("tests/a.yml", PAID + "---" + PAID.replace("strangers_are_left_out", "other").replace("10.5,", "11,"))
    shop.write("tests/sub/b.yaml", PAID.replace("strangers_are_left_out", "deep"))
    shop.write("tests/c.yml", "name: c\nnode: nowhere\nexpect: {row_count: 1}\n")
    shop.write("tests/test_mine.py", "def test_mine():\n    pass\n")
    code, text = pytest_in(shop)
    assert code == 1
    assert "PASSED tests/a.yml::transform.paid.strangers_are_left_out" in text
    assert "FAILED tests/a.yml::transform.paid.other" in text
    assert "differs  1   ID       11.0 → 10.5  2026-01-31" in text
    assert "PASSED tests/sub/b.yaml::transform.paid.deep" in text
    assert "error[SK-REF-001]: unknown node 'nowhere'" in text
    assert "2 failed, 3 passed" in text
    assert "Traceback" not in text


def test_one_test_by_its_id(shop):
    shop.write("tests/a.yml", PAID + "---" + PAID.replace("strangers_are_left_out", "other"))
    code, text = pytest_in(shop, "tests/a.yml::transform.paid.other")
    assert code == 0
    assert "1 passed" in text


def test_a_project_that_is_wrong_is_an_error_of_collection(shop):
    shop.write("tests/a.yml", PAID).write("seeknal/bad.sql", "SELECT * FROM {{ ref('nothing') }}")
    code, text = pytest_in(shop)
    assert code == 2
    assert "SK-REF-001" in text


def test_other_yaml_is_left_alone(tmp_path, project):
    folder = project({"seeknal/a.sql": "SELECT 1 AS a", "seeknal/notes.yaml": "kind: transform\nname: b\nsql: SELECT 1 AS b\n"})
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/x.yml").write_text("a: 1\n")
    assert pytest_in(folder)[0] == 5
    assert "no tests ran" in pytest_in(folder, str(tmp_path / "tests"))[1]


def test_the_plugin_imports_next_to_nothing(tmp_path):
    code = "import sys, pytest, seeknal.unit_tests.pytest_plugin; print([m for m in sys.modules if m.partition('.')[0] in ('pydantic', 'sqlglot', 'duckdb', 'yaml', 'jinja2', 'click')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
