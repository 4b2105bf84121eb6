"""Reading what was built: rows of an output, and the columns of everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.errors import NodeError
from seeknal.protocols import Files
from seeknal.run.history import last_failure
from seeknal.state.environments import PROD

if TYPE_CHECKING:
    from pathlib import Path

    from seeknal.api import Project
    from seeknal.nodes import Node
    from seeknal.protocols import Rows, Session
    from seeknal.state.model import Artifact, Snapshot

_ASIDE = "seeknal_rows_set_aside"


def read_rows(project: Project, node: Node, limit: int | None, *, rejected: bool = False, environment: str = PROD) -> Rows:
    """Rows of a node's output. Raises NodeError when there is none to read, ProjectError for an unknown environment."""
    if not node.is_readable:
        raise NodeError("SK-RUN-004", f"{node.id} has no rows to show: nodes of kind {node.kind} store none", at=node.at)
    with project.reading(environment) as relations:
        if rejected:
            artifact = _rejected(project, node, environment)
            if artifact.rejected is not None:
                return _rows(project, relations.session, project.store.rejected_paths(artifact), limit)
            relations.put(node.id, artifact)
        elif not node.is_view and relations.artifact(node.id) is None:
            raise not_built(node, environment)
        name = relations.define(node.id)
        return relations.session.rows(_query(project, name, limit))


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


def _rejected(project: Project, node: Node, environment: str) -> Artifact:
    """The newest output of a node that audits kept from being published, or kept rows out of."""
    snapshot = project.state.read()
    published = snapshot.pointers(environment).get(node.id)
    current = snapshot.artifact(published.key) if published is not None else None
    rejected = last_failure(project.target, node.id, environment)
    if current is not None and current.rejected is not None and rejected in (None, current.key):
        return current
    candidates = []
    for key, value in snapshot.tables["artifacts"].items():
        if value["node"] != node.id or (published is not None and key == published.key):
            continue
        if is_rejected(snapshot, key):
            candidates.append(snapshot.artifact(key))  # type: ignore[arg-type]
    found = [c for c in candidates if c is not None]
    if not found:
        raise NodeError("SK-RUN-005", f"{node.id} has no output that its audits rejected", at=node.at)
    return max(found, key=lambda a: a.created_at)
