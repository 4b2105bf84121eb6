"""Where the first window of a node begins that says no `start`: where its data began when it was last looked through."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal.intervals.calendar import Calendar
    from seeknal.nodes import NodeId


@dataclass(frozen=True)
class Beginning:
    """Where data began, which need not be where the windows begin that were asked for, and where the windows of inputs began then."""

    at: int
    above: Mapping[NodeId, int] = field(default_factory=dict)

    def first(self, starts: Mapping[NodeId, int], calendar: Calendar) -> int:
        """Where the first window begins; no later than the windows of an input that was filled further back since."""
        earlier = [calendar.floor(start) for name, start in starts.items() if start < self.above.get(name, start)]
        return min([self.at, *earlier])

    def to_json(self) -> dict[str, Any]:
        """As state has it."""
        return {"at": self.at, "above": dict(self.above)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Beginning:
        """Read what `to_json` wrote."""
        return cls(value["at"], value["above"])
