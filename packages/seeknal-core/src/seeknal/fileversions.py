"""Which files a source reads, and whether their content is what it was.

A file whose size and time are as they were when it was last looked at is unchanged; otherwise its content decides, so touching a
file or copying the project elsewhere changes nothing.
"""

from __future__ import annotations

import glob
import hashlib
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeknal.artifacts import hash_file
from seeknal.state.model import Change, FileRecord

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_RACY_NS = 2_000_000_000
IN_PLACE_HASH_LIMIT = 1_000_000_000
"""Files read in place above this size, in bytes, are known by size and time alone."""


@dataclass
class FileVersions:
    """The files under a project as they were last seen (`known`, from state), and what was learned since (`changes`)."""

    root: Path
    known: Mapping[str, Mapping[str, Any]]
    changes: dict[str, Change] = field(default_factory=dict)

    def expand(self, table: str) -> list[Path]:
        """The files a path or glob names, sorted; empty when there are none. A name that is a file's is that file, brackets and all."""
        path = self.root / table
        if path.is_file():
            return [path]
        if not any(c in table for c in "*?["):
            return []
        found = glob.glob(table, root_dir=self.root, recursive=True)  # noqa: PTH207 - pathlib knows no absolute patterns
        return sorted(path for path in map(self.root.joinpath, found) if path.is_file())

    def version(self, paths: list[Path], *, in_place: bool = False) -> tuple[str, tuple[FileRecord, ...]]:
        """A hash of the files' names and content, and a record of each file as it is now."""
        records = tuple(self._record(p, in_place=in_place) for p in paths)
        digest = hashlib.sha256()
        for record in records:
            content = record.hash or f"{record.size}:{record.mtime_ns}"
            digest.update(f"{record.name}\0{content}\n".encode())
        return digest.hexdigest()[:32], records

    def _record(self, path: Path, *, in_place: bool) -> FileRecord:
        name = os.path.relpath(path, self.root) if path.is_relative_to(self.root) else str(path)
        stat = path.stat()
        if in_place and stat.st_size > IN_PLACE_HASH_LIMIT:
            return FileRecord(name, stat.st_size, stat.st_mtime_ns, None)
        change = self.changes.get(name)
        before = change.value if change is not None else self.known.get(name)
        if before and before["size"] == stat.st_size and before["mtime_ns"] == stat.st_mtime_ns:
            return FileRecord(name, stat.st_size, stat.st_mtime_ns, before["hash"])
        digest = hash_file(path)
        if stat.st_mtime_ns < time.time_ns() - _RACY_NS:  # a file written this moment may be written again within the same tick
            value = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "hash": digest}
            self.changes[name] = Change("files", name, value)
        return FileRecord(name, stat.st_size, stat.st_mtime_ns, digest)
