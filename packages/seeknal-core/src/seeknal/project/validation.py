"""From pydantic's errors to ours: every problem of a document at once, each with its place in the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from seeknal.errors import Location, ProjectError, ProjectErrors, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_core import ErrorDetails

    from seeknal.project.yaml import Document

Model = TypeVar("Model", bound=BaseModel)

_TYPES = {
    "string_type": "text", "dict_type": "a mapping (key: value)", "list_type": "a list (- item)", "bool_type": "true or false",
    "bool_parsing": "true or false", "int_type": "a whole number", "int_parsing": "a whole number", "float_type": "a number",
    "float_parsing": "a number", "model_type": "a mapping (key: value)", "model_attributes_type": "a mapping (key: value)",
    "datetime_from_date_parsing": "a date, such as 2026-01-31", "date_from_datetime_parsing": "a date, such as 2026-01-31",
    "tuple_type": "a list (- item)",
}  # fmt: skip


def first_document(documents: Sequence[Document], path: str) -> Document:
    """The only document of a settings file."""
    if not documents:
        raise ProjectError("SK-YAML-008", "the file is empty", at=Location(path))
    if len(documents) > 1:
        raise ProjectError("SK-YAML-007", "only one document may stand in this file", at=documents[1].at())
    return documents[0]


def validate(model: type[Model], document: Document, value: dict[str, Any], prefix: tuple[str | int, ...] = ()) -> Model:
    """Check a value against a model. Raises ProjectErrors, each error placed by its path below `prefix`."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise ProjectErrors(_errors(error, model, document, prefix)) from None


def _errors(error: ValidationError, model: type[BaseModel], document: Document, prefix: tuple[str | int, ...]) -> list[ProjectError]:
    found: dict[tuple[str | int, ...], ProjectError] = {}
    for details in error.errors(include_url=False):
        path = _written(document, (*prefix, *details["loc"]))
        if path not in found:  # a union reports once for each of its members
            found[path] = _error(details, model, document, (*prefix, *details["loc"]), path)
    return list(found.values())


def _written(document: Document, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The path without what pydantic adds for unions and key checks."""
    kept: list[str | int] = []
    for part in path:
        if (*kept, part) in document.marks or part == path[-1]:
            kept.append(part)
    return tuple(kept) if tuple(kept) in document.marks else tuple(kept[:-1]) if tuple(kept[:-1]) in document.marks else path


def _error(
    details: ErrorDetails, model: type[BaseModel], document: Document, path: tuple[str | int, ...], written: tuple[str | int, ...]
) -> ProjectError:
    kind = details["type"]
    said = path if kind in ("missing", "extra_forbidden") else written or path
    key = next((part for part in reversed(said) if isinstance(part, str)), str(said[-1])) if path else ""
    inside = isinstance(_value(document.value, written), dict | list)  # a block is best shown at the key that holds it
    if kind == "extra_forbidden":
        known = _keys(model, details["loc"][:-1])
        near = did_you_mean(key, known)
        hint = near or (f"known keys: {', '.join(sorted(known))}" if known else None)
        return ProjectError("SK-KEY-001", f"unknown key '{key}'", at=document.at(*written, key=True), hint=hint)
    if kind == "missing":
        return ProjectError("SK-KEY-002", f"missing key '{key}'", at=document.at(*path[:-1]))
    if kind in _TYPES:
        return ProjectError("SK-KEY-003", f"'{key}' must be {_TYPES[kind]}", at=document.at(*written, key=inside), hint=_quoting(kind))
    message = details["msg"].removeprefix("Value error, ")
    if kind == "literal_error":
        allowed = details["ctx"]["expected"]
        hint = did_you_mean(str(details["input"]), re.findall("'([^']+)'", allowed))
        return ProjectError("SK-KEY-003", f"'{key}' must be {allowed}", at=document.at(*written), hint=hint)
    if kind.startswith(("date", "datetime")):
        return ProjectError("SK-KEY-003", f"'{key}' is not a date: {message}", at=document.at(*written), hint="write it as 2026-01-31")
    if not message.startswith(key) and key not in message.split(" "):
        message = f"'{key}': {message}"
    return ProjectError("SK-KEY-004", message, at=document.at(*written, key=inside))


def _value(value: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _quoting(kind: str) -> str | None:
    return "put it in quotes to make it text" if kind == "string_type" else None


def _keys(model: type[BaseModel], path: tuple[str | int, ...]) -> set[str]:
    """The keys known where an unknown one was found, as far as the models say."""
    current: Any = model
    for part in path:
        if isinstance(part, int):
            continue
        if not (isinstance(current, type) and issubclass(current, BaseModel)) or part not in current.model_fields:
            return set()
        current = _model_in(current.model_fields[part].annotation)
    return set(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else set()


def _model_in(annotation: Any) -> Any:
    """The model inside `list[Model]`, `Model | None` or the like."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_in(argument)
        if found is not None:
            return found
    return None
