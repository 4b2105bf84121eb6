"""Since when things have been of no use: `target/janitor.json`.

A mark that is lost is made again, and its time begins anew; one from a time to come (the clock was set back) is made anew too.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from seeknal.durable import write_whole
from seeknal.janitor.policy import moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE = "janitor.json"
_DAY = timedelta(days=1)


@dataclass
class Marks:
    """When each thing was first seen to be of no use, by its name, and when the janitor was last here."""

    since: dict[str, datetime] = field(default_factory=dict)
    last: datetime | None = None

    @classmethod
    def read(cls, target: Path, now: datetime) -> Marks:
        """The marks there are; none where there is no file or it cannot be read."""
        try:
            document = json.loads((target / FILE).read_bytes())
            last = moment(document["last"])
            marks = cls(last=last if last is None or last <= now else None)
            for text, names in document["marks"].items():
                at = moment(text)
                if at is not None and at <= now:
                    marks.since.update(dict.fromkeys(names, at))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls()
        return marks

    def is_due(self, now: datetime) -> bool:
        """Whether a day has passed since the last time."""
        return self.last is None or now - self.last >= _DAY

    def write(self, target: Path, since: Mapping[str, datetime], now: datetime) -> None:
        """Put the marks that are to be, and that the janitor was here."""
        grouped: dict[str, list[str]] = defaultdict(list)
        for name, at in since.items():
            grouped[_text(at)].append(name)
        document = {"last": _text(now), "marks": grouped}
        write_whole(target / FILE, json.dumps(document, separators=(",", ":")).encode())


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
