"""What stands in stretches of time, told by stamps."""

from __future__ import annotations

import random

from seeknal.intervals.pieces import Pieces, Sums
from seeknal.intervals.ranges import Ranges


def some(chance: random.Random) -> Pieces:
    found, moment = [], 0
    for _ in range(chance.randrange(12)):
        start = moment + chance.choice([0, 0, 1, 2])
        moment = start + chance.randrange(1, 4)
        found.append((start, moment, chance.choice("ab")))
    return Pieces.of(found)


def test_a_stretch_sums_up_to_the_same_exactly_where_the_same_stands_in_it() -> None:
    chance = random.Random(7)
    for _ in range(300):
        one, other = some(chance), some(chance)
        for _ in range(20):
            start = chance.randrange(30)
            end = start + chance.randrange(1, 12)
            alike = not one.within(Ranges.of((start, end))).differing(other.within(Ranges.of((start, end))))
            assert (Sums(one).of(start, end) == Sums(other).of(start, end)) == alike
