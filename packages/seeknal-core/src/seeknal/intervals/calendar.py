"""Calendar units in a time zone: where the window of a moment begins and ends, whatever the clocks do there.

Days and longer units begin at the local midnight, or at the first moment of a day that has none; so a day lasts 23 or 25 hours where clocks change.
Shorter units begin where the local clock shows a multiple of them. Where clocks change by less than a unit, the window around the change is longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args
from zoneinfo import ZoneInfo

from seeknal.intervals.ranges import Interval, Ranges

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

UnitName = Literal["5min", "10min", "15min", "30min", "hour", "day", "week", "month", "year"]
UNITS: tuple[UnitName, ...] = get_args(UnitName)
_MINUTE = 60
SECONDS: dict[str, int] = {
    "5min": 5 * _MINUTE, "10min": 10 * _MINUTE, "15min": 15 * _MINUTE, "30min": 30 * _MINUTE, "hour": 3600,
    "day": 86400, "week": 7 * 86400, "month": 28 * 86400, "year": 365 * 86400,
}  # fmt: skip
"""How long a unit lasts at least, clock changes aside."""
_LAST = date(9999, 1, 1)


@dataclass(frozen=True)
class Calendar:
    """One unit in one time zone."""

    unit: UnitName
    timezone: str = "UTC"

    @cached_property
    def zone(self) -> tzinfo:
        """The time zone. Raises zoneinfo.ZoneInfoNotFoundError for a name that is none."""
        return UTC if self.timezone == "UTC" else ZoneInfo(self.timezone)

    @property
    def is_clock(self) -> bool:
        """Whether the unit is shorter than a day."""
        return self.unit.endswith("min") or self.unit == "hour"

    def floor(self, moment: int) -> int:
        """Where the window of a moment begins."""
        return self._clock_floor(moment) if self.is_clock else self.begins(self._first_day(self._local(moment).date()))

    def ceil(self, moment: int) -> int:
        """The first beginning of a window at or after a moment."""
        start = self.floor(moment)
        return start if start == moment else self.after(start)

    def after(self, start: int) -> int:
        """Where the window ends that begins at `start`."""
        return self.shift(start, 1)

    def shift(self, start: int, count: int) -> int:
        """The beginning of the window `count` windows after the one that begins at `start`; before it where that is negative."""
        if self.is_clock:
            return self._clock_shift(start, count)
        day = self._local(start).date()
        step = 1 if count > 0 else -1
        found = start
        while count and (found - start) * step <= 0:  # a day that a zone left out begins where the next one does
            found = self.begins(self._shifted(day, count))
            count += step
        return found

    def whole(self, ranges: Ranges) -> Ranges:
        """The windows that these ranges touch."""
        return Ranges.of(*((self.floor(i.start), self.ceil(i.end)) for i in ranges))

    def count(self, ranges: Ranges) -> int:
        """How many windows there are in ranges that are made of them; windows cut short count."""
        return sum(self._count(i) for i in ranges)

    def batches(self, ranges: Ranges, size: int | None) -> Iterator[Interval]:
        """Ranges in batches of at most `size` windows, in order; None is no limit."""
        for start, end in ranges:
            begin = start
            while size is not None and begin < end:
                stop = min(self.shift(self.floor(begin), size), end)
                yield Interval(begin, stop)
                begin = stop
            if size is None:
                yield Interval(start, end)

    def begins(self, day: date) -> int:
        """The first moment of a local day."""
        return int(datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp())

    def _local(self, moment: int) -> datetime:
        return datetime.fromtimestamp(moment, self.zone)

    def _offset(self, moment: int) -> int:
        if self.zone is UTC:
            return 0
        offset = self._local(moment).utcoffset()
        return int(offset.total_seconds()) if offset is not None else 0

    # Days and longer

    def _first_day(self, day: date) -> date:
        match self.unit:
            case "week":
                return day - timedelta(days=day.weekday())
            case "month":
                return day.replace(day=1)
            case "year":
                return day.replace(month=1, day=1)
        return day

    def _shifted(self, day: date, count: int) -> date:
        if self.unit in ("day", "week"):
            return min(day + timedelta(days=count * (7 if self.unit == "week" else 1)), _LAST)
        months = day.year * 12 + day.month - 1 + count * (12 if self.unit == "year" else 1)
        return date(months // 12, months % 12 + 1, 1)

    # Shorter

    def _clock_floor(self, moment: int) -> int:
        unit, offset = SECONDS[self.unit], self._offset(moment)
        start = moment - (moment + offset) % unit
        if self._offset(start) == offset:
            return start
        return self._clock_floor(self._change(start, moment) - 1)

    def _clock_shift(self, start: int, count: int) -> int:
        unit = SECONDS[self.unit]
        found = start + count * unit
        if self._offset(found) != self._offset(start) or self._offset(start + unit) != self._offset(start):
            floor = self._clock_floor(found)
            while count > 0 and floor <= start:  # the window around the change is longer
                found += unit
                floor = self._clock_floor(found)
            return floor
        return found

    def _change(self, before: int, after: int) -> int:
        """The first moment at which the clocks show what they do at `after`."""
        offset = self._offset(after)
        while after - before > 1:
            middle = (before + after) // 2
            before, after = (before, middle) if self._offset(middle) == offset else (middle, after)
        return after

    def _count(self, interval: Interval) -> int:
        if self.is_clock:
            return -((interval.start - interval.end) // SECONDS[self.unit])
        first = self._first_day(self._local(interval.start).date())
        last = self._local(interval.end - 1).date()
        if self.unit in ("day", "week"):
            return (last - first).days // (7 if self.unit == "week" else 1) + 1
        months = (last.year - first.year) * 12 + last.month - first.month
        return months // (12 if self.unit == "year" else 1) + 1
