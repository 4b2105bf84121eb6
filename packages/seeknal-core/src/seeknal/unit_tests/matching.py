"""Rows against rows, in any order: which are missing, which are unexpected, and which differ only a little."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from seeknal.unit_tests.model import DifferingRow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Row = tuple[Any, ...]
_MOST_PAIRS = 250_000
_ALIKE = 0.5


@dataclass(frozen=True)
class Difference:
    """What is left when equal rows are taken away."""

    missing: tuple[Row, ...]
    unexpected: tuple[Row, ...]
    differing: tuple[DifferingRow, ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.differing)

    @property
    def message(self) -> str:
        """In a few words."""
        parts = [(len(self.differing), "differ", "differs"), (len(self.missing), "missing", "missing")]
        parts.append((len(self.unexpected), "unexpected", "unexpected"))
        found = [f"{n:,} {'row' if n == 1 else 'rows'} {one if n == 1 else many}" for n, many, one in parts if n]
        return ", ".join(found)


def difference(
    columns: Sequence[str],
    expected: Sequence[Row],
    actual: Sequence[Row],
    tolerance: Mapping[str, float],
    *,
    others_allowed: bool = False,
) -> Difference:
    """Compare two multisets of rows. A row counts as differing where an expected and an actual one agree in half of their columns or more.

    `tolerance` is by how much the numbers of a column may differ. With `others_allowed` rows that nobody expected are no difference.
    """
    missing, unexpected = _without_equal(expected, actual)
    if tolerance and missing and unexpected:
        limits = [tolerance.get(c) for c in columns]
        missing, unexpected = _without_near(missing, unexpected, lambda a, b: _near_rows(a, b, limits))
    pairs = _pairs(missing, unexpected)
    for one, other in pairs:
        missing.remove(one)
        unexpected.remove(other)
    differing = tuple(DifferingRow(e, a, tuple(c for c, x, y in zip(columns, e, a, strict=True) if _key(x) != _key(y))) for e, a in pairs)
    return Difference(tuple(missing), () if others_allowed else tuple(unexpected), differing)


def _without_equal(expected: Sequence[Row], actual: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    wanted = Counter(map(_key, expected))
    unexpected = []
    for row in actual:
        if wanted[_key(row)] > 0:
            wanted[_key(row)] -= 1
        else:
            unexpected.append(row)
    missing = []
    for row in reversed(expected):  # of rows that stand there several times, the last are missing
        if wanted[_key(row)] > 0:
            wanted[_key(row)] -= 1
            missing.append(row)
    return missing[::-1], unexpected


def _without_near(missing: list[Row], unexpected: list[Row], near: Callable[[Row, Row], bool]) -> tuple[list[Row], list[Row]]:
    left, rest = [], list(unexpected)
    for row in missing:
        found = next((i for i, other in enumerate(rest) if near(row, other)), None)
        if found is None:
            left.append(row)
        else:
            del rest[found]
    return left, rest


def _near_rows(one: Row, other: Row, limits: Sequence[float | None]) -> bool:
    return all(_key(a) == _key(b) or (limit is not None and _near(a, b, limit)) for a, b, limit in zip(one, other, limits, strict=True))


def _near(one: Any, other: Any, limit: float) -> bool:
    numbers = isinstance(one, int | float | Decimal) and isinstance(other, int | float | Decimal)
    return numbers and abs(
        Decimal(repr(one) if isinstance(one, float) else one) - Decimal(repr(other) if isinstance(other, float) else other)
    ) <= Decimal(repr(limit))


def _pairs(missing: Sequence[Row], unexpected: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Rows that were probably meant to be the same, the most alike first."""
    if not missing or not unexpected or len(missing) * len(unexpected) > _MOST_PAIRS:
        return []
    scores = []
    for i, one in enumerate(missing):
        for j, other in enumerate(unexpected):
            same = sum(_key(a) == _key(b) for a, b in zip(one, other, strict=True))
            if same and same >= len(one) * _ALIKE:
                first = _key(one[0]) == _key(other[0])  # mostly a key
                scores.append((-same, not first, i, j))
    found: dict[int, int] = {}
    for _, _, i, j in sorted(scores):
        if i not in found and j not in found.values():
            found[i] = j
    return [(missing[i], unexpected[j]) for i, j in sorted(found.items())]


def _key(value: Any) -> Any:
    """A value as it is compared: NaN is itself, lists and mappings by what they hold."""
    if isinstance(value, tuple | list):
        return tuple(map(_key, value))
    if isinstance(value, dict):
        return frozenset((_key(k), _key(v)) for k, v in value.items())
    if isinstance(value, float) and math.isnan(value):
        return "NaN", math.inf
    if isinstance(value, bool):
        return value, "bool"
    return value
