"""`kind: aggregation` and `kind: second_order_aggregation`: what each value covers, held against plain Python."""

from __future__ import annotations

import datetime as dt
import random
import statistics

import pytest

DAY = dt.timedelta(days=1)
AGGREGATES = ["count", "sum", "avg", "min", "max", "stddev", "distinct", "last", "first"]
AGG = "seeknal/agg.yml"
FILES = {
    "seeknal/events.yml": "kind: source\nname: events\ntype: csv\ntable: data/events.csv\n",
    AGG: """
        kind: aggregation
        name: agg
        id_col: customer_id
        event_time: at_time
        inputs: [source.events]
        features:
          amount:
            basic: [count, sum, avg, min, max, stddev, distinct, last, first]
            rolling:
              - {window: 36h, aggs: [count, sum, avg, min, max, stddev, distinct, last, first]}
              - {window: [1, 3], aggs: [count, sum, avg, min, max, stddev, distinct, last, first]}
              - {window: [0, 2], aggs: [count, sum, last]}
            ratio: {numerator: 1d, denominator: 3d, aggs: [sum, count]}
            since: {condition: amount > 7, unit: hour}
          events: {basic: [count], column: null}
        """,
}


def events(seed: int, *, as_of: bool = False) -> list[dict]:
    chance = random.Random(seed)
    start = dt.datetime.fromisoformat("2026-01-01")
    rows = []
    for _ in range(40):
        at = start + dt.timedelta(hours=chance.choice([0, 6, 12, 18, 23]), days=chance.randrange(9))
        row = {
            "customer_id": chance.choice([1, 1, 2, 3, None]),
            "at_time": chance.choice([at] * 9 + [None]),
            "amount": chance.choice([None, *range(10)]),
        }
        if as_of:
            row["asked"] = start + dt.timedelta(days=chance.randrange(9))
        rows.append(row)
    return rows


def as_csv(rows: list[dict]) -> str:
    lines = [",".join(rows[0])]
    lines += [",".join("" if v is None else str(v) for v in row.values()) for row in rows]
    return "\n".join(lines) + "\n"


def value(name: str, rows: list[tuple]) -> object:
    """An aggregate of (time, amount) in plain Python."""
    known = [(t, a) for t, a in rows if a is not None]
    amounts = [a for _, a in known]
    if name in ("count", "distinct"):
        return len(amounts) if name == "count" else len(set(amounts))
    if not amounts:
        return None
    if name == "stddev":
        return statistics.stdev(amounts) if len(amounts) > 1 else None
    picks = {"sum": sum, "avg": statistics.fmean, "min": min, "max": max}
    return picks[name](amounts) if name in picks else (max(known) if name == "last" else min(known))[1]


def expected(rows: list[dict], now: dt.datetime) -> list[object]:
    """Every value of one customer as of a time."""
    past = [(r["at_time"], r["amount"]) for r in rows if r["at_time"] <= now]

    def within(span: dt.timedelta) -> list[tuple]:
        return [(t, a) for t, a in past if t > now - span]

    def days(low: int, high: int) -> list[tuple]:
        return [(t, a) for t, a in past if low <= (now.date() - t.date()).days <= high]

    def ratio(name: str) -> object:
        above, below = value(name, within(DAY)), value(name, within(3 * DAY))
        return above / below if above is not None and below else None

    held = [t for t, a in past if a is not None and a > 7]
    return [
        *(value(a, past) for a in AGGREGATES),
        *(value(a, within(1.5 * DAY)) for a in AGGREGATES),
        *(value(a, days(1, 3)) for a in AGGREGATES),
        *(value(a, days(0, 2)) for a in ("count", "sum", "last")),
        *(ratio(a) for a in ("sum", "count")),
        (now - max(held)).total_seconds() / 3600 if held else None,
        len(past),
    ]


