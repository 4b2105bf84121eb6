"""Where windows begin and end: a table by hand, and what must hold of any."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeknal.intervals.calendar import UNITS, Calendar
from seeknal.intervals.cron import last_tick, next_tick, unit_between
from seeknal.intervals.ranges import Ranges
from seeknal.intervals.windowing import Windowing, moment_of

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo",
         "Pacific/Apia", "Asia/Beirut", "America/St_Johns", "Africa/Casablanca", "Asia/Jakarta")  # fmt: skip


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


# unit, zone, a moment, where its window begins and ends: all in UTC
WINDOWS = [
    ("5min", "UTC", "2026-01-01T00:07:30", "2026-01-01T00:05", "2026-01-01T00:10"),
    ("5min", "UTC", "2026-01-01T00:05:00", "2026-01-01T00:05", "2026-01-01T00:10"),
    ("5min", "UTC", "2026-01-01T00:04:59", "2026-01-01T00:00", "2026-01-01T00:05"),
    ("10min", "UTC", "2026-01-01T23:59:59", "2026-01-01T23:50", "2026-01-02T00:00"),
    ("15min", "Asia/Kathmandu", "2026-01-01T00:20", "2026-01-01T00:15", "2026-01-01T00:30"),
    ("30min", "Asia/Kathmandu", "2026-01-01T00:20", "2026-01-01T00:15", "2026-01-01T00:45"),
    ("30min", "Asia/Kolkata", "2026-01-01T00:20", "2026-01-01T00:00", "2026-01-01T00:30"),
    ("hour", "UTC", "2026-01-01T05:59:59", "2026-01-01T05:00", "2026-01-01T06:00"),
    ("hour", "Asia/Kolkata", "2026-01-01T05:29:59", "2026-01-01T04:30", "2026-01-01T05:30"),
    ("hour", "Asia/Kolkata", "2026-01-01T05:30", "2026-01-01T05:30", "2026-01-01T06:30"),
    ("hour", "America/St_Johns", "2026-07-01T05:29", "2026-07-01T04:30", "2026-07-01T05:30"),
    ("hour", "Europe/Berlin", "2026-03-29T00:59", "2026-03-29T00:00", "2026-03-29T01:00"),  # clocks go from 02:00 to 03:00
    ("hour", "Europe/Berlin", "2026-03-29T01:00", "2026-03-29T01:00", "2026-03-29T02:00"),
    ("hour", "Europe/Berlin", "2026-10-25T00:30", "2026-10-25T00:00", "2026-10-25T01:00"),  # 02:30, the first time
    ("hour", "Europe/Berlin", "2026-10-25T01:30", "2026-10-25T01:00", "2026-10-25T02:00"),  # 02:30, the second time
    ("hour", "Australia/Lord_Howe", "2026-04-04T14:10", "2026-04-04T14:00", "2026-04-04T15:30"),  # back by half an hour
    ("hour", "Australia/Lord_Howe", "2026-04-04T15:10", "2026-04-04T14:00", "2026-04-04T15:30"),
    ("hour", "Australia/Lord_Howe", "2026-10-03T15:40", "2026-10-03T14:30", "2026-10-03T16:00"),  # on by half an hour
    ("30min", "Australia/Lord_Howe", "2026-04-04T15:10", "2026-04-04T15:00", "2026-04-04T15:30"),
    ("day", "UTC", "2026-01-01T00:00", "2026-01-01T00:00", "2026-01-02T00:00"),
    ("day", "UTC", "2026-12-31T23:59:59", "2026-12-31T00:00", "2027-01-01T00:00"),
    ("day", "UTC", "2028-02-28T12:00", "2028-02-28T00:00", "2028-02-29T00:00"),
    ("day", "UTC", "2028-02-29T12:00", "2028-02-29T00:00", "2028-03-01T00:00"),
    ("day", "UTC", "2026-02-28T12:00", "2026-02-28T00:00", "2026-03-01T00:00"),
    ("day", "UTC", "1969-12-31T12:00", "1969-12-31T00:00", "1970-01-01T00:00"),
    ("day", "Asia/Jakarta", "2026-01-01T18:00", "2026-01-01T17:00", "2026-01-02T17:00"),
    ("day", "Asia/Kolkata", "2026-01-01T18:29", "2025-12-31T18:30", "2026-01-01T18:30"),
    ("day", "Europe/Berlin", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),  # 23 hours
    ("day", "Europe/Berlin", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),  # 25 hours
    ("day", "America/New_York", "2026-03-08T12:00", "2026-03-08T05:00", "2026-03-09T04:00"),
    ("day", "America/New_York", "2026-11-01T12:00", "2026-11-01T04:00", "2026-11-02T05:00"),
    ("day", "America/Sao_Paulo", "2018-11-04T12:00", "2018-11-04T03:00", "2018-11-05T02:00"),  # no midnight on that day
    ("day", "America/Sao_Paulo", "2018-02-17T12:00", "2018-02-17T02:00", "2018-02-18T03:00"),  # an hour twice before midnight
    ("day", "Asia/Beirut", "2026-03-29T12:00", "2026-03-28T22:00", "2026-03-29T21:00"),  # no midnight either
    ("day", "Australia/Lord_Howe", "2026-04-04T15:10", "2026-04-04T13:00", "2026-04-05T13:30"),
    ("day", "Pacific/Apia", "2011-12-30T09:59", "2011-12-29T10:00", "2011-12-30T10:00"),  # there was no 30 December
    ("day", "Pacific/Apia", "2011-12-30T10:00", "2011-12-30T10:00", "2011-12-31T10:00"),
    ("week", "UTC", "2026-01-01T00:00", "2025-12-29T00:00", "2026-01-05T00:00"),
    ("week", "UTC", "2026-01-04T23:59", "2025-12-29T00:00", "2026-01-05T00:00"),
    ("week", "UTC", "2026-01-05T00:00", "2026-01-05T00:00", "2026-01-12T00:00"),
    ("week", "Europe/Berlin", "2026-03-29T12:00", "2026-03-22T23:00", "2026-03-29T22:00"),
    ("month", "UTC", "2026-02-28T23:59", "2026-02-01T00:00", "2026-03-01T00:00"),
    ("month", "UTC", "2028-02-29T23:59", "2028-02-01T00:00", "2028-03-01T00:00"),
    ("month", "UTC", "2026-12-31T23:59", "2026-12-01T00:00", "2027-01-01T00:00"),
    ("month", "UTC", "2026-01-31T00:00", "2026-01-01T00:00", "2026-02-01T00:00"),
    ("month", "Europe/Berlin", "2026-03-31T21:59", "2026-02-28T23:00", "2026-03-31T22:00"),
    ("month", "Asia/Jakarta", "2026-01-31T17:00", "2026-01-31T17:00", "2026-02-28T17:00"),
    ("year", "UTC", "2028-12-31T12:00", "2028-01-01T00:00", "2029-01-01T00:00"),
    ("year", "Asia/Kolkata", "2025-12-31T18:30", "2025-12-31T18:30", "2026-12-31T18:30"),
]


@pytest.mark.parametrize(("unit", "zone", "moment", "start", "end"), WINDOWS)
def test_the_window_of_a_moment(unit, zone, moment, start, end) -> None:
    calendar = Calendar(unit, zone)
    assert calendar.floor(at(moment)) == at(start)
    assert calendar.after(at(start)) == at(end)
    assert calendar.shift(at(end), -1) == at(start)
    assert calendar.ceil(at(moment)) == (at(start) if moment == start or at(moment) == at(start) else at(end))


# a schedule, the unit that fits, and for a moment the end of what is due
SCHEDULES = [
    ("0 6 * * *", "day", "2026-01-05T05:59", "2026-01-04"),
    ("0 6 * * *", "day", "2026-01-05T06:00", "2026-01-05"),
    ("0 6 * * *", "day", "2026-01-05T23:59", "2026-01-05"),
    ("@daily", "day", "2026-01-05T00:00", "2026-01-05"),
    ("0 0 * * *", "day", "2026-01-04T23:59:59", "2026-01-04"),
    ("0 */6 * * *", "hour", "2026-01-05T11:59", "2026-01-05T06:00"),
    ("0 * * * *", "hour", "2026-01-05T11:59", "2026-01-05T11:00"),
    ("20 * * * *", "hour", "2026-01-05T11:19", "2026-01-05T10:00"),
    ("*/30 * * * *", "30min", "2026-01-05T11:59", "2026-01-05T11:30"),
    ("*/20 * * * *", "15min", "2026-01-05T11:59", "2026-01-05T11:30"),
    ("*/15 * * * *", "15min", "2026-01-05T11:59", "2026-01-05T11:45"),
    ("*/10 * * * *", "10min", "2026-01-05T11:59", "2026-01-05T11:50"),
    ("*/5 * * * *", "5min", "2026-01-05T11:59", "2026-01-05T11:55"),
    ("0 6 * * 1-5", "day", "2026-01-05T05:59", "2026-01-02"),  # a Monday: the week-end is due at six
    ("0 6 * * 1-5", "day", "2026-01-05T06:00", "2026-01-05"),
    ("0 6 * * 1", "week", "2026-01-05T06:00", "2026-01-05"),
    ("0 6 * * 1", "week", "2026-01-11T06:00", "2026-01-05"),
    ("0 0 1 * *", "month", "2026-03-01T00:00", "2026-03-01"),
    ("0 0 1 * *", "month", "2026-02-28T23:59", "2026-02-01"),
    ("0 0 1,15 * *", "week", "2026-01-15T00:00", "2026-01-12"),
    ("0 0 1 */3 *", "month", "2026-06-30T00:00", "2026-04-01"),
    ("0 0 1 1 *", "year", "2026-12-31T00:00", "2026-01-01"),
]


@pytest.mark.parametrize(("schedule", "unit", "now", "end"), SCHEDULES)
def test_what_a_schedule_makes_due(schedule, unit, now, end) -> None:
    assert unit_between(schedule) == unit
    due = Windowing("at", schedule, unit).due(at("2020-01-01"), at(now))
    assert due == Ranges.of((at("2020-01-01"), at(end)))


@pytest.mark.parametrize(
    ("schedule", "says"),
    [("* * * * *", "more often than every five"), ("*/4 * * * *", "more often"), ("0 6 * *", "five fields"), ("61 * * * *", "no cron"),
     ("0 0 31 2 *", "ever ticks"), ("whenever", "five fields"), ("* * * * * *", "five fields"), ("@often", "no cron")],
)  # fmt: skip
def test_schedules_that_are_refused(schedule, says) -> None:
    with pytest.raises(ValueError, match=says):
        unit_between(schedule)


def test_a_schedule_ticks_in_its_time_zone() -> None:
    berlin = Calendar("day", "Europe/Berlin")
    assert last_tick("0 6 * * *", berlin, at("2026-07-01T04:00")) == at("2026-07-01T04:00")
    assert last_tick("0 6 * * *", berlin, at("2026-07-01T03:59")) == at("2026-06-30T04:00")
    assert next_tick("0 6 * * *", berlin, at("2026-07-01T04:00")) == at("2026-07-02T04:00")
    due = Windowing("at", "0 6 * * *", "day", "Europe/Berlin").due(at("2026-06-01"), at("2026-07-01T05:00"))
    assert due.end == at("2026-06-30T22:00")


def test_the_first_window_is_clipped_to_the_start_and_the_last_to_the_end() -> None:
    windowing = Windowing("at", "0 0 * * *", "day", start=at("2026-01-01T12:00"), end=at("2026-01-03T06:00"))
    assert windowing.due(0, at("2026-01-10")) == Ranges.of((at("2026-01-01T12:00"), at("2026-01-03T06:00")))
    assert windowing.due(0, at("2026-01-03T05:00")) == Ranges.of((at("2026-01-01T12:00"), at("2026-01-03")))
    assert not windowing.due(0, at("2026-01-01T11:00"))


LOOKBACKS = [
    ("day", 0, "2026-01-04", "2026-01-04"),
    ("day", 2, "2026-01-04", "2026-01-02"),
    ("day", "2 days", "2026-01-04", "2026-01-02"),
    ("day", "36 hours", "2026-01-04", "2026-01-02"),
    ("day", "30 minutes", "2026-01-04", "2026-01-03"),
    ("hour", "1 day", "2026-01-04T05:00", "2026-01-03T05:00"),
    ("hour", 3, "2026-01-04T01:00", "2026-01-03T22:00"),
    ("month", "3 days", "2026-03-01", "2026-02-01"),
    ("month", 1, "2026-03-01", "2026-02-01"),
    ("year", "1 month", "2026-01-01", "2025-01-01"),
    ("week", "1w", "2026-01-05", "2025-12-29"),
]


@pytest.mark.parametrize(("unit", "lookback", "start", "begin"), LOOKBACKS)
def test_lookback(unit, lookback, start, begin) -> None:
    windowing = Windowing("at", "0 0 * * *", unit, lookback=lookback)
    assert windowing.with_lookback(Ranges.of((at(start), at(start) + 3600))).start == at(begin)


def test_dates_are_read_in_the_time_zone() -> None:
    jakarta = Calendar("day", "Asia/Jakarta")
    assert moment_of(date(2026, 1, 2), jakarta) == at("2026-01-01T17:00")
    assert moment_of(datetime.fromisoformat("2026-01-02T07:00"), jakarta) == at("2026-01-02T00:00")
    assert moment_of(datetime(2026, 1, 2, 7, tzinfo=UTC), jakarta) == at("2026-01-02T07:00")


# Properties

moments = st.integers(min_value=at("1975-01-01"), max_value=at("2037-01-01"))
calendars = st.builds(Calendar, st.sampled_from(UNITS), st.sampled_from(ZONES))
ranges = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200))).map(lambda found: Ranges.of(*found))


def seconds_in(some: Ranges) -> set[int]:
    return {second for start, end in some for second in range(start, end)}


@given(calendars, moments)
def test_windows_never_overlap_and_leave_no_gap(calendar, moment) -> None:
    start = calendar.floor(moment)
    end = calendar.after(start)
    assert start <= moment < end
    assert calendar.floor(start) == start == calendar.floor(end - 1)
    assert calendar.floor(end) == end == calendar.ceil(end - 1)
    assert calendar.shift(end, -1) == start


@given(calendars, moments, st.integers(1, 40))
def test_shifting_is_going_window_by_window(calendar, moment, count) -> None:
    start = found = calendar.floor(moment)
    for _ in range(count):
        found = calendar.after(found)
    if calendar.timezone not in ("Australia/Lord_Howe", "Pacific/Apia"):  # where a window is longer, or a day was left out
        assert calendar.shift(start, count) == found
        assert calendar.shift(found, -count) == start
    assert calendar.floor(calendar.shift(start, count)) == calendar.shift(start, count)


@given(calendars, moments, st.integers(1, 30), st.one_of(st.none(), st.integers(1, 12)))
def test_batches_are_the_ranges_cut_at_windows(calendar, moment, count, size) -> None:
    start = calendar.floor(moment)
    end = calendar.shift(start, count)
    found = list(calendar.batches(Ranges.of((start, end)), size))
    assert Ranges.of(*found) == Ranges.of((start, end))
    assert all(a.end == b.start for a, b in pairwise(found))
    assert all(calendar.floor(b.start) == b.start for b in found)
    if calendar.timezone == "UTC":
        assert calendar.count(Ranges.of((start, end))) == count
        assert len(found) == (1 if size is None else -(-count // size))


@given(ranges, ranges)
def test_ranges_are_sets_of_moments(a, b) -> None:
    assert seconds_in(a | b) == seconds_in(a) | seconds_in(b)
    assert seconds_in(a & b) == seconds_in(a) & seconds_in(b)
    assert seconds_in(a - b) == seconds_in(a) - seconds_in(b)
    assert all(x.end < y.start for x, y in pairwise((a | b).intervals))
    assert all(a.holds(s) == (s in seconds_in(a)) for s in range(0, 200, 7))


@given(calendars, moments, st.integers(0, 10**6))
def test_whole_windows_hold_what_they_were_made_from(calendar, moment, length) -> None:
    part = Ranges.of((moment, moment + length))
    whole = calendar.whole(part)
    assert not part - whole
    assert all(calendar.floor(i.start) == i.start and calendar.floor(i.end) == i.end for i in whole)


def test_five_million_windows_take_no_time() -> None:
    begun = datetime.now(UTC)
    windowing = Windowing("at", "*/5 * * * *", "5min", start=at("1980-01-01"), lookback=3)
    due = windowing.due(0, at("2028-01-01"))
    missing = windowing.with_lookback(due - Ranges.of((at("1990-01-01"), at("1990-01-02"))))
    assert windowing.calendar.count(due) > 5_000_000
    assert len(missing.intervals) == 2
    assert datetime.now(UTC) - begun < timedelta(seconds=0.5)
