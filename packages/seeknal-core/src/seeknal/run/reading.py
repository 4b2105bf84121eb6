"""Reading what was built: rows of an output, and the columns of everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.errors import NodeError, ProjectError
from seeknal.nodes import name_of
from seeknal.protocols import Files
from seeknal.run.history import last_failure, past_runs
from seeknal.state.environments import PROD

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seeknal.api import Project
    from seeknal.nodes import Node, NodeId
    from seeknal.protocols import Rows, Session
    from seeknal.state.model import Artifact, Pointer, Snapshot

_ASIDE = "seeknal_rows_set_aside"


def read_rows(project: Project, name: str, limit: int | None, *, rejected: bool = False, environment: str = PROD) -> Rows:
    """Rows of the output of the node a person means. Raises NodeError when there is none to read, ProjectError for an unknown name or environment."""
    snapshot = project.state.read()
    snapshot.require(environment)
    node = find_readable(project, published_alone(project, snapshot, environment), name)
    with project.reading(environment, snapshot=snapshot) as relations:
        if rejected:
            artifact = _rejected(project, snapshot, node, environment)
            if artifact.rejected is not None:
                return _rows(project, relations.session, project.store.rejected_paths(artifact), limit)
            relations.put(node, artifact)
        elif not relations.has(node):
            raise not_built(project.nodes[node], environment)
        return relations.session.rows(_query(project, relations.define(node), limit))


def published_alone(project: Project, snapshot: Snapshot, environment: str) -> list[NodeId]:
    """What an environment publishes rows of that the project's files no longer have: those it went back to, or that are yet to be taken out of it."""
    alone = snapshot.documents("pointers", environment).keys() - project.nodes.keys()
    return sorted(n for n, p in snapshot.pointers(environment).items() if n in alone and has_rows(snapshot, n, p)) if alone else []


def has_rows(snapshot: Snapshot, node: NodeId, pointer: Pointer) -> bool:
    """Whether what a pointer is about can be read."""
    return pointer.view(node) is not None or snapshot.artifact(pointer.key) is not None


def find_readable(project: Project, alone: Sequence[NodeId], name: str) -> NodeId:
    """The node a person means by an id or a name: one of the project's, or else one of those that are published `alone`. Raises ProjectError."""
    meant = name.casefold()
    if not any(meant in (n.id.casefold(), n.name.casefold()) for n in project.nodes.values()):
        found = [n for n in alone if meant in (n.casefold(), name_of(n).casefold())]
        if len(found) == 1:
            return found[0]
        if found:
            raise ProjectError("SK-SEL-002", f"'{name}' is {len(found)} nodes; name one", hint=", ".join(found))
    node = project.find(name)
    if not node.is_readable:
        raise NodeError("SK-RUN-004", f"{node.id} has no rows to show: nodes of kind {node.kind} store none", at=node.at)
    return node.id


def _rows(project: Project, session: Session, paths: tuple[Path, ...], limit: int | None) -> Rows:
    session.define(_ASIDE, Files(paths))
    return session.rows(_query(project, _ASIDE, limit))


def _query(project: Project, relation: str, limit: int | None) -> str:
    query = exp.select("*").from_(exp.Table(this=exp.to_identifier(relation, quoted=True)))
    return (query.limit(limit) if limit else query).sql(dialect=project.loaded.engine.dialect)


def not_built(node: Node, environment: str = PROD) -> NodeError:
    """The error that there is nothing of a node to read in an environment."""
    option, place = ("", "") if environment == PROD else (f" --env {environment}", f" in '{environment}'")
    hint = f"build it first: seeknal run{option} --select '+{node.id}'"
    return NodeError("SK-RUN-002", f"{node.id} has not been built{place} yet", at=node.at, hint=hint)


def is_rejected(snapshot: Snapshot, key: str) -> bool:
    """Whether an audit of severity error failed on an output."""
    return any(not v["passed"] and v["severity"] == "error" for k, v in snapshot.tables["audits"].items() if k.startswith(f"{key}/"))


def _rejected(project: Project, snapshot: Snapshot, node: NodeId, environment: str) -> Artifact:
    """The newest output of a node that audits kept from being published, or kept rows out of."""
    published = snapshot.pointers(environment).get(node)
    current = snapshot.artifact(published.key) if published is not None else None
    rejected = last_failure(past_runs(project.target), node, environment)
    if current is not None and current.rejected is not None and rejected in (None, current.key):
        return current
    candidates = []
    for key, value in snapshot.tables["artifacts"].items():
        if value["node"] != node or (published is not None and key == published.key):
            continue
        if is_rejected(snapshot, key):
            candidates.append(snapshot.artifact(key))  # type: ignore[arg-type]
    found = [c for c in candidates if c is not None]
    if not found:
        at = project.nodes[node].at if node in project.nodes else None
        raise NodeError("SK-RUN-005", f"{node} has no output that its audits rejected", at=at)
    return max(found, key=lambda a: a.created_at)
