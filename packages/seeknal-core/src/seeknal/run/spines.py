"""Whether a training set's spine fits the groups whose features it asks for, and groups of an entity each other.

Known as soon as the types of their columns are, and at the latest when the node is built.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from seeknal.errors import NodeError, did_you_mean
from seeknal.features.model import ENTITY, TRAINING_SET, Group
from seeknal.nodes import SqlLogic, fold
from seeknal.sql.guard import position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from seeknal.errors import Location
    from seeknal.nodes import Node, NodeId, Schema
    from seeknal.protocols import Session

_TEXT = ("VARCHAR", "CHAR", "STRING", "TEXT")


def columns_of(session: Session, relation: str, dialect: str) -> Schema:
    """The columns of a relation and their types. Raises EngineError."""
    from sqlglot import exp

    from seeknal.features.trees import relation as table  # start-up time

    return session.describe(exp.select("*").from_(table(relation)).sql(dialect=dialect))


def is_time(type_: str | None) -> bool:
    """Whether values of a type are times."""
    return type_ is not None and type_.startswith(("DATE", "TIMESTAMP"))


def differ(one: str | None, other: str | None) -> bool:
    """Whether one of two keys is text and the other is not: no row would be found, or reading it as the other fails."""
    return one is not None and other is not None and one.startswith(_TEXT) != other.startswith(_TEXT)


def misfits(node: Node, nodes: Mapping[NodeId, Node], columns: Callable[[NodeId], Schema]) -> Iterator[NodeError]:
    """What is wrong with a training set's keys, time and labels, or an entity's keys. `columns` says which columns a node's output has."""
    if TRAINING_SET in node.details:
        yield from _of_training_set(node, nodes, columns)
    elif ENTITY in node.details:
        yield from _of_entity(node, nodes, columns)


def _of_entity(node: Node, nodes: Mapping[NodeId, Node], columns: Callable[[NodeId], Schema]) -> Iterator[NodeError]:
    first, *others = node.inputs
    types = {fold(c.name): c.type for c in columns(first)}
    for group in others:
        own = {fold(c.name): c.type for c in columns(group)}
        for key in node.details[ENTITY]["join_keys"]:
            one, other = own.get(fold(key)), types.get(fold(key))
            if differ(one, other):
                message = f"'{key}' is {one} in {group}, and {other} in {first}: {node.id} would not bring them together"
                yield NodeError("SK-FEAT-003", message, at=nodes[group].at, hint="cast one of them, so that both are of one type")


def _of_training_set(node: Node, nodes: Mapping[NodeId, Node], columns: Callable[[NodeId], Schema]) -> Iterator[NodeError]:
    said = node.details[TRAINING_SET]
    spine = node.refs[said["spine"]]
    has = {fold(c.name): c.type for c in columns(spine)}
    time, names = said["as_of"], [c.name for c in columns(spine)]
    if fold(time) in has and not is_time(has[fold(time)]):
        hint = "cast it to TIMESTAMP or DATE in the spine"
        yield NodeError("SK-FEAT-004", f"'{time}' of {spine} is {has[fold(time)]}, not a time", at=_at(node, "as_of"), hint=hint)
    groups = {source: g for source in node.inputs if (g := Group.of(source, nodes[source].details)) is not None}
    for name, what, key in _needed(said, groups.values()):
        if fold(name) not in has:
            hint = did_you_mean(name, names) or f"it has: {', '.join(names)}"
            yield NodeError("SK-FEAT-004", f"{spine} has no column '{name}'{what}", at=_at(node, key), hint=hint)
    for source, group in groups.items():
        if source != spine:
            yield from _keys(node, spine, has, group, {fold(c.name): c.type for c in columns(source)})


def _needed(said: Mapping[str, Any], groups: Iterable[Group]) -> Iterator[tuple[str, str, str]]:
    """The columns that a spine must have, what for, and the key that says so."""
    yield said["as_of"], " to say as of when", "as_of"
    yield from ((label, " to be learned", "label") for label in said["label"])
    keys = {fold(key): (key, group) for group in groups for key in group.join_keys}
    yield from ((key, f", a key of '{group.name}'", "spine") for key, group in keys.values())


def _keys(node: Node, spine: NodeId, has: Mapping[str, str | None], group: Group, own: Mapping[str, str | None]) -> Iterator[NodeError]:
    for key in group.join_keys:
        asked, known = has.get(fold(key)), own.get(fold(key))
        if differ(asked, known):
            message = f"'{key}' is {asked} in {spine}, and {known} in {group.node}: no row would be found"
            yield NodeError("SK-FEAT-004", message, at=_at(node, "spine"), hint="cast one of them, so that both are of one type")


def _at(node: Node, key: str) -> Location:
    """Where the value of a key of the node's document stands."""
    logic = node.logic
    if not isinstance(logic, SqlLogic) or logic.template is None or logic.place is None:
        return node.at
    found = re.search(rf"^{key} *:[ \t]*", logic.template, re.MULTILINE)
    return logic.place.at(*position(logic.template, found.end())) if found else node.at
