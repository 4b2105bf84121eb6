"""Lengths of time as people write them: `30d`, `12 hours`, `90m`. Months and years are refused: they have no fixed length."""

from __future__ import annotations

import re

_DURATION = re.compile(r"(\d+)\s*([a-z]+)")
_UNITS = {
    "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86_400, "day": 86_400,
    "w": 604_800, "week": 604_800,
}  # fmt: skip
_LONGEST = 100 * 366 * 86_400
_SHORT = ((604_800, "w"), (86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def parse_duration(text: object) -> int:
    """A length of time in seconds. Raises ValueError with words for people."""
    match = _DURATION.fullmatch(text.strip().lower()) if isinstance(text, str) else None
    unit = match and (_UNITS.get(match[2]) or _UNITS.get(match[2].removesuffix("s")))
    if not match or not unit:
        message = f"must be a duration such as 30d, 12h, 90m or 45s; found {text!r}"
        raise ValueError(message)
    seconds = int(match[1]) * unit
    if not 0 < seconds <= _LONGEST:
        message = f"must be more than nothing and at most a hundred years; found {text!r}"
        raise ValueError(message)
    return seconds


def short(seconds: int) -> str:
    """`7d` for the seconds of a week: the largest unit but weeks that leaves nothing over."""
    return next(f"{seconds // size}{unit}" for size, unit in _SHORT[1:] if seconds % size == 0)
