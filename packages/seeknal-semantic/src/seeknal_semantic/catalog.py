"""Semantic models and metrics as values, read from the project's nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seeknal.nodes import DocumentLogic
from seeknal_semantic.grains import Duration, duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal.nodes import Node, NodeId

ONE = ("primary", "unique")
"""Entity types of which a model has at most one row each."""


@dataclass(frozen=True, slots=True)
class Entity:
    """What rows of a model are about. `expr` is SQL over its columns."""

    name: str
    type: str
    expr: str


@dataclass(frozen=True, slots=True)
class Dimension:
    """What rows can be grouped by. `grain` is the finest a time dimension can be asked at."""

    name: str
    type: str
    expr: str
    grain: str = "day"
    starts: bool = False
    ends: bool = False
    description: str | None = None

    @property
    def is_time(self) -> bool:
        """Whether it has grains."""
        return self.type == "time"


@dataclass(frozen=True, slots=True)
class Lasting:
    """A measure's level: the dimension along which only the first or last row of a period counts, apart for each of `groupings`."""

    name: str
    choice: str
    groupings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """An aggregation of a model's rows."""

    name: str
    agg: str
    expr: str
    filter: str | None = None
    percentile: float = 0.5
    discrete: bool = False
    lasting: Lasting | None = None
    description: str | None = None


@dataclass(frozen=True)
class Model:
    """A semantic model."""

    name: str
    node: NodeId
    relation: str
    default_time: str | None = None
    entities: Mapping[str, Entity] = field(default_factory=dict)
    dimensions: Mapping[str, Dimension] = field(default_factory=dict)
    measures: Mapping[str, Measure] = field(default_factory=dict)
    description: str | None = None

    def validity(self) -> tuple[Dimension, Dimension] | None:
        """The dimensions that begin and end the time a row holds."""
        starts = [d for d in self.dimensions.values() if d.starts]
        ends = [d for d in self.dimensions.values() if d.ends]
        return (starts[0], ends[0]) if starts and ends else None


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a derived metric."""

    metric: str
    alias: str
    offset: Duration | None = None
    filter: str | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric, as it was written."""

    name: str
    type: str
    measure: str | None = None
    numerator: str | None = None
    denominator: str | None = None
    expr: str | None = None
    inputs: tuple[Input, ...] = ()
    filter: str | None = None
    fill: float | int | None = None
    spine: bool = False
    grain_to_date: str | None = None
    window: Duration | None = None
    period_agg: str = "last"
    description: str | None = None

    @property
    def uses(self) -> tuple[str, ...]:
        """The names of metrics or measures it is made of."""
        found = (self.measure, self.numerator, self.denominator, *(i.metric for i in self.inputs))
        return tuple(dict.fromkeys(n for n in found if n is not None))


@dataclass(frozen=True)
class Catalog:
    """All semantic models and metrics of a project."""

    models: Mapping[str, Model]
    metrics: Mapping[str, Metric]
    saved: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @cached_property
    def measures(self) -> dict[str, list[tuple[Model, Measure]]]:
        """Measures by name, and by `model.name`."""
        found: dict[str, list[tuple[Model, Measure]]] = {}
        for model in self.models.values():
            for measure in model.measures.values():
                found.setdefault(measure.name, []).append((model, measure))
                found[f"{model.name}.{measure.name}"] = [(model, measure)]
        return found

    @cached_property
    def by_entity(self) -> dict[str, list[Model]]:
        """The models that have an entity, whatever its type."""
        found: dict[str, list[Model]] = {}
        for model in self.models.values():
            for name in model.entities:
                found.setdefault(name, []).append(model)
        return found

    @property
    def askable(self) -> list[str]:
        """Everything `--metrics` takes, metrics first."""
        return [*self.metrics, *(m for m in self.measures if m not in self.metrics and "." not in m)]


def catalog(nodes: Mapping[NodeId, Node]) -> Catalog:
    """The semantic layer of a project."""
    models: dict[str, Model] = {}
    metrics: dict[str, Metric] = {}
    saved: dict[str, Mapping[str, Any]] = {}
    for node in nodes.values():
        if isinstance(node.logic, DocumentLogic):
            if node.kind == "semantic_model":
                models[node.name] = _model(node, node.logic.params, nodes)
            elif node.kind == "metric":
                metrics[node.name] = _metric(node, node.logic.params)
            elif node.kind == "saved_query":
                saved[node.name] = {**node.logic.params, "description": node.description}
    return Catalog(models, metrics, saved)


def _model(node: Node, params: Mapping[str, Any], nodes: Mapping[NodeId, Node]) -> Model:
    described = params["model"]
    return Model(
        name=node.name,
        node=described,
        relation=nodes[described].relation if described in nodes else described.replace(".", "_", 1),
        default_time=params.get("default_time_dimension"),
        entities={e["name"]: Entity(e["name"], e["type"], e.get("expr") or _column(e["name"])) for e in params["entities"]},
        dimensions={d["name"]: _dimension(d) for d in params["dimensions"]},
        measures={m["name"]: _measure(m) for m in params["measures"]},
        description=node.description,
    )


def _column(name: str) -> str:
    """A column's name as an expression."""
    return f'"{name}"'


def _dimension(d: Mapping[str, Any]) -> Dimension:
    validity = d.get("validity_params") or {}
    return Dimension(
        d["name"],
        d["type"],
        d.get("expr") or _column(d["name"]),
        d.get("time_granularity") or "day",
        bool(validity.get("is_start")),
        bool(validity.get("is_end")),
        d.get("description"),
    )


def _measure(m: Mapping[str, Any]) -> Measure:
    lasting = m.get("non_additive_dimension")
    return Measure(
        m["name"],
        m["agg"],
        m.get("expr") or _column(m["name"]),
        m.get("filter"),
        m.get("percentile") or 0.5,
        bool(m.get("discrete")),
        Lasting(lasting["name"], lasting.get("window_choice", "max"), tuple(lasting.get("window_groupings", ()))) if lasting else None,
        m.get("description"),
    )


def _metric(node: Node, p: Mapping[str, Any]) -> Metric:
    inputs = tuple(
        Input(i["metric"], i.get("alias") or i["metric"], duration(i["offset"]) if i.get("offset") else None, i.get("filter"))
        for i in p.get("inputs", ())
    )
    return Metric(
        name=node.name,
        type=p["type"],
        measure=p.get("measure"),
        numerator=p.get("numerator"),
        denominator=p.get("denominator"),
        expr=p.get("expr"),
        inputs=inputs,
        filter=p.get("filter"),
        fill=p.get("fill_nulls_with"),
        spine=bool(p.get("join_to_timespine")),
        grain_to_date=p.get("grain_to_date"),
        window=duration(p["window"]) if p.get("window") else None,
        period_agg=p.get("period_agg") or "last",
        description=node.description,
    )
