"""What a run says of a node that is built in many batches."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seeknal.cli import progress as shown
from seeknal.cli.options import Invocation
from seeknal.nodes import NodeId
from seeknal.run.results import Batch, NodeResult

NODE = NodeId("transform.daily")


def backfill(capsys, monkeypatch, *, every: float = 10.0, batches: int = 30, log_format: str = "text", quiet: bool = False) -> list[str]:
    """What is told of a batch a second."""
    clock = iter(range(10_000))
    monkeypatch.setattr(shown.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(shown, "_EVERY_SECONDS", every)
    progress = shown.Progress(Invocation(log_format=log_format, quiet=quiet), Path())
    progress.started(NODE)
    for number in range(1, batches + 1):
        progress.batch(NODE, Batch(number, batches, f"2026-01-{number:02d}T00:00:00Z", f"2026-01-{number + 1:02d}T00:00:00Z"))
    progress.finished(NodeResult(NODE, "built", "new", 3, 31.0, windows=batches * 2, batches=batches), 1, 1)
    progress.close()
    return capsys.readouterr().err.splitlines()


def test_where_nobody_looks_a_line_now_and_then_says_how_far_it_is(capsys, monkeypatch) -> None:
    assert backfill(capsys, monkeypatch) == [
        "  transform.daily  batch 10 of 30, 2026-01-10 to 2026-01-11  10.00 s  about 23.33 s left",
        "  transform.daily  batch 20 of 30, 2026-01-20 to 2026-01-21  20.00 s  about 11.58 s left",
        "  transform.daily  batch 30 of 30, 2026-01-30 to 2026-01-31  30.00 s  about 1.03 s left",
        "[1/1] transform.daily  built  3 rows  60 windows in 30 batches  31.00 s  (new)",
    ]


def test_a_short_one_says_only_what_it_came_to(capsys, monkeypatch) -> None:
    assert backfill(capsys, monkeypatch, batches=1) == ["[1/1] transform.daily  built  3 rows  2 windows  31.00 s  (new)"]
    assert backfill(capsys, monkeypatch, quiet=True) == []


def test_as_json_the_same(capsys, monkeypatch) -> None:
    *under_way, last = [json.loads(line) for line in backfill(capsys, monkeypatch, log_format="json")]
    assert under_way[0] == {
        "event": "batch_started", "id": NODE, "number": 10, "total": 30, "start": "2026-01-10T00:00:00Z", "end": "2026-01-11T00:00:00Z",
    }  # fmt: skip
    assert len(under_way) == 3
    assert (last["windows"], last["batches"]) == (60, 30)


@pytest.mark.parametrize("workers", [1, 4])
def test_a_run_tells_of_each_batch(project, workers) -> None:
    heard = project(
        {
            "data/a.csv": "at_day,n\n" + "".join(f"2026-01-{d:02d},1\n" for d in range(1, 8)),
            "seeknal/a.yml": f"""
                kind: source
                name: a
                type: csv
                table: data/a.csv
                ---
                kind: transform
                name: b
                schedule: "@daily"
                time_column: at_day
                start: 2026-01-01
                batch_size: 3
                batch_concurrency: {workers}
                sql: SELECT * FROM {{{{ ref('source.a') }}}}
            """,
            "plugins/hears.py": """
                from seeknal.plugin import hookimpl

                @hookimpl
                def seeknal_event(name, data):
                    if name == "batch_started":
                        with open("heard.txt", "a") as file:
                            file.write(f"{data['number']}/{data['total']} {data['start'][:10]} {data['end'][:10]}\\n")
            """,
        }
    )
    outcome = heard.cli("run", "--now", "2026-01-08T00:00").assert_exit(0)
    assert "7 windows in 3 batches" in outcome.stderr
    assert sorted((heard.root / "heard.txt").read_text().splitlines()) == [
        "1/3 2026-01-01 2026-01-04", "2/3 2026-01-04 2026-01-07", "3/3 2026-01-07 2026-01-08",
    ]  # fmt: skip
