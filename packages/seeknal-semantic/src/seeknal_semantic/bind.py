"""What a dimension's name means for a measure's model: its own, or that of a model it can be joined with, and by which way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from seeknal.errors import ProjectError, did_you_mean
from seeknal_semantic.catalog import ONE
from seeknal_semantic.grains import GRAINS, finer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seeknal_semantic.catalog import Catalog, Model

METRIC_TIME = "metric_time"
FARTHEST = 6
"""How many joins away a dimension is looked for."""


@dataclass(frozen=True, slots=True)
class Hop:
    """A join of two models by an entity, from many rows to at most one."""

    left: str
    entity: str
    right: str


Path = tuple[Hop, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """A name with its meaning: a dimension or entity of the model at the end of a path, at a grain where it is a time."""

    asked: str
    path: Path
    model: str
    name: str
    kind: Literal["dimension", "entity"]
    grain: str | None = None

    @property
    def qualified(self) -> str:
        """The name that is always understood."""
        return "__".join([*(h.entity for h in self.path), self.name])


def _alike(found: list[Bound]) -> list[Bound]:
    """Each meaning once: two models of the same entity lead to the same rows of a third."""
    return list({(b.model, b.name, b.kind, tuple(h.entity for h in b.path)): b for b in reversed(found)}.values())[::-1]


class Binder:
    """Finds dimensions by name. What was found once is remembered."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._found: dict[tuple[str, str], Bound] = {}

    def bind(self, model: Model, name: str, asked_for: str) -> Bound:
        """The meaning of a name for a model. `asked_for` is the metric, for errors. Raises ProjectError."""
        key = (model.name, name)
        if key not in self._found:
            self._found[key] = self._bound(model, name, asked_for)
        return self._found[key]

    def is_time(self, model: Model, bound: Bound) -> bool:
        """Whether it is the model's default time dimension, at whatever grain."""
        return not bound.path and bound.kind == "dimension" and bound.name == model.default_time

    # Finding

    def _bound(self, model: Model, asked: str, metric: str) -> Bound:
        found = self._lookup(model, asked)
        if len(found) > 1:
            raise self._ambiguous(asked, found)
        if found:
            return self._grained(asked, found[0], None)
        name, _, grain = asked.rpartition("__")
        times = [f for f in self._lookup(model, name) if self._is_time(f)] if name else []
        if times and grain not in GRAINS:
            hint = did_you_mean(grain, GRAINS) or f"grains are {', '.join(GRAINS)}"
            raise ProjectError("SK-SEM-011", f"unknown time grain '{grain}' in dimension '{asked}'", hint=hint)
        if len(times) > 1:
            raise self._ambiguous(asked, times, f"__{grain}")
        if times:
            return self._grained(asked, times[0], grain)
        raise self._unknown(model, asked, metric)

    def _lookup(self, model: Model, name: str) -> list[Bound]:
        """All that a name without a grain means, the nearest only. More than one is ambiguous."""
        if name == METRIC_TIME:
            if model.default_time is None:
                message = f"'{METRIC_TIME}' means nothing for the measures of {model.name}: it has no default_time_dimension"
                raise ProjectError("SK-SEM-010", message)
            return [Bound(name, (), model.name, model.default_time, "dimension")]
        own = self._own(model, name, name, ())
        if own is not None:
            return [own]
        found = self._nearest([(model, ())], name, name, model.name) or list(self._qualified(model, name, name, (), model.name))
        return _alike(found or self._by_way_of(model, name))

    def _nearest(self, layer: Sequence[tuple[Model, Path]], asked: str, name: str, start: str) -> list[Bound]:
        """The models nearest to those of a layer that have a dimension of this name."""
        for _ in range(FARTHEST):
            layer = [(right, (*path, hop)) for left, path in layer for hop, right in self._hops(left, path, start)]
            found = [b for right, path in layer if (b := self._own(right, asked, name, path)) is not None]
            if found or not layer:
                return found
        return []

    def _by_way_of(self, model: Model, name: str) -> list[Bound]:
        """`entity__dimension` where the dimension is further away than the entity, but in one place only."""
        for entity in model.entities.values():
            if name.startswith(f"{entity.name}__"):
                layer: list[tuple[Model, Path]] = [(r, (h,)) for h, r in self._hops(model, (), model.name) if h.entity == entity.name]
                return self._nearest(layer, name, name[len(entity.name) + 2 :], model.name)
        return []

    def _own(self, model: Model, asked: str, name: str, path: Path) -> Bound | None:
        if name in model.dimensions:
            return Bound(asked, path, model.name, name, "dimension")
        if name in model.entities:
            return Bound(asked, path, model.name, name, "entity")
        return None

    def _qualified(self, model: Model, asked: str, rest: str, path: Path, start: str) -> Iterator[Bound]:
        """The meanings of `entity__…__dimension`."""
        if len(path) > FARTHEST:
            return
        if path and (own := self._own(model, asked, rest, path)) is not None:
            yield own
            return
        for entity in model.entities.values():
            if not rest.startswith(f"{entity.name}__"):
                continue
            inner = rest[len(entity.name) + 2 :]
            if not path and entity.type in ONE and (own := self._own(model, asked, inner, ())) is not None:
                yield own
                return
            for hop, right in self._hops(model, path, start):
                if hop.entity == entity.name:
                    yield from self._qualified(right, asked, inner, (*path, hop), start)

    def _hops(self, model: Model, path: Path, start: str) -> Iterator[tuple[Hop, Model]]:
        """Joins that keep the number of rows: to a model with at most one row an entity. None is entered twice."""
        seen = {start, *(h.right for h in path)}
        for entity in model.entities.values():
            for other in self._catalog.by_entity[entity.name]:
                there = other.entities[entity.name].type
                if other.name not in seen and (there in ONE or (there == "natural" and other.validity() is not None)):
                    yield Hop(model.name, entity.name, other.name), other

    def _is_time(self, bound: Bound) -> bool:
        return bound.kind == "dimension" and self._catalog.models[bound.model].dimensions[bound.name].is_time

    def _grained(self, asked: str, bound: Bound, grain: str | None) -> Bound:
        if not self._is_time(bound):
            return Bound(asked, bound.path, bound.model, bound.name, bound.kind)
        own = self._catalog.models[bound.model].dimensions[bound.name].grain
        if grain is not None and finer(grain, own):
            message = f"'{asked}': {bound.name} has granularity {own}; {grain} is finer"
            raise ProjectError("SK-SEM-011", message, hint=f"ask for {bound.name}__{own} or a coarser grain")
        return Bound(asked, bound.path, bound.model, bound.name, bound.kind, grain or own)

    # Errors

    def _ambiguous(self, asked: str, found: list[Bound], suffix: str = "") -> ProjectError:
        names = list(dict.fromkeys(b.qualified + suffix for b in found))
        ways = ", ".join(dict.fromkeys(f"{b.model} by {' and '.join(h.entity for h in b.path) or 'itself'}" for b in found))
        hint = (
            f"write {' or '.join(names)}" if len(names) > 1 else "two models describe the same entity; rename the dimension in one of them"
        )
        return ProjectError("SK-SEM-012", f"dimension '{asked}' is ambiguous: it can be reached in {ways}", hint=hint)

    def _unknown(self, model: Model, asked: str, metric: str) -> ProjectError:
        base = asked.rpartition("__")[0] if asked.rpartition("__")[2] in GRAINS else asked
        owners = [m for m in self._catalog.models.values() if base in m.dimensions or base in m.entities]
        for owner in owners:
            edge = self._fanning(model, owner)
            if edge is not None:
                doing = ", ".join(sorted(owner.measures) or sorted(edge[1].measures)[:3])
                message = (
                    f"dimension '{asked}' of {owner.name} cannot be reached from {model.name} without counting its rows several times: "
                )
                message += f"one {edge[0]} has many rows in {edge[1].name}"
                return ProjectError(
                    "SK-SEM-013", message, hint=f"ask a measure of {owner.name if owner.measures else edge[1].name}: {doing}"
                )
        if owners:
            message = f"'{asked}' is not a dimension of {metric}: {owners[0].name} has it, which {model.name} cannot be joined with"
            return ProjectError("SK-SEM-010", message, hint=f"it can be asked by {', '.join(self.reachable(model)[:12])}")
        known = self.reachable(model)
        near = did_you_mean(asked, known) or did_you_mean(base, known)
        return ProjectError("SK-SEM-010", f"unknown dimension '{asked}' for {metric}", hint=near or f"there are {', '.join(known[:12])}")

    def _fanning(self, start: Model, target: Model) -> tuple[str, Model] | None:
        """The first one-to-many edge on a way to a model."""
        waiting: list[tuple[Model, tuple[str, Model] | None]] = [(start, None)]
        seen = {start.name}
        for model, edge in waiting:
            if model.name == target.name:
                return edge
            for entity in model.entities.values():
                for other in self._catalog.by_entity[entity.name]:
                    if other.name not in seen:
                        seen.add(other.name)
                        many = other.entities[entity.name].type not in ONE and entity.type in ONE
                        waiting.append((other, edge or ((entity.name, other) if many else None)))
        return None

    def reachable(self, model: Model) -> list[str]:
        """Every name a model's measures can be asked by, nearest first; what is ambiguous in its qualified form, if that is not ambiguous too."""
        found: dict[str, list[Bound]] = {}
        layer: list[tuple[Model, Path]] = [(model, ())]
        for _ in range(FARTHEST + 1):
            here: dict[str, list[Bound]] = {}
            for right, path in layer:
                for name in (*right.dimensions, *right.entities):
                    here.setdefault(name, []).append(Bound(name, path, right.name, name, "dimension"))
            for name, bounds in here.items():
                found.setdefault(name, bounds)
            layer = [(right, (*path, hop)) for left, path in layer for hop, right in self._hops(left, path, model.name)]
        names: dict[str, None] = {}
        for name, bounds in found.items():
            alike = _alike(bounds)
            qualified = Counter(b.qualified for b in alike)
            names |= dict.fromkeys([name] if len(alike) == 1 else [q for q, times in qualified.items() if times == 1])
        return list(names)