def alike(found: list[tuple], wanted: list[tuple]) -> bool:
    if len(found) != len(wanted):
        return False
    pairs = [(a, b) for f, w in zip(sorted(found, key=str), sorted(wanted, key=str), strict=True) for a, b in zip(f, w, strict=True)]
    return all(a == b if a is None or b is None or isinstance(a, dt.datetime) else abs(float(a) - float(b)) < 1e-9 for a, b in pairs)


@pytest.mark.parametrize("seed", range(4))
def test_values_cover_what_had_happened_by_then(project, seed):
    rows = events(seed)
    folder = project({**FILES, "data/events.csv": as_csv(rows)})
    folder.run().assert_success()
    known = [r for r in rows if r["customer_id"] is not None and r["at_time"] is not None]
    wanted = [
        (who, now, *expected([r for r in known if r["customer_id"] == who], now))
        for who, now in sorted({(r["customer_id"], r["at_time"]) for r in known})
    ]
    assert alike(folder.rows("agg"), wanted)


@pytest.mark.parametrize("seed", range(4))
def test_values_as_of_a_day_cover_nothing_after_it(project, seed):
    rows = events(seed, as_of=True)
    folder = project({**FILES, "data/events.csv": as_csv(rows)})
    folder.edit(AGG, "event_time: at_time", "event_time: at_time\nas_of: asked")
    folder.run().assert_success()
    known = [r for r in rows if r["customer_id"] is not None and r["at_time"] is not None and r["at_time"] <= r["asked"]]
    wanted = [
        (who, asked, *expected([r for r in known if (r["customer_id"], r["asked"]) == (who, asked)], asked))
        for who, asked in sorted({(r["customer_id"], r["asked"]) for r in known})
    ]
    assert alike(folder.rows("agg"), wanted)


def test_older_spellings_mean_the_same(project):
    folder = project({**FILES, "data/events.csv": as_csv(events(1, as_of=True))})
    folder.edit(AGG, "event_time: at_time", "event_time: at_time\nas_of: asked")
    folder.run().assert_success()
    folder.edit(AGG, "event_time: at_time", "feature_date_col: at_time").edit(AGG, "as_of: asked", "application_date_col: asked")
    folder.edit(AGG, "inputs: [source.events]", "source: source.events")
    assert folder.run().assert_success().built == set()


def test_groups_are_told_apart(project):
    folder = project(
        {**FILES, "data/events.csv": "customer_id,at_time,amount,channel\n1,2026-01-01,1,web\n1,2026-01-02,2,shop\n1,2026-01-03,4,web\n"}
    )
    folder.write(
        AGG,
        "kind: aggregation\nname: agg\nid_col: customer_id\ngroup_by: channel\nevent_time: at_time\nsource: events\nfeatures: {amount: {basic: [mean]}}\n",
    )
    folder.run().assert_success()
    assert folder.columns("agg") == ("customer_id", "channel", "at_time", "amount_mean")
    assert sorted(r[3] for r in folder.rows("agg")) == [1.0, 2.0, 2.5]


SECOND = """
kind: second_order_aggregation
name: by_region
id_col: region
source: aggregation.agg
features:
  users: {basic: [count]}
  spend: {source_feature: amount_sum_7d, basic: [mean, max]}
  before: {source_feature: amount_sum_7d, window: [1, 2], basic: [sum]}
  trend: {source_feature: amount_sum_7d, ratio: {numerator: 1d, denominator: 3d, aggs: [sum]}}
"""


@pytest.fixture
def regions(project):
    return project(
        {
            **FILES,
            "data/events.csv": "customer_id,at_time,amount,region\n1,2026-01-01,1,n\n2,2026-01-01,3,n\n1,2026-01-02,2,n\n3,2026-01-02,5,s\n",
            AGG: "kind: aggregation\nname: agg\nid_col: customer_id\ngroup_by: region\nevent_time: at_time\ninputs: [events]\n"
            "features: {amount: {rolling: {window: 7d, aggs: [sum]}}}\n",
            "seeknal/second.yml": SECOND,
        }
    )


