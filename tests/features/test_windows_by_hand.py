"""The edges of windows, ratios and times since, each worked out by hand and held against SQL that says the same in another way."""

from __future__ import annotations

import datetime as dt

import pytest

EVENTS = "customer_id,at_time,amount\n"
AGG = "seeknal/agg.yml"
SECOND = "seeknal/second.yml"
SOURCE = (
    "kind: source\nname: events\ntype: csv\ntable: data/events.csv\ncolumns: {customer_id: BIGINT, at_time: TIMESTAMP, amount: DOUBLE}\n"
)


def aggregation(feature: str, *, more: str = "") -> str:
    return (
        f"kind: aggregation\nname: agg\nid_col: customer_id\nevent_time: at_time\n{more}inputs: [source.events]\n"
        f"features: {{amount: {feature}}}\n"
    )


@pytest.fixture
def last_value(project):
    """The value in the last row of one customer's events, as (day-and-hour, amount), all in January 2026."""

    def answer(feature: str, *events: tuple[str, float | None]) -> object:
        rows = "".join(f"1,2026-01-{at},{'' if amount is None else amount}\n" for at, amount in events)
        folder = project({"seeknal/events.yml": SOURCE, "data/events.csv": EVENTS + rows, AGG: aggregation(feature)})
        folder.run().assert_success()
        return max(folder.rows("agg"), key=lambda row: row[1])[2]

    return answer


