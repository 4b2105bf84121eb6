"""What stands in each stretch of time, told by stamps: two outputs hold the same where they carry the same stamp."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from seeknal.intervals.ranges import Ranges

if TYPE_CHECKING:
    from collections.abc import Iterable


_MODULUS = 1 << 128


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


class Sums:
    """All that stands in any stretch of time as one piece: where its stamp is the same, so is everything there. No slower for a long stretch."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces.pieces
        self._sums = [0, *accumulate(map(_number, self._pieces))]

    def of(self, start: int, end: int) -> Piece:
        """What stands from `start` to `end`."""
        first = bisect_right(self._pieces, start, key=lambda p: p.end)
        last = bisect_left(self._pieces, end, key=lambda p: p.start)
        total = self._sums[last] - self._sums[first] if first < last else 0
        for number in {first, last - 1} if first < last else ():
            piece = self._pieces[number]
            cut = Piece(max(piece.start, start), min(piece.end, end), piece.stamp)
            total += _number(cut) - _number(piece) if cut != piece else 0
        return Piece(start, end, f"{total % _MODULUS:032x}")


def _number(piece: Piece) -> int:
    return int.from_bytes(hashlib.sha256(json.dumps(piece).encode()).digest()[:16])
