"""`seeknal janitor` on every backend: what is of no use goes, after a while; what is used stays."""

from __future__ import annotations

import gzip
import json
import os
import time
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from seeknal.errors import LockedError, ProjectError, StateError
from seeknal.janitor import Policy
from seeknal.janitor.archive import packed
from seeknal.janitor.policy import duration
from seeknal.plugin import Change
from seeknal.run.cleaning import janitor
from seeknal.state.backend import CLEANING
from seeknal.testing.other_process import this_process

NOW = Policy(grace=timedelta(0), runs=0)
LATER = timedelta(days=2)


def clean(folder, policy=NOW, after=timedelta(0)):
    return janitor(folder.open(), policy, datetime.now(UTC) + after).clean(this_process("janitor"))


def outputs(folder):
    """The folders of outputs there are."""
    return {str(p.parent.relative_to(folder.root / "target/cache")) for p in folder.root.glob("target/cache/*/*/*/artifact.json")}


def used(folder):
    """The keys of what environments point to."""
    return {v["key"] for v in folder.open().state.read().tables["pointers"].values()}


def commit(folder, *changes, lease="prod"):
    state = folder.open().state
    with state.lease(lease, this_process("test")) as held:
        state.commit(changes, held)
    state.settle()


@pytest.fixture
def edited(shop):
    """The project after an edit: outputs from before that nothing points to."""
    shop.edit("seeknal/adults.sql", "18", "17").run().assert_success()
    return shop


def test_first_time_marks_and_a_later_one_removes(edited):
    before = outputs(edited)
    policy = Policy(runs=0)
    first = clean(edited, policy)
    assert (first.outputs.count, first.waiting.count) == (0, 2)
    assert outputs(edited) == before
    assert clean(edited, policy, timedelta(hours=23)).outputs.count == 0
    done = clean(edited, policy, timedelta(hours=25))
    assert done.outputs.count == 2
    assert done.recovered == done.outputs.bytes > 0
    gone = before - outputs(edited)
    assert len(gone) == 2
    state = edited.open().state.read().tables
    assert not {k.rpartition("/")[2] for k in gone} & {*state["artifacts"], *(k.partition("/")[0] for k in state["audits"])}
    assert "0 built, 4 reused" in edited.cli("run").assert_success().output


def test_nothing_that_is_used_goes(edited):
    clean(edited)
    assert {o.rpartition("/")[2] for o in outputs(edited)} >= used(edited) & set(edited.open().state.read().tables["artifacts"])
    with duckdb.connect(str(edited.root / "target/warehouse.duckdb"), read_only=True) as warehouse:
        for (name,) in warehouse.execute("SELECT view_name FROM duckdb_views() WHERE schema_name = 'prod'").fetchall():
            warehouse.execute(f'SELECT count(*) FROM prod."{name}"').fetchall()
    clean(edited)
    assert "0 built" in edited.cli("run").assert_success().output


def test_outputs_of_the_last_runs_stay(edited):
    policy = Policy(grace=timedelta(0), runs=2)
    assert clean(edited, policy).outputs.count == 0, "marked now: a run before may have used it"
    for _ in range(2):
        time.sleep(1.1)
        edited.run().assert_success()
    assert clean(edited, policy, LATER).outputs.count == 2


def test_output_that_is_taken_up_again_counts_from_then(edited):
    policy = Policy(runs=0)
    clean(edited, policy)
    marks = json.loads(edited.read("target/janitor.json"))
    edited.write("target/janitor.json", json.dumps({**marks, "marks": {"2020-01-01T00:00:00Z": next(iter(marks["marks"].values()))}}))
    edited.edit("seeknal/adults.sql", "17", "18").run().assert_success()
    edited.edit("seeknal/adults.sql", "18", "17").run().assert_success()
    assert clean(edited, policy, timedelta(hours=1)).outputs.count == 0


def test_dry_run_says_the_same_and_does_nothing(edited):
    files = {p: p.stat().st_mtime_ns for p in (edited.root / "target").rglob("*") if "state" not in p.name and "settings" not in p.name}
    arguments = ["janitor", "--grace", "0h", "--keep-runs", "0", "--format", "json"]
    told = edited.cli(*arguments, "--dry-run").assert_success().json()
    assert told["outputs"]["count"] == 2
    assert {p: p.stat().st_mtime_ns for p in files} == files
    edited.cli(*arguments).assert_exit(2)
    assert {p: p.stat().st_mtime_ns for p in files} == files
    done = edited.cli(*arguments, "--yes").assert_success().json()
    assert {**told, "dry_run": False} == done