def test_a_second_order_looks_across_rows_of_one_time_and_back(regions):
    regions.run().assert_success()
    assert regions.columns("by_region") == (
        "region",
        "at_time",
        "users_count",
        "spend_mean",
        "spend_max",
        "before_sum",
        "trend_sum_ratio_1d_3d",
    )
    found = {(r[0], r[1].day): tuple(None if v is None else float(v) for v in r[2:]) for r in regions.rows("by_region")}
    assert found == {("n", 1): (2, 2, 3, None, 1), ("n", 2): (1, 3, 3, 4, 3 / 7), ("s", 2): (1, 5, 5, None, 1)}


def test_a_second_order_follows_its_aggregation(regions):
    regions.run().assert_success()
    regions.edit(AGG, "window: 7d", "window: 8d")
    outcome = regions.run().assert_failed("SK-FEAT-001", exit_code=2)
    assert "did you mean 'amount_sum_8d'?" in outcome.output
    assert "seeknal/second.yml:8:28" in outcome.output


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("basic: [count, sum", "basic: [cuont, sum", "SK-KEY-003", "'basic' must be 'count', 'sum'"),
        ("basic: [count, sum", "basic: [cuont, sum", "SK-KEY-003", "did you mean 'count'?"),
        ("window: 36h", "window: 36x", "SK-KEY-004", "must be a duration"),
        ("window: [1, 3]", "window: [3, 1]", "SK-KEY-004", "must be [from, to]"),
        ("window: [1, 3]", "window: [1, 3, 5]", "SK-KEY-004", "must be [from, to]"),
        ("{condition: amount > 7, unit: hour}", "{condition: amount >, unit: hour}", "SK-SQL-005", "must be one boolean expression"),
        ("{condition: amount > 7, unit: hour}", "{condition: sum(amount) > 7}", "SK-SQL-005", "SUM is not allowed"),
        ("unit: hour", "unit: month", "SK-KEY-003", "'second', 'minute', 'hour' or 'day'"),
        ("{basic: [count], column: null}", "{}", "SK-KEY-004", "says nothing to compute"),
        ("window: [0, 2]", "window: 36h", "SK-FEAT-002", "'amount_count_36h' would stand twice"),
        ("id_col: customer_id", "", "SK-KEY-002", "missing key 'id_col'"),
        ("id_col: customer_id", "id_col: customer_id\ngroup_by: at_time", "SK-FEAT-002", "'at_time' would stand twice"),
        ("inputs: [source.events]", "", "SK-KIND-002", "exactly one input"),
        ("id_col: customer_id", "id_col: customer_id\nschedule: '@daily'", "SK-INT-001", "looks back to the very first row"),
        ("id_col: customer_id", "id_col: customer_id\ntime_column: at_time", "SK-INT-001", "needs 'schedule'"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(project, old, new, code, words):
    folder = project({**FILES, "data/events.csv": as_csv(events(0))}).edit(AGG, old, new)
    outcome = folder.run().assert_failed(code, exit_code=2)
    assert words in outcome.output
    assert f"{AGG}:" in outcome.output


def test_a_second_order_needs_an_aggregation(regions):
    regions.edit("seeknal/second.yml", "aggregation.agg", "source.events")
    assert "must be an aggregation" in regions.run().assert_failed("SK-KIND-002", exit_code=2).output


def test_what_the_engine_refuses_is_placed_at_the_column_it_is_about(project):
    folder = project({**FILES, "data/events.csv": "customer_id,at_time,amount,kind\n1,2026-01-01,5,a\n"})
    sums = "rolling: {window: 7d, aggs: [sum]}"
    folder.write(
        AGG,
        f"""
        kind: aggregation
        name: agg
        description: amount by kind
        id_col: customer_id
        event_time: at_time
        inputs: [source.events]
        features:
          amount: {{{sums}}}
          kind: {{{sums}}}
        """,
    )
    assert f"{AGG}:9:3" in folder.run().assert_failed("SK-SQL-011").output
    folder.edit(AGG, f"kind: {{{sums}}}", "late: {since: {condition: amout > 1}}")
    assert f"{AGG}:9:29" in folder.run().assert_failed("SK-SQL-011", exit_code=2).output
