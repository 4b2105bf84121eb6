"""The versions of a node's output: every one has a key that is made of its logic and data, and stays readable under it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from seeknal.errors import ProjectError
from seeknal.nodes import Key
from seeknal.protocols import Files
from seeknal.run.reading import not_built
from seeknal.state.environments import PROD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from seeknal.api import Project
    from seeknal.nodes import Node
    from seeknal.protocols import Session
    from seeknal.state.model import Artifact

SHORT = 16
"""How many characters of a version are shown."""


def versions(project: Project, node: Node) -> list[Artifact]:
    """The outputs of a node that exist, the newest first. Parts of them are none."""
    snapshot = project.state.read()
    keys = [Key(k) for k, v in snapshot.tables["artifacts"].items() if v["node"] == node.id and "part" not in v]
    found = [a for a in map(snapshot.artifact, keys) if a is not None and project.store.check(a) == "whole"]
    return sorted(found, key=lambda a: (a.created_at, max((f.mtime_ns for f in a.files), default=0), a.key), reverse=True)


def current(project: Project, node: Node, environment: str = PROD) -> str | None:
    """The version that an environment publishes. Raises ProjectError for an unknown one."""
    snapshot = project.state.read()
    snapshot.require(environment)
    pointer = snapshot.pointers(environment).get(node.id)
    return pointer.key if pointer is not None else None


def find_version(project: Project, node: Node, version: str | None, environment: str = PROD) -> Artifact:
    """The output of this version, or the one an environment publishes.

    Raises ProjectError for an unknown version or environment, NodeError where nothing is built.
    """
    if not node.is_stored:
        raise ProjectError("SK-RUN-004", f"{node.id} keeps no versions: nodes of kind {node.kind} are not stored", at=node.at)
    known = versions(project, node)
    wanted = current(project, node, environment) if version is None else version
    found = [a for a in known if wanted is not None and a.key.startswith(wanted)] if wanted != "" else []
    if len(found) == 1:
        return found[0]
    if version is None:
        raise not_built(node, environment)
    named = ", ".join(a.key[:SHORT] for a in (found or known))
    problem = f"{len(found)} versions begin with '{version}'" if found else f"{node.id} has no version '{version}'"
    raise ProjectError("SK-FEAT-005", problem, hint=f"there are: {named}" if named else "nothing has been built yet")


@contextmanager
def reading_version(
    project: Project, name: str, version: str | None, *, environment: str = PROD, folders: Sequence[Path] = ()
) -> Iterator[tuple[Session, str, Artifact]]:
    """A session, the query in it that reads a version of a node's output, and which one that is."""
    from sqlglot import exp

    from seeknal.features.trees import relation  # start-up time

    node = project.find(name)
    artifact = find_version(project, node, version, environment)
    relations = project.relations(folders=folders)
    try:
        relations.session.define(node.relation, Files(project.store.paths(artifact)))
        yield relations.session, exp.select("*").from_(relation(node.relation)).sql(dialect=project.loaded.engine.dialect), artifact
    finally:
        relations.close()
