"""What is below target/, and which of it is of no use."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from seeknal.artifacts import META, REJECTED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime
    from typing import Any

    from seeknal.janitor.use import Use
    from seeknal.state.model import Snapshot

_TEMPORARY = re.compile(r"\..*\.[0-9a-f]{32}\.tmp")
_SCRATCH = "tmp"
_LOOKED_INTO = ("", "history", "locks")
STATE = "state:"
"""Begins the name of something that only the state knows of; outputs are named by their folders."""


@dataclass(frozen=True, slots=True)
class Output:
    """The folder of an output that is of no use: its name (`kind/name/key`), its files, their bytes, and when it was last written or taken up."""

    name: str
    files: tuple[str, ...]
    bytes: int
    touched: float

    @property
    def key(self) -> str:
        """The output's key."""
        return self.name.rpartition("/")[2]


@dataclass
class Survey:
    """What was found. `outputs` are of no use, `leftovers` are files that killed processes left, with their bytes; `stale` are keys of the state.

    `rejected` are files of failing rows that were kept, with their bytes, by the key of the output they were found in. `used` counts outputs that
    are in use.
    """

    outputs: list[Output] = field(default_factory=list)
    leftovers: dict[str, int] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    rejected: dict[str, dict[str, int]] = field(default_factory=dict)
    used: int = 0


def survey(target: Path, snapshot: Snapshot, use: Use, before: datetime) -> Survey:
    """Look at everything. Leftovers are those that nobody has written to since `before`."""
    found = Survey()
    seen: set[str] = set()
    known: Mapping[str, Any] = snapshot.outputs
    oldest = before.timestamp()
    for name, path in _folders(target / "cache"):
        key = name.rpartition("/")[2]
        entries = {e.name: e for e in os.scandir(path)}
        seen.add(key)
        if key in use.keys or (META in entries and name.partition("/")[0] in use.kinds):
            found.used += 1
            _leftovers_of_used(found, path, entries, _files(known.get(key)) | use.files.get(key, set()), oldest)
        else:
            _unused(found, name, path, entries, known.get(key), oldest)
    for name, path in _folders(target / REJECTED):
        stats = {e.path: e.stat(follow_symlinks=False) for e in os.scandir(path)}
        old = {p: s.st_size for p, s in stats.items() if s.st_mtime <= oldest}
        found.rejected.setdefault(name.rpartition("/")[2], {}).update(old)
    _elsewhere(found, target, oldest)
    audited = {k.partition("/")[0] for k in snapshot.tables["audits"]}
    found.stale = sorted(k for k in {*known, *audited, *snapshot.tables["views"]} - seen if k not in use.keys)
    root = target.parent
    found.files = [name for name in snapshot.tables["files"] if not (root / name).exists()]
    return found


def _folders(cache: Path) -> Iterator[tuple[str, str]]:
    """Every folder of an output, by name."""
    for kind in _subfolders(str(cache)):
        for node in _subfolders(kind.path):
            prefix = f"{kind.name}/{node.name}/"
            for key in _subfolders(node.path):
                yield prefix + key.name, key.path


def _subfolders(path: str) -> list[os.DirEntry[str]]:
    try:
        return [e for e in os.scandir(path) if e.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []


def _files(document: Mapping[str, Any] | None) -> set[str]:
    return set() if document is None else set(_sizes(document))


def _sizes(document: Mapping[str, Any]) -> dict[str, int]:
    """The files of an output by name, those of rows that were set aside with them."""
    return {str(f[0]): f[1] for part in (document, document.get("rejected") or {"files": ()}) for f in part["files"]}


def _leftovers_of_used(found: Survey, path: str, entries: Mapping[str, os.DirEntry[str]], wanted: Collection[str], oldest: float) -> None:
    """Files beside those an output in use consists of. What its own description names stays in any case."""
    others = entries.keys() - wanted - {META}
    if not others:
        return
    described = _described(path)
    for name in others - described:
        if described or name.endswith((".tmp", ".damaged")):
            _take(found, entries[name], oldest)


def _described(path: str) -> set[str]:
    import json

    try:
        return set(_sizes(json.loads((Path(path) / META).read_bytes())))
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return set()


def _unused(
    found: Survey, name: str, path: str, entries: Mapping[str, os.DirEntry[str]], document: Mapping[str, Any] | None, oldest: float
) -> None:
    """An output that nothing uses, or what is left of one that never came to be. The state knows the sizes of most."""
    sizes = {} if document is None else _sizes(document)
    if META in entries and entries.keys() == {META, *sizes}:
        stat = entries[META].stat(follow_symlinks=False)
        found.outputs.append(Output(name, tuple(entries), sum(sizes.values()) + stat.st_size, stat.st_mtime))
        return
    stats = {n: e.stat(follow_symlinks=False) for n, e in entries.items()}
    if META in entries:
        size = sum(s.st_size for s in stats.values())
        found.outputs.append(Output(name, tuple(entries), size, stats[META].st_mtime))
    elif all(s.st_mtime <= oldest for s in stats.values()) and Path(path).stat().st_mtime <= oldest:
        found.leftovers.update({e.path: stats[n].st_size for n, e in entries.items()} or {path: 0})


def _elsewhere(found: Survey, target: Path, oldest: float) -> None:
    """Temporary files of writers that were killed, and what the engine spilled to disk."""
    for folder in _LOOKED_INTO:
        try:
            entries = list(os.scandir(target / folder))
        except FileNotFoundError:
            continue
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name):
                _take(found, entry, oldest)
    for top, _, names in os.walk(target / _SCRATCH):
        for name in names:
            path = Path(top, name)
            stat = path.lstat()
            if stat.st_mtime <= oldest:
                found.leftovers[str(path)] = stat.st_size


def _take(found: Survey, entry: os.DirEntry[str], oldest: float) -> None:
    stat = entry.stat(follow_symlinks=False)
    if stat.st_mtime <= oldest and entry.is_file(follow_symlinks=False):
        found.leftovers[entry.path] = stat.st_size
