"""MetricFlow's YAML as our nodes. What has no counterpart is listed, and what depends on it is left out too."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from seeknal.errors import ProjectError
from seeknal.project import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_AGGREGATIONS = {"sum", "count", "count_distinct", "average", "min", "max", "median", "percentile", "sum_boolean"}
_REF = re.compile(r"ref\(\s*['\"]([^'\"]+)['\"]\s*\)")
_DIMENSION = re.compile(r"\{\{\s*(?:Dimension|Entity)\(\s*['\"]([^'\"]+)['\"]\s*\)\s*\}\}")
_TIME = re.compile(r"\{\{\s*TimeDimension\(\s*['\"]([^'\"]+)['\"]\s*(?:,\s*['\"](\w+)['\"])?\s*\)\s*\}\}")
_KNOWN_KEYS = {
    "model": {"name", "description", "model", "defaults", "entities", "dimensions", "measures", "label", "config", "primary_entity"},
    "metric": {"name", "description", "type", "type_params", "filter", "label", "config"},
}


@dataclass
class Translated:
    """Our nodes, and a line for everything that was left out."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def translated(folder: Path) -> Translated:
    """Everything below a folder. Raises ProjectError where there is nothing, or where a file is no YAML."""
    result = Translated()
    documents = list(_documents(folder))
    models, metrics, saved = (_sections(documents, key, result) for key in ("semantic_models", "metrics", "saved_queries"))
    if not models and not metrics and not result.left_out:
        raise ProjectError("SK-SEM-026", f"there are no semantic_models: or metrics: in the YAML below {folder}")
    names = {str(m.get("name")) for m in metrics}
    for model in models:
        try:
            result.nodes.append(_model(model, result))
        except _LeftOut as reason:
            result.left_out.append(f"semantic model {model.get('name')}: {reason}")
            continue
        for measure in _tables(model.get("measures"), "measures"):
            if measure.get("create_metric") and measure["name"] not in names:
                result.nodes.append({"kind": "metric", "name": measure["name"], "type": "simple", "measure": measure["name"]})
    for metric in metrics:
        node = _metric(metric, result)
        if node is not None:
            result.nodes.append(node)
    result.left_out += [f"saved query {q.get('name')}: write it as kind: saved_query" for q in saved]
    _leave_out_dependents(result)
    return result


