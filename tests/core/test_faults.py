"""Kills, interrupts, full disks, read-only folders and two runs at once: nothing is lost, nothing is half there."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb
import pytest
from tests.core.conftest import SHOP

from seeknal.state.file import FileBackend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seeknal.testing.project import ProjectFolder, ProjectMaker

SLOW = "SELECT sum(a.range * b.range) AS n FROM range(200000) a, range(20000) b"


def start(folder: ProjectFolder, *arguments: str, **options) -> subprocess.Popen[bytes]:
    """`seeknal ARGUMENTS`, running."""
    command = [sys.executable, "-c", "from seeknal.cli import main; main()", *arguments]
    return subprocess.Popen(command, cwd=folder.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, **options)


def wait_for(condition, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "this takes too long"
        time.sleep(0.01)


def chain(count: int) -> dict[str, str]:
    """A chain of transforms, each over many rows."""
    files = {"seeknal/n0.sql": "SELECT range AS n FROM range(20000)"}
    for i in range(1, count):
        files[f"seeknal/n{i}.sql"] = f"SELECT n + {i} AS n FROM {{{{ ref('n{i - 1}') }}}}"
    return files


def is_whole(folder: ProjectFolder) -> None:
    """State can be read, its checksum holds, and no output it knows is damaged."""
    backend = FileBackend(folder.root / "target")
    snapshot = backend.read()
    assert not snapshot.notices
    store = folder.open().store
    for key, value in snapshot.tables["artifacts"].items():
        artifact = snapshot.artifact(key)
        assert store.verify(artifact) == "whole", value
    for key in snapshot.pointers("prod").values():
        assert key.key


# Kills


@pytest.mark.parametrize("seed", range(5))
def test_a_killed_run_is_finished_by_the_next(project: ProjectMaker, seed: int) -> None:
    chance = random.Random(seed)
    folder = project(chain(12))
    for step in range(3):
        process = start(folder, "run")
        time.sleep(chance.uniform(0.2, 0.9))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        is_whole(folder)
        folder.edit("seeknal/n5.sql", f"+ {5 + step}", f"+ {6 + step}")
    folder.run().assert_success()
    fresh = project(chain(12))
    fresh.edit("seeknal/n5.sql", "+ 5", "+ 8")
    fresh.run().assert_success()
    assert sorted(folder.rows("n11")) == sorted(fresh.rows("n11"))
    assert folder.run().assert_success().built == set()
    with duckdb.connect(str(folder.root / "target/warehouse.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM prod.transform_n11").fetchall() == [(20000,)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_what_was_finished(project: ProjectMaker, number: signal.Signals) -> None:
    folder = project(
        {"seeknal/quick.sql": "SELECT 1 AS n", "seeknal/slow.sql": SLOW, "seeknal/after.sql": "SELECT n FROM {{ ref('slow') }}"}
    )
    process = start(folder, "run", "--format", "json")
    wait_for(lambda: list((folder.root / "target/cache/transform").glob("slow/*/.part.*.tmp")))
    wait_for(lambda: list((folder.root / "target/cache/transform").glob("quick/*/artifact.json")))
    time.sleep(0.3)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == 130, stderr
    assert b"Traceback" not in stderr
    results = {n["id"]: n["status"] for n in json.loads((folder.root / "target/run_results.json").read_text())["nodes"]}
    assert results == {"transform.quick": "built", "transform.slow": "skipped", "transform.after": "skipped"}
    assert json.loads(stdout)["status"] == "interrupted"
    is_whole(folder)
    assert not list((folder.root / "target/cache").rglob("*.tmp"))
    folder.write("seeknal/slow.sql", "SELECT 2 AS n")
    assert folder.run().assert_success().reused == {"transform.quick"}
    assert folder.rows("after") == [(2,)]


def test_an_interrupted_python_node_does_not_keep_the_run_for_ever(project: ProjectMaker) -> None:
    code = "import time\nfrom seeknal import source\n\n@source()\ndef slow():\n    open('begun', 'w').close()\n    time.sleep(60)\n"
    folder = project({"seeknal/slow.py": code})
    process = start(folder, "run")
    wait_for((folder.root / "begun").exists)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=25)
    assert process.returncode == 130, stderr
    is_whole(folder)


def test_what_a_kill_left_behind_is_cleared_away(project: ProjectMaker) -> None:
    folder = project({"seeknal/slow.sql": SLOW})
    process = start(folder, "run")
    wait_for(lambda: list((folder.root / "target/cache").rglob(".part.*.tmp")))
    process.kill()
    process.communicate()
    folder.write("seeknal/slow.sql", "SELECT 1 AS n")
    folder.run().assert_success()
    assert folder.rows("slow") == [(1,)]


# Two at once


def test_a_second_run_is_told_who_is_at_it(project: ProjectMaker) -> None:
    folder = project({"seeknal/slow.sql": SLOW})
    process = start(folder, "run")
    try:
        wait_for(lambda: list((folder.root / "target/cache").rglob(".part.*.tmp")))
        second = folder.cli("run").assert_failed("SK-LOCK-001", exit_code=4)
        assert f"pid {process.pid}" in second.stderr
        assert "seeknal run" in second.stderr
        folder.cli("plan").assert_success()
        folder.cli("state", "info").assert_success()
    finally:
        process.kill()
        process.communicate()
    folder.write("seeknal/slow.sql", "SELECT 1 AS n")
    folder.cli("run").assert_success()


def test_a_second_run_can_wait(project: ProjectMaker) -> None:
    folder = project({"seeknal/a.py": "import time\nimport pyarrow as pa\nfrom seeknal import source\n\n@source()\ndef a():\n    time.sleep(1)\n    return pa.table({'n': [1]})\n"})  # fmt: skip
    first, second = start(folder, "run", "--wait"), start(folder, "run", "--wait")
    for process in (first, second):
        _, stderr = process.communicate(timeout=30)
        assert process.returncode == 0, stderr
    is_whole(folder)


def test_many_runs_at_once_leave_a_state_that_is_whole(project: ProjectMaker) -> None:
    folder = project(chain(5))
    processes = [start(folder, "run", *(["--wait"] if i % 2 else [])) for i in range(5)]
    codes = []
    for process in processes:
        _, stderr = process.communicate(timeout=60)
        assert b"internal error" not in stderr, stderr
        codes.append(process.returncode)
    assert set(codes) <= {0, 4}
    assert 0 in codes
    is_whole(folder)
    assert folder.run().assert_success().built == set()


# Disks


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing below the folder can be written, not even by root."""
    if os.geteuid():
        modes = {path: path.stat().st_mode for path in [folder, *folder.rglob("*")]}
        for path in modes:
            path.chmod(0o555 if path.is_dir() else 0o444)
        try:
            yield
        finally:
            for path, mode in modes.items():
                path.chmod(mode)
        return
    for command in (["mount", "--bind", folder, folder], ["mount", "-o", "remount,ro,bind", folder]):
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("root may not mount here")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_with_a_read_only_target_reading_works_and_a_run_does_nothing(shop: ProjectFolder) -> None:
    shop.edit("seeknal/adults.sql", ">= 18", ">= 16")
    with read_only(shop.root / "target"):
        plan = shop.cli("plan", "--format", "json").assert_success().json()
        assert {n["id"] for n in plan["nodes"] if n["action"] == "build"} == {"transform.adults", "transform.spent"}
        assert "Ann" in shop.cli("show", "adults").assert_success().stdout
        shop.cli("list").assert_success()
        shop.cli("history").assert_success()
        shop.cli("state", "info").assert_success()
        refused = shop.cli("run").assert_failed(exit_code=2)
        assert "target" in refused.stderr
    assert shop.run().assert_success().built == {"transform.adults", "transform.spent"}


