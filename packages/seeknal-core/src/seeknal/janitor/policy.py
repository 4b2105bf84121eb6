"""What cleaning keeps, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from seeknal.errors import ProjectError
from seeknal.features.model import TRAINING_SET

if TYPE_CHECKING:
    from collections.abc import Mapping

GRACE = "24h"
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Policy:
    """`grace`: how long something must have been of no use before it goes. `runs`: outputs that any of the last so many runs used stay.

    `history`: pages of runs older than this are packed. `environment_ttl` counts for environments that do not say when they end. `orphans`: whether
    outputs that the state does not know go too. Of nodes of `kept_kinds` every version stays.
    """

    grace: timedelta = timedelta(hours=24)
    runs: int = 30
    history: timedelta = timedelta(days=90)
    environment_ttl: timedelta = timedelta(days=7)
    orphans: bool = True
    kept_kinds: frozenset[str] = frozenset({TRAINING_SET})

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, grace: str = GRACE, runs: int | None = None) -> Policy:
        """What the project's settings under `janitor:` say."""
        return cls(
            duration(grace),
            settings.get("output_retention", 30) if runs is None else runs,
            duration(settings.get("state_history", "90d")),
            duration(settings.get("environment_ttl", "7d")),
            settings.get("orphan_detection", True),
            frozenset({TRAINING_SET}) if settings.get("keep_training_sets", True) else frozenset(),
        )


def duration(text: str) -> timedelta:
    """`90m`, `12h`, `7d` or `2w` as a span of time. Raises ProjectError (SK-JAN-001)."""
    number, unit = text.strip()[:-1].strip(), text.strip()[-1:]
    if not number.isascii() or not number.isdecimal() or unit not in _UNITS or len(number) > 6:  # noqa: PLR2004 - beyond what dates hold
        raise ProjectError("SK-JAN-001", f"'{text}' is no span of time", hint="write 90m, 12h, 7d or 2w")
    return timedelta(**{_UNITS[unit]: int(number)})


def moment(text: object) -> datetime | None:
    """A time as state and run ids have it; None for what is none."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
