"""Where a project is, and which files belong to it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from seeknal.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = "seeknal_project.yml"
NODES = "seeknal"
SUFFIXES = (".yml", ".yaml", ".sql", ".py")


def find_root(start: Path) -> Path:
    """The project's folder: `start` or the nearest folder above it that holds seeknal_project.yml."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder
    hint = "start one with `seeknal init NAME`, or name the folder with --project-path"
    raise ProjectError("SK-CFG-001", f"no {FILE} in {start} or any folder above it", hint=hint)


def node_files(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Every file below `seeknal/` that may hold nodes, relative to the project and sorted, with its stat."""
    found = list(_walk(str(root / NODES), NODES))
    yield from sorted(found, key=lambda f: f[0])


def _walk(folder: str, prefix: str) -> Iterator[tuple[str, os.stat_result]]:
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.name.startswith((".", "__pycache__")):
            continue
        name = f"{prefix}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, name)
        elif entry.name.endswith(SUFFIXES):
            yield name, _stat(entry)


def _stat(entry: os.DirEntry[str]) -> os.stat_result:
    """Of the file a link leads to; of the link where it leads nowhere, which is reported where the file is read."""
    try:
        return entry.stat()
    except OSError:
        return entry.stat(follow_symlinks=False)
