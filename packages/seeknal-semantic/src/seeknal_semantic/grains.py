"""Grains of time, the durations metrics are defined with, and how they lie in each other."""

from __future__ import annotations

import re
from dataclasses import dataclass

GRAINS = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
"""From fine to coarse."""

_DURATION = re.compile(r"\s*(\d+)\s*([a-z]+?)s?\s*", re.IGNORECASE)
_NORMAL = {"quarter": ("month", 3), "year": ("month", 12), "week": ("day", 7)}
MOST = 10_000
"""The longest window or offset, in its unit."""


def finer(grain: str, than: str) -> bool:
    """Whether one grain is finer than another."""
    return GRAINS.index(grain) < GRAINS.index(than)


def nests(inner: str, outer: str) -> bool:
    """Whether each period of `inner` lies in one period of `outer`: days in all, weeks in weeks only, months in quarters and years."""
    if inner == outer:
        return True
    return finer(inner, outer) and inner != "week"


@dataclass(frozen=True, slots=True)
class Duration:
    """So many units of time."""

    count: int
    unit: str

    @property
    def normal(self) -> tuple[int, str]:
        """In days or in months: the same length is then the same value."""
        unit, factor = _NORMAL.get(self.unit, (self.unit, 1))
        return self.count * factor, unit

    @property
    def days(self) -> int | None:
        """How many days it has; None where that depends on the calendar."""
        count, unit = self.normal
        return count if unit == "day" else None

    def whole(self, grain: str) -> bool:
        """Whether it is so many whole periods of a grain, so that a period moved by it is a period."""
        count, unit = self.normal
        if not finer("day", grain):
            return unit == "day"
        if grain == "week":
            return unit == "day" and count % 7 == 0
        return unit == "month" and count % _NORMAL.get(grain, (grain, 1))[1] == 0

    def __str__(self) -> str:
        return f"{self.count} {self.unit}{'' if self.count == 1 else 's'}"


def duration(text: str) -> Duration:
    """`7 days` or `1 month`. Raises ValueError saying what is wrong with it."""
    match = _DURATION.fullmatch(text)
    units = GRAINS[GRAINS.index("day") :]
    if not match or match[2].lower() not in units:
        message = f"'{text}' is no duration: write a number and a unit, such as '7 days' (units: {', '.join(units)})"
        raise ValueError(message)
    count = int(match[1])
    if not 1 <= count <= MOST:
        message = f"'{text}' must be from 1 to {MOST:,} {match[2].lower()}s"
        raise ValueError(message)
    return Duration(count, match[2].lower())
