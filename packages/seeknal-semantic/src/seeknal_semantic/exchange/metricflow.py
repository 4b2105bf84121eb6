"""MetricFlow's YAML as our nodes. What has no counterpart is listed, and what depends on it is left out too."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeknal.errors import ProjectError
from seeknal.project import yaml
from seeknal_semantic.exchange.templates import LeftOut, column, filter_text, leave_out
from seeknal_semantic.expressions import Refused, parse_arithmetic, parse_filter, parse_value
from seeknal_semantic.grains import GRAINS, duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_AGGREGATIONS = {"sum", "count", "count_distinct", "average", "min", "max", "median", "percentile", "sum_boolean"}
_REF = re.compile(r"ref\(\s*['\"]([^'\"]+)['\"]\s*\)")
_MODEL_KEYS = {"name", "description", "model", "defaults", "entities", "dimensions", "measures", "label", "config", "primary_entity"}
_QUERY_KEYS = {"metrics", "group_by", "where", "order_by", "limit"}


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
        except LeftOut as reason:
            result.left_out.append(f"semantic model {model.get('name')}: {reason}")
            continue
        for measure in _tables(model.get("measures"), "measures"):
            if measure.get("create_metric") and measure["name"] not in names:
                result.nodes.append({"kind": "metric", "name": measure["name"], "type": "simple", "measure": measure["name"]})
    for metric in metrics:
        node = _metric(metric, result)
        if node is not None:
            result.nodes.append(node)
    result.nodes += [node for query in saved if (node := _saved_query(query, result)) is not None]
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
        except LeftOut as reason:
            result.left_out.append(str(reason))
    return found


def _tables(value: Any, what: str) -> list[dict[str, Any]]:
    """A list of mappings, each with a name."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(v, dict) and isinstance(v.get("name"), str) for v in value):
        leave_out(f"{what} is no list of mappings with a name")
    return value


def _table(value: Any, what: str) -> dict[str, Any]:
    """A mapping, or none."""
    if value is not None and not isinstance(value, dict):
        leave_out(f"{what} is no mapping")
    return value or {}


def _leave_out_dependents(result: Translated) -> None:
    """Metrics and saved queries made of what was left out go too."""
    while True:
        have = {n["name"] for n in result.nodes if n["kind"] == "metric"}
        have |= {m["name"] for n in result.nodes for m in n.get("measures", ())}
        for node in result.nodes:
            uses = [*(node.get(k) for k in ("measure", "numerator", "denominator")), *node.get("metrics", ())]
            uses += [i["metric"] for i in node.get("inputs", ())]
            missing = [u for u in uses if u and u not in have]
            if missing:
                result.left_out.append(f"{node['kind'].replace('_', ' ')} {node['name']}: it is made of {missing[0]}, which is not here")
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
    measures = _tables(model.get("measures"), "measures")
    default = _table(model.get("defaults"), "defaults").get("agg_time_dimension")
    default = default or next((m["agg_time_dimension"] for m in measures if m.get("agg_time_dimension")), None)
    if default:
        node["default_time_dimension"] = default
    entities = [_kept(e, ("name", "type", "expr", "description")) for e in _tables(model.get("entities"), "entities")]
    if model.get("primary_entity") and not any(e.get("type") == "primary" for e in entities):
        entities.insert(0, {"name": model["primary_entity"], "type": "primary", "expr": "NULL"})  # a name only: there is no such column
    node["entities"] = entities
    node["dimensions"] = [_dimension(d) for d in _tables(model.get("dimensions"), "dimensions")]
    node["measures"] = [m for entry in measures if (m := _measure(entry, name, default, result)) is not None]
    unknown = sorted(set(model) - _MODEL_KEYS)
    result.left_out += [f"semantic model {name}: {key}" for key in unknown]
    return {k: v for k, v in node.items() if v not in (None, [])}