def test_expired_environments_go_and_others_stay(shop):
    state = shop.open().state.read()
    for name, expires in (("old", "2020-01-01T00:00:00Z"), ("young", "2999-01-01T00:00:00Z")):
        changes = [Change("pointers", f"{name}/{n}", p.to_json()) for n, p in state.pointers("prod").items()]
        row = {"created": "2020-01-01T00:00:00Z", "expires": expires, "base": "prod", "plan": None}
        commit(shop, *changes, Change("environments", name, row), lease=name)
    assert clean(shop, Policy()).environments == ("old",)
    after = shop.open().state.read()
    assert after.environments() == ["prod", "young"]
    assert not after.pointers("old")
    assert len(after.pointers("young")) == len(after.pointers("prod")) == len(state.pointers("prod"))


def test_what_only_an_environment_uses_stays_until_it_goes(edited):
    state = edited.open().state.read()
    old = next(k for k, v in state.tables["artifacts"].items() if k not in used(edited) and v["node"] == "transform.adults")
    pointer = {**next(p.to_json() for n, p in state.pointers("prod").items() if n == "transform.adults"), "key": old}
    row = {"created": "2020-01-01T00:00:00Z", "expires": "2999-01-01T00:00:00Z", "base": "prod", "plan": None}
    commit(edited, Change("pointers", "dev/transform.adults", pointer), Change("environments", "dev", row), lease="dev")
    assert clean(edited).outputs.count == 1
    commit(edited, Change("environments", "dev", {**row, "expires": "2020-01-02T00:00:00Z"}), lease="dev")
    done = clean(edited)
    assert (done.environments, done.outputs.count) == (("dev",), 1)


@pytest.mark.parametrize("name", ["prod", CLEANING])
def test_runs_keep_it_out(edited, name):
    with edited.open().state.lease(name, this_process("a run")):
        with pytest.raises(LockedError):
            clean(edited)
        edited.cli("janitor", "--yes").assert_failed("SK-LOCK-001", exit_code=4)
    assert clean(edited).outputs.count == 2


def test_leftovers_of_killed_runs_go_when_they_are_old(shop):
    target = shop.root / "target"
    folder = next(target.glob("cache/transform/adults/*"))
    never = target / "cache/transform/adults/0123"
    never.mkdir()
    left = [
        target / f".run_results.json.{'0' * 32}.tmp",
        target / f"history/.x.json.{'1' * 32}.tmp",
        folder / f".part.{'2' * 32}.tmp",
        folder / f".artifact.json.{'3' * 32}.tmp",
        folder / "part-0123.parquet.damaged",
        folder / "part-0123456789abcdef.parquet",
        never / f".part.{'4' * 32}.tmp",
        target / "tmp/duckdb_temp_storage-0.tmp",
    ]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * 100)
    assert clean(shop, Policy(runs=0)).leftovers.count == 0
    for path in [*left, never]:
        os.utime(path, (1e9, 1e9))
    done = clean(shop, Policy(runs=0))
    assert (done.leftovers.count, done.leftovers.bytes) == (len(left), 100 * len(left))
    assert not [p for p in left if p.exists()]
    assert not never.exists()
    assert "0 built" in shop.cli("run").assert_success().output


def test_state_entries_about_nothing_go(shop):
    audit = {"type": "x", "columns": [], "severity": "warn", "passed": True, "failing_rows": 0, "message": "", "seconds": 0.0, "name": None}
    gone = {"size": 1, "mtime_ns": 1, "hash": "x"}
    commit(
        shop, Change("audits", "nosuch/d", audit), Change("files", "data/nosuch.csv", gone), Change("pointers", "half/a.b", {"key": "k"})
    )
    done = clean(shop)
    assert done.entries == 3
    state = shop.open().state.read().tables
    assert "nosuch/d" not in state["audits"]
    assert "data/nosuch.csv" not in state["files"]
    assert "half/a.b" not in state["pointers"]


