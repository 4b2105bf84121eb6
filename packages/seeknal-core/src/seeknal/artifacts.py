"""Where outputs live, and how they are written whole or not at all.

    cache/<kind>/<name>/<key>/part-<hash>.parquet     data; the name carries the content's hash, so nothing is ever overwritten
    cache/<kind>/<name>/<key>/rejected-<hash>.parquet rows that audits set aside, for their owner's eyes only
    cache/<kind>/<name>/<key>/artifact.json           what the parts are: rows, columns, digests, sizes and hashes

A part is written under a temporary name, fsynced and renamed; then `artifact.json` the same way. The artifact exists once that
file does. State can therefore be lost: `find` and `walk` know every output from these files alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import xxhash

from seeknal.durable import sync_file, write_whole
from seeknal.nodes import Digest, Key, NodeId, Schema
from seeknal.protocols import Files
from seeknal.state.model import Artifact, FileRecord, Rejected
from seeknal.state.segments import Joined, Segment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seeknal.state.parts import Part

META = "artifact.json"
REJECTED = "rejected"
"""The folder of failing rows, beside that of outputs."""
_BLOCK = 1 << 20

Presence = Literal["whole", "missing", "damaged"]


@dataclass(frozen=True)
class Stage:
    """An output being written: its final folder, the temporary file its rows go to, and the one for rows that audits set aside."""

    node: NodeId
    folder: Path
    part: Path
    aside: Path | None = None

    @property
    def key(self) -> Key:
        """The key under which it is written."""
        return Key(self.folder.name)


@dataclass(frozen=True)
class Beside:
    """The files of an output besides the one that is staged: those written, and those of another output of the node that it shares, each with its record."""

    written: tuple[Path, ...] = ()
    shared: tuple[tuple[Path, FileRecord], ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """All of them, where they are now."""
        return (*self.written, *(path for path, _ in self.shared))


class ArtifactStore:
    """The outputs under one target folder."""

    def __init__(self, root: Path, target: Path) -> None:
        """`root` is the project's folder, to which files referenced in place are relative."""
        self.root = root
        self.target = target
        self._target_text = str(target)
        self.cache = target / "cache"
        self._moving = threading.Lock()
        self.retimed: dict[Key, Artifact] = {}
        """Outputs found whole by their content alone, with their files' times as they are now: worth remembering."""

    def folder(self, node: NodeId, key: Key) -> Path:
        """The folder of an output."""
        kind, _, name = node.partition(".")
        return self.cache / kind / name / key

    def stage(self, node: NodeId, key: Key) -> Stage:
        """Begin writing an output."""
        folder = self.folder(node, key)
        folder.mkdir(parents=True, exist_ok=True)
        return Stage(node, folder, folder / f".part.{uuid.uuid4().hex}.tmp")

    def discard(self, stage: Stage, beside: Beside | None = None) -> None:
        """Forget what was begun."""
        for path in (stage.part, stage.aside, *(beside.written if beside is not None else ())):
            if path is not None:
                path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            stage.folder.rmdir()

    def commit(
        self,
        stage: Stage,
        key: Key,
        rows: int,
        schema: Schema,
        digests: Mapping[str, Digest],
        rejected: Rejected | None = None,
        part: Part | None = None,
        beside: Beside | None = None,
    ) -> Artifact:
        """Make a written output exist: durable once this returns. `rejected` is what was written aside, `part` what it is part of."""
        folder = self.folder(stage.node, key)
        folder.mkdir(parents=True, exist_ok=True)
        if rejected is not None and stage.aside is not None:
            rejected = replace(rejected, files=(self._placed(stage.aside, folder, "rejected"),))
        files = tuple(self._placed(path, folder, "part") for path in (stage.part, *(beside.written if beside is not None else ())))
        files += tuple(_shared(path, record, folder) for path, record in (beside.shared if beside is not None else ()))
        if folder != stage.folder:
            with contextlib.suppress(OSError):
                stage.folder.rmdir()
        location = folder.relative_to(self.target).as_posix()
        artifact = Artifact(key, stage.node, rows, schema, files, location, digests, now(), rejected, part)
        self._describe(artifact, folder)
        return artifact

    def _placed(self, written: Path, folder: Path, name: str) -> FileRecord:
        """Give a written file the name that its content decides."""
        digest = hash_file(written)
        final = folder / f"{name}-{digest[:16]}.parquet"
        sync_file(written)
        with self._moving:
            written.replace(final)
        stat = final.stat()
        return FileRecord(final.name, stat.st_size, stat.st_mtime_ns, digest)

    def reference(
        self, node: NodeId, key: Key, files: tuple[FileRecord, ...], rows: int, schema: Schema, digests: Mapping[str, Digest]
    ) -> Artifact:
        """An output that is files of the project, read where they are."""
        return Artifact(key, node, rows, schema, files, None, digests, now())

    def paths(self, artifact: Artifact) -> tuple[Path, ...]:
        """The files of an output."""
        return self._paths(artifact, artifact.files)

    def rejected_paths(self, artifact: Artifact) -> tuple[Path, ...]:
        """The files of the rows that audits set aside."""
        return self._paths(artifact, artifact.rejected.files if artifact.rejected is not None else ())

    def relation(self, artifact: Artifact) -> Files:
        """An output as an engine reads it."""
        base = self._base(artifact)
        return Files(tuple([f"{base}{os.sep}{name}" for name in artifact.names]))

    def _paths(self, artifact: Artifact, files: tuple[FileRecord, ...]) -> tuple[Path, ...]:
        base = self._base(artifact)
        return tuple(Path(f"{base}{os.sep}{f.name}") for f in files)

    def _base(self, artifact: Artifact) -> str:
        return f"{self.root}" if artifact.location is None else f"{self._target_text}{os.sep}{artifact.location}"

    def _every(self, artifact: Artifact) -> Iterator[tuple[Path, FileRecord]]:
        return zip(self._paths(artifact, artifact.every_file), artifact.every_file, strict=True)

    def check(self, artifact: Artifact) -> Presence:
        """Whether an output's files are what was written.

        Size and time are compared always; where the time differs the content is, so a copied folder is whole and a changed
        file is not.
        """
        if isinstance(artifact, Segment) and self._is_untouched(artifact):
            return "whole"
        if isinstance(artifact, Joined):
            return next((found for m in artifact.members if (found := self.check(m)) != "whole"), "whole")
        moved = False
        base = self._base(artifact)
        for record in artifact.every_file:
            path = f"{base}{os.sep}{record.name}"  # a node may have thousands of files: a Path for each is what would take the time
            try:
                stat = os.stat(path)  # noqa: PTH116 - see above
                if stat.st_size != record.size:
                    return "damaged"
                if stat.st_mtime_ns != record.mtime_ns:
                    moved = True
                    if record.hash is None or hash_file(Path(path)) != record.hash:
                        return "damaged"
            except OSError:
                return "missing"
        if moved:
            self.retimed[artifact.key] = self.refreshed(artifact)
        return "whole"

    def _is_untouched(self, segment: Segment) -> bool:
        """Whether the sizes and times of all files are what they were."""
        look = os.stat
        try:
            folder = os.open(self._base(segment), os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return False
        try:  # from the folder on: the way to it is the same for thousands of files
            for name, size, mtime_ns in segment.sizes:
                stat = look(name, dir_fd=folder)
                if stat.st_size != size or stat.st_mtime_ns != mtime_ns:
                    return False
        except OSError:
            return False
        finally:
            os.close(folder)
        return True

    def verify(self, artifact: Artifact) -> Presence:
        """The same, reading every byte."""
        for path, record in self._every(artifact):
            if not path.is_file():
                return "missing"
            if record.hash is not None and hash_file(path) != record.hash:
                return "damaged"
        return self.check(artifact)

    def refreshed(self, artifact: Artifact) -> Artifact:
        """The record of a whole output with its files' times as they are now."""
        rejected = artifact.rejected
        if rejected is not None:
            rejected = replace(rejected, files=_retimed(self.rejected_paths(artifact), rejected.files))
        return replace(artifact, files=_retimed(self.paths(artifact), artifact.files), rejected=rejected)

    def set_aside(self, artifact: Artifact) -> list[Path]:
        """Rename damaged files so that nothing reads them as data. Returns where they are now. Files in place are left alone."""
        if artifact.is_joined:
            return [path for p in artifact.parts for path in self.set_aside(p)]
        moved: list[Path] = []
        with self._moving:
            if (
                artifact.location is None or self.check(artifact) == "whole"
            ):  # nodes of one key share outputs: another was built again first
                return moved
            for path, _ in self._every(artifact):
                if path.exists():
                    aside = path.with_name(f"{path.name}.damaged")
                    path.replace(aside)
                    moved.append(aside)
            (self.target / artifact.location / META).unlink(missing_ok=True)
        return moved

    def touch(self, artifact: Artifact) -> None:
        """Say that an output was taken up again, to whoever would remove what has long been of no use."""
        for part in artifact.parts:
            self.touch(part)
        if artifact.location is not None and not artifact.is_joined:
            with contextlib.suppress(OSError):
                os.utime(self.target / artifact.location / META)

    def find(self, node: NodeId, key: Key) -> Artifact | None:
        """An output that exists although state does not know it: built by a colleague, or before state was lost."""
        return self._read(self.folder(node, key) / META, key)

    def find_parts(self, node: NodeId, version: Key) -> list[Artifact]:
        """The parts of a version that exist although state does not know them."""
        metas = sorted(self.folder(node, version).parent.glob(f"*/{META}"))
        found = [self._read(meta, Key(meta.parent.name)) for meta in metas]
        return [a for a in found if a is not None and a.part is not None and a.part.version == version]

    def walk(self) -> Iterator[Artifact]:
        """Every output there is, from the files alone."""
        for meta in sorted(self.cache.glob(f"*/*/*/{META}")):
            found = self._read(meta, Key(meta.parent.name))
            if found is not None:
                yield found

    def _read(self, meta: Path, key: Key) -> Artifact | None:
        try:
            artifact = Artifact.from_json(key, json.loads(meta.read_bytes()))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        moved = replace(artifact, location=meta.parent.relative_to(self.target).as_posix())
        return self.refreshed(moved) if self.check(moved) == "whole" else None

    def _describe(self, artifact: Artifact, folder: Path) -> None:
        write_whole(folder / META, json.dumps({"key": artifact.key, **artifact.to_json()}).encode())


def _shared(path: Path, record: FileRecord, folder: Path) -> FileRecord:
    """A file of another output as one of this folder too: the same file where the disk can say so, else a copy. Neither is ever written to."""
    target = folder / record.name
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(path)
    except OSError:
        shutil.copyfile(path, target)
        sync_file(target)
    return replace(record, mtime_ns=target.stat().st_mtime_ns)


def hash_file(path: Path) -> str:
    """XXH3, 128 bits, of a file's content, as hexadecimal text."""
    digest = xxhash.xxh3_128()
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _retimed(paths: tuple[Path, ...], files: tuple[FileRecord, ...]) -> tuple[FileRecord, ...]:
    return tuple(replace(record, mtime_ns=path.stat().st_mtime_ns) for path, record in zip(paths, files, strict=True))


def now() -> str:
    """This second, as outputs have it."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
