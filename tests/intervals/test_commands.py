"""`intervals`, `invalidate` and the window options of `run` and `plan`."""

from __future__ import annotations

from datetime import date

from tests.docs.test_schemas import check
from tests.intervals.conftest import FILES, at

from seeknal.plan.planner import Request


def test_intervals_shows_what_is_complete_missing_and_marked(shop) -> None:
    shop.run(now=at("2026-01-05T07:00")).assert_success()
    shop.cli("invalidate", "daily", "--start", "2026-01-02", "--end", "2026-01-04").assert_success()
    table = shop.cli("intervals", "daily", "--now", "2026-01-07T07:00").assert_success().stdout
    assert "2026-01  #RR#..\n" in table
    assert table.endswith("\nthe next run builds 4 days, 2026-01-02 to 2026-01-04, 2026-01-05 to 2026-01-07\n")
    document = shop.cli("intervals", "--now", "2026-01-07T07:00", "--format", "json").assert_success().json()
    check("intervals", document)
    assert document[1] == {
        "id": "transform.daily",
        "unit": "day",
        "timezone": "UTC",
        "completed": [["2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z"]],
        "missing": [["2026-01-02T00:00:00Z", "2026-01-04T00:00:00Z"], ["2026-01-05T00:00:00Z", "2026-01-07T00:00:00Z"]],
        "restatement": [["2026-01-02T00:00:00Z", "2026-01-04T00:00:00Z"]],
        "next_run": [["2026-01-02T00:00:00Z", "2026-01-04T00:00:00Z"], ["2026-01-05T00:00:00Z", "2026-01-07T00:00:00Z"]],
    }
    reason = shop.run(now=at("2026-01-05T07:00")).assert_success().reason("transform.daily")
    assert reason == "restated: 2 days, 2026-01-02 to 2026-01-04"
    assert shop.cli("check-intervals", "daily", "--now", "2026-01-05T07:00").stdout.count("R") == 1  # in the legend


def test_intervals_says_what_becomes_of_windows_that_are_missing(shop) -> None:
    shop.run(now=at("2026-01-05T07:00"), windows=Request(start=date(2026, 1, 3))).assert_success()
    shop.edit("seeknal/hourly.sql", '"0 * * * *"', '"0 6 * * *"\ninterval: hour')
    lines = shop.cli("intervals", "daily", "--now", "2026-01-06T06:00").assert_success().stdout.splitlines()
    assert lines[-2:] == [
        "the next run builds 1 day, 2026-01-05 to 2026-01-06",
        "left to `seeknal run --backfill`: 2 days, 2026-01-01 to 2026-01-03",
    ]
    assert (
        "Left to --backfill: transform.daily, 2 days, 2026-01-01 to 2026-01-03.\n" in shop.cli("plan", "--now", "2026-01-06T06:00").stdout
    )
    shop.edit("seeknal/hourly.sql", "start: 2026-01-01", "start: 2026-01-01\ndepends_on_past: true")
    lines = shop.cli("intervals", "daily", "--now", "2026-01-06T06:00").assert_success().stdout.splitlines()
    assert lines[-2:] == [
        "waiting for transform.hourly: 1 day, 2026-01-05 to 2026-01-06",
        "left to `seeknal run --backfill`: 2 days, 2026-01-01 to 2026-01-03",
    ]


def test_intervals_in_a_time_zone_of_hours_and_weeks(project) -> None:
    for schedule, line in [
        ("0 * * * *", "2026-01-01  ####"),
        ("0 0 * * 1", "   #\n"),
        ("*/15 * * * *", "2026-01-01  ####"),
        ("0 0 1 * *", ""),
    ]:
        folder = project({"seeknal/a.sql": f"""
            /* ---
            schedule: "{schedule}"
            time_column: t
            timezone: Asia/Jakarta
            start: 2025-12-29
            --- */
            SELECT {{{{ start_ts }}}} AS t
        """})  # fmt: skip
        folder.run(now=at("2026-01-05T07:00")).assert_success()
        assert line in folder.cli("intervals", "a", "-v", "--now", "2026-01-05T07:00").assert_success().stdout


def test_a_run_restates_with_all_that_is_read_and_all_that_reads(shop) -> None:
    shop.run(now=at("2026-01-08T07:00")).assert_success()
    shop.write("data/orders.csv", FILES["data/orders.csv"] + "999,2026-01-03 03:20:00,1000\n")
    args = ("--restate", "--nodes", "hourly", "--start", "2026-01-03T03:00", "--end", "2026-01-03T04:00", "--now", "2026-01-08T07:00")
    planned = {n["id"]: n for n in shop.cli("plan", "--select", "hourly", *args[:1], *args[3:], "--format", "json").json()["nodes"]}
    assert planned["transform.daily"]["intervals"] == [["2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z"]]
    shop.cli("run", *args).assert_success()
    assert {d.day: a for d, a in shop.rows("daily")}[3] == sum(3 * n + 1 for n in range(4)) + 1000
    assert shop.run(now=at("2026-01-08T07:00")).assert_success().built == set()


def test_what_cannot_be_done_says_so(shop) -> None:
    shop.run(now=at("2026-01-05T07:00")).assert_success()
    for arguments, code, says in [
        (("invalidate", "total"), 2, "SK-INT-006"),
        (("invalidate", "daily", "--start", "2027-01-01"), 2, "SK-INT-007"),
        (("run", "--restate", "--nodes", "total"), 2, "nothing to restate"),
        (
            ("run", "--restate", "--start", "2026-02-05", "--now", "2026-01-05"),
            0,
            "nothing was restated: no window of transform.daily, transform.h",
        ),
        (("plan", "--select", "total", "--start", "2026-01-05"), 0, "--backfill change nothing"),
        (("run", "--start", "2026-01-05", "--end", "2026-01-05"), 2, "--end must be after"),
        (("plan", "--start", "yesterday"), 2, "neither a date"),
        (("intervals", "--env", "nowhere"), 2, "SK-ENV-001"),
    ]:
        outcome = shop.cli(*arguments).assert_exit(code)
        assert says in outcome.stderr


def test_a_project_without_windows(project) -> None:
    folder = project({"seeknal/a.sql": "SELECT 1 AS x"})
    assert folder.cli("intervals", "--format", "json").assert_success().json() == []
    assert "schedule and time_column" in folder.cli("intervals").assert_success().stderr
    assert "built whole" in folder.cli("intervals", "a").assert_success().stderr
