"""`seeknal schedule`."""

from __future__ import annotations

import ast

import pytest

from seeknal.intervals.export import Job, airflow, crontab, systemd, times_of


def test_what_is_due_next(shop) -> None:
    found = shop.cli("schedule", "next", "--now", "2026-01-05T07:30", "--format", "json").assert_success().json()
    assert [(f["id"], f["at"], f["window"][0]) for f in found] == [
        ("transform.hourly", "2026-01-05T08:00:00Z", "2026-01-05T07:00:00Z"),
        ("transform.daily", "2026-01-06T06:00:00Z", "2026-01-05T00:00:00Z"),
    ]
    shop.edit("seeknal/hourly.sql", "start: 2026-01-01", "start: 2026-01-01\nend: 2026-01-05T07:00")
    shop.edit("seeknal/daily.sql", "start: 2026-01-01", "start: 2026-02-01T12:00")
    found = shop.cli("schedule", "next", "--now", "2026-01-05T07:30", "--format", "json").assert_success().json()
    assert [(f["at"], f["window"]) for f in found] == [("2026-02-02T06:00:00Z", ["2026-02-01T12:00:00Z", "2026-02-02T00:00:00Z"])]


def test_export_prints_or_writes(shop) -> None:
    text = shop.cli("schedule", "export", "crontab", "--vars", "{country: ID}").assert_success().stdout
    assert f"CRON_TZ=UTC\n0 * * * * cd {shop.root} && " in text
    assert f"\n0 6 * * * cd {shop.root} && " in text
    assert """ run --wait --vars '{"country": "ID"}'\n""" in text
    shop.cli("schedule", "export", "systemd", "--env", "dev", "-o", "units").assert_success()
    assert "OnCalendar=*-*-* 06:00:00 UTC\n" in shop.read("units/seeknal-test.timer")
    assert '"--env" "dev"' in shop.read("units/seeknal-test.service")
    shop.cli("schedule", "export", "systemd", "--env", "dev", "-o", "units").assert_success()
    assert "SK-INT-008" in shop.cli("schedule", "export", "systemd", "-o", "units").assert_exit(2).stderr


def test_a_project_without_windows_has_nothing_to_schedule(project) -> None:
    folder = project({"seeknal/a.sql": "SELECT 1 AS x"})
    assert "SK-INT-006" in folder.cli("schedule", "export", "airflow").assert_exit(2).stderr
    assert folder.cli("schedule", "next", "--format", "json").json() == []


@pytest.mark.parametrize(
    ("cron", "calendar"),
    [
        ("0 6 * * *", ["*-*-* 06:00:00 UTC"]),
        ("*/15 * * * *", ["*-*-* *:00/15:00 UTC"]),
        ("0 */6 * * *", ["*-*-* 00/6:00:00 UTC"]),
        ("30 1 1,15 * *", ["*-*-01,15 01:30:00 UTC"]),
        ("0 6 * * 1-5", ["Mon,Tue,Wed,Thu,Fri *-*-* 06:00:00 UTC"]),
        ("0 6 * * sun", ["Sun *-*-* 06:00:00 UTC"]),
        ("0 6 13 * 5", ["*-*-13 06:00:00 UTC", "Fri *-*-* 06:00:00 UTC"]),
        ("0 0 1 jan-mar/2 *", ["*-01..03/2-01 00:00:00 UTC"]),
        ("@weekly", ["Sun *-*-* 00:00:00 UTC"]),
    ],
)
def test_cron_as_systemd_writes_it(cron, calendar) -> None:
    timer = systemd(Job("shop", "/srv/shop", ("seeknal", "run"), times_of([(cron, "UTC")])))["seeknal-shop.timer"]
    assert [line.removeprefix("OnCalendar=") for line in timer.splitlines() if line.startswith("OnCalendar")] == calendar


def test_a_time_that_is_written_in_two_ways_is_one() -> None:
    said = [("@daily", "UTC"), ("0 0 * * *", "Asia/Jakarta"), ("0  0 * * *", "UTC"), ("@midnight", "UTC")]
    assert times_of(said) == [("0 0 * * *", "Asia/Jakarta"), ("0 0 * * *", "UTC")]


def test_what_is_odd_in_a_path_is_quoted() -> None:
    job = Job("shop", "/srv/my 100% shop; rm -rf $HOME", ("seeknal", "run"), [("0 6 * * *", "Asia/Jakarta")])
    assert "cd '/srv/my 100\\% shop; rm -rf $HOME' && seeknal run" in crontab(job)["crontab"]
    tree = ast.parse(airflow(job)["seeknal_shop.py"])
    command = next(n.value.value for n in tree.body if isinstance(n, ast.Assign))
    assert command == "cd '/srv/my 100% shop; rm -rf $HOME' && seeknal run"
