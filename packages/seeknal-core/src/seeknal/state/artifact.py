"""Outputs as state describes them: which node made one, what is in it, and its files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeknal.nodes import ColumnSchema, Digest, Key, NodeId, Schema, fold
from seeknal.state.outcomes import AuditOutcome
from seeknal.state.parts import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ALL = "*"
"""In place of a set of columns: all of them."""


def column_set(columns: Iterable[str]) -> str:
    """A short name for a set of columns, by their names without regard to case."""
    return hashlib.blake2b("\0".join(sorted(fold(c) for c in columns)).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file of an artifact: its name or path, size in bytes, modification time in ns when it was verified, and content hash."""

    name: str
    size: int
    mtime_ns: int
    hash: str | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """Rows that audits kept out of an output: how many, their columns, the files beside the output's that hold them.

    `outcomes` has what each of the audits found, by its definition.
    """

    rows: int
    schema: Schema
    files: tuple[FileRecord, ...]
    outcomes: Mapping[str, AuditOutcome] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As a plain document."""
        return {
            "rows": self.rows, "schema": [[c.name, c.type] for c in self.schema], "files": [[f.name, f.size, f.mtime_ns, f.hash] for f in self.files],
            "outcomes": {d: o.to_json() for d, o in self.outcomes.items()},
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Rejected:
        """From a plain document."""
        return cls(
            value["rows"],
            tuple(ColumnSchema(n, t) for n, t in value["schema"]),
            tuple(FileRecord(*f) for f in value["files"]),
            {d: AuditOutcome.from_json(o) for d, o in value["outcomes"].items()},
        )


@dataclass(frozen=True, slots=True)
class Artifact:
    """An output that exists: which node made it, what is in it, and its files.

    `digests` says how readers know the output: by all of its columns (`*`), or by a set of them (see `column_set`). `location` is a
    folder relative to the target folder, or None where files are referenced in place. `rejected` are the rows that audits set aside. `part` is set on part
    of an output that is built window by window; see `seeknal.state.parts`. A whole one is a `seeknal.state.segments.Joined`.
    """

    key: Key
    node: NodeId
    rows: int
    schema: Schema
    files: tuple[FileRecord, ...]
    location: str | None
    digests: Mapping[str, Digest] = field(default_factory=dict)
    created_at: str = ""
    rejected: Rejected | None = None
    part: Part | None = None

    @property
    def is_joined(self) -> bool:
        """Whether it is made of parts."""
        return False

    @property
    def parts(self) -> tuple[Artifact, ...]:
        """The parts it is made of, in order."""
        return ()

    @property
    def part_keys(self) -> tuple[Key, ...]:
        """The keys of its parts; of what has none, its own."""
        return (self.key,)

    @property
    def names(self) -> list[str]:
        """Its files, in its location."""
        return [f.name for f in self.files]

    @property
    def every_file(self) -> tuple[FileRecord, ...]:
        """Its files and those of the rows that were set aside."""
        return self.files if self.rejected is None else (*self.files, *self.rejected.files)

    def identity(self, columns: Iterable[str] | None) -> Digest | None:
        """How a reader of these columns (None: all) knows the output. Outputs known alike hold the same rows in these columns."""
        every = self.digests.get(ALL)
        return every if columns is None else self.digests.get(column_set(columns), every)

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(f.size for f in self.every_file)

    def to_json(self) -> dict[str, Any]:
        """As a plain document."""
        document: dict[str, Any] = {
            "node": self.node, "rows": self.rows, "schema": [[c.name, c.type] for c in self.schema],
            "files": [[f.name, f.size, f.mtime_ns, f.hash] for f in self.files], "location": self.location,
            "digests": dict(self.digests), "created_at": self.created_at,
            **({} if self.rejected is None else {"rejected": self.rejected.to_json()}),
        }  # fmt: skip
        if self.part is not None:
            document["part"] = self.part.to_json()
        return document

    @classmethod
    def from_json(cls, key: str, value: Mapping[str, Any]) -> Artifact:
        """From a plain document."""
        return cls(
            Key(key), value["node"], value["rows"], tuple(ColumnSchema(n, t) for n, t in value["schema"]),
            tuple(FileRecord(*f) for f in value["files"]), value["location"], value["digests"], value.get("created_at", ""),
            Rejected.from_json(value["rejected"]) if "rejected" in value else None,
            Part.from_json(value["part"]) if "part" in value else None,
        )  # fmt: skip
