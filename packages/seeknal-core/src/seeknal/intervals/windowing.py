"""How a node is built window by window: what its `schedule`, `time_column` and the keys beside them amount to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from seeknal.intervals.calendar import Calendar, UnitName
from seeknal.intervals.ranges import Ranges

if TYPE_CHECKING:
    from datetime import date

_DURATION = re.compile(r"(\d+)\s*(minute|min|m|hour|h|day|d|week|w|month|year|y)?s?")
_NAMED: dict[str, UnitName] = {"hour": "hour", "h": "hour", "day": "day", "d": "day", "week": "week", "w": "week", "month": "month",
                               "year": "year", "y": "year"}  # fmt: skip


@dataclass(frozen=True)
class Windowing:
    """The windows of a node. `start` and `end` are seconds since 1970; `lookback` a number of windows, or text such as `3 days`.

    `reach` says for how many seconds before a window the rows of inputs still play a part in it.
    """

    time_column: str
    schedule: str
    unit: UnitName
    timezone: str = "UTC"
    start: int | None = None
    end: int | None = None
    lookback: int | str = 0
    batch_size: int | None = None
    batch_concurrency: int = 1
    forward_only: bool = False
    depends_on_past: bool = False
    reach: int = 0

    @cached_property
    def calendar(self) -> Calendar:
        """The unit, in the node's time zone."""
        return Calendar(self.unit, self.timezone)

    @property
    def identity(self) -> list[str]:
        """What of it decides which rows a window holds."""
        return [self.time_column, self.unit, self.timezone]

    def due(self, first: int, now: int) -> Ranges:
        """All windows that ought to be there at a moment, from `first` on, or from where the node says it starts."""
        from seeknal.intervals.cron import last_tick  # start-up time

        end = self.calendar.floor(last_tick(self.schedule, self.calendar, now))
        return Ranges.of((first if self.start is None else self.start, end if self.end is None else min(self.end, end)))

    def before(self, ranges: Ranges) -> Ranges:
        """The time just before ranges that plays a part in them."""
        return Ranges.of(*((i.start - self.reach, i.start) for i in ranges)) - ranges

    def reached(self, ranges: Ranges) -> Ranges:
        """Where rows in these ranges play a part: there, and for a while after."""
        return Ranges.of(*((i.start, i.end + self.reach) for i in ranges))

    def with_lookback(self, ranges: Ranges) -> Ranges:
        """Ranges, and before each of them what is to be built again with it."""
        return ranges if not self.lookback else Ranges.of(*((self._back(i.start), i.end) for i in ranges))

    def _back(self, moment: int) -> int:
        calendar, start = self.calendar, self.calendar.floor(moment)
        count, unit = duration(self.lookback)
        if unit is None:
            return calendar.shift(start, -count)
        if unit == "minute":
            return calendar.floor(start - count * 60)
        other = Calendar(unit, self.timezone)
        begin = other.floor(start)
        return calendar.floor(other.shift(begin, -count) + (start - begin))


def duration(text: int | str) -> tuple[int, UnitName | Literal["minute"] | None]:
    """`3` and `3 days` as a number and a unit; None where it counts windows. Raises ValueError for what is neither."""
    match = _DURATION.fullmatch(str(text).strip())
    if match is None:
        message = f"found {text!r}"
        raise ValueError(message)
    unit = match[2]
    return int(match[1]), None if unit is None else _NAMED.get(unit, "minute")


def moment_of(value: date | datetime, calendar: Calendar) -> int:
    """A date, or a time, as people write it: in the calendar's time zone where it names none. Whole seconds."""
    if not isinstance(value, datetime):
        return calendar.begins(value)
    return int((value if value.tzinfo is not None else value.replace(tzinfo=calendar.zone)).timestamp())


def told(moment: int) -> str:
    """A moment in ISO 8601, UTC."""
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def described(ranges: Ranges, windowing: Windowing) -> str:
    """Windows in words: how many, and from when to when; at most two stretches of them."""
    calendar = windowing.calendar
    count = calendar.count(ranges)
    unit = calendar.unit if calendar.unit[0].isalpha() else f"window of {calendar.unit}"
    stretches = [f"{_short(i.start, windowing)} to {_short(i.end, windowing)}" for i in ranges.intervals[:2]]
    more = ", …" if len(ranges.intervals) > len(stretches) else ""
    return f"{count:,} {unit}{'s' if count != 1 and unit == calendar.unit else ''}, {', '.join(stretches)}{more}"


def _short(moment: int, windowing: Windowing) -> str:
    """A moment as people of the node's time zone say it: a date where it is a midnight."""
    if windowing.calendar.timezone == "UTC":
        return told(moment).removesuffix("T00:00:00Z")
    local = datetime.fromtimestamp(moment, windowing.calendar.zone)
    return local.date().isoformat() if windowing.calendar.begins(local.date()) == moment else local.isoformat()
