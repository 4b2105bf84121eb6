"""Outputs that are made of parts, of which there may be thousands.

A whole names its parts, in order of time. Long rows of them are put into segments instead: a segment has the documents of some parts, column by column, and
sums them up. It is called after them, so that a day more adds a part to a whole of a few segments, and neither writes nor takes apart what there is of the
others.
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

from seeknal.intervals.ranges import Ranges
from seeknal.nodes import ColumnSchema, Digest, Key
from seeknal.state.artifact import ALL, Artifact, FileRecord, Rejected, column_set
from seeknal.state.bulk import uncollected
from seeknal.state.columns import file_name, packed, unpacked
from seeknal.state.parts import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

SIZE = 64
"""How many parts a segment has. At the end of a whole up to twice as many are named one by one."""


class Joined(Artifact):
    """Parts of one node as one output: `members` are parts and segments, in order of time. What is seldom asked for is put together when it is."""

    members: tuple[Artifact, ...]

    def __init__(self, key: Key, members: Sequence[Artifact], created_at: str) -> None:
        kind, _, name = members[0].node.partition(".")
        values = {
            "key": key, "node": members[0].node, "rows": sum(m.rows for m in members), "schema": members[-1].schema,
            "location": f"cache/{kind}/{name}", "digests": {}, "created_at": created_at, "part": None, "members": tuple(members),
        }  # fmt: skip
        for field, value in values.items():
            object.__setattr__(self, field, value)

    @property
    def is_joined(self) -> bool:
        return True

    @cached_property
    def parts(self) -> tuple[Artifact, ...]:
        return tuple(p for m in self.members for p in (m.parts if m.is_joined else (m,)))

    @property
    def part_keys(self) -> tuple[Key, ...]:
        return tuple([k for m in self.members for k in m.part_keys])

    @property
    def names(self) -> list[str]:
        return [n for m in self.members for n in (m.names if m.is_joined else [f"{m.key}/{n}" for n in m.names])]

    @cached_property
    def files(self) -> tuple[FileRecord, ...]:
        return tuple(_within(p.key, f) for p in self.parts for f in p.files)

    @cached_property
    def rejected(self) -> Rejected | None:
        found = [(p.key, p.rejected) for m in self.members if m.rejected is not None for p in (m.parts or (m,)) if p.rejected is not None]
        if not found:
            return None
        files = tuple(_within(key, f) for key, rejected in found for f in rejected.files)
        return Rejected(sum(r.rows for _, r in found), found[-1][1].schema, files)

    def identity(self, columns: Iterable[str] | None) -> Digest | None:
        """That of its parts, one after the other."""
        known = list(self.identities(None if columns is None else tuple(columns)))
        digest = hashlib.sha256("\0".join(d or "" for d in known).encode()).hexdigest()[:32]
        return None if None in known else Digest(f"parts:{digest}")

    def identities(self, columns: tuple[str, ...] | None) -> Iterator[Digest | None]:
        """How readers of these columns know each of its parts."""
        for member in self.members:
            if isinstance(member, Joined):
                yield from member.identities(columns)
            else:
                yield member.identity(columns)

    def to_json(self) -> dict[str, Any]:
        """As a plain document, which names its members."""
        return {
            "node": self.node, "rows": self.rows, "schema": [[c.name, c.type] for c in self.schema], "files": [],
            "location": f"{self.location}/{self.key}", "digests": {}, "created_at": self.created_at, "parts": [m.key for m in self.members],
        }  # fmt: skip


class Segment(Joined):
    """Parts in a row, each of which holds in all of its windows. It is taken apart where one of them no longer does.

    Their documents are in its own. Where state has one of them by itself, that is newer.
    """

    document: Mapping[str, Any]
    is_new: bool
    """Whether state has yet to be told of it."""

    def __init__(self, key: str, document: Mapping[str, Any], newer: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """A segment as it was written. `newer` are documents of artifacts by key."""
        kind, _, name = document["node"].partition(".")
        ranges = Ranges.of(*((s, e) for s, e in document["ranges"]))
        found = {} if newer is None else {k: newer[k] for k in document["parts"] if k in newer}
        values = {
            "key": Key(key), "node": document["node"], "rows": document["rows"], "location": f"cache/{kind}/{name}", "digests": {}, "created_at": "",
            "schema": tuple(ColumnSchema(n, t) for n, t in document["schema"]), "part": Part(document["version"], ranges, document["serial"], key),
            "document": document, "is_new": False, "newer": found, "_others": {**document["others"], **found},
        }  # fmt: skip
        for field, value in values.items():
            object.__setattr__(self, field, value)

    newer: Mapping[str, Mapping[str, Any]]
    """Documents of parts that changed since."""
    _others: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, parts: Sequence[Artifact]) -> Segment:
        """Parts of the same version and columns as a segment."""
        version = parts[0].part.version if parts[0].part is not None else ""
        documents: dict[str, Mapping[str, Any]] = {p.key: p.to_json() for p in parts}
        shared: dict[str, Any] = {"node": parts[0].node, "version": version, "schema": [[c.name, c.type] for c in parts[-1].schema]}
        document = {
            **shared, "rows": sum(p.rows for p in parts), "serial": max(p.part.serial for p in parts if p.part is not None),
            "ranges": Ranges.of(*(i for p in parts if p.part is not None for i in p.part.ranges)).to_json(),
            "parts": list(documents), **packed(documents, shared),
        }  # fmt: skip
        made = cls(hashlib.sha256(json.dumps([version, document["parts"]]).encode()).hexdigest()[:32], document)
        object.__setattr__(made, "is_new", True)
        return made

    def documents(self) -> dict[str, Mapping[str, Any]]:
        """The documents of its parts, by key."""
        columns = self.document["columns"]
        rows = zip(*columns.values(), strict=True)
        return {
            key: self._others.get(key) or unpacked(key, dict(zip(columns, row, strict=True)), self.document)
            for key, row in zip(self.document["parts"], rows, strict=True)
        }

    @cached_property
    def parts(self) -> tuple[Artifact, ...]:
        with uncollected():
            return tuple(Artifact.from_json(k, d) for k, d in self.documents().items())

    @cached_property
    def members(self) -> tuple[Artifact, ...]:  # type: ignore[override]
        return self.parts

    @property
    def part_keys(self) -> tuple[Key, ...]:
        return tuple(self.document["parts"])

    @cached_property
    def names(self) -> list[str]:
        if self._others:
            return [f"{key}/{file[0]}" for key, d in self.documents().items() for file in d["files"]]
        return [f"{key}/{file_name(digest)}" for key, digest in zip(self.document["parts"], self.document["columns"]["hash"], strict=True)]

    @property
    def sizes(self) -> Iterator[tuple[str, int, int]]:
        """All of its files in its location, those of rows that were set aside too: each with its size and time."""
        columns, others = self.document["columns"], self._others
        if not others:
            return zip(self.names, columns["size"], columns["mtime_ns"], strict=True)
        documents = self.documents()
        found = [(k, f) for k, d in documents.items() for f in (*d["files"], *d.get("rejected", {"files": ()})["files"])]
        return iter([(f"{key}/{name}", size, mtime_ns) for key, (name, size, mtime_ns, _) in found])

    @cached_property
    def rejected(self) -> Rejected | None:
        return super().rejected if any("rejected" in d for d in self._others.values()) else None

    def identities(self, columns: tuple[str, ...] | None) -> Iterator[Digest | None]:
        name = ALL if columns is None else column_set(columns)
        for key, known in zip(self.document["parts"], self.document["columns"]["digests"], strict=True):
            digests = self._others[key]["digests"] if key in self._others else known
            yield Digest(digests) if isinstance(digests, str) else digests.get(name) or digests.get(ALL)

    def to_json(self) -> dict[str, Any]:
        """As a plain document."""
        return dict(self.document)


def in_segments(members: Iterable[Artifact]) -> list[Artifact]:
    """The members of a whole, such rows of parts as are long enough put into segments. Its last ones stay as they are: they change most."""
    renewed = [p for m in members for p in (m.parts if isinstance(m, Segment) and m.newer else (m,))]
    rows = [list(some) for _, some in groupby(renewed, key=_alike)]
    last = len(rows) - 1
    return [m for n, row in enumerate(rows) for m in (row if row[0].is_joined else _cut(row, SIZE if n == last else 0))]


def _alike(member: Artifact) -> tuple[object, ...]:
    """What parts have in common that may be in one segment."""
    part = member.part
    return (member.is_joined, None if part is None else (part.version, bool(part.ranges)), member.schema)


def _cut(row: list[Artifact], left: int) -> list[Artifact]:
    """A row of parts in segments, at least `left` of which stay parts."""
    found: list[Artifact] = []
    while len(row) >= SIZE + left or (row and len(row) > 1 and not left):
        found.append(Segment.of(row[:SIZE]))
        row = row[SIZE:]
    return [*found, *row]


def _within(key: Key, file: FileRecord) -> FileRecord:
    """A file of a part, in the folder of all of them."""
    return FileRecord(f"{key}/{file.name}", file.size, file.mtime_ns, file.hash)
