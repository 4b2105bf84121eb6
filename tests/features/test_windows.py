"""Aggregations and feature groups that are built window by window hold what a build of everything would."""

from __future__ import annotations

import datetime as dt
import random

import pytest

from seeknal.nodes import NodeId
from seeknal.plan.planner import Request

AGGS = "[count, sum, avg, min, max, stddev, distinct, last, first]"
AGG = "seeknal/agg.yml"
FILES = {
    "seeknal/events.yml": "kind: source\nname: events\ntype: csv\ntable: data/events.csv\n",
    "seeknal/daily.yml": """
        kind: transform
        name: daily
        @windows
        @by
        sql: SELECT id, who, CAST(at_time AS @type) AS at_time, CAST(asked AS @type) AS asked, amount FROM {{ ref('events') }}
        """,
    AGG: f"""
        kind: aggregation
        name: agg
        id_col: who
        event_time: at_time
        @as_of
        @windows
        inputs: [transform.daily]
        features:
          amount:
            rolling:
              - {{window: 36h, aggs: {AGGS}}}
              - {{window: [1, 3], aggs: {AGGS}}}
            ratio: {{numerator: 1d, denominator: 3d, aggs: [sum]}}
            since: {{condition: amount > 7, unit: hour, within: 60h}}
        """,
    "seeknal/second.yml": """
        kind: second_order_aggregation
        name: second
        id_col: who
        @windows
        inputs: [aggregation.agg]
        features:
          a: {source_feature: amount_sum_36h, basic: [sum], rolling: {window: 2d, aggs: [avg]}}
        """,
    "seeknal/group.yml": """
        kind: feature_group
        name: spend
        entity: {name: who, join_keys: [who]}
        event_time: @time
        @windows
        inputs: [aggregation.agg]
        features: [amount_sum_36h]
        """,
}
READERS = ("agg", "second", "spend")
DAILY = 'schedule: "0 0 * * *"'


def as_of(day: int) -> dt.datetime:
    return dt.datetime(2026, 1, day, 12, tzinfo=dt.UTC)


def events(seed: int) -> list[dict]:
    chance = random.Random(seed)
    start = dt.datetime.fromisoformat("2026-01-01")
    rows = []
    for number in range(60):
        at = start + dt.timedelta(hours=chance.choice([0, 6, 12, 18, 23]), days=chance.randrange(12))
        asked = at + dt.timedelta(days=chance.randrange(3))
        rows.append(
            {"id": number, "who": chance.choice([1, 2]), "at_time": at, "asked": asked, "amount": chance.choice([None, *range(10)])}
        )
    return rows


def as_csv(rows: list[dict]) -> str:
    return "\n".join([",".join(rows[0]), *(",".join("" if v is None else str(v) for v in r.values()) for r in rows)]) + "\n"


def files(rows: list[dict], windows: str, type_: str = "TIMESTAMP", by: str = "at_time", asked: str = "") -> dict[str, str]:
    said = {"windows": windows, "by": f"time_column: {by}" if windows else "", "type": type_, "as_of": asked and f"as_of: {asked}"}
    said["time"] = asked or "at_time"
    found = {}
    for path, text in FILES.items():
        for word, value in said.items():
            text = text.replace(f"@{word}", value)  # noqa: PLW2901 - word by word
        found[path] = text
    return {**found, "data/events.csv": as_csv(rows)}


def values(folder, name: str) -> list[list]:
    return sorted(([round(v, 9) if isinstance(v, float) else v for v in row] for row in folder.rows(name)), key=str)


@pytest.mark.parametrize(
    ("seed", "windows", "options"),
    [
        (1, f"{DAILY}\n        interval: week\n        start: 2025-12-29", {}),
        (3, f"{DAILY}\n        timezone: America/New_York", {"type_": "TIMESTAMPTZ"}),
        (4, f"{DAILY}\n        timezone: America/New_York\n        batch_size: 2", {"type_": "DATE"}),
        (5, f"{DAILY}\n        timezone: Asia/Jakarta", {"type_": "DATE", "asked": "asked"}),
        (7, DAILY.replace("0 0", "0 */6"), {"asked": "asked", "by": "asked"}),
    ],
)
def test_windows_hold_what_a_build_of_everything_holds(project, seed, windows, options):
    rows = events(seed)
    folder = project(files(rows, windows, **options))
    for day in (5, 9, 25):
        folder.run(now=as_of(day)).assert_success()
    before = {name: values(folder, name) for name in READERS}

    by, chance = options.get("by", "at_time"), random.Random(seed)
    for row in chance.sample([r for r in rows if r["amount"] is not None], 2):
        row["amount"] += 100
        moved = row[by].date()
        folder.write("data/events.csv", as_csv(rows))
        request = Request(moved - dt.timedelta(days=1), moved + dt.timedelta(days=2), restate=frozenset({NodeId("transform.daily")}))
        folder.run(now=as_of(25), windows=request).assert_success()

    whole = project(files(rows, "", **options))
    whole.run().assert_success()
    for name in READERS:
        assert values(folder, name) == values(whole, name) != before[name], name


