"""Sets of moments as few half-open ranges: five million windows without a gap between them are one range."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Interval(NamedTuple):
    """The moments from `start` up to, but without, `end`; in seconds since 1970, UTC."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Ranges:
    """A set of moments: intervals in order that neither overlap nor touch. Make one with `Ranges.of`."""

    intervals: tuple[Interval, ...] = ()

    @classmethod
    def of(cls, *intervals: tuple[int, int]) -> Ranges:
        """All of these, in any order, overlapping or empty."""
        return cls(tuple(_merged(intervals)))

    def __iter__(self) -> Iterator[Interval]:
        return iter(self.intervals)

    def __bool__(self) -> bool:
        return bool(self.intervals)

    def __or__(self, other: Ranges) -> Ranges:
        return Ranges.of(*self.intervals, *other.intervals) if self and other else self or other

    def __and__(self, other: Ranges) -> Ranges:
        found: list[Interval] = []
        mine, theirs = list(self.intervals), list(other.intervals)
        i = j = 0
        while i < len(mine) and j < len(theirs):
            start, end = max(mine[i].start, theirs[j].start), min(mine[i].end, theirs[j].end)
            if start < end:
                found.append(Interval(start, end))
            if mine[i].end <= theirs[j].end:
                i += 1
            else:
                j += 1
        return Ranges(tuple(found))

    def __sub__(self, other: Ranges) -> Ranges:
        if not other or not self:
            return self
        return self & other.outside(self.start, self.end)

    def outside(self, start: int, end: int) -> Ranges:
        """What of the time from `start` to `end` is not in here."""
        found: list[Interval] = []
        for interval in self.intervals:
            if interval.start > start:
                found.append(Interval(start, min(interval.start, end)))
            start = max(start, interval.end)
            if start >= end:
                break
        if start < end:
            found.append(Interval(start, end))
        return Ranges(tuple(i for i in found if i.start < i.end))

    @property
    def start(self) -> int:
        """The first moment. Raises IndexError where there is none."""
        return self.intervals[0].start

    @property
    def end(self) -> int:
        """The moment after the last. Raises IndexError where there is none."""
        return self.intervals[-1].end

    def since(self, moment: int) -> Ranges:
        """What of it is not before a moment."""
        return Ranges(tuple(Interval(max(i.start, moment), i.end) for i in self.intervals if i.end > moment))

    def holds(self, moment: int) -> bool:
        """Whether a moment is in here."""
        place = bisect_right(self.intervals, moment, key=lambda i: i.start) - 1
        return place >= 0 and moment < self.intervals[place].end

    def to_json(self) -> list[list[int]]:
        """As lists of two numbers."""
        return [list(i) for i in self.intervals]


def _merged(intervals: Iterable[tuple[int, int]]) -> list[Interval]:
    found: list[Interval] = []
    for start, end in sorted(intervals):
        if start >= end:
            continue
        if found and start <= found[-1].end:
            if end > found[-1].end:
                found[-1] = Interval(found[-1].start, end)
        else:
            found.append(Interval(start, end))
    return found
