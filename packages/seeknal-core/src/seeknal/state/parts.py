"""Outputs that are built window by window: what each of their parts is about, and which parts make the whole.

A part is an output of its own, with a key and a folder. `version` names the logic that made it; parts of one version belong together, whichever
environment had them built. Where two overlap, the one with the higher `serial` holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeknal.intervals.pieces import Piece, Pieces
from seeknal.intervals.ranges import Ranges

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from seeknal.nodes import NodeId
    from seeknal.state.model import Artifact


@dataclass(frozen=True, slots=True)
class Part:
    """What a part is about.

    `stamp` tells its rows from others in the same windows, and stays what it was when some windows of a part are taken over into another. `reads` says what
    stood in the same windows of those inputs that are built window by window, and `before`, as one piece, in the time before that played a part too.
    """

    version: str
    ranges: Ranges
    serial: int
    stamp: str
    reads: Mapping[NodeId, Pieces] = field(default_factory=dict)
    before: Mapping[NodeId, Piece] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As a plain document."""
        reads = {i: [list(p) for p in pieces.pieces] for i, pieces in self.reads.items()}
        before = {"before": {i: list(piece) for i, piece in self.before.items()}} if self.before else {}
        return {
            "version": self.version,
            "ranges": self.ranges.to_json(),
            "serial": self.serial,
            "stamp": self.stamp,
            "reads": reads,
            **before,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Part:
        """From a plain document."""
        reads = {i: Pieces.of((s, e, stamp) for s, e, stamp in pieces) for i, pieces in value["reads"].items()}
        ranges = Ranges.of(*((s, e) for s, e in value["ranges"]))
        before = {i: Piece(*piece) for i, piece in value.get("before", {}).items()}
        return cls(value["version"], ranges, value["serial"], value["stamp"], reads, before)


@dataclass(frozen=True, slots=True)
class Held:
    """A part, and those of its windows that no later part has."""

    artifact: Artifact
    part: Part
    ranges: Ranges

    @property
    def is_whole(self) -> bool:
        """Whether all of its windows hold still."""
        return self.ranges == self.part.ranges


def held(artifacts: Iterable[Artifact]) -> list[Held]:
    """Which windows of each part hold, in order of time; parts without any are left out."""
    found: list[Held] = []
    for together in _overlapping([(a, a.part) for a in artifacts if a.part is not None and a.part.ranges]):
        covered = Ranges()
        for artifact, part in sorted(together, key=lambda p: (p[1].serial, p[0].key), reverse=True):
            ranges = part.ranges - covered if covered else part.ranges
            if ranges:
                found.append(Held(artifact, part, ranges))
                covered |= ranges
    return sorted(found, key=lambda h: h.ranges.start)


def covered(parts: Iterable[Held]) -> Ranges:
    """The windows that parts hold."""
    return Ranges.of(*(i for h in parts for i in h.ranges))


def pieces_of(whole: Artifact) -> Pieces:
    """What stands in the windows of an output."""
    return Pieces.of((*i, a.part.stamp) for a in whole.parts if a.part is not None for i in a.part.ranges)


def _overlapping(parts: list[tuple[Artifact, Part]]) -> Iterator[list[tuple[Artifact, Part]]]:
    """Parts in groups within which they may overlap: mostly one by one."""
    group: list[tuple[Artifact, Part]] = []
    end = None
    for artifact, part in sorted(parts, key=lambda p: p[1].ranges.start):
        if group and end is not None and part.ranges.start >= end:
            yield group
            group, end = [], None
        group.append((artifact, part))
        end = part.ranges.end if end is None else max(end, part.ranges.end)
    if group:
        yield group
