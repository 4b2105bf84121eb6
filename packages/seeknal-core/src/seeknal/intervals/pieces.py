"""What stands in each stretch of time, told by stamps: two outputs hold the same where they carry the same stamp."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from seeknal.intervals.ranges import Ranges

if TYPE_CHECKING:
    from collections.abc import Iterable


class Piece(NamedTuple):
    """A stretch of time, and the stamp of what stands in it."""

    start: int
    end: int
    stamp: str


@dataclass(frozen=True, slots=True)
class Pieces:
    """Pieces in order, without overlap; where none is, nothing stands. Make them with `Pieces.of`."""

    pieces: tuple[Piece, ...] = ()

    @classmethod
    def of(cls, pieces: Iterable[tuple[int, int, str]]) -> Pieces:
        """Pieces that do not overlap, in any order; those that touch and carry one stamp become one."""
        found: list[Piece] = []
        for start, end, stamp in sorted(pieces):
            if found and found[-1].end == start and found[-1].stamp == stamp:
                found[-1] = Piece(found[-1].start, end, stamp)
            else:
                found.append(Piece(start, end, stamp))
        return cls(tuple(found))

    @property
    def covered(self) -> Ranges:
        """Where something stands."""
        return Ranges.of(*((p.start, p.end) for p in self.pieces))

    def within(self, ranges: Ranges) -> Pieces:
        """What stands in these ranges."""
        found = []
        for start, end in ranges:
            first = bisect_right(self.pieces, start, key=lambda p: p.end)
            last = bisect_left(self.pieces, end, key=lambda p: p.start)
            found += [(max(p.start, start), min(p.end, end), p.stamp) for p in self.pieces[first:last]]
        return Pieces.of(found)

    def summed(self, start: int, end: int) -> Piece:
        """All that stands in a stretch of time as one piece: where its stamp is the same, so is everything there."""
        there = self.within(Ranges.of((start, end))).pieces
        return Piece(start, end, hashlib.sha256(json.dumps(there).encode()).hexdigest()[:16])

    def replaced(self, ranges: Ranges, stamp: str) -> Pieces:
        """The same with something else in these ranges."""
        if not ranges or not self.pieces:
            return Pieces.of((*i, stamp) for i in ranges)
        whole = Ranges.of((min(self.pieces[0].start, ranges.start), max(self.pieces[-1].end, ranges.end)))
        return Pieces.of([*self.within(whole - ranges).pieces, *((*i, stamp) for i in ranges)])

    def differing(self, other: Pieces) -> Ranges:
        """Where the two do not hold the same."""
        if self.pieces == other.pieces:
            return Ranges()
        same = [
            (max(a.start, b.start), min(a.end, b.end))
            for a in self.pieces
            for b in other.within(Ranges.of((a.start, a.end))).pieces
            if a.stamp == b.stamp
        ]
        return (self.covered | other.covered) - Ranges.of(*same)
