"""`seeknal freshness`: how old the newest data of sources is, as it was last read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest


def source(freshness, name="events"):
    return f"kind: source\nname: {name}\ntype: csv\ntable: data/events.csv\nfreshness: {freshness}\n"


def events(*ages, zone=False):
    times = [datetime.now(UTC) - timedelta(hours=a) for a in ages]
    return "id,at\n" + "".join(f"{i},{t:%Y-%m-%d %H:%M:%S}{'+00' if zone else ''}\n" for i, t in enumerate(times))


def made(project, freshness, *ages, zone=False):
    folder = project({"seeknal/events.yml": source(freshness), "data/events.csv": events(*ages, zone=zone)})
    folder.run().assert_success()
    return folder


BOTH = "{time_column: at, warn_after: 24h, error_after: 2d}"


@pytest.mark.parametrize(
    ("ages", "freshness", "status", "code"),
    [
        ([1, 90], BOTH, "pass", 0),
        ([30], BOTH, "warn", 0),
        ([50, 60], BOTH, "fail", 1),
        ([30], "{time_column: AT, error_after: 1d}", "fail", 1),
        ([300], "{time_column: at, warn_after: 1w}", "warn", 0),
    ],
)
@pytest.mark.parametrize("zone", [False, True])
def test_the_newest_value_decides(project, ages, freshness, status, code, zone):
    (found,) = made(project, freshness, *ages, zone=zone).cli("freshness", "--format", "json").assert_exit(code).json()
    assert (found["node"], found["status"]) == ("source.events", status)
    assert abs(found["age_seconds"] - min(ages) * 3600) < 120


def test_no_rows_are_too_old(project):
    text = source(BOTH) + "columns: {id: BIGINT, at: TIMESTAMP}\n"
    folder = project({"seeknal/events.yml": text, "data/events.csv": "id,at\n"})
    folder.run().assert_success()
    (found,) = folder.cli("freshness", "--format", "json").assert_exit(1).json()
    assert (found["status"], found["newest"]) == ("fail", None)


def test_it_is_shown_with_its_age(project):
    done = made(project, BOTH, 50).cli("freshness").assert_exit(1)
    assert "fail" in done.stdout
    assert "2 d 2 h" in done.stdout


def test_stale_data_is_published_all_the_same(project):
    folder = made(project, BOTH, 500)
    assert folder.run().assert_success().reused == {"source.events"}


def test_what_was_not_read_yet_or_has_no_such_column_is_said(project):
    folder = project({"seeknal/events.yml": source(BOTH), "data/events.csv": events(1)})
    assert "has not been built" in folder.cli("freshness").assert_exit(1).stderr
    folder.write("seeknal/events.yml", source("{time_column: when, warn_after: 1d}")).run()
    done = folder.cli("freshness").assert_exit(1)
    assert "no column 'when'" in done.stderr
    assert "seeknal/events.yml:5" in done.stderr


@pytest.mark.parametrize(
    "wrong", ["{time_column: at}", "{warn_after: 1d}", "{time_column: at, warn_after: soon}", "{time_column: at, warn_after: 1d, x: 1}"]
)
def test_what_makes_no_sense_is_refused(project, wrong):
    done = project({"seeknal/events.yml": source(wrong), "data/events.csv": events(1)}).cli("parse").assert_exit(2)
    assert "seeknal/events.yml:" in done.stderr


def test_sources_are_selected_and_others_need_not_say(project):
    folder = made(project, BOTH, 1)
    folder.write("seeknal/b.sql", "SELECT 1 AS a")
    assert "nothing to check" in folder.cli("freshness", "b").assert_exit(0).stderr
    assert len(folder.cli("freshness", "kind:source", "--format", "json").json()) == 1


def test_another_limit_changes_nothing_else(project):
    folder = made(project, BOTH, 30)
    folder.edit("seeknal/events.yml", "24h", "36h")
    assert folder.cli("freshness", "--format", "json").json()[0]["status"] == "pass"
    assert folder.cli("plan", "--format", "json").json()["changes"] == []
