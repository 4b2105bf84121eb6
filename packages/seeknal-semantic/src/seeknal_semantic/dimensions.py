"""What metrics can be asked by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeknal.errors import ProjectError
from seeknal_semantic.bind import METRIC_TIME, Binder
from seeknal_semantic.grains import GRAINS, finer
from seeknal_semantic.resolve import Resolver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal_semantic.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Askable:
    """A dimension: its name, its type, the model that has it, and the grains of a time."""

    name: str
    type: str
    model: str
    grains: tuple[str, ...] = ()


def dimensions_of(known: Catalog, metrics: Sequence[str]) -> list[Askable]:
    """What all of these metrics can be asked by, the nearest to the first one's measure first. Raises ProjectError for unknown names."""
    if not metrics:
        raise ProjectError("SK-SEM-001", "name at least one metric", hint="`seeknal metrics` lists them")
    resolver = Resolver(known)
    for name in metrics:
        resolver.metric(name)
    models = [known.models[m] for m in dict.fromkeys(leaf.model for leaf in resolver.leaves)]
    binder = Binder(known)
    found = []
    for name in binder.reachable(models[0]):
        bound = binder.bind(models[0], name, metrics[0])
        if bound.kind == "dimension" and any(_other(binder, known, m.name, name) != (bound.model, bound.name) for m in models[1:]):
            continue
        if bound.kind == "entity" and any(_other(binder, known, m.name, name) is None for m in models[1:]):
            continue
        dimension = known.models[bound.model].dimensions.get(bound.name) if bound.kind == "dimension" else None
        grains = _grains(dimension.grain) if dimension is not None and dimension.is_time else ()
        found.append(Askable(name, dimension.type if dimension else "entity", bound.model, grains))
    if all(m.default_time is not None for m in models):
        coarsest = max((m.dimensions[m.default_time or ""].grain for m in models), key=GRAINS.index)
        found.append(Askable(METRIC_TIME, "time", ", ".join(m.name for m in models), _grains(coarsest)))
    return found


def _other(binder: Binder, known: Catalog, model: str, name: str) -> tuple[str, str] | None:
    try:
        bound = binder.bind(known.models[model], name, model)
    except ProjectError:
        return None
    return bound.model, bound.name


def _grains(finest: str) -> tuple[str, ...]:
    return tuple(g for g in GRAINS if not finer(g, finest))