def _documents(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted([*folder.rglob("*.yml"), *folder.rglob("*.yaml")]):
        for document in yaml.load(yaml.decode(path.read_bytes(), str(path)), str(path)):
            if isinstance(document.value, dict):
                yield document.value


def _sections(documents: list[dict[str, Any]], key: str, result: Translated) -> list[dict[str, Any]]:
    """What all documents have under a key."""
    found: list[dict[str, Any]] = []
    for document in documents:
        try:
            found += _tables(document.get(key), key)
        except _LeftOut as reason:
            result.left_out.append(str(reason))
    return found


def _tables(value: Any, what: str) -> list[dict[str, Any]]:
    """A list of mappings, each with a name."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(v, dict) and isinstance(v.get("name"), str) for v in value):
        _leave_out(f"{what} is no list of mappings with a name")
    return value


def _table(value: Any, what: str) -> dict[str, Any]:
    """A mapping, or none."""
    if value is not None and not isinstance(value, dict):
        _leave_out(f"{what} is no mapping")
    return value or {}


def _leave_out_dependents(result: Translated) -> None:
    """Metrics made of what was left out go too."""
    while True:
        have = {n["name"] for n in result.nodes if n["kind"] == "metric"}
        have |= {m["name"] for n in result.nodes for m in n.get("measures", ())}
        for node in result.nodes:
            if node["kind"] != "metric":
                continue
            uses = [node.get("measure"), node.get("numerator"), node.get("denominator"), *(i["metric"] for i in node.get("inputs", ()))]
            missing = [u for u in uses if u and u not in have]
            if missing:
                result.left_out.append(f"metric {node['name']}: it is made of {missing[0]}, which is not here")
                result.nodes.remove(node)
                break
        else:
            return


def _model(model: Mapping[str, Any], result: Translated) -> dict[str, Any]:
    name = str(model.get("name"))
    match = _REF.search(str(model.get("model", "")))
    node: dict[str, Any] = {"kind": "semantic_model", "name": name}
    if model.get("description"):
        node["description"] = model["description"]
    node["model"] = f"ref('{match[1] if match else model.get('model')}')"
    default = _table(model.get("defaults"), "defaults").get("agg_time_dimension")
    if default:
        node["default_time_dimension"] = default
    entities = [_kept(e, ("name", "type", "expr", "description")) for e in _tables(model.get("entities"), "entities")]
    if model.get("primary_entity") and not any(e.get("type") == "primary" for e in entities):
        entities.insert(0, {"name": model["primary_entity"], "type": "primary"})
    node["entities"] = entities
    node["dimensions"] = [_dimension(d) for d in _tables(model.get("dimensions"), "dimensions")]
    node["measures"] = [
        m for entry in _tables(model.get("measures"), "measures") if (m := _measure(entry, name, default, result)) is not None
    ]
    unknown = sorted(set(model) - _KNOWN_KEYS["model"])
    result.left_out += [f"semantic model {name}: {key}" for key in unknown]
    return {k: v for k, v in node.items() if v not in (None, [])}


def _dimension(dimension: Mapping[str, Any]) -> dict[str, Any]:
    found = _kept(dimension, ("name", "type", "expr", "description"))
    params = _table(dimension.get("type_params"), "type_params")
    if params.get("time_granularity"):
        found["time_granularity"] = str(params["time_granularity"]).lower()
    if params.get("validity_params"):
        found["validity_params"] = _kept(_table(params["validity_params"], "validity_params"), ("is_start", "is_end"))
    return found


def _measure(measure: Mapping[str, Any], model: str, default: str | None, result: Translated) -> dict[str, Any] | None:
    agg = str(measure.get("agg", "")).lower()
    params = _table(measure.get("agg_params"), "agg_params")
    problem = None
    if agg not in _AGGREGATIONS:
        problem = f"agg {agg}"
    elif measure.get("agg_time_dimension") not in (None, default):
        problem = f"agg_time_dimension {measure['agg_time_dimension']} differs from the model's"
    if problem:
        result.left_out.append(f"measure {model}.{measure.get('name')}: {problem}")
        return None
    found = {**_kept(measure, ("name", "description")), "agg": agg, **_kept(measure, ("expr",))}
    if "expr" in found:
        found["expr"] = str(found["expr"])
    if agg == "percentile":
        found["percentile"] = params.get("percentile", 0.5)
        if params.get("use_discrete_percentile"):
            found["discrete"] = True
    lasting = measure.get("non_additive_dimension")
    if lasting:
        found["non_additive_dimension"] = _kept(_table(lasting, "non_additive_dimension"), ("name", "window_choice", "window_groupings"))
    return found


def _metric(metric: Mapping[str, Any], result: Translated) -> dict[str, Any] | None:
    name, kind = str(metric.get("name")), str(metric.get("type", "")).lower()
    node: dict[str, Any] = {"kind": "metric", "name": name, "type": kind, **_kept(metric, ("description",))}
    try:
        more, filters = _params(kind, _table(metric.get("type_params"), "type_params"))
        texts = [_filter(f) for f in (metric.get("filter"), *filters) if f]
    except _LeftOut as reason:
        result.left_out.append(f"metric {name}: {reason}")
        return None
    node |= more
    if texts:
        node["filter"] = " AND ".join(f"({t})" for t in texts) if len(texts) > 1 else texts[0]
    return node


def _params(kind: str, params: Mapping[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """The keys of a metric's type, and filters that stand in them."""
    if kind == "simple":
        measure = _input(params.get("measure"))
        return {"measure": measure["name"], **_kept(measure, ("fill_nulls_with", "join_to_timespine"))}, [measure.get("filter")]
    if kind == "ratio":
        sides = {s: _input(params.get(s)) for s in ("numerator", "denominator")}
        if any(side.get("filter") for side in sides.values()):
            _leave_out("a filter on one side of a ratio; make a metric of that side")
        return {s: side["name"] for s, side in sides.items()}, []
    if kind == "cumulative":
        measure, more = _input(params.get("measure")), _table(params.get("cumulative_type_params"), "cumulative_type_params")
        keys = {k: v for k in ("window", "grain_to_date", "period_agg") if (v := more.get(k) or params.get(k))}
        if keys.get("period_agg") not in (None, "first", "last"):
            _leave_out(f"period_agg {keys['period_agg']}")
        return {"measure": measure["name"], **keys}, [measure.get("filter")]
    if kind == "derived":
        inputs = params.get("metrics")
        if not isinstance(inputs, list):
            _leave_out("metrics is no list")
        return {"expr": str(params.get("expr")), "inputs": [_derived_input(i) for i in inputs]}, []
    return _leave_out(f"type {kind or 'none'}")


class _LeftOut(Exception):
    """What has no counterpart."""


def _leave_out(why: str) -> NoReturn:
    raise _LeftOut(why)


def _input(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        return value
    return _leave_out("it names no measure or metric")


def _derived_input(value: Any) -> dict[str, Any]:
    entry = _input(value)
    if entry.get("offset_to_grain"):
        _leave_out("offset_to_grain")
    found = {"metric": entry["name"], **_kept(entry, ("alias",))}
    if entry.get("offset_window"):
        found["offset"] = entry["offset_window"]
    if entry.get("filter"):
        found["filter"] = _filter(entry["filter"])
    return found


def _filter(value: Any) -> str:
    """A filter with our names in place of its templates."""
    texts = value if isinstance(value, list) else [value]
    found = []
    for text in texts:
        plain = _TIME.sub(lambda m: m[1] + (f"__{m[2].lower()}" if m[2] else ""), _DIMENSION.sub(r"\1", str(text)))
        if "{{" in plain:
            _leave_out(f"the filter {text.strip()!r}")
        found.append(plain.strip())
    return " AND ".join(f"({t})" for t in found) if len(found) > 1 else found[0]


def _kept(value: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {k: value[k] for k in keys if value.get(k) is not None}
