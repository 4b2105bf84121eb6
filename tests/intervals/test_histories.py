"""Whatever happens on the way, what is published in the end is what one build from scratch publishes."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
from datetime import date, timedelta

import pytest
from tests.intervals.conftest import FILES, at

from seeknal.nodes import NodeId
from seeknal.plan.planner import Request
from seeknal.state.file import FileBackend

SEEDS = int(os.environ.get("SEEKNAL_INTERVAL_SEEDS", "6"))
_KEYS = ["lookback: 1", "lookback: 2", "batch_size: 1", "batch_size: 2\nbatch_concurrency: 2", "depends_on_past: true", "batch_size: 3"]
_RUNNING = """
    /* ---
    schedule: "0 6 * * *"
    time_column: day
    start: 2026-01-01
    columns: {day: DATE, amount: HUGEINT}
    --- */
    SELECT day, amount + coalesce((SELECT max_by(amount, day) FROM {{ this }}), 0) AS amount FROM {{ ref('daily') }}
"""


class Cut(BaseException):
    """A run is cut off here."""


def published(folder) -> dict[str, list]:
    return {name: sorted(folder.rows(name)) for name in ("hourly", "daily", "total", "running")}


def cut_off(folder, monkeypatch, after: int, **options) -> None:
    """Run, and be killed at the given commit."""
    left = [after]
    commit = FileBackend.commit

    def cutting(self, changes, lease):
        left[0] -= 1
        if left[0] < 0:
            raise Cut
        return commit(self, changes, lease)

    with monkeypatch.context() as patched:
        patched.setattr(FileBackend, "commit", cutting)
        with contextlib.suppress(Cut):
            folder.run(**options)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_any_history_ends_as_a_build_from_scratch(project, monkeypatch, seed) -> None:
    chance = random.Random(seed)
    files = {**FILES, "seeknal/running.sql": _RUNNING}
    for name in ("hourly", "daily"):
        keys = chance.choice(["start: 2026-01-01\n", ""]) + chance.choice(_KEYS)
        files[f"seeknal/{name}.sql"] = files[f"seeknal/{name}.sql"].replace("start: 2026-01-01", keys.replace("\n", "\n        "))
    monkeypatch.setattr("seeknal.state.segments.SIZE", chance.choice([2, 3, 64]))
    folder = project(files)
    now = at("2026-01-03T07:00")
    rows = FILES["data/orders.csv"]
    for step in range(10):
        environment = chance.choice([None, None, None, "dev"])
        day = date(2026, 1, chance.randint(1, max(1, now.day - 1)))
        match chance.choice(["run", "run", "run", "kill", "kill", "invalidate", "late", "limited", "edit", "full", "damage", "restate"]):
            case "run":
                now += timedelta(hours=chance.choice([1, 7, 24, 30]))
                folder.run(now=now, environment=environment).assert_success()
            case "kill":
                now += timedelta(hours=chance.choice([0, 5, 24]))
                cut_off(folder, monkeypatch, chance.randint(1, 8), now=now, environment=environment)
            case "invalidate":
                folder.cli("invalidate", chance.choice(["hourly", "daily"]), "--start", str(day), "--end", str(day + timedelta(days=2)))
            case "late":
                rows += f"{1000 + step},{day} 0{chance.randint(0, 9)}:30:00,{chance.randint(100, 999)}\n"
                folder.write("data/orders.csv", rows)
                folder.cli("invalidate", "hourly", "--start", str(day), "--end", str(day + timedelta(days=1)))
            case "limited":
                folder.run(now=now, windows=Request(day, day + timedelta(days=1)))
            case "restate":
                folder.run(now=now, windows=Request(day, restate=frozenset({NodeId("transform.hourly")}))).assert_success()
            case "edit":
                old, new = chance.choice(
                    [("sum(amount)", "sum(amount) + 1"), ("sum(amount) + 1", "sum(amount)"), ("sum(amount)", "max(amount)")]
                )
                name = chance.choice(["seeknal/hourly.sql", "seeknal/daily.sql"])
                folder.write(name, folder.read(name).replace(old, new, 1))
            case "full":
                folder.run(now=now, full=True).assert_success()
            case "damage":
                found = sorted(folder.root.glob("target/cache/transform/*/*/*.parquet"))
                if found:
                    chance.choice(found).unlink()
    folder.run(now=now, windows=Request(backfill=True)).assert_success()
    hours = [hour for hour, _ in folder.rows("hourly")]
    assert len(hours) == len(set(hours))
    scratch = project({p: folder.read(p) for p in files})
    scratch.run(now=now).assert_success()
    assert published(folder) == published(scratch)
    assert folder.run(now=now).assert_success().built == set()


@pytest.mark.parametrize("after", [0.0, 0.15, 0.3, 0.45])
def test_a_kill_loses_at_most_the_batch_in_flight(project, after) -> None:
    slow = FILES["seeknal/daily.sql"].replace("start: 2026-01-01", "start: 2026-01-01\n        batch_size: 1")
    folder = project({**FILES, "seeknal/daily.sql": slow})
    folder.run("+hourly", now=at("2026-01-10T07:00")).assert_success()
    command = [sys.executable, "-c", "from seeknal.cli import main; main()", "run", "--now", "2026-01-10T07:00"]
    running = subprocess.Popen(command, cwd=folder.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pattern = "target/cache/transform/daily/*/artifact.json"
    while running.poll() is None and len(list(folder.root.glob(pattern))) < 1 + 20 * after:
        pass
    running.send_signal(signal.SIGKILL)
    running.wait()
    finished = len(list(folder.root.glob(pattern)))
    folder.run(now=at("2026-01-10T07:00")).assert_success()
    assert len(list(folder.root.glob(pattern))) - finished in (9 - finished, 10 - finished), "one batch was built twice at most"
    assert {d.day: a for d, a in folder.rows("daily")} == {d: sum(d * n + 1 for n in range(4)) for d in range(1, 10)}
