"""Feature groups as they are known once their project is read: which entity, what its keys and times are, and which features."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from seeknal.nodes import NodeId, fold, kind_of, relation_name

if TYPE_CHECKING:
    from collections.abc import Mapping

GROUP = "feature_group"
TRAINING_SET = "training_set"
ENTITY = "entity"


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature: a column of its group. `default` is what a reader gets where there is no value."""

    name: str
    type: str | None = None
    description: str | None = None
    default: Any = None


@dataclass(frozen=True, slots=True)
class Group:
    """What a feature group says.

    `ttl` is in seconds; `resolve`: rows may share key and time, and one of them is chosen; `when_created`: a row is not known before its
    created time.
    """

    node: NodeId
    entity: str
    join_keys: tuple[str, ...]
    event_time: str
    features: tuple[Feature, ...]
    created_time: str | None = None
    ttl: int | None = None
    resolve: bool = False
    when_created: bool = False

    @property
    def name(self) -> str:
        """The group's name, which its features are asked for by."""
        return self.node.partition(".")[2]

    @property
    def relation(self) -> str:
        """The name under which SQL reads it."""
        return relation_name(self.node)

    def feature(self, name: str) -> Feature | None:
        """The feature of this name."""
        return next((f for f in self.features if fold(f.name) == fold(name)), None)

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        values = asdict(self)
        del values["node"]
        return {**values, "join_keys": [*self.join_keys], "features": [asdict(f) for f in self.features]}

    @classmethod
    def of(cls, node: NodeId, details: Mapping[str, Any] | None) -> Group | None:
        """The group a node is; None for a node that is none, or is wrong itself."""
        values = (details or {}).get(GROUP)
        if kind_of(node) != GROUP or values is None:
            return None
        features = tuple(Feature(**f) for f in values["features"])
        return cls(node, **{**values, "join_keys": tuple(values["join_keys"]), "features": features})


@dataclass(frozen=True, slots=True)
class Choice:
    """A feature that is asked for, and the column it is to be in."""

    group: Group
    feature: Feature
    column: str