def test_a_target_that_cannot_be_made_is_said_before_any_work(project: ProjectMaker) -> None:
    folder = project(SHOP)
    folder.write("target", "a file where the folder should be")
    folder.cli("plan").assert_success()
    refused = folder.cli("run").assert_failed(exit_code=2)
    assert "target" in refused.stderr


@pytest.mark.parametrize("limit", [0, 200, 3_000, 20_000, 100_000, 300_000])
def test_files_that_cannot_grow_fail_their_node_and_leave_the_state_whole(project: ProjectMaker, limit: int) -> None:
    folder = project({**chain(4), "seeknal/n3.sql": "SELECT n, hash(n) AS h, uuid() AS u FROM {{ ref('n2') }}"})
    folder.write("seeknal/n0.sql", "SELECT range AS n FROM range(10)")
    folder.run().assert_success()
    before = sorted(folder.rows("n3"))
    folder.write("seeknal/n0.sql", "SELECT hash(range) AS n FROM range(200000)")
    process = start(folder, "run", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    _, stderr = process.communicate(timeout=60)
    assert process.returncode in (1, 2), stderr
    assert b"Traceback" not in stderr
    assert b"internal error" not in stderr
    is_whole(folder)
    assert not list((folder.root / "target/cache").rglob("*.tmp"))
    if limit < 3_000:
        assert sorted(folder.rows("n3")) == before
    folder.run().assert_success()
    assert len(folder.rows("n3")) == 200_000


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
@pytest.mark.parametrize("kilobytes", [300, 700, 1500, 2500])
def test_a_full_disk_names_the_node_and_loses_nothing(project: ProjectMaker, kilobytes: int) -> None:
    folder = project({**chain(4), "seeknal/n0.sql": "SELECT range AS n FROM range(10)"})
    target = folder.root / "target"
    target.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", target], capture_output=True, check=False).returncode:
        pytest.skip("root may not mount here")
    try:
        folder.cli("run")
        folder.write("seeknal/n0.sql", "SELECT hash(range) AS n FROM range(300000)")
        failed = folder.cli("run").assert_failed()
        assert failed.exit_code in (1, 2)
        is_whole(folder)
        assert not list((target / "cache").rglob("*.tmp"))
        kept = folder.root / "kept"
        shutil.copytree(target, kept)
    finally:
        subprocess.run(["umount", target], check=True)
    target.rmdir()
    kept.rename(target)
    folder.run().assert_success()
    assert len(folder.rows("n3")) == 300_000


# State


def test_damaged_state_is_taken_from_its_backup_and_said(shop: ProjectFolder) -> None:
    path = shop.root / "target/run_state.json"
    path.write_bytes(path.read_bytes()[:-20])
    outcome = shop.run().assert_success()
    assert "damaged" in outcome.output
    assert shop.run().assert_success().output == ""
    assert shop.run().built == set()


def test_state_damaged_with_its_backup_is_found_again_from_the_outputs(shop: ProjectFolder) -> None:
    for name in ("run_state.json", "run_state.json.bak"):
        (shop.root / "target" / name).write_bytes(b"\0" * 100)
    outcome = shop.run().assert_success()
    assert outcome.built == set()
    assert "damaged" in outcome.output
    is_whole(shop)


def test_a_flipped_character_in_the_state_is_noticed(shop: ProjectFolder) -> None:
    path = shop.root / "target/run_state.json"
    text = path.read_text()
    path.write_text(text.replace('"rows":2', '"rows":3', 1))
    assert "checksum" in shop.run().assert_success().output


def test_damaged_state_never_replaces_a_good_backup(shop: ProjectFolder) -> None:
    shop.run().assert_success()
    good = (shop.root / "target/run_state.json").read_bytes()
    (shop.root / "target/run_state.json.bak").write_bytes(good)
    (shop.root / "target/run_state.json").write_bytes(b"{")
    shop.edit("seeknal/adults.sql", ">= 18", ">= 16")
    shop.run().assert_success()
    backup = (shop.root / "target/run_state.json.bak").read_bytes()
    assert backup != b"{"


@pytest.mark.parametrize(
    "tail",
    [b'\n12345678 [["pointers","prod/transform.adults"', b"\n", b"\0" * 50, b"\nzzzzzzzz []\n", b'\n00000000 [["nowhere","x",null]]\n'],
)
def test_a_journal_cut_off_by_a_crash_is_read_up_to_there(shop: ProjectFolder, tail: bytes) -> None:
    journal = shop.root / "target/run_state.journal"
    journal.write_bytes(tail)
    assert shop.run().assert_success().built == set()
    shop.edit("seeknal/adults.sql", ">= 18", ">= 16")
    shop.run().assert_success()
    assert shop.run().built == set()
    is_whole(shop)


@pytest.mark.parametrize("version", ["3.0", "2.1", "10.0"])
def test_state_of_a_newer_version_is_refused_and_left_alone(shop: ProjectFolder, version: str) -> None:
    path = shop.root / "target/run_state.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "schema_version": version, "min_reader": version}))
    before = _kept(shop)
    for command in ("run", "plan"):
        shop.cli(command).assert_failed("SK-STATE-002", exit_code=2)
    assert _kept(shop) == before


def _kept(folder: ProjectFolder) -> dict[str, bytes]:
    """What is under target/, besides what only saves time."""
    return {
        p.name: p.read_bytes()
        for p in (folder.root / "target").rglob("*")
        if p.is_file() and p.name not in ("settings.json", "parsed.json")
    }


OLDEST = {"transform.adults": {"status": "success", "duration": 0.5, "row_count": 2}}
OLDER = {"version": "1.0.0", "nodes": {"transform.adults": {"hash": "abc", "status": "success"}}}
EARLIER = {"schema_version": "2.0", "nodes": {"transform.adults": {"hash": "abc", "last_run": "2024-01-01", "status": "success", "duration_ms": 5, "row_count": 2,
           "version": 1, "metadata": {}, "completed_intervals": [["2024-01-01", "2024-01-02"]]}}}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "document"), [("state/execution_state.json", OLDEST), ("run_state.json", OLDER), ("run_state.json", EARLIER)]
)
def test_state_of_an_older_layout_is_taken_over_once_and_kept(project: ProjectMaker, name: str, document: dict) -> None:
    folder = project({**SHOP, f"target/{name}": json.dumps(document)})
    folder.cli("plan").assert_success()
    assert json.loads(folder.read(f"target/{name}")) == document
    outcome = folder.run().assert_success()
    assert "older layout" in outcome.output
    assert outcome.built
    assert json.loads(folder.read(f"target/{name}.v1.bak")) == document
    state = json.loads(folder.read("target/run_state.json"))
    assert state["schema_version"] == "2.0"
    assert state["legacy"]["nodes"] == document.get("nodes", document)
    again = folder.run().assert_success()
    assert (again.built, again.output) == (set(), "")


