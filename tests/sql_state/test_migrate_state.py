"""`seeknal migrate-state`: everything arrives, is compared, and a copy that was cut off goes on."""

from __future__ import annotations

import time

import pytest
from tests.core.conftest import SHOP

from seeknal.errors import LockedError, ProjectError, StateError
from seeknal.plugin import TABLES, Change
from seeknal.state.file import FileBackend
from seeknal.state.transfer import transfer
from seeknal.testing.other_process import this_process


@pytest.fixture
def named(options):
    """The state of this test as one names it on the command line, and what the environment must say."""
    if options["backend"] == "sqlite":
        return f"sqlite:///{options['path']}", {}
    return f"{options['url']}?schema={options['schema']}", {"PGPASSWORD": options["password"]}


@pytest.fixture
def history(project, monkeypatch):
    """A project that was built, changed, built in an environment, promoted, planned, had windows marked, and failed an audit."""
    monkeypatch.setattr("seeknal.state.segments.SIZE", 1)
    daily = "/* ---\nschedule: '@daily'\ntime_column: day\nbatch_size: 1\nstart: 2026-01-01\nend: 2026-01-03\n--- */\nSELECT DATE '2026-01-02' AS day\n"
    names = "/* ---\nmaterialized: view\n--- */\nSELECT name FROM {{ ref('adults') }}\n"
    folder = project({**SHOP, "seeknal/names.sql": names, "seeknal/daily.sql": daily})
    folder.run().assert_success()
    folder.edit("seeknal/names.sql", "SELECT name", "SELECT upper(name) AS name")
    folder.edit("seeknal/adults.sql", "18", "17").run(environment="dev").assert_success()
    folder.open().promote("dev")
    folder.open().plan(environment="dev", save=True)
    folder.edit("seeknal/users.yml", "type: csv", "type: csv\naudits: [{type: row_count, min: 9}]")
    folder.run().assert_failed()
    folder.cli("invalidate", "daily", "--start", "2026-01-02").assert_success()
    return folder


def fill(backend, count):
    with backend.lease("prod", this_process("fill")) as lease:
        backend.commit([Change("environments", "prod", {"created": "today"})], lease)
        for table in TABLES[1:]:
            backend.commit([Change(table, f"{table}/{n} ü", {"n": n, "text": "x" * 50}) for n in range(count)], lease)
    backend.settle()


def test_everything_arrives_there_and_back(history, named, options):
    url, env = named
    before = history.open().state.read().tables
    assert all(before[table] for table in TABLES if table != "files")
    there = history.cli("migrate-state", "--from", "file", "--to", url, env=env).assert_success()
    assert f"compared: {sum(map(len, before.values()))} documents, the same in both" in there.stdout

    (history.root / "target/run_state.json").rename(history.root / "old.json")
    (history.root / "target/run_state.json.bak").unlink()
    history.cli("migrate-state", "--from", url, "--to", "file", env=env).assert_success()
    assert history.open().state.read().tables == before


def test_project_goes_on_where_it_was(history, named):
    url, env = named
    history.edit("seeknal/users.yml", "min: 9", "min: 1")
    history.run().assert_success()
    history.cli("migrate-state", "--from", "file", "--to", url, env=env).assert_success()
    assert "0 built, 6 reused" in history.cli("run", env={**env, "SEEKNAL_STATE_URL": url}).assert_success().output


def test_dry_run_says_what_would_be_copied_and_writes_nothing(history, named, opened):
    url, env = named
    shown = history.cli("migrate-state", "--from", "file", "--to", url, "--dry-run", env=env).assert_success()
    assert "to copy" in shown.stdout
    assert not any(opened(project="test").read().tables.values())


def test_copy_that_was_cut_off_is_gone_on_with(opened, tmp_path, monkeypatch):
    source, target = FileBackend(tmp_path / "target"), opened()
    fill(source, 700)
    commit, calls = type(target).commit, []

    def cut_off(self, changes, lease):
        calls.append(len(changes))
        if len(calls) == 4:
            raise KeyboardInterrupt
        commit(self, changes, lease)

    with monkeypatch.context() as patch:
        patch.setattr(type(target), "commit", cut_off)
        with pytest.raises(KeyboardInterrupt):
            transfer(source, target, this_process("first"))
    half = opened().read().tables
    assert sum(map(len, half.values())) == 1500
    assert not half["pointers"], "half a copy points at nothing"

    copied = transfer(source, opened(), this_process("second"))
    assert sum(len(c.puts) for c in copied) == 700 * (len(TABLES) - 1) + 1 - 1500
    assert opened().read().tables == source.read().tables


def test_killed_copy_is_gone_on_with(project, named, opened):
    url, env = named
    folder = project({})
    fill(folder.open().state, 4000)
    import subprocess  # a process to be killed
    import sys

    command = [sys.executable, "-c", "from seeknal.cli import main; main()", "migrate-state", "--from", "file", "--to", url]
    with subprocess.Popen(command, cwd=folder.root, env={**__import__("os").environ, **env}) as process:
        deadline, reader = time.monotonic() + 60, opened(project="test")
        while not reader.read().tables["files"] and time.monotonic() < deadline:
            assert process.poll() is None, "it was to be killed half-way"
        process.kill()
    half = sum(map(len, opened(project="test").read().tables.values()))
    whole = 4000 * (len(TABLES) - 1) + 1
    assert 0 < half < whole
    done = folder.cli("migrate-state", "--from", "file", "--to", url, env=env).assert_success()
    assert f"compared: {whole:,} documents, the same in both" in done.stdout
    assert opened(project="test").read().tables == folder.open().state.read().tables


def test_what_is_there_is_not_lost_unless_that_is_said(history, named, opened):
    url, env = named
    target = opened(project="test")
    with target.lease("prod", this_process("other")) as lease:
        target.commit([Change("pointers", "prod/transform.other", {"v": 1})], lease)
    refused = history.cli("migrate-state", "--from", "file", "--to", url, env=env).assert_failed("SK-STATE-013", exit_code=2)
    assert "prod/transform.other" in refused.stderr
    assert list(opened(project="test").read().tables["pointers"]) == ["prod/transform.other"]
    history.cli("migrate-state", "--from", "file", "--to", url, "--replace", env=env).assert_success()
    assert opened(project="test").read().tables == history.open().state.read().tables


def test_runs_are_kept_out_and_keep_it_out(history, opened, tmp_path):
    source = history.open().state
    with source.lease("prod", this_process("a run")), pytest.raises(LockedError, match="a run"):
        transfer(source, opened(), this_process("copy"))
    with opened().lease("prod", this_process("a run")), pytest.raises(LockedError, match="a run"):
        transfer(source, opened(), this_process("copy"))


def test_difference_at_the_end_is_an_error(history, opened, monkeypatch):
    target = opened()
    commit = type(target).commit
    monkeypatch.setattr(type(target), "commit", lambda self, changes, lease: commit(self, changes[:-1], lease))
    with pytest.raises(StateError, match="differ") as caught:
        transfer(history.open().state, target, this_process("copy"))
    assert caught.value.code == "SK-STATE-014"


def test_nothing_and_the_same_are_not_copied(history, opened, named):
    url, env = named
    history.cli("migrate-state", "--from", url, "--to", "file", env=env).assert_failed("SK-STATE-013", exit_code=2)
    history.cli("migrate-state", "--from", "file", "--to", "file").assert_failed("SK-STATE-013", exit_code=2)
    with pytest.raises(ProjectError, match="the same state"):
        transfer(opened(), opened(), this_process("copy"))
