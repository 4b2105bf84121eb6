"""Older spellings, turned into today's before anything looks at a document. The only place that knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal.project.yaml import Path, Place


AGGREGATIONS = ("aggregation", "second_order_aggregation")
FEATURES = ("feature_group", *AGGREGATIONS)


def normalise(value: dict[str, Any], marks: dict[Path, Place]) -> dict[str, Any]:
    """The document with older spellings replaced; `marks` learns the new paths, so errors still point at what was written."""
    document = dict(value)
    kind = document.get("kind")
    if kind == "source" and "source" in document and "type" not in document:
        _rename(document, marks, (), "source", "type")
    if kind == "transform" and "transform" in document and "sql" not in document:
        _rename(document, marks, (), "transform", "sql")
    if kind in AGGREGATIONS:
        document = _aggregation(document, marks)
    if kind in FEATURES and isinstance(document.get("features"), dict):
        document["features"] = _features(document["features"], marks)
    audits = document.get("audits")
    if isinstance(audits, list):
        document["audits"] = [_audit(a, marks, ("audits", i)) for i, a in enumerate(audits)]
    return document


def _aggregation(document: dict[str, Any], marks: dict[Path, Place]) -> dict[str, Any]:
    """`feature_date_col` is `event_time`, `application_date_col` is `as_of`, and `source` names the one input."""
    for old, new in (("feature_date_col", "event_time"), ("application_date_col", "as_of")):
        if old in document and new not in document:
            _rename(document, marks, (), old, new)
    if "source" in document and "inputs" not in document:
        marks[("inputs", 0, "ref")] = marks[("inputs", 0)] = marks[("inputs",)] = marks[("source",)]
        document["inputs"] = [{"ref": document.pop("source")}]
    return document


def _features(features: dict[str, Any], marks: dict[Path, Place]) -> list[Any]:
    """`{a: int, b: {default: 0}}` means `[{name: a, type: int}, {name: b, default: 0}]`."""
    for number, name in enumerate(features):
        marks.update({("features", number, *p[2:]): mark for p, mark in marks.items() if p[:2] == ("features", name)})
        marks[("features", number, "name")] = marks.get(("features", number), marks[("features",)])
        if not isinstance(features[name], dict):
            marks[("features", number, "type")] = marks.get(("features", name), marks[("features",)])
    return [
        {"name": name, **value} if isinstance(value, dict) else {"name": name, **({} if value is None else {"type": value})}
        for name, value in features.items()
    ]


def _audit(entry: Any, marks: dict[Path, Place], path: Path) -> Any:
    if not isinstance(entry, dict) or entry.get("type") != "accepted_values" or "column" in entry:
        return entry
    columns = entry.get("columns")
    if not (isinstance(columns, list) and len(columns) == 1):
        return entry
    changed = dict(entry)
    _rename(changed, marks, path, "columns", "column")
    changed["column"] = columns[0]
    return changed


def _rename(document: dict[str, Any], marks: dict[Path, Place], path: Path, old: str, new: str) -> None:
    document[new] = document.pop(old)
    renamed: Mapping[Path, Place] = {
        (*path, new, *p[len(path) + 1 :]): mark for p, mark in marks.items() if p[: len(path) + 1] == (*path, old)
    }
    marks.update(renamed)