def test_old_history_is_packed_and_can_still_be_read(shop):
    history = shop.root / "target/history"
    page = json.loads(next(history.glob("*.json")).read_text())
    for day in (1, 2, 3):
        old = f"2020010{day}T000000-abcde{day}"
        (history / f"{old}.json").write_text(json.dumps({**page, "run_id": old}))
    (history / "20200104T000000-damaged.json").write_text("{")
    done = clean(shop, Policy(runs=1))
    assert done.history.count == 3
    assert sorted(p.name for p in history.glob("2020*")) == ["20200104T000000-damaged.json"]
    assert len(gzip.decompress((history / "runs-2020-01.jsonl.gz").read_bytes()).splitlines()) == 3
    assert next(packed(shop.root / "target", "202001"))["run_id"] == "20200103T000000-abcde3"
    shop.cli("history", "20200102").assert_success()
    assert shop.cli("history", "20200101T000000-abcde1", "--format", "json").json()["run_id"] == "20200101T000000-abcde1"
    shop.cli("history", "2020010").assert_failed("SK-RUN-003", exit_code=2)


def test_run_cleans_once_a_day_when_told_to(shop):
    shop.write("seeknal_project.yml", "name: test\njanitor: {auto_run: true}\n")
    assert not (shop.root / "target/janitor.json").exists()
    shop.run().assert_success()
    first = shop.read("target/janitor.json")
    shop.run().assert_success()
    assert shop.read("target/janitor.json") == first
    shop.write("target/janitor.json", first.replace("20", "19", 1))
    shop.run().assert_success()
    assert json.loads(shop.read("target/janitor.json"))["last"][:2] == "20"


def test_marks_from_a_time_to_come_and_damaged_ones_begin_anew(edited):
    edited.write("target/janitor.json", "{")
    assert clean(edited, Policy(runs=0)).outputs.count == 0
    marks = json.loads(edited.read("target/janitor.json"))
    (names,) = marks["marks"].values()
    edited.write("target/janitor.json", json.dumps({"last": "2999-01-01T00:00:00Z", "marks": {"2999-01-01T00:00:00Z": names}}))
    assert clean(edited, Policy(runs=0)).outputs.count == 0


def test_without_a_record_of_what_is_published_nothing_goes(edited):
    before = outputs(edited)
    edited.write("target/warehouse.json", "{")
    with pytest.raises(StateError) as caught:
        clean(edited)
    assert caught.value.code == "SK-JAN-002"
    assert outputs(edited) == before
    edited.run().assert_success()
    assert clean(edited).outputs.count == 2


def test_what_the_warehouse_still_reads_stays(edited):
    """A run that was killed before it published leaves views over outputs that the environment has left."""
    record = json.loads(edited.read("target/warehouse.json"))
    old = next(o for o in outputs(edited) if o.rpartition("/")[2] not in used(edited) and o.startswith("transform/adults/"))
    part = next((edited.root / "target/cache" / old).glob("part-*")).name
    record["prod"]["transform_adults"] = f"{old.rpartition('/')[2]} {part}"
    edited.write("target/warehouse.json", json.dumps(record))
    assert clean(edited).outputs.count == 1
    assert old in outputs(edited)


def test_orphans_stay_where_that_is_said(edited):
    commit(edited, *(Change("artifacts", k, None) for k in edited.open().state.read().tables["artifacts"] if k not in used(edited)))
    assert clean(edited, Policy(grace=timedelta(0), runs=0, orphans=False)).outputs.count == 0
    assert clean(edited).outputs.count == 2


def test_outputs_that_another_profiles_state_uses_stay(edited, tmp_path):
    """Two profiles with a state of their own share the folder."""
    edited.write("profiles.yml", f"profiles: {{other: {{state: {{backend: sqlite, path: '{tmp_path / 'other.db'}'}}}}}}\n")
    edited.edit("seeknal/adults.sql", "17", "18")
    assert "0 built" in edited.cli("--profile", "other", "run", env={"SEEKNAL_STATE_URL": ""}).assert_success().output
    edited.edit("seeknal/adults.sql", "18", "17")
    assert clean(edited).outputs.count == 0


def test_kill_after_the_state_forgot_leaves_no_output_by_half(edited, monkeypatch):
    calls = []

    def killed(folder, files):
        calls.append(folder)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("seeknal.janitor.sweep._remove", killed)
        with pytest.raises(KeyboardInterrupt):
            clean(edited)
    assert calls
    assert "0 built" in edited.cli("run").assert_success().output
    assert clean(edited).outputs.count == 2


@pytest.mark.parametrize("text", ["", "d", "1", "-1d", "1y", "1.5h", "9999999d", "²d"])
def test_spans_of_time_that_are_none(text):
    with pytest.raises(ProjectError):
        duration(text)
