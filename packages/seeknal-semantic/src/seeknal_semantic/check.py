"""What only shows when all models and metrics are seen together: what metrics are made of, and what is wrong with that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.errors import Location, ProjectError, did_you_mean
from seeknal.nodes import DocumentLogic, node_id
from seeknal_semantic.catalog import Catalog, Metric, Model, catalog

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from seeknal.errors import SeeknalError
    from seeknal.nodes import Node, NodeId


def check(nodes: Mapping[NodeId, Node]) -> list[SeeknalError]:
    """Everything that is wrong with models and metrics together."""
    known = catalog(nodes)
    errors: list[SeeknalError] = []
    for metric in known.metrics.values():
        errors += _metric_errors(metric, known, nodes)
    for name, query in known.saved.items():
        node = nodes[node_id("saved_query", name)]
        for number, asked in enumerate(query["metrics"]):
            errors += _name_errors(asked, f"metrics.{number}", node, known)
    for circle in cycles(known):
        node = nodes[node_id("metric", circle[0])]
        message = f"metrics that are made of themselves: {' -> '.join([*circle, circle[0]])}"
        errors.append(ProjectError("SK-SEM-007", message, at=node.at, hint="one of them must be made of something else"))
    return errors


def _at(node: Node, path: str) -> Location:
    marks = node.logic.marks if isinstance(node.logic, DocumentLogic) else {}
    return Location(*marks[path]) if path in marks else node.at


def _metric_errors(metric: Metric, known: Catalog, nodes: Mapping[NodeId, Node]) -> Iterator[SeeknalError]:
    node = nodes[node_id("metric", metric.name)]
    if metric.measure is not None:
        yield from _measure_errors(metric, node, known)
    for side in ("numerator", "denominator"):
        name = getattr(metric, side)
        if name is not None:
            yield from _name_errors(name, side, node, known)
    for number, entry in enumerate(metric.inputs):
        yield from _name_errors(entry.metric, f"inputs.{number}.metric", node, known)
    if metric.filter is not None:
        yield from _filter_errors(metric.filter, "filter", metric, node, known)
    for number, entry in enumerate(metric.inputs):
        if entry.filter is not None:
            yield from _filter_errors(entry.filter, f"inputs.{number}.filter", metric, node, known)


def _measure_errors(metric: Metric, node: Node, known: Catalog) -> Iterator[SeeknalError]:
    name = metric.measure or ""
    found = known.measures.get(name, [])
    if not found:
        names = [m for m in known.measures if "." not in m]
        hint = did_you_mean(name, known.measures) or (f"measures are {', '.join(names[:12])}" if names else "no semantic model has one")
        if name in known.metrics:
            hint = f"'{name}' is a metric; a metric made of metrics is of type ratio or derived"
        yield ProjectError("SK-SEM-001", f"{metric.name}: unknown measure '{name}'", at=_at(node, "measure"), hint=hint)
    elif len(found) > 1:
        yield _twice(name, [m for m, _ in found], _at(node, "measure"))
    else:
        model, measure = found[0]
        if metric.type == "cumulative" and model.default_time is None:
            message = f"a cumulative metric runs over time, and {model.name} has no default_time_dimension"
            yield ProjectError("SK-SEM-004", message, at=_at(node, "measure"))
        if metric.type == "cumulative" and measure.lasting is not None:
            message = f"measure '{measure.name}' is not added up over time, so it cannot be accumulated"
            yield ProjectError("SK-SEM-004", message, at=_at(node, "measure"))


def _name_errors(name: str, path: str, node: Node, known: Catalog) -> Iterator[SeeknalError]:
    if name in known.metrics:
        return
    found = known.measures.get(name, [])
    if not found:
        hint = did_you_mean(name, [*known.askable, *known.measures])
        yield ProjectError("SK-SEM-001", f"{node.name}: unknown metric or measure '{name}'", at=_at(node, path), hint=hint)
    elif len(found) > 1:
        yield _twice(name, [m for m, _ in found], _at(node, path))


def _twice(name: str, models: Sequence[Model], at: Location) -> ProjectError:
    names = [m.name for m in models]
    hint = f"write {' or '.join(f'{m}.{name}' for m in names)}"
    return ProjectError("SK-SEM-006", f"measure '{name}' is defined in {' and in '.join(names)}", at=at, hint=hint)


def _filter_errors(text: str, path: str, metric: Metric, node: Node, known: Catalog) -> Iterator[SeeknalError]:
    """Names in a metric's filter that none of its models can be asked by."""
    from seeknal_semantic.bind import Binder
    from seeknal_semantic.expressions import Refused, names, parse_filter

    models = {m.name: m for m in models_of(metric, known, set())}
    binder = Binder(known)
    try:
        asked = names(parse_filter(text))
    except Refused:  # the node's own check has said so
        return
    for name in asked:
        for model in models.values():
            try:
                binder.bind(model, name, metric.name)
            except ProjectError as error:
                yield ProjectError(error.code, f"{metric.name}: the filter: {error.message}", at=_at(node, path), hint=error.hint)
                break


def models_of(metric: Metric, known: Catalog, seen: set[str]) -> Iterator[Model]:
    """The models of everything a metric is made of."""
    if metric.name in seen:
        return
    seen.add(metric.name)
    for name in metric.uses:
        if name in known.metrics and metric.measure != name:
            yield from models_of(known.metrics[name], known, seen)
        else:
            yield from (model for model, _ in known.measures.get(name, [])[:1])


def cycles(known: Catalog) -> list[list[str]]:
    """Metrics that are made of themselves, each circle once."""
    edges = {name: [u for u in metric.uses if u in known.metrics and u != metric.measure] for name, metric in known.metrics.items()}
    circles: list[list[str]] = []
    done: set[str] = set()
    for start in edges:
        path: list[str] = []
        _walk(start, edges, path, done, circles)
    return circles


def _walk(start: str, edges: Mapping[str, Sequence[str]], path: list[str], done: set[str], circles: list[list[str]]) -> None:
    waiting: list[tuple[str, Iterator[str]]] = [(start, iter(edges[start]))] if start not in done else []
    path += [start] if waiting else []
    while waiting:
        name, rest = waiting[-1]
        following = next(rest, None)
        if following is None:
            waiting.pop()
            path.pop()
            done.add(name)
        elif following in path:
            circles.append(path[path.index(following) :])
        elif following not in done:
            path.append(following)
            waiting.append((following, iter(edges[following])))
