"""Statistics of a node's output, of one version of it, and of how far it has drifted from another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeknal.errors import ProjectError, did_you_mean
from seeknal.features.model import TRAINING_SET, Group
from seeknal.nodes import fold
from seeknal.protocols import Files
from seeknal.run.reading import is_rejected
from seeknal.run.versions import SHORT, find_version, versions
from seeknal.state.environments import PROD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeknal.api import Project
    from seeknal.nodes import Node
    from seeknal.protocols import Session
    from seeknal.state.model import Artifact

PREVIOUS = "previous"
NOW, BEFORE = "stats_now", "stats_before"


@dataclass(frozen=True)
class ColumnStats:
    """A column: how many of its rows are NULL, how many values it has, the least and greatest, quantiles of numbers, and its drift."""

    column: str
    type: str | None
    nulls: int
    distinct: int
    minimum: Any = None
    maximum: Any = None
    quantiles: Mapping[str, float] = field(default_factory=dict)
    psi: float | None = None


@dataclass(frozen=True)
class Stats:
    """What a version of an output looks like, and the version it was compared with."""

    node: str
    version: str
    rows: int
    columns: tuple[ColumnStats, ...]
    against: str | None = None


def statistics(project: Project, name: str, version: str | None = None, against: str | None = None, *, environment: str = PROD) -> Stats:
    """The statistics of a node's features, or of one: `spend`, `spend.orders`. Raises ProjectError for what there is not."""
    node, wanted = _named(project, name)
    artifact = find_version(project, node, version, environment)
    other = None if against is None else _other(project, node, artifact, against)
    relations = project.relations()
    try:
        session = relations.session
        session.define(NOW, Files(project.store.paths(artifact)))
        types = _columns(node, artifact, wanted)
        if other is not None:
            session.define(BEFORE, Files(project.store.paths(other)))
        drifts = {} if other is None else _Drift(project, session).of(types, {fold(c.name): c.type for c in other.schema})
        return Stats(node.id, artifact.key, artifact.rows, _summary(project, session, types, drifts), None if other is None else other.key)
    finally:
        relations.close()


def _named(project: Project, name: str) -> tuple[Node, str | None]:
    """The node, and the one column that is meant."""
    try:
        return project.find(name), None
    except ProjectError:
        before, _, column = name.rpartition(".")
        if not before:
            raise
        return project.find(before), column


def _other(project: Project, node: Node, artifact: Artifact, against: str) -> Artifact:
    """The version to compare with."""
    if against != PREVIOUS:
        return find_version(project, node, against)
    known = versions(project, node)
    snapshot = project.state.read()
    older = [a for a in known[[a.key for a in known].index(artifact.key) + 1 :] if not is_rejected(snapshot, a.key)]
    if not older:
        raise ProjectError("SK-FEAT-005", f"{node.id} has no version before {artifact.key[:SHORT]}", hint="see `seeknal features describe`")
    return older[0]


def _columns(node: Node, artifact: Artifact, wanted: str | None) -> dict[str, str | None]:
    """The columns to look at: a group's features, what a training set adds to keys and times, else all."""
    known = {c.name: c.type for c in artifact.schema}
    if wanted is not None:
        found = next((c for c in known if fold(c) == fold(wanted)), None)
        if found is None:
            hint = did_you_mean(wanted, known) or f"it has: {', '.join(known)}"
            raise ProjectError("SK-FEAT-001", f"{node.id} has no column '{wanted}'", hint=hint)
        return {found: known[found]}
    group = Group.of(node.id, node.details)
    if group is not None:
        names = {fold(f.name) for f in group.features}
        return {c: t for c, t in known.items() if fold(c) in names}
    training = node.details.get(TRAINING_SET)
    return {c: t for c, t in known.items() if training is None or fold(c) != fold(training["as_of"])}


def _summary(
    project: Project, session: Session, types: Mapping[str, str | None], drifts: Mapping[str, float | None]
) -> tuple[ColumnStats, ...]:
    from seeknal.features.statistics import QUANTILES, summary  # start-up time

    rows, *values = session.rows(summary(NOW, types).sql(dialect=project.loaded.engine.dialect)).rows[0]
    found = []
    for number, (name, type_) in enumerate(types.items()):
        known, distinct, least, greatest, quantiles = values[5 * number : 5 * number + 5]
        shares = {f"p{round(100 * q)}": v for q, v in zip(QUANTILES, quantiles or (), strict=False)}
        found.append(ColumnStats(name, type_, rows - known, distinct, least, greatest, shares, drifts.get(name)))
    return tuple(found)


class _Drift:
    """How far columns have moved from one version to another."""

    def __init__(self, project: Project, session: Session) -> None:
        self._dialect = project.loaded.engine.dialect
        self._session = session

    def of(self, types: Mapping[str, str | None], before: Mapping[str, str | None]) -> dict[str, float | None]:
        """The index of each column; None for one that the other version does not have, or has as something else."""
        return {name: self._index(name, type_, before[fold(name)]) if fold(name) in before else None for name, type_ in types.items()}

    def _index(self, name: str, type_: str | None, other: str | None) -> float | None:
        from seeknal.features.statistics import categories, edges, frequent, is_number, is_ordered, ranges, stability

        if is_number(type_) != is_number(other) or is_ordered(type_) != is_ordered(other):
            return None
        if is_ordered(type_):
            deciles = self._rows(edges(BEFORE, name, other))[0][0]
            bounds = sorted(set(deciles or ()))
            return stability(self._counts(ranges(BEFORE, name, other, bounds)), self._counts(ranges(NOW, name, type_, bounds)))
        values = [row[0] for row in self._rows(frequent(BEFORE, name))]
        return stability(self._counts(categories(BEFORE, name, values)), self._counts(categories(NOW, name, values)))

    def _counts(self, query: Any) -> dict[Any, int]:
        return dict(self._rows(query))

    def _rows(self, query: Any) -> Sequence[tuple[Any, ...]]:
        return self._session.rows(query.sql(dialect=self._dialect)).rows
