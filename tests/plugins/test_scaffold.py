"""`seeknal plugins new`: a package whose own tests pass before anything is changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seeknal.testing.commands import seeknal

ROOT = Path(__file__).parents[2]
KINDS = {"audit": "fresh_rows", "engine": "acme_sql", "state-backend": "acme_docs", "node-kind": "holidays"}
PROVIDES = {
    "audit": "audit fresh_rows", "engine": "engine acme_sql", "state-backend": "state acme_docs", "node-kind": "kind holidays",
}  # fmt: skip


def run(*command, cwd, env=None):
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_package_is_installed_and_its_tests_pass(tmp_path, kind):
    name, site = KINDS[kind], tmp_path / "site"
    told = seeknal("plugins", "new", kind, name, cwd=tmp_path).assert_success().stdout
    folder = tmp_path / f"seeknal-{name.replace('_', '-')}"
    assert f"cd {folder.name}" in told
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    run(*pip, "--no-build-isolation", "--target", str(site), str(folder), cwd=tmp_path)
    installed = {"PYTHONPATH": str(site)}
    passed = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", cwd=folder, env=installed)
    assert " passed" in passed
    assert "skipped" not in passed
    assert PROVIDES[kind] in seeknal("plugins", cwd=tmp_path, env=installed).assert_success().stdout
    assert (site / f"seeknal_{name}" / "py.typed").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_code_is_as_clean_as_ours(tmp_path, kind):
    seeknal("plugins", "new", kind, KINDS[kind], "--output", "made", cwd=tmp_path).assert_success()
    ruff = [sys.executable, "-m", "ruff"]
    settings = ["--config", str(ROOT / "pyproject.toml"), "--no-cache"]
    run(*ruff, "check", *settings, "--ignore", "I001,S608,A002,PLC2801", "made", cwd=tmp_path)
    run(*ruff, "format", "--check", *settings, "made", cwd=tmp_path)


def test_types_hold(tmp_path):
    for kind, name in KINDS.items():
        seeknal("plugins", "new", kind, name, cwd=tmp_path).assert_success()
    sources = [str(p) for p in tmp_path.glob("*/src/*")]
    run(sys.executable, "-m", "mypy", "--config-file=", "--strict", "--cache-dir", str(tmp_path / "cache"), *sources, cwd=tmp_path)


@pytest.mark.parametrize("name", ["unique", "Max_Age", "max-age", "9lives", "class", "a b", "../x", "", "x" * 61, "semantic", "mäx"])
def test_names_that_cannot_be_are_refused(tmp_path, name):
    seeknal("plugins", "new", "audit", name, cwd=tmp_path).assert_failed("SK-SCAFFOLD-001", exit_code=2)
    assert list(tmp_path.iterdir()) == []


def test_name_that_somebody_provides_is_refused(tmp_path):
    done = seeknal("plugins", "new", "engine", "duckdb", cwd=tmp_path).assert_failed("SK-SCAFFOLD-001", exit_code=2)
    assert "seeknal-duckdb" in done.stderr


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("dear diary")
    (tmp_path / "file").write_text("")
    for output in ("mine", "file"):
        seeknal("plugins", "new", "audit", "fresh_rows", "--output", output, cwd=tmp_path).assert_failed("SK-SCAFFOLD-002", exit_code=2)
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    seeknal("plugins", "new", "audit", "fresh_rows", "--output", "new/folder", cwd=tmp_path).assert_success()
    assert (tmp_path / "new/folder/pyproject.toml").exists()


def test_kind_is_one_of_four(tmp_path):
    done = seeknal("plugins", "new", "dashboard", "mine", cwd=tmp_path)
    assert done.exit_code == 2
    assert "'state-backend'" in done.stderr
