"""Nodes that nobody wrote: a view `entity.<name>` for each entity that feature groups are about."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from seeknal.errors import ProjectError
from seeknal.features.model import ENTITY, GROUP, Group
from seeknal.nodes import ColumnSchema, Node, SqlLogic, fold, node_id
from seeknal.project.cache import FileEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seeknal.errors import SeeknalError
    from seeknal.nodes import NodeId

DERIVED = "//entity/"
"""What their entries in the cache begin with: no file's path does."""


def implied(details: Iterable[Mapping[str, Any] | None]) -> list[NodeId]:
    """The ids of the nodes that these nodes' details imply."""
    names = {d[GROUP]["entity"] for d in details if d and GROUP in d}
    return [node_id(ENTITY, name) for name in sorted(names)]


def derive(nodes: Mapping[NodeId, Node], known: Mapping[str, FileEntry], dialect: str) -> tuple[dict[str, FileEntry], list[SeeknalError]]:
    """The entries of all derived nodes, those of `known` taken as they are where nothing of theirs has changed."""
    groups: dict[str, list[Group]] = {}
    for node in nodes.values():
        group = Group.of(node.id, node.details)
        if group is not None:
            groups.setdefault(fold(group.entity), []).append(group)
    entries: dict[str, FileEntry] = {}
    errors: list[SeeknalError] = []
    for listed in groups.values():
        members = sorted(listed, key=lambda g: g.node)
        problem = _disagreement(members, nodes)
        if problem is not None:
            errors.append(problem)
            continue
        path = DERIVED + members[0].entity
        digest = _digest(members, nodes, dialect)
        entry = known.get(path)
        if entry is None or entry.digest != digest:
            entry = FileEntry(0, 0, digest, [_entity(members, nodes, dialect)])
        entries[path] = entry
    return entries, errors


def _disagreement(groups: list[Group], nodes: Mapping[NodeId, Node]) -> ProjectError | None:
    """Groups of one entity have the same keys."""
    first = groups[0]
    for group in groups:
        if group.entity != first.entity:
            message = f"{group.node} is about '{group.entity}', {first.node} about '{first.entity}': case does not tell entities apart"
            return ProjectError("SK-FEAT-003", message, at=nodes[group.node].at, hint=f"write {first.entity}")
        if [*map(fold, group.join_keys)] != [*map(fold, first.join_keys)]:
            message = f"{group.node} finds entity '{group.entity}' by {_and(group.join_keys)}, {first.node} by {_and(first.join_keys)}"
            hint = "groups of one entity have the same join_keys; write entity: {name: …, join_keys: […]}"
            return ProjectError("SK-FEAT-003", message, at=nodes[group.node].at, hint=hint)
    return _clash(groups, nodes)


def _clash(groups: list[Group], nodes: Mapping[NodeId, Node]) -> ProjectError | None:
    """Feature `b__c` of group `a` and feature `c` of group `a__b` would be one column of the entity, and a key may have any name."""
    taken = {fold(k): (f"key '{k}'", groups[0]) for k in groups[0].join_keys}
    for group in groups:
        for name in (group.event_time, *(f.name for f in group.features)):
            column = f"{group.name}__{name}"
            what, other = taken.setdefault(fold(column), (f"'{name}'", group))
            if (what, other) != (f"'{name}'", group):
                message = f"'{name}' of {group.node} and {what} of {other.node} would both be column '{column}' of {ENTITY}.{group.entity}"
                hint = f"rename one of them; the other is in {nodes[other.node].at}"
                return ProjectError("SK-FEAT-002", message, at=nodes[group.node].at, hint=hint)
    return None


def _and(names: Iterable[str]) -> str:
    return " and ".join(f"'{n}'" for n in names)


def _digest(groups: list[Group], nodes: Mapping[NodeId, Node], dialect: str) -> str:
    parts = [dialect, *([g.node, g.to_json(), str(nodes[g.node].at)] for g in groups)]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def _entity(groups: list[Group], nodes: Mapping[NodeId, Node], dialect: str) -> Node:
    from seeknal.features.entities import latest  # start-up time: sqlglot
    from seeknal.project.hashing import content_hash
    from seeknal.sql.canonical import canonical

    entity = groups[0].entity
    tree = latest(groups, dialect)
    logic = SqlLogic(tree.sql(dialect=dialect, pretty=True), dialect, "view")
    described = [ColumnSchema(f"{g.name}__{f.name}", None, f.description) for g in groups for f in g.features if f.description]
    return Node(
        id=node_id(ENTITY, entity),
        at=nodes[groups[0].node].at,
        logic=logic,
        content_hash=content_hash(logic, canonical(tree, dialect)),
        inputs=tuple(g.node for g in groups),
        columns=tuple(described),
        description=f"The newest values of all features of {entity}.",
        details={ENTITY: {"join_keys": [*groups[0].join_keys]}},
    )
