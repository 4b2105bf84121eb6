"""Projects that keep their state in a database, through the command line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.core.conftest import SHOP
from tests.plugins.test_imports import imported
from tests.sql_state.conftest import url_of

from seeknal.testing.commands import seeknal
from seeknal.testing.other_process import this_process


@pytest.fixture
def configured(options):
    """`seeknal_project.yml` that says where the state is, the password by reference."""
    keys = {k: "${STATE_PASSWORD}" if k == "password" else v for k, v in options.items()}
    return "name: shop\nstate:\n" + "".join(f"  {k}: {v}\n" for k, v in keys.items())


@pytest.fixture
def shop(project, configured, options, monkeypatch):
    monkeypatch.setenv("STATE_PASSWORD", options.get("password", ""))
    return project({**SHOP, "seeknal_project.yml": configured})


def test_project_is_built_edited_and_looked_after(shop, options):
    assert "4 built" in shop.cli("run").assert_success().output
    assert "0 built, 4 reused" in shop.cli("run").assert_success().output
    shop.edit("seeknal/adults.sql", "18", "31")
    assert "2 built, 2 reused" in shop.cli("run").assert_success().output
    assert shop.rows("spent") == [("Cid", 2.0)]

    info = shop.cli("state", "info", "--format", "json").assert_success().json()
    assert (info["backend"], info["project"], info["pointers"]) == (options["backend"], "shop", 4)
    assert not (shop.root / "target/run_state.json()").exists()
    shop.cli("state", "verify").assert_success()
    assert "not locked" in shop.cli("state", "unlock").assert_success().stdout
    assert "outputs found again" in shop.cli("state", "rebuild").assert_success().stdout
    assert "0 built, 4 reused" in shop.cli("run").assert_success().output


def test_password_is_in_no_file_and_no_output(shop, options):
    password = options.get("password", "correct horse")
    said = shop.cli("run", "-v").assert_success().output + shop.cli("state", "info", "-v").output
    files = [p for p in shop.root.rglob("*") if p.is_file()]
    assert password not in said
    assert [p for p in files if password.encode() in p.read_bytes()] == []


def test_second_run_is_told_who_holds_the_lease_and_exits_with_4(shop):
    with shop.open().state.lease("prod", this_process("first")):
        told = shop.cli("run").assert_failed("SK-LOCK-001", exit_code=4)
    assert "first" in told.stderr
    shop.cli("run").assert_success()


def test_two_runs_at_once_one_waits_for_the_other(shop):
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: shop.cli("run", "--wait"), range(2)))
    outputs = [d.assert_success().output for d in done]
    assert sum("4 built" in o for o in outputs) == 1
    assert sum("0 built, 4 reused" in o for o in outputs) == 1


def test_killed_run_holds_nothing_up(shop):
    shop.write(
        "seeknal/slow.sql", "SELECT count(*) AS n FROM range(3000) a, range(30000) b, range(200) c WHERE a.range + b.range <> c.range"
    )
    command = [sys.executable, "-c", "from seeknal.cli import main; main()", "run"]
    with subprocess.Popen(command, cwd=shop.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        run.stdout.readline()
        run.kill()
        run.stdout.read()
    shop.delete("seeknal/slow.sql")
    shop.cli("run", "--wait").assert_success()


def test_projects_in_one_database_are_apart(project, options, configured, monkeypatch):
    monkeypatch.setenv("STATE_PASSWORD", options.get("password", ""))
    one = project({**SHOP, "seeknal_project.yml": configured.replace("shop", "one", 1)})
    two = project({"seeknal_project.yml": configured.replace("shop", "two", 1), "seeknal/a.sql": "SELECT 1 AS a"})
    one.run().assert_success()
    two.run().assert_success()
    with one.open().state.lease("prod", this_process("one")), two.open().state.lease("prod", this_process("two")):
        pass
    assert len(one.open().state.read().tables["pointers"]) == 4
    assert list(two.open().state.read().tables["pointers"]) == ["prod/transform.a"]


def test_folders_that_share_state_and_no_outputs_build_their_own(shop):
    shop.run().assert_success()
    colleague = shop.root.with_name("colleague")
    shutil.copytree(shop.root, colleague, ignore=shutil.ignore_patterns("target"))
    for root in (colleague, shop.root, colleague):
        seeknal("run", cwd=root).assert_success()
        assert "Ann" in seeknal("show", "adults", cwd=root).assert_success().stdout


def test_url_in_the_environment_overrides_the_files(project, tmp_path):
    folder = project(SHOP)
    folder.cli("run").assert_success()
    env = {"SEEKNAL_STATE_URL": f"sqlite:///{tmp_path}/elsewhere.db?project=other"}
    assert "0 built, 4 reused" in folder.cli("run", env=env).assert_success().output
    info = folder.cli("state", "info", "--format", "json", env=env).assert_success().json()
    assert (info["path"], info["project"]) == (f"{tmp_path}/elsewhere.db", "other")
    assert folder.cli("state", "info", "--format", "json").assert_success().json()["backend"] == "file"
    assert folder.cli("state", "info", "--format", "json", env={"SEEKNAL_STATE_URL": "file:"}).json()["backend"] == "file"
    folder.cli("state", "info", env={"SEEKNAL_STATE_URL": "elsewhere"}).assert_failed("SK-CFG-006", exit_code=2)


def test_url_in_the_environment_counts_for_one_command_only(project):
    folder = project({**SHOP, "seeknal_project.yml": "name: t\nstate: {backend: sqlite}\n"})
    folder.cli("run", env={"SEEKNAL_STATE_URL": "file:"}).assert_success()
    assert (folder.root / "target/run_state.json").exists()
    assert folder.cli("state", "info", "--format", "json").assert_success().json()["backend"] == "sqlite"


def test_profile_selects_the_state(project):
    profiles = "profiles:\n  ci: {state: {backend: sqlite, path: ci.db}}\n"
    folder = project({**SHOP, "profiles.yml": profiles})
    folder.cli("run", "--profile", "ci").assert_success()
    assert (folder.root / "ci.db").stat().st_mode & 0o777 == 0o600
    assert not (folder.root / "target/run_state.json()").exists()


@pytest.mark.parametrize(
    ("backend", "code", "said"),
    [
        ("sqlite, pat: x.db", "SK-STATE-004", "did you mean 'path'?"),
        ("sqlite, url: 'sqlite:///x.db?lease_secods=60'", "SK-STATE-004", "did you mean 'lease_seconds'?"),
        ("sqlit", "SK-PLUGIN-001", "did you mean 'sqlite'?"),
        ("sqlite, path: '${NOT_SET}'", "SK-CFG-003", "set NOT_SET"),
    ],
)
def test_misspelt_state_is_shown_where_it_is_written(project, backend, code, said):
    folder = project({**SHOP, "profiles.yml": f"profiles:\n  ci: {{state: {{backend: {backend}}}}}\n"})
    told = folder.cli("run", "--profile", "ci").assert_failed(code, exit_code=2).stderr
    assert "profiles.yml:2:25" in told
    assert said in told
    url = folder.cli("run", env={"SEEKNAL_STATE_URL": "mysql://x"}).assert_failed("SK-PLUGIN-001", exit_code=2).stderr
    assert "-->" not in url, "no file says it"


@pytest.mark.parametrize("other", [{}, {"SEEKNAL_STATE_URL": "sqlite:///target/other.db"}])
def test_janitor_of_another_state_leaves_what_the_projects_own_uses(project, other):
    config, profiles = "name: t\nstate: {backend: sqlite}\n", "profiles:\n  scratch: {state: {backend: file}}\n"
    folder = project({"seeknal_project.yml": config, "profiles.yml": profiles, "seeknal/a.sql": "SELECT 1 AS a"})
    folder.cli("run").assert_success()
    folder.edit("seeknal/a.sql", "1", "2")
    profile = [] if other else ["--profile", "scratch"]
    folder.cli("run", *profile, env=other).assert_success()
    folder.cli("janitor", "--yes", "--grace", "0m", "--keep-runs", "0", *profile, env=other).assert_success()
    assert folder.cli("show", "a", "--format", "csv").assert_success().stdout.split() == ["a", "1"]


def test_server_that_is_away_ends_a_command_with_one_error(project, postgres_server):
    config = f"name: t\nstate: {{backend: postgres, url: '{url_of(postgres_server, port=1)}'}}\n"
    told = project({**SHOP, "seeknal_project.yml": config}).cli("run").assert_failed("SK-STATE-008", exit_code=1)
    assert "Traceback" not in told.stderr


def test_state_in_a_file_imports_no_database(project):
    folder = project(SHOP)
    folder.cli("run").assert_success()
    folder.cli("run").assert_success()
    assert not imported("run", cwd=folder.root) & {"sqlalchemy", "psycopg", "sqlite3", "seeknal_sql_state.backend"}