@pytest.mark.parametrize(
    ("feature", "events", "wanted"),
    [
        # (t - 1 day, t]: what happened to the second a day ago is out, a microsecond later is in, the row itself is in
        ("{rolling: {window: 1d, aggs: [sum]}}", [("01 12:00:00", 1), ("02 12:00:00", 2)], 2),
        ("{rolling: {window: 1d, aggs: [sum]}}", [("01 12:00:00.000001", 1), ("02 12:00:00", 2)], 3),
        ("{rolling: {window: 1s, aggs: [count]}}", [("01 00:00:00", 1), ("01 00:00:00.999999", 2)], 2),
        ("{rolling: {window: 1s, aggs: [count]}}", [("01 00:00:00", 1), ("01 00:00:01", 2)], 1),
        # rows of the very same time all count, in whichever order they are stored
        ("{rolling: {window: 1h, aggs: [sum]}}", [("01 10:00:00", 1), ("01 10:00:00", 2), ("01 10:00:00", 4)], 7),
        # a week of 7 days and one of 168 hours are the same
        ("{rolling: {window: 1w, aggs: [count]}}", [("01 00:00:00", 1), ("01 00:00:01", 1), ("08 00:00:00", 1)], 2),
        # [lo, hi] are calendar days, both included: the first moment of the first, the last of the last
        ("{rolling: {window: [1, 1], aggs: [sum]}}", [("01 23:59:59.999999", 1), ("02 00:00:00", 2), ("02 23:59:59.999999", 4), ("03 08:00:00", 8)], 6),
        ("{rolling: {window: [0, 0], aggs: [sum]}}", [("02 23:59:59.999999", 1), ("03 00:00:00", 2), ("03 08:00:00", 4)], 6),
        ("{rolling: {window: [1, 7], aggs: [sum]}}", [("01 23:59:59", 1), ("02 00:00:00", 2), ("08 23:59:59", 4), ("09 00:00:00", 8)], 6),
        ("{rolling: {window: [0, 2], aggs: [count]}}", [("01 00:00:00", 1), ("02 00:00:00", 1), ("03 23:00:00", 1)], 3),
        # nothing in the window: nothing is counted, and of nothing there is no sum
        ("{rolling: {window: [1, 3], aggs: [count]}}", [("01 00:00:00", 1), ("20 00:00:00", 2)], 0),
        ("{rolling: {window: [1, 3], aggs: [sum]}}", [("01 00:00:00", 1), ("20 00:00:00", 2)], None),
        # NULL is no value; where nothing but a count is asked for and no column is named, rows are counted
        ("{column: amount, rolling: {window: 1d, aggs: [count]}}", [("01 00:00:00", None), ("01 01:00:00", 2)], 1),
        ("{rolling: {window: 1d, aggs: [count, max]}}", [("01 00:00:00", None), ("01 01:00:00", 2)], 1),
        ("{rolling: {window: 1d, aggs: [count]}}", [("01 00:00:00", None), ("01 01:00:00", 2)], 2),
        ("{rolling: {window: 1d, aggs: [sum]}}", [("01 00:00:00", None)], None),
        ("{basic: [last]}", [("01 00:00:00", 5), ("01 01:00:00", None)], 5),
        ("{basic: [first]}", [("01 00:00:00", None), ("01 01:00:00", 5), ("01 02:00:00", 6)], 5),
        ("{basic: [avg]}", [("01 00:00:00", 1), ("01 01:00:00", None), ("01 02:00:00", 4)], 2.5),
        # one value has no standard deviation; of two it is that of a sample
        ("{basic: [stddev]}", [("01 00:00:00", 5)], None),
        ("{basic: [stddev]}", [("01 00:00:00", 1), ("01 01:00:00", 3)], 2**0.5),
        ("{basic: [distinct]}", [("01 00:00:00", 1), ("01 01:00:00", 1), ("01 02:00:00", 2), ("01 03:00:00", None)], 2),
        # of two values at one time the last is the greater, the first the lesser
        ("{basic: [last]}", [("01 00:00:00", 9), ("02 00:00:00", 3), ("02 00:00:00", 4)], 4),
        ("{basic: [first]}", [("01 00:00:00", 4), ("01 00:00:00", 3), ("02 00:00:00", 1)], 3),
        # a ratio over nothing, or over a sum of nothing, is none
        ("{ratio: {numerator: [1, 1], denominator: [2, 3], aggs: [sum]}}", [("09 00:00:00", 4), ("10 00:00:00", 1)], None),
        ("{ratio: {numerator: [1, 1], denominator: [2, 3], aggs: [sum]}}", [("07 00:00:00", 1), ("08 00:00:00", -1), ("09 00:00:00", 4), ("10 00:00:00", 1)], None),
        ("{ratio: {numerator: [1, 1], denominator: [2, 3], aggs: [count]}}", [("07 00:00:00", 1), ("08 00:00:00", 1), ("10 00:00:00", 1)], 0),
        ("{ratio: {numerator: [1, 1], denominator: [2, 3], aggs: [count]}}", [("07 00:00:00", 1), ("08 00:00:00", 1), ("09 00:00:00", 1), ("10 00:00:00", 1)], 0.5),
        ("{ratio: {numerator: 1d, denominator: 2d, aggs: [sum]}}", [("09 00:00:00", 3), ("10 00:00:00", 1)], 0.25),
        # since: the row itself counts; unknown is not held; never held is no time
        ("{since: {condition: amount > 2, unit: hour}}", [("01 00:00:00", 3), ("01 06:30:00", 1)], 6.5),
        ("{since: {condition: amount > 2, unit: second}}", [("01 00:00:00", 3), ("01 00:00:00.5", 1)], 0.5),
        ("{since: {condition: amount > 2}}", [("01 00:00:00", 3), ("02 12:00:00", 3)], 0),
        ("{since: {condition: amount > 2}}", [("01 00:00:00", None), ("02 12:00:00", 1)], None),
        ("{since: {condition: amount IS NULL, unit: day}}", [("01 00:00:00", None), ("02 12:00:00", 1)], 1.5),
    ],
)  # fmt: skip
def test_the_last_row_says(last_value, feature, events, wanted):
    found = last_value(feature, *events)
    assert found == pytest.approx(wanted) if wanted is not None else found is None


SECONDS = {
    "seeknal/events.yml": "kind: source\nname: events\ntype: csv\ntable: data/events.csv\n",
    # day, customer, region, amount
    "data/events.csv": (
        "at_time,customer_id,region,amount\n"
        "2026-01-01,1,n,10\n2026-01-01,2,n,20\n2026-01-02,1,n,5\n2026-01-04,3,n,7\n2026-01-05,1,n,1\n2026-01-05,2,n,2\n2026-01-05,9,s,100\n"
    ),
    AGG: (
        "kind: aggregation\nname: agg\nid_col: customer_id\ngroup_by: region\nevent_time: at_time\ninputs: [events]\n"
        "features: {amount: {rolling: {window: [0, 0], aggs: [sum]}}}\n"
    ),
}


