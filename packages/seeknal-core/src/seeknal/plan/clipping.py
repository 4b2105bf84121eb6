"""The first and the last window, where `start` or `end` lies within one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.intervals.ranges import Ranges
from seeknal.state.parts import each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal.intervals.windowing import Windowing
    from seeknal.state.parts import Held


def cut_otherwise(parts: Sequence[Held], windowing: Windowing) -> Ranges:
    """The windows that a start or an end cuts otherwise than it did when they were built: what their query counted has to be counted anew."""
    calendar, bounds = windowing.calendar, (windowing.start, windowing.end)
    edges = {m for h in parts for i in h.ranges for m in i if m not in bounds and calendar.floor(m) != m}
    for bound, inside in ((windowing.start, 0), (windowing.end, -1)):
        if bound is not None and calendar.floor(bound) != bound:
            longer = any(h.ranges.holds(bound + inside) and any(i.start < bound < i.end for i in h.part.ranges) for h in each(parts))
            edges |= {bound} if longer else set()
    return calendar.whole(Ranges.of(*((m, m + 1) for m in edges)))
