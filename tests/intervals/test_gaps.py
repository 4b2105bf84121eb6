"""No window is left out because others, after it, are there already."""

from __future__ import annotations

from datetime import date

from tests.intervals.conftest import at
from tests.intervals.test_windows import amount, days

from seeknal.nodes import NodeId
from seeknal.plan.planner import Request


def only(day: int) -> Request:
    return Request(date(2026, 1, day), date(2026, 1, day + 1))


def test_what_another_environment_built_of_an_edited_query(shop) -> None:
    shop.run(now=at("2026-01-06T07:00")).assert_success()
    shop.edit("seeknal/daily.sql", "sum(amount)", "-sum(amount)")
    shop.run(now=at("2026-01-06T07:00"), environment="dev", windows=only(4)).assert_success()
    shop.run(now=at("2026-01-06T07:00")).assert_success()
    assert days(shop) == {d: -amount(d) for d in range(1, 6)}


def test_what_another_environment_built_ahead(shop) -> None:
    shop.run(now=at("2026-01-04T07:00")).assert_success()
    shop.run(now=at("2026-01-09T07:00"), environment="dev", windows=only(8)).assert_success()
    shop.run(now=at("2026-01-09T07:00")).assert_success()
    assert days(shop) == {d: amount(d) for d in range(1, 9)}


def test_batches_that_succeed_while_an_earlier_one_fails(shop) -> None:
    said = "batch_size: 1\nbatch_concurrency: 3\naudits: [{type: accepted_range, column: amount, min: 0}]"
    shop.edit("seeknal/daily.sql", "start: 2026-01-01", f"start: 2026-01-01\n{said}")
    good = shop.read("data/orders.csv")
    shop.write("data/orders.csv", f"{good}999,2026-01-02 03:20:00,-1000\n")
    assert shop.run(now=at("2026-01-06T07:00")).node("transform.daily").error.code == "SK-AUDIT-010"
    shop.write("data/orders.csv", f"{good}999,2026-01-02 03:20:00,1000\n")
    request = Request(restate=frozenset({NodeId("transform.hourly")}))
    shop.run(now=at("2026-01-06T07:00"), windows=request).assert_success()
    shop.run(now=at("2026-01-07T07:00")).assert_success()
    assert days(shop) == {d: amount(d) + (1000 if d == 2 else 0) for d in range(1, 7)}


def test_state_that_is_rebuilt_after_a_part_was_lost(shop) -> None:
    shop.edit("seeknal/daily.sql", "start: 2026-01-01", "start: 2026-01-01\nbatch_size: 1")
    shop.run(now=at("2026-01-06T07:00")).assert_success()
    file = min(shop.root.glob("target/cache/transform/daily/*/*.parquet"), key=lambda p: p.stat().st_mtime_ns)
    file.unlink()
    shop.cli("state", "rebuild").assert_success()
    shop.run(now=at("2026-01-06T07:00")).assert_success()
    assert days(shop) == {d: amount(d) for d in range(1, 6)}


def test_without_a_start_a_run_of_later_windows_leaves_the_first_to_a_backfill(shop) -> None:
    now = at("2026-01-06T07:00")
    shop.edit("seeknal/hourly.sql", "start: 2026-01-01\n", "").edit("seeknal/daily.sql", "start: 2026-01-01\n", "")
    shop.run(now=now, windows=Request(start=date(2026, 2, 1))).assert_success()
    assert days(shop) == {}
    shop.run(now=now, windows=only(4)).assert_success()
    assert set(days(shop)) == {4}
    shop.run(now=now).assert_success()
    assert set(days(shop)) == {4, 5}
    shop.run(now=now, windows=Request(backfill=True), select="hourly").assert_success()
    found = {s["id"]: s for s in shop.cli("intervals", "--now", "2026-01-06T07:00", "--format", "json").assert_success().json()}
    assert found["transform.daily"]["missing"] == [["2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"]]
    shop.run(now=now, windows=Request(backfill=True)).assert_success()
    assert days(shop) == {d: amount(d) for d in range(1, 6)}


def test_a_full_run_looks_for_the_first_window_again(shop) -> None:
    now = at("2026-01-06T07:00")
    shop.edit("seeknal/daily.sql", "start: 2026-01-01\n", "").edit("seeknal/hourly.sql", "start: 2026-01-01\n", "")
    every = shop.read("data/orders.csv")
    shop.write("data/orders.csv", "".join(line for line in every.splitlines(keepends=True) if "2026-01-01" not in line))
    shop.run(now=now).assert_success()
    assert min(days(shop)) == 2
    shop.write("data/orders.csv", every)
    shop.run(now=now, full=True).assert_success()
    assert days(shop) == {d: amount(d) for d in range(1, 6)}


def test_a_window_that_a_start_or_an_end_cuts_otherwise_is_built_anew(project) -> None:
    said = """
        /* ---
        schedule: "0 0 1 * *"
        time_column: until
        {}
        --- */
        SELECT max(day) AS until, count(*) AS days
        FROM (SELECT unnest(range(DATE '2026-01-01', DATE '2026-05-01', INTERVAL 1 DAY)) AS day) AS days
        WHERE day >= {{{{ start_ts }}}} AND day < {{{{ end_ts }}}} GROUP BY date_trunc('month', day)
    """
    folder, now = project({"seeknal/monthly.sql": said.format("start: 2026-01-10")}), at("2026-04-02")
    for start, end in [("10", None), ("20", None), ("05", None), ("05", "21"), ("05", "11"), ("05", "26"), ("05", None)]:
        folder.write("seeknal/monthly.sql", said.format(f"start: 2026-01-{start}" + (f"\n        end: 2026-03-{end}" if end else "")))
        folder.run(now=now, windows=Request(backfill=True)).assert_success()
        assert [n for _, n in sorted(folder.rows("monthly"))] == [32 - int(start), 28, int(end) - 1 if end else 31]
        assert folder.run(now=now, windows=Request(backfill=True)).assert_success().built == set()
