"""What a feature group or a training set says of itself, with the versions of its rows, as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal.errors import ProjectError
from seeknal.features.durations import short
from seeknal.features.model import GROUP, TRAINING_SET, Group
from seeknal.run.reading import is_rejected
from seeknal.run.versions import current, versions
from seeknal.state.environments import PROD

if TYPE_CHECKING:
    from seeknal.api import Project
    from seeknal.nodes import Node


def describe(project: Project, name: str, environment: str = PROD) -> dict[str, Any]:
    """The document; of its versions the one is current that the environment publishes. Raises ProjectError for a node of another kind."""
    node = project.find(name)
    group, training = Group.of(node.id, node.details), node.details.get(TRAINING_SET)
    if group is not None:
        said = _group(group)
    elif training is not None:
        said = {**{k: training[k] for k in ("spine", "as_of", "label")}, "features": [{"name": f} for f in training["features"]]}
    else:
        message = f"{node.id} is no {GROUP.replace('_', ' ')} and no {TRAINING_SET.replace('_', ' ')}"
        raise ProjectError("SK-FEAT-001", message, hint=f"see `seeknal show {node.id}`")
    return {
        "id": node.id,
        "description": node.description,
        "owner": node.owner,
        "path": str(node.at),
        **said,
        "versions": _versions(project, node, environment),
    }


def _group(group: Group) -> dict[str, Any]:
    features = [{"name": f.name, "type": f.type, "default": f.default, "description": f.description} for f in group.features]
    return {
        "entity": group.entity, "join_keys": [*group.join_keys], "event_time": group.event_time, "created_time": group.created_time,
        "known_from": "created_time" if group.when_created else "event_time", "ttl": None if group.ttl is None else short(group.ttl),
        "features": features,
    }  # fmt: skip


def _versions(project: Project, node: Node, environment: str) -> list[dict[str, Any]]:
    published, snapshot = current(project, node, environment), project.state.read()
    return [
        {
            "version": a.key,
            "rows": a.rows,
            "created_at": a.created_at,
            "current": a.key == published,
            "rejected": a.key != published and is_rejected(snapshot, a.key),
        }
        for a in versions(project, node)
    ]