def test_what_is_restated_reaches_as_far_as_the_largest_window(project):
    folder = project(files(events(1), DAILY))
    folder.run(now=as_of(20)).assert_success()
    assert folder.run(now=as_of(20)).assert_success().built == set()
    folder.write("data/events.csv", as_csv([{**r, "amount": 50} if r["at_time"].day == 3 else r for r in events(1)]))
    request = Request(dt.date(2026, 1, 3), dt.date(2026, 1, 4), restate=frozenset({NodeId("transform.daily")}))
    outcome = folder.run(now=as_of(20), windows=request).assert_success()
    assert outcome.reason("aggregation.agg") == "restated: 5 days, 2026-01-03 to 2026-01-08"  # [1, 3] reaches from midnight to midnight
    assert outcome.reason("feature_group.spend") == "restated: 5 days, 2026-01-03 to 2026-01-08"


def test_a_day_more_reads_only_the_days_that_play_a_part(project):
    folder = project(files(events(1), DAILY))
    folder.edit(AGG, DAILY, f"{DAILY}\nstart: 2026-01-05")
    folder.run(now=as_of(9)).assert_success()
    assert min(r[1] for r in folder.rows("agg")) >= dt.datetime.fromisoformat("2026-01-05")
    outcome = folder.run(now=as_of(10)).assert_success()
    assert outcome.reason("aggregation.agg") == "interval due: 1 day, 2026-01-09 to 2026-01-10"


def test_what_looks_back_to_the_first_row_cannot_be_built_by_window(project):
    folder = project(files(events(1), DAILY))
    folder.edit(AGG, ", within: 60h", "").edit(AGG, "rolling:\n", "basic: [sum]\n    rolling:\n")
    found = folder.cli("parse").assert_failed("SK-INT-001", exit_code=2).stderr
    assert found.count("error[SK-INT-001]") == 2
    assert "'basic' looks back to the very first row" in found
    assert "'since' looks back to the very first row" in found
    assert "say within: 90d beside condition" in found


def test_windows_are_those_of_the_rows_own_time(project):
    folder = project(files(events(1), DAILY))
    folder.edit(AGG, DAILY, f"{DAILY}\ntime_column: asked").edit("seeknal/group.yml", DAILY, f"{DAILY}\ntime_column: who")
    found = folder.cli("parse").assert_failed("SK-INT-001", exit_code=2).stderr
    assert "the windows of an aggregation are those of its rows' time, 'at_time'" in found
    assert "the windows of a feature group are those of its times: at_time" in found
    folder = project(files(events(1), DAILY, by="asked"))
    found = folder.cli("parse").assert_failed("SK-INT-001", exit_code=2).stderr
    assert "aggregation.agg goes by 'at_time', and the windows of transform.daily by 'asked'" in found


def test_an_edit_that_looks_back_further_keeps_earlier_windows_where_it_is_forward_only(project):
    folder = project(files(events(1), f"{DAILY}\n        forward_only: true\n        batch_size: 1"))
    folder.run(now=as_of(9)).assert_success()
    before = values(folder, "agg")
    folder.edit(AGG, "within: 60h", "within: 400h")
    folder.run(now=as_of(11)).assert_success()
    assert [row for row in values(folder, "agg") if row[1].day < 9] == before


def test_parts_are_no_versions_of_their_own(project):
    folder = project(files(events(2), DAILY))
    for day in (5, 9):
        folder.run(now=as_of(day)).assert_success()
    assert len(folder.cli("features", "describe", "spend", "--format", "json").assert_success().json()["versions"]) == 2