@pytest.mark.parametrize("content", ["", "[]", "null", "3", '{"nodes": 3}', '{"nodes": []}', '"text"', "{"])
def test_state_that_nobody_can_have_written_is_no_obstacle(project: ProjectMaker, content: str) -> None:
    folder = project({**SHOP, "target/run_state.json": content, "target/state/execution_state.json": content})
    folder.cli("plan").assert_success()
    folder.cli("run").assert_success()
    assert folder.run().assert_success().built == set()


def test_state_can_be_rebuilt_from_the_outputs(shop: ProjectFolder) -> None:
    for path in (shop.root / "target").glob("run_state*"):
        path.unlink()
    shop.cli("state", "rebuild").assert_success()
    assert len(FileBackend(shop.root / "target").read().tables["artifacts"]) == 4
    assert shop.run().assert_success().built == set()


def test_a_rebuild_forgets_outputs_that_are_gone_or_damaged(shop: ProjectFolder) -> None:
    part = next((shop.root / "target/cache/transform/adults").rglob("*.parquet"))
    part.write_bytes(b"x" * part.stat().st_size)
    shutil.rmtree(shop.root / "target/cache/transform/spent")
    shop.cli("state", "rebuild").assert_success()
    assert shop.run().assert_success().built == {"transform.adults", "transform.spent"}


def test_state_files_are_for_their_owner_only(shop: ProjectFolder) -> None:
    assert [oct((shop.root / "target" / n).stat().st_mode & 0o777) for n in ("run_state.json", "run_state.lock")] == ["0o600", "0o600"]
