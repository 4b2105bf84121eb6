"""Features for a spine: who is asked about, and as of when, in a file, a node or a table; answered from what is published."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal.errors import NodeError, ProjectError, ProjectErrors, did_you_mean
from seeknal.features.choices import choose
from seeknal.features.model import Group
from seeknal.nodes import fold
from seeknal.protocols import FileRead, Files
from seeknal.run.reading import not_built
from seeknal.run.spines import columns_of, differ, is_time
from seeknal.state.environments import PROD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seeknal.api import Project
    from seeknal.errors import SeeknalError
    from seeknal.features.model import Choice
    from seeknal.nodes import Schema
    from seeknal.protocols import Session
    from seeknal.run.sessions import Relations

SPINE = "asked_spine"
AS_OF = "event_time"
"""The spine's column of times, where none is said and the spine has one of this name."""
_FORMATS = {"parquet": "parquet", "csv": "csv", "json": "json", "jsonl": "jsonl", "ndjson": "jsonl"}


@dataclass(frozen=True)
class Asked:
    """What is asked: features (`group.feature`, `group.*`), all of an entity's where none are named; the spine's column of times; and where."""

    features: tuple[str, ...] = ()
    entity: str | None = None
    as_of: str | None = None
    full_names: bool = False
    environment: str = PROD


@contextmanager
def answering(project: Project, spine: Any, asked: Asked, folders: Sequence[Path] = ()) -> Iterator[tuple[Session, str]]:
    """A session, and the query in it that answers. `spine` is a node's name, a file, or a table with Arrow's stream interface.

    Raises ProjectErrors with everything that is wrong, and NodeError for a group that has not been built.
    """
    groups = feature_groups(project)
    wanted = _wanted(groups, asked)
    file = _file(spine)
    used = [*folders, *([file.parent] if file is not None else [])]
    temporary = project.store.cache / f".spine-{uuid.uuid4().hex}.parquet"
    try:
        with project.reading(asked.environment, used) as relations:
            relation = _spine(project, relations, spine, file, temporary)
            schema = columns_of(relations.session, relation, project.loaded.engine.dialect)
            choices, as_of = _checked(groups, wanted, asked, schema)
            for group in dict.fromkeys(c.group for c in choices):
                _define(project, relations, group, schema, asked.environment)
            yield relations.session, _query(project, relation, as_of, choices, schema)
    finally:
        temporary.unlink(missing_ok=True)


def feature_groups(project: Project) -> dict[str, Group]:
    """The project's feature groups by name, folded."""
    found = (Group.of(n.id, n.details) for n in project.nodes.values())
    return {fold(g.name): g for g in found if g is not None}


def find_group(groups: dict[str, Group], name: str) -> Group:
    """The group of this name. Raises ProjectError with a suggestion."""
    group = groups.get(fold(name))
    if group is None:
        names = [g.name for g in groups.values()]
        hint = did_you_mean(name, names) or (f"there are: {', '.join(names)}" if names else "the project has no feature group")
        raise ProjectError("SK-FEAT-001", f"unknown feature group '{name}'", hint=hint)
    return group


def members(groups: dict[str, Group], entity: str) -> list[Group]:
    """The groups of an entity. Raises ProjectError where there are none."""
    found = [g for g in groups.values() if fold(g.entity) == fold(entity)]
    if not found:
        known = sorted({g.entity for g in groups.values()})
        hint = did_you_mean(entity, known) or (f"there are: {', '.join(known)}" if known else "the project has no feature group")
        raise ProjectError("SK-FEAT-001", f"unknown entity '{entity}'", hint=hint)
    return found


def _wanted(groups: dict[str, Group], asked: Asked) -> list[str]:
    """What is asked for by name."""
    if asked.entity is None:
        if not asked.features:
            raise ProjectError("SK-FEAT-001", "no features are asked for", hint="name features, or an entity for all of its own")
        return list(asked.features)
    return list(asked.features) or [f"{g.name}.*" for g in members(groups, asked.entity)]


def _file(spine: Any) -> Path | None:
    """The file that is meant, if one is: what has a known ending, or is there."""
    if not isinstance(spine, str | Path):
        return None
    path = Path(spine)
    is_file = isinstance(spine, Path) or path.suffix.lower().lstrip(".") in _FORMATS or path.is_file()
    if not is_file:
        return None
    if not path.is_file():
        raise ProjectError("SK-DATA-003", f"there is no file {spine}")
    return path.absolute()


def _spine(project: Project, relations: Relations, spine: Any, file: Path | None, temporary: Path) -> str:
    """Make the spine readable. Returns the relation's name."""
    if file is None and isinstance(spine, str):
        try:
            node = project.find(spine)
        except ProjectError as error:
            raise ProjectError(error.code, f"{error.message}, and no file", hint=error.hint) from None
        if not node.is_readable:
            raise ProjectError("SK-RUN-004", f"{node.id} has no rows: nodes of kind {node.kind} store none")
        return relations.define(node.id)
    temporary.parent.mkdir(parents=True, exist_ok=True)
    if file is None:
        relations.session.ingest(spine, temporary, {})
    else:
        format_ = _FORMATS.get(file.suffix.lower().lstrip("."))
        if format_ is None:
            raise ProjectError("SK-DATA-006", f"'{file.name}' is no file a spine is read from", hint=f"known: {', '.join(_FORMATS)}")
        if format_ == "parquet":
            relations.session.define(SPINE, Files((file,)))
            return SPINE
        relations.session.load(FileRead(format_, (file,)), temporary, {})
    relations.session.define(SPINE, Files((temporary,)))
    return SPINE


