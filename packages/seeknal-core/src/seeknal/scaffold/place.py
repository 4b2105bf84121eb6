"""Drafts and the project: reading a draft as if it stood there, and putting it there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeknal.errors import Location, ProjectError, did_you_mean
from seeknal.project.locate import NODES, SUFFIXES, find_root

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seeknal.api import Project
    from seeknal.nodes import Node


@dataclass(frozen=True)
class Drafted:
    """A draft read with its project. `path` is how the project's errors name the file."""

    project: Project
    file: Path
    path: str
    nodes: tuple[Node, ...]

    @property
    def in_place(self) -> bool:
        """Whether the file belongs to the project already."""
        return self.path.startswith(f"{NODES}/")

    @property
    def destination(self) -> str:
        """Where the file belongs, relative to the project: the folder of its first node's kind."""
        node = self.nodes[0]
        return f"{NODES}/{node.kind}s/{node.name}{self.file.suffix}"


def read_draft(file: Path, start: Path, open_project: Callable[[str], Project]) -> Drafted:
    """Read a draft and the project around `start`; `open_project` opens it with the draft's path added.

    Raises ProjectError for a file that cannot be a draft, ProjectErrors for all that is wrong with it and the project.
    """
    if not file.is_file():
        raise _no_file(file)
    if file.suffix not in SUFFIXES:
        raise ProjectError("SK-DRAFT-005", f"{file} is no draft: expected {', '.join(SUFFIXES)}")
    root = find_root(start)
    absolute = file.resolve()
    path = absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else str(absolute)
    project = open_project(path)
    nodes = tuple(n for n in project.nodes.values() if n.at.path == path)
    if not nodes:
        hint = (
            "functions are nodes when decorated with @transform or @source" if file.suffix == ".py" else "is it disabled (enabled: false)?"
        )
        raise ProjectError("SK-DRAFT-006", f"{file} holds no node", at=Location(path), hint=hint)
    return Drafted(project, absolute, path, nodes)


def put_in_place(draft: Drafted) -> Path:
    """Move a draft to its destination. Raises ProjectError, having moved nothing, where something is there already."""
    if draft.in_place:
        raise ProjectError("SK-DRAFT-007", f"{draft.path} is in place already", hint="`seeknal run` builds it")
    target = draft.project.root / draft.destination
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _move(draft.file, target)
    except FileExistsError:
        hint = "choose another name, or take the old file away first"
        raise ProjectError("SK-DRAFT-007", f"{draft.destination} exists already", at=Location(draft.destination), hint=hint) from None
    except OSError as error:
        raise ProjectError("SK-DRAFT-007", f"{draft.destination} cannot be written: {error.strerror or error}") from None
    return target


def _move(source: Path, target: Path) -> None:
    """Copy whole or not at all, never over something; then the source goes."""
    data = source.read_bytes()
    with target.open("xb") as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            target.unlink(missing_ok=True)
            raise
    source.unlink()


def _no_file(file: Path) -> ProjectError:
    drafts = [p.name for p in sorted(file.parent.glob("draft_*"))] if file.parent.is_dir() else []
    hint = did_you_mean(file.name, drafts) or (
        f"drafts here: {', '.join(drafts)}" if drafts else "write one with `seeknal draft KIND NAME`"
    )
    what = "is a folder" if file.is_dir() else "does not exist"
    return ProjectError("SK-DRAFT-005", f"{file} {what}", hint=hint)