def second(feature: str) -> str:
    return (
        "kind: second_order_aggregation\nname: regions\nid_col: region\nsource: aggregation.agg\n"
        f"features: {{spend: {{source_feature: amount_sum_0_0d, {feature}}}}}\n"
    )


@pytest.mark.parametrize(
    ("feature", "wanted"),
    [
        # what stands there for region n on the 1st, 2nd, 4th and 5th of January
        ("basic: [sum]", [30, 5, 7, 3]),
        ("basic: [count]", [2, 1, 1, 2]),
        ("window: [1, 1], basic: [sum]", [None, 30, None, 7]),
        ("window: [0, 1], basic: [sum]", [30, 35, 7, 10]),
        ("window: [1, 3], basic: [sum]", [None, 30, 35, 12]),
        ("window: [1, 3], basic: [count]", [0, 2, 3, 2]),
        ("window: [3, 4], basic: [max]", [None, None, 20, 20]),
        ("rolling: {window: 2d, aggs: [sum]}", [30, 35, 7, 10]),
        ("rolling: {window: [1, 2], aggs: [avg]}", [None, 15, 5, 7]),
        ("ratio: {numerator: [0, 0], denominator: [1, 3], aggs: [sum]}", [None, 5 / 30, 7 / 35, 3 / 12]),
        ("ratio: {numerator: [1, 1], denominator: [0, 3], aggs: [count]}", [0, 2 / 3, 0, 1 / 4]),
        ("since: {condition: amount_sum_0_0d >= 10}", [0, 1, 3, 4]),
        ("since: {condition: amount_sum_0_0d < 3}", [None, None, None, 0]),
    ],
)
def test_an_aggregation_of_an_aggregation_says(project, feature, wanted):
    folder = project({**SECONDS, SECOND: second(feature)})
    folder.run().assert_success()
    found = [row[2] for row in sorted(folder.rows("regions"), key=lambda r: (r[0], r[1])) if row[0] == "n"]
    assert [None if v is None else pytest.approx(float(v)) for v in found] == wanted


def test_windows_over_time_agree_with_a_join(project):
    """The same values, asked for by a join of every row with those before it."""
    folder = project(
        {
            **SECONDS,
            AGG: SECONDS[AGG].replace(
                "{rolling: {window: [0, 0], aggs: [sum]}}",
                "{rolling: [{window: 36h, aggs: [sum, max]}, {window: [1, 3], aggs: [sum, count]}], basic: [count]}",
            ),
            "seeknal/plain.sql": """
                SELECT now.customer_id, now.region, now.at_time, count(*),
                  sum(past.amount) FILTER (past.at_time > now.at_time - INTERVAL 36 HOURS),
                  max(past.amount) FILTER (past.at_time > now.at_time - INTERVAL 36 HOURS),
                  sum(past.amount) FILTER (date_diff('day', past.at_time, now.at_time) BETWEEN 1 AND 3),
                  count(past.amount) FILTER (date_diff('day', past.at_time, now.at_time) BETWEEN 1 AND 3)
                FROM {{ ref('source.events') }} AS now
                JOIN {{ ref('source.events') }} AS past
                  ON past.customer_id = now.customer_id AND past.region = now.region AND past.at_time <= now.at_time
                GROUP BY ALL
                """,
        }
    )
    folder.run().assert_success()
    assert sorted(folder.rows("agg")) == sorted(folder.rows("plain"))
    assert {row[2] for row in folder.rows("agg")} == {dt.date(2026, 1, d) for d in (1, 2, 4, 5)}


def test_a_third_order_says_which_time_it_is_over(project):
    third = "---\nkind: second_order_aggregation\nname: all\nid_col: region\nsource: second_order_aggregation.regions\nfeatures: {spend: {column: spend_sum, basic: [max]}}\n"
    folder = project({**SECONDS, SECOND: second("basic: [sum]") + third})
    assert "missing key 'event_time'" in folder.run().assert_failed("SK-KEY-002", exit_code=2).output
    folder.edit(SECOND, "name: all", "name: all\nevent_time: at_time")
    assert "has no 'at_time'" not in folder.run().assert_success().output
    assert sorted(float(row[2]) for row in folder.rows("all")) == [3, 5, 7, 30, 100]
