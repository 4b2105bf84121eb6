"""Cron expressions: whether one can be read, which unit fits between its ticks, and when it ticks."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from seeknal.intervals.calendar import SECONDS, UNITS

if TYPE_CHECKING:
    from seeknal.intervals.calendar import Calendar, UnitName

_FIELDS = 5
_SAMPLED = 150
_FROM = datetime(2023, 12, 31, 23, 59, tzinfo=UTC)


def unit_between(schedule: str) -> UnitName:
    """The largest unit that fits between two ticks of a schedule, clock changes aside. Raises ValueError with what is wrong with it."""
    from croniter import croniter  # start-up time
    from croniter.croniter import CroniterError

    if not schedule.startswith("@") and len(schedule.split()) != _FIELDS:
        message = f"a schedule has five fields (minute hour day month weekday), such as '0 6 * * *'; found '{schedule}'"
        raise ValueError(message)
    try:
        ticks = croniter(schedule, _FROM.timestamp())
        found = [ticks.get_next(float) for _ in range(_SAMPLED)]
    except (CroniterError, ValueError, KeyError) as error:
        message = f"'{schedule}' is no cron expression that ever ticks: {error}"
        raise ValueError(message) from None
    shortest = min(b - a for a, b in pairwise(found))
    fitting = [unit for unit in UNITS if SECONDS[unit] <= shortest]
    if not fitting:
        message = f"'{schedule}' ticks more often than every five minutes, which is the shortest window"
        raise ValueError(message)
    return fitting[-1]


@functools.lru_cache(maxsize=256)
def last_tick(schedule: str, calendar: Calendar, now: int) -> int:
    """The last tick at or before a moment, in seconds since 1970."""
    from croniter import croniter  # start-up time

    return int(croniter(schedule, datetime.fromtimestamp(now + 1, calendar.zone)).get_prev(float))


def next_tick(schedule: str, calendar: Calendar, now: int) -> int:
    """The first tick after a moment, in seconds since 1970."""
    from croniter import croniter  # start-up time

    return int(croniter(schedule, datetime.fromtimestamp(now, calendar.zone)).get_next(float))
