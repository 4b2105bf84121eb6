"""What leaves a project must not land on what it reads, nor on what else leaves it."""

from __future__ import annotations

import fnmatch
import posixpath
from typing import TYPE_CHECKING

from seeknal.errors import ProjectError
from seeknal.nodes import ExposureLogic, SourceLogic

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seeknal.nodes import Node


def written_over(nodes: Iterable[Node]) -> list[ProjectError]:
    """An error for each file an exposure would write that another writes too, or that a source reads."""
    listed = list(nodes)
    written: dict[str, Node] = {}
    errors: list[ProjectError] = []
    for node in listed:
        if isinstance(node.logic, ExposureLogic) and node.logic.type == "file":
            path = posixpath.normpath(str(node.logic.params["path"]))
            first = written.setdefault(path, node)
            if first is not node:
                message = f"{node.id} and {first.id} both write {path}"
                errors.append(ProjectError("SK-NODE-002", message, at=node.logic.place or node.at, hint="give each a file of its own"))
    if not written:
        return errors
    for node in listed:
        if isinstance(node.logic, SourceLogic) and node.logic.table and node.logic.connection is None:
            for path in fnmatch.filter(written, posixpath.normpath(node.logic.table)):
                out = written[path]
                at = getattr(out.logic, "place", None) or out.at
                errors.append(ProjectError("SK-NODE-002", f"{out.id} would write {path}, which {node.id} reads", at=at))
    return errors