def _dimension(dimension: Mapping[str, Any]) -> dict[str, Any]:
    found = _kept(dimension, ("name", "type", "expr", "description"))
    if "expr" in found:
        found["expr"] = _parsed(parse_value, str(found["expr"]), f"dimension {found['name']}")
    params = _table(dimension.get("type_params"), "type_params")
    if params.get("time_granularity"):
        found["time_granularity"] = _grain(str(params["time_granularity"]))
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
    else:
        problem = _refusal(parse_value, str(measure.get("expr", "1")))
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
        params = _table(metric.get("type_params"), "type_params")
        more, filters = _params(kind, params)
        texts = [_filter(f) for f in (metric.get("filter"), *filters) if f]
    except LeftOut as reason:
        result.left_out.append(f"metric {name}: {reason}")
        return None
    node |= more
    if kind == "cumulative" and isinstance(params.get("measure"), dict):
        ours = f"metric {name}: {{}}, which only a simple metric has here; the metric is without"
        result.left_out += [ours.format(key) for key in ("fill_nulls_with", "join_to_timespine") if params["measure"].get(key)]
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
            filtered = [{**_derived_input(_kept(side, ("name", "filter"))), "alias": alias} for alias, side in sides.items()]
            return {"type": "derived", "expr": "numerator / denominator", "inputs": filtered}, []
        return {s: side["name"] for s, side in sides.items()}, []
    if kind == "cumulative":
        measure, more = _input(params.get("measure")), _table(params.get("cumulative_type_params"), "cumulative_type_params")
        keys = {k: v for k in ("window", "grain_to_date", "period_agg") if (v := more.get(k) or params.get(k))}
        keys["period_agg"] = str(keys.get("period_agg", "first")).lower()  # their default; ours is last
        if keys["period_agg"] not in ("first", "last"):
            leave_out(f"period_agg {keys['period_agg']}")
        if "window" in keys:
            keys["window"] = _duration(keys["window"], "window")
        if "grain_to_date" in keys:
            keys["grain_to_date"] = _grain(str(keys["grain_to_date"]))
        return {"measure": measure["name"], **keys}, [measure.get("filter")]
    if kind == "derived":
        inputs = params.get("metrics")
        if not isinstance(inputs, list):
            leave_out("metrics is no list")
        expr = _parsed(parse_arithmetic, str(params.get("expr")), "the expression")
        return {"expr": expr, "inputs": [_derived_input(i) for i in inputs]}, []
    return leave_out(f"type {kind or 'none'}")


def _input(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        return value
    return leave_out("it names no measure or metric")


def _derived_input(value: Any) -> dict[str, Any]:
    entry = _input(value)
    if entry.get("offset_to_grain"):
        leave_out("offset_to_grain")
    found = {"metric": entry["name"], **_kept(entry, ("alias",))}
    if entry.get("offset_window"):
        found["offset"] = _duration(entry["offset_window"], "offset_window")
    if entry.get("filter"):
        found["filter"] = _filter(entry["filter"])
    return found


def _filter(value: Any) -> str:
    """A filter with our names in place of its templates."""
    found = [_parsed(parse_filter, filter_text(str(text)), "the filter") for text in (value if isinstance(value, list) else [value])]
    return " AND ".join(f"({t})" for t in found) if len(found) > 1 else found[0]


def _saved_query(query: Mapping[str, Any], result: Translated) -> dict[str, Any] | None:
    name = str(query["name"])
    try:
        params = _table(query.get("query_params"), "query_params")
        items = {key: _texts(params.get(key), key) for key in ("metrics", "group_by", "where", "order_by")}
        node = {
            "kind": "saved_query",
            **_kept(query, ("name", "description")),
            "metrics": items["metrics"] or leave_out("it has no metrics"),
            "dimensions": [column(item) for item in items["group_by"]],
            "filters": [_filter(text) for text in items["where"]],
            "order_by": [column(item) for item in items["order_by"]],
            "limit": params.get("limit"),
        }
    except LeftOut as reason:
        result.left_out.append(f"saved query {name}: {reason}")
        return None
    unknown = [*sorted(set(params) - _QUERY_KEYS), *(["exports"] if query.get("exports") else [])]
    result.left_out += [f"saved query {name}: {key}" for key in unknown]
    return {k: v for k, v in node.items() if v not in (None, [])}


def _texts(value: Any, what: str) -> list[str]:
    """One text or several."""
    found = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(text, str) for text in found):
        leave_out(f"{what} is no list of texts")
    return found


def _parsed(parse: Callable[[str], Any], text: str, what: str) -> str:
    """An expression that can stand in a project of ours."""
    problem = _refusal(parse, text)
    return leave_out(f"{what} {text!r}: {problem}") if problem else text


def _refusal(parse: Callable[[str], Any], text: str) -> str | None:
    try:
        parse(text)
    except Refused as refused:
        return refused.message
    return None


def _duration(value: Any, what: str) -> str:
    try:
        return str(duration(str(value)))
    except ValueError:
        return leave_out(f"{what} {value}")


def _grain(name: str) -> str:
    return name.lower() if name.lower() in GRAINS else leave_out(f"grain {name}")


def _kept(value: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {k: value[k] for k in keys if value.get(k) is not None}
