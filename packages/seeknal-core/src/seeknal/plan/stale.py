"""Windows whose inputs are no longer what they were built from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.intervals.ranges import Ranges
from seeknal.state.parts import each

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeknal.intervals.pieces import Piece, Pieces
    from seeknal.intervals.windowing import Windowing
    from seeknal.nodes import NodeId
    from seeknal.plan.windows import Above
    from seeknal.state.parts import Held


def stale_windows(parts: Sequence[Held], above: Mapping[NodeId, Above], windowing: Windowing) -> Ranges:
    """The windows for which some input holds something else than when they were built."""
    found: list[tuple[int, int]] = []
    for part in each(parts) if above else ():
        for name, read in part.part.reads.items():
            if name in above:
                changed = _changed(part, above[name], read, part.part.before.get(name), windowing)
                found += windowing.reached(changed) & part.ranges
    return Ranges.of(*found)


def _changed(part: Held, above: Above, then: Pieces, before: Piece | None, windowing: Windowing) -> Ranges:
    """Where an input holds something else than when a part was built, of all that was read for its windows: a query before may have looked back less."""
    now = above.pieces
    if before is None:
        return then.within(part.ranges).differing(now.within(part.ranges))
    read, summed = (part.ranges | windowing.before(part.ranges)).since(before.start), Ranges.of(before[:2])
    changed = summed if above.sums.of(*before[:2]) != before else Ranges()
    return changed | then.within(read - summed).differing(now.within(read - summed))