def _checked(groups: dict[str, Group], wanted: list[str], asked: Asked, schema: Schema) -> tuple[list[Choice], str]:
    """The features that are meant and the column of times. Raises ProjectErrors with everything that is wrong."""
    errors: list[SeeknalError] = []

    def find(name: str, number: int) -> Group | None:
        del number
        try:
            group = find_group(groups, name)
        except ProjectError as error:
            errors.append(error)
            return None
        if asked.entity is not None and fold(group.entity) != fold(asked.entity):
            hint = f"leave out the entity, or ask for features of '{asked.entity}'"
            errors.append(ProjectError("SK-FEAT-001", f"feature group '{name}' is about '{group.entity}', not '{asked.entity}'", hint=hint))
        return group

    def report(code: str, message: str, number: int, hint: str | None) -> None:
        del number
        errors.append(ProjectError(code, message, hint=hint))

    choices = choose(wanted, find, report, full_names=asked.full_names, taken=[c.name for c in schema])
    as_of = ""
    try:
        as_of = _as_of(asked.as_of, schema)
    except ProjectError as error:
        errors.append(error)
    names = [c.name for c in schema]
    for group in dict.fromkeys(c.group for c in choices):
        for key in group.join_keys:
            if fold(key) not in map(fold, names):
                hint = did_you_mean(key, names) or f"it has: {', '.join(names)}"
                errors.append(ProjectError("SK-FEAT-004", f"the spine has no column '{key}', a key of '{group.name}'", hint=hint))
    _raise(errors)
    return choices, as_of


def _raise(errors: list[SeeknalError]) -> None:
    """Raise what there is, each once."""
    found = list({(e.code, e.message): e for e in errors}.values())
    if len(found) == 1:
        raise found[0]
    if found:
        raise ProjectErrors(found)


def _as_of(name: str | None, schema: Schema) -> str:
    """The spine's column of times: the one that is named, `event_time`, or the only one whose type is that of a time."""
    times = [c.name for c in schema if is_time(c.type)]
    names = [c.name for c in schema]
    if name is None:
        chosen = next((c for c in times if fold(c) == AS_OF), times[0] if len(times) == 1 else None)
        if chosen is None:
            if times:
                message = f"the spine has several columns of times: {', '.join(times)}"
                raise ProjectError("SK-FEAT-004", message, hint="say which one with --as-of (as_of=)")
            hint = f"cast one to TIMESTAMP or DATE; it has: {', '.join(f'{c.name} ({c.type})' for c in schema)}"
            raise ProjectError("SK-FEAT-004", "the spine has no column of times", hint=hint)
        return chosen
    chosen = next((c for c in names if fold(c) == fold(name)), None)
    if chosen is None:
        hint = did_you_mean(name, names) or f"it has: {', '.join(names)}"
        raise ProjectError("SK-FEAT-004", f"the spine has no column '{name}' to say as of when", hint=hint)
    if chosen not in times:
        type_ = next(c.type for c in schema if c.name == chosen)
        raise ProjectError("SK-FEAT-004", f"the spine's column '{chosen}' is {type_}, not a time", hint="cast it to TIMESTAMP or DATE")
    return chosen


def _define(project: Project, relations: Relations, group: Group, spine: Schema, environment: str) -> None:
    """Make a group readable. Its output may be older than what its file says now."""
    if relations.artifact(group.node) is None:
        raise not_built(project.nodes[group.node], environment)
    relation = relations.define(group.node)
    built = {fold(c.name): c.type for c in columns_of(relations.session, relation, project.loaded.engine.dialect)}
    needed = [*group.join_keys, group.event_time, *(f.name for f in group.features)]
    missing = [n for n in [*needed, *([group.created_time] if group.created_time else [])] if fold(n) not in built]
    if missing:
        hint = f"build it again: seeknal run --select '+{group.node}'"
        raise NodeError(
            "SK-RUN-002", f"{group.node} was last built without {', '.join(missing)}", at=project.nodes[group.node].at, hint=hint
        )
    asked = {fold(c.name): c.type for c in spine}
    for key in group.join_keys:
        own, other = built[fold(key)], asked[fold(key)]
        if differ(own, other):
            hint = "cast one of them, so that both are of one type"
            raise ProjectError("SK-FEAT-004", f"the spine's '{key}' is {other}, that of '{group.name}' {own}", hint=hint)


def _query(project: Project, relation: str, as_of: str, choices: list[Choice], schema: Schema) -> str:
    """What is asked. A file and a table have an order, by which people put what they are given beside what they have; a node has none."""
    from seeknal.features.pointintime import in_order, point_in_time  # start-up time

    dialect = project.loaded.engine.dialect
    if relation == SPINE:
        query = in_order(relation, as_of, choices, dialect, columns=[c.name for c in schema])
    else:
        query = point_in_time(relation, as_of, choices, dialect)
    return query.sql(dialect=dialect, pretty=True)
