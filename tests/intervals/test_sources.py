"""Sources that are read window by window."""

from __future__ import annotations

import sqlite3
from datetime import date

from tests.intervals.conftest import at

from seeknal.nodes import NodeId
from seeknal.plan.planner import Request

SOURCE = """
    kind: source
    name: events
    schedule: "0 0 * * *"
    time_column: ts
    start: 2026-01-01
    {more}
"""
TOTAL = "SELECT CAST(ts AS DATE) AS day, count(*) AS n FROM {{ ref('source.events') }} GROUP BY 1"


def rows(folder):
    return {day.day: n for day, n in folder.rows("total")}


def test_files_with_their_date_in_the_path_are_read_once(project) -> None:
    more = "type: csv\n    table: data/%Y/%m-%d/*.csv"
    folder = project({"seeknal/events.yml": SOURCE.format(more=more), "seeknal/total.sql": TOTAL})
    for day in (1, 2, 4):
        folder.write(f"data/2026/01-0{day}/events.csv", f"id,ts\n1,2026-01-0{day} 05:00:00\n2,2026-01-0{day} 06:00:00\n")
    folder.run(now=at("2026-01-03")).assert_success()
    assert rows(folder) == {1: 2, 2: 2}
    for day in (1, 2):
        folder.write(f"data/2026/01-0{day}/events.csv", "not,to be,read\n")
    folder.run(now=at("2026-01-05")).assert_success()
    assert rows(folder) == {1: 2, 2: 2, 4: 2}
    folder.delete("data/2026/01-04/events.csv")
    folder.run(now=at("2026-01-06")).assert_success()
    assert rows(folder) == {1: 2, 2: 2, 4: 2}


def test_a_file_of_all_days_is_cut(project) -> None:
    lines = "".join(f"{d},2026-01-0{d} 05:00:00\n" for d in range(1, 8))
    folder = project({"data/e.csv": "id,ts\n" + lines, "seeknal/events.yml": SOURCE.format(more="type: csv\n    table: data/e.csv"),
                      "seeknal/total.sql": TOTAL})  # fmt: skip
    folder.run(now=at("2026-01-04")).assert_success()
    assert rows(folder) == {1: 1, 2: 1, 3: 1}
    assert folder.run(now=at("2026-01-04T10:00")).assert_success().built == set()
    folder.run(now=at("2026-01-06")).assert_success()
    assert rows(folder) == dict.fromkeys(range(1, 6), 1)


def test_a_database_is_asked_for_the_window(project) -> None:
    folder = project(
        {
            "seeknal/events.yml": SOURCE.format(more="type: sqlite\n    table: events\n    params: {path: shop.db}"),
            "seeknal/total.sql": TOTAL,
        }
    )
    with sqlite3.connect(folder.root / "shop.db") as database:
        database.execute("CREATE TABLE events (id INTEGER, ts TIMESTAMP)")
        database.executemany("INSERT INTO events VALUES (?, ?)", [(d, f"2026-01-{d:02d} 05:00:00") for d in range(1, 11)])
    folder.run(now=at("2026-01-04")).assert_success()
    assert rows(folder) == {1: 1, 2: 1, 3: 1}
    with sqlite3.connect(folder.root / "shop.db") as database:
        database.execute("DELETE FROM events WHERE id = 1")
        database.execute("INSERT INTO events VALUES (20, '2026-01-02 23:59:59')")
    folder.run(now=at("2026-01-06")).assert_success()
    assert rows(folder) == dict.fromkeys(range(1, 6), 1)
    request = Request(date(2026, 1, 1), date(2026, 1, 3), restate=frozenset({NodeId("source.events")}))
    folder.run(now=at("2026-01-06"), windows=request).assert_success()
    assert rows(folder) == {2: 2, 3: 1, 4: 1, 5: 1}


def test_a_python_source_is_called_for_the_window(project) -> None:
    folder = project({"seeknal/total.sql": TOTAL, "seeknal/events.py": """
        import pyarrow as pa
        from seeknal import source

        @source(schedule="0 0 * * *", time_column="ts", start="2026-01-01", batch_size=1)
        def events(start_ts, end_ts):
            return pa.table({"ts": [start_ts.replace(tzinfo=None)] * start_ts.day})
    """})  # fmt: skip
    folder.run(now=at("2026-01-04")).assert_success()
    assert rows(folder) == {1: 1, 2: 2, 3: 3}
    assert folder.run(now=at("2026-01-04")).assert_success().built == set()


def test_what_a_source_with_windows_cannot_say(project) -> None:
    for more, says in [
        ("type: csv\n    table: data/e.csv\n    refresh: always", "refresh"),
        ("type: csv\n    table: data/e.csv\n    cache: true", "cache"),
    ]:
        outcome = project({"seeknal/events.yml": SOURCE.format(more=more)}).cli("parse").assert_exit(2)
        assert "SK-INT-001" in outcome.stderr
        assert f"'{says}'" in outcome.stderr
    folder = project({"seeknal/events.yml": SOURCE.format(more="type: csv\n    table: data/e.csv").replace("start: 2026-01-01", "")})
    assert "needs 'start'" in folder.cli("parse").assert_exit(2).stderr


def test_the_first_of_several_batches_at_a_time_decides_on_the_columns(project) -> None:
    more = "type: csv\n    table: data/%Y/%m-%d/*.csv\n    batch_size: 1\n    batch_concurrency: 3"
    folder = project({"seeknal/events.yml": SOURCE.format(more=more), "seeknal/total.sql": TOTAL})
    for day, id_ in ((1, "1"), (2, "x"), (3, "2026-01-01")):
        folder.write(f"data/2026/01-0{day}/events.csv", f"id,ts\n{id_},2026-01-0{day} 05:00:00\n")
    error = folder.run(now=at("2026-01-04")).node("source.events").error
    assert error.code == "SK-INT-005"
    known = [v["schema"] for v in folder.open().state.read().outputs.values() if v["node"] == "source.events"]
    assert known == [[["id", "BIGINT"], ["ts", "TIMESTAMP"]]]


def test_columns_that_files_get_with_time(project) -> None:
    more = "type: csv\n    table: data/%d.csv\n    audits: [{type: not_null, columns: [id]}]"
    folder = project({"seeknal/events.yml": SOURCE.format(more=more), "seeknal/total.sql": TOTAL})
    for day, extra in enumerate(["", "", ",x", "", ",x", ",x,y"], 1):
        folder.write(f"data/0{day}.csv", f"id,ts{extra}\n{day},2026-01-0{day}{''.join(f',{day}' for c in extra if c != ',')}\n")
    folder.run(now=at("2026-01-03")).assert_success()
    error = folder.run(now=at("2026-01-04")).node("source.events").error
    assert (error.code, "forward_only: true" in error.hint) == ("SK-INT-005", True)
    folder.edit("seeknal/events.yml", "start: 2026-01-01", "start: 2026-01-01\nforward_only: true").delete("data/01.csv")
    for now in ("2026-01-04", "2026-01-05", "2026-01-07"):  # one batch of an older file, then one of two
        folder.run(now=at(now)).assert_success()
        assert folder.run(now=at(now)).assert_success().built == set()
    assert [(r[0], *r[2:]) for r in sorted(folder.rows("source.events"))] == [
        (1, None, None),
        (2, None, None),
        (3, 3, None),
        (4, None, None),
        (5, 5, None),
        (6, 6, 6),
    ]
