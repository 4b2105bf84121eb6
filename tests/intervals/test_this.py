"""`{{ this }}`: what a node held before, in its own query."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from tests.intervals.conftest import at

from seeknal.nodes import NodeId
from seeknal.plan.planner import Request
from seeknal.state import segments

DAYS = {1: 10, 2: 20, 3: 30, 4: 40, 5: 50}
NODES = """
    kind: source
    name: orders
    type: csv
    table: data/orders.csv
    ---
    kind: transform
    name: running
    schedule: "@daily"
    time_column: day
    start: 2026-01-01
    columns: {day: DATE, total: BIGINT}
    audits: [{type: accepted_range, column: total, max: 4000}]
    sql: |
      SELECT CAST(created_at AS DATE) AS day, sum(amount) + coalesce((SELECT max(total) FROM {{ this }}), 0) AS total
      FROM {{ ref('source.orders') }}
      WHERE created_at >= {{ start_ts }} AND created_at < {{ end_ts }} GROUP BY 1
"""


def orders(amounts) -> str:
    return "created_at,amount\n" + "".join(f"2026-01-{day:02d} 10:00:00,{amount}\n" for day, amount in amounts.items())


def totals(amounts, last=5):
    return list(itertools.accumulate(amounts[day] for day in range(1, last + 1)))


def shown(folder) -> list[int]:
    return [total for _, total in sorted(folder.rows("running"))]


@pytest.fixture
def running(project):
    return project({"data/orders.csv": orders(DAYS), "seeknal/orders.yml": NODES})


def test_many_days_at_once_give_what_day_by_day_does(running) -> None:
    running.run(now=at("2026-01-03T00:00")).assert_success()
    assert shown(running) == totals(DAYS, 2)
    running.run(now=at("2026-01-04T00:00")).assert_success()
    running.run(now=at("2026-01-06T00:00")).assert_success()
    assert shown(running) == totals(DAYS)
    running.run(full=True, now=at("2026-01-06T00:00")).assert_success()
    assert shown(running) == totals(DAYS)


def test_a_day_that_is_built_again_takes_all_later_ones_with_it_however_often_the_run_breaks_off(running) -> None:
    running.run(now=at("2026-01-06T00:00")).assert_success()
    amounts = DAYS | {2: 200}
    running.write("data/orders.csv", orders(amounts | {4: 5000}))
    again = ("run", "--now", "2026-01-06T00:00", "--restate", "--nodes", "running,orders", "--start", "2026-01-02", "--end", "2026-01-03")
    assert "(batch 3 of 4, 2026-01-04 to 2026-01-05)" in running.cli(*again).assert_exit(1).stderr
    assert shown(running) == totals(DAYS)
    running.write("data/orders.csv", orders(amounts))
    running.run(now=at("2026-01-06T00:00")).assert_success()
    assert shown(running) == totals(amounts)


def test_a_row_sees_the_one_of_its_key(project) -> None:
    node = """
        kind: source
        name: seen
        type: csv
        table: data/seen.csv
        ---
        kind: transform
        name: counts
        materialized: incremental
        unique_key: [id]
        columns: {id: BIGINT, n: BIGINT}
        sql: SELECT s.id, coalesce(t.n, 0) + 1 AS n FROM {{ ref('source.seen') }} s LEFT JOIN {{ this }} t ON t.id = s.id
    """
    folder = project({"data/seen.csv": "id\n1\n2\n", "seeknal/a.yml": node})
    folder.run().assert_success()
    assert folder.run().assert_success().built == set()
    folder.write("data/seen.csv", "id\n2\n3\n")
    folder.run().assert_success()
    assert sorted(folder.rows("counts")) == [(1, 1), (2, 2), (3, 1)]
    folder.run(full=True).assert_success()
    assert sorted(folder.rows("counts")) == [(2, 1), (3, 1)]
    folder.write(
        "tests/t.yml",
        """
        name: goes_on
        node: transform.counts
        inputs:
          source.seen: {rows: [{id: 1}, {id: 2}]}
          transform.counts: {rows: [{id: 2, n: 7}]}
        expect: {rows: [{id: 1, n: 1}, {id: 2, n: 8}]}
        """,
    )
    folder.cli("test").assert_exit(0)
    assert "source.seen" in folder.cli("lineage", "counts.n").assert_exit(0).output


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("columns: {a: INT}", "built whole"),
        ("materialized: scd2\nunique_key: [a]\ncolumns: {a: INT}", "a history"),
        ("materialized: incremental\nunique_key: [a]", "not declared"),
        ("materialized: incremental\nunique_key: [a]\ncolumns: [{name: a}]", "the type of a is not declared"),
        ("schedule: '@daily'\ntime_column: a\ncolumns: {a: DATE}\nbatch_size: 7", "'batch_size' cannot be 7"),
        ("schedule: '@daily'\ntime_column: a\ncolumns: {a: DATE}\nbatch_concurrency: 2", "'batch_concurrency' cannot be 2"),
    ],
)
def test_what_is_refused(project, said, says) -> None:
    folder = project({"seeknal/a.sql": f"/* ---\n{said}\n--- */\nSELECT a FROM {{{{ this }}}}"})
    error = folder.cli("parse").assert_exit(2).stderr
    assert "SK-INC-007" in error
    assert says in error


def test_a_column_that_reads_another_of_before_changes_with_it(project) -> None:
    node = """
        /* ---
        materialized: incremental
        unique_key: [id]
        columns: {id: INT, a: INT, b: INT, c: INT}
        --- */
        SELECT s.id, s.x + 1 AS a, t.a AS b, s.y AS c FROM {{ ref('source.s') }} s LEFT JOIN {{ this }} t ON t.id = s.id
    """
    source = "kind: source\nname: s\ntype: csv\ntable: data/s.csv\n"
    reader = "SELECT id, {} FROM {{{{ ref('n') }}}}"
    files = {"data/s.csv": "id,x,y\n1,2,3\n", "seeknal/s.yml": source, "seeknal/n.sql": node}
    folder = project(files | {"seeknal/rb.sql": reader.format("b"), "seeknal/rc.sql": reader.format("c")})
    folder.run().assert_success()
    assert "source.s.x" in folder.cli("lineage", "n.b").assert_exit(0).output
    folder.edit("seeknal/n.sql", "s.x + 1", "s.x + 2")
    plan = folder.cli("plan").assert_exit(0).output
    assert "transform.rb" in plan
    assert "transform.rc" not in plan


def test_no_window_is_built_behind_one_that_waits_for_what_it_reads(project) -> None:
    daily = """
        /* ---
        schedule: "@daily"
        time_column: day
        start: 2026-01-01
        --- */
        SELECT CAST(created_at AS DATE) AS day, sum(amount) AS amount FROM {{ ref('source.orders') }} GROUP BY 1
    """
    files = {"data/orders.csv": orders(DAYS), "seeknal/orders.yml": NODES.partition("---")[0], "seeknal/daily.sql": daily}
    running = """
        /* ---
        schedule: "@daily"
        time_column: day
        start: 2026-01-01
        columns: {day: DATE, total: BIGINT}
        --- */
        SELECT day, amount + coalesce((SELECT max(total) FROM {{ this }}), 0) AS total FROM {{ ref('daily') }}
    """
    folder = project(files | {"seeknal/running.sql": running})
    folder.run(now=at("2026-01-03T00:00")).assert_success()
    later = Request(date(2026, 1, 4), date(2026, 1, 6))
    folder.run("daily", now=at("2026-01-06T00:00"), windows=later).assert_success()
    folder.run("running", now=at("2026-01-06T00:00"), windows=Request(backfill=True)).assert_success()
    assert shown(folder) == totals(DAYS, 2)
    folder.run(now=at("2026-01-06T00:00"), windows=Request(backfill=True)).assert_success()
    assert shown(folder) == totals(DAYS)


def test_many_windows_are_what_was_there_before(running, monkeypatch) -> None:
    monkeypatch.setattr(segments, "SIZE", 8)
    many = "".join(f"{date(2026, 1, 1) + timedelta(days=n)} 10:00:00,1\n" for n in range(40))
    running.write("data/orders.csv", f"created_at,amount\n{many}")
    end = datetime(2026, 2, 10, tzinfo=UTC)
    running.run(now=end - timedelta(days=3)).assert_success()
    running.run(now=end).assert_success()
    assert shown(running) == list(range(1, 41))
    again = Request(date(2026, 1, 30), date(2026, 1, 31), restate=frozenset({NodeId("transform.running")}))
    running.edit("data/orders.csv", "2026-01-30 10:00:00,1", "2026-01-30 10:00:00,1001")
    running.run(now=end, windows=again).assert_success()
    assert shown(running)[28:31] == [29, 1030, 1031]
    assert shown(running)[-1] == 1040
