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
    from seeknal.state.artifact import Artifact


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
        found += [Held(a, p, p.ranges) for a, p in together] if len(together) == 1 else _latest(together)
    return sorted(found, key=lambda h: h.ranges.start)


def within(parts: Iterable[Held], extent: Ranges) -> list[Held]:
    """What of parts lies in a time. A segment that does so in some of its windows is taken apart."""
    found: list[Held] = []
    for part in parts:
        ranges = part.ranges & extent
        if part.artifact.is_joined and ranges != part.ranges:
            found += within(each([part]), extent)
        elif ranges:
            found.append(Held(part.artifact, part.part, ranges))
    return found


def each(parts: Iterable[Held], touching: Ranges | None = None) -> Iterator[Held]:
    """All parts one by one, segments taken apart: those that have to do with some windows only, where these are given."""
    for held_part in parts:
        if touching is not None and not held_part.ranges & touching:
            continue
        if held_part.artifact.is_joined:
            yield from (Held(a, a.part, a.part.ranges) for a in held_part.artifact.parts if a.part is not None)
        else:
            yield held_part


def _latest(together: list[tuple[Artifact, Part]]) -> list[Held]:
    """Which windows of parts that may overlap hold. Segments are taken apart for it; those of which all still holds are put in again."""
    found: dict[str, Held] = {}
    taken = Ranges()
    alone = {p.key: p for a, _ in together for p in (a.parts if a.is_joined else (a,))}
    for artifact in sorted(alone.values(), key=lambda a: (a.part.serial if a.part is not None else 0, a.key), reverse=True):
        part = artifact.part
        if part is not None and (ranges := part.ranges - taken if taken else part.ranges):
            found[artifact.key] = Held(artifact, part, ranges)
            taken |= ranges
    for segment, part in together:
        if segment.is_joined and all(k in found and found[k].is_whole for k in segment.part_keys):
            for key in segment.part_keys:
                del found[key]
            found[segment.key] = Held(segment, part, part.ranges)
    return list(found.values())


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
