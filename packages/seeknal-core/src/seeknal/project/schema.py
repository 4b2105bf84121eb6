"""JSON Schemas of nodes, made from the specs that check them, for editors to complete and explain what people type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from seeknal.project.parsing import refused
from seeknal.targets import load_target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seeknal.registry import Registry
    from seeknal.specs import NodeSpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def kind_schema(registry: Registry, kind: str) -> dict[str, Any]:
    """The schema of one kind's documents. Raises PluginError for an unknown kind."""
    contribution = registry.node_kind(kind)
    schemas, definitions = _schemas(registry, [kind])
    own = definitions.pop(schemas[kind])
    return {"$schema": DIALECT, "title": kind, "description": contribution.description, **_without_title(own), "$defs": definitions}


def project_schema(registry: Registry) -> dict[str, Any]:
    """The schema of any node's document: its `kind` says which."""
    kinds = list(dict.fromkeys(p.contribution.name for p in registry.node_kinds))
    schemas, definitions = _schemas(registry, kinds)
    choices = [{"$ref": f"#/$defs/{schemas[kind]}"} for kind in kinds]
    return {
        "$schema": DIALECT,
        "title": "seeknal node",
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": kinds, "description": "What the node is; decides the other keys."}},
        "oneOf": choices,
        "discriminator": {"propertyName": "kind", "mapping": {k: f"#/$defs/{schemas[k]}" for k in kinds}},
        "$defs": definitions,
    }


def _schemas(registry: Registry, kinds: Iterable[str]) -> tuple[dict[str, str], dict[str, Any]]:
    """For each kind the name of its definition; and all definitions, which kinds share."""
    models: dict[str, type[NodeSpec]] = {kind: load_target(registry.node_kind(kind).target) for kind in kinds}
    found, document = models_json_schema([(model, "validation") for model in dict.fromkeys(models.values())])
    definitions: dict[str, Any] = document["$defs"]
    names = {kind: found[(model, "validation")]["$ref"].rpartition("/")[2] for kind, model in models.items()}
    for kind, name in names.items():
        _as_written(definitions[name], kind, registry.node_kind(kind).description, refused(models[kind]))
    return names, definitions


def _as_written(schema: dict[str, Any], kind: str, description: str, left_out: Iterable[str]) -> None:
    """What a file must say: `kind` stands in it, and keys that nothing builds yet do not."""
    properties = schema["properties"]
    for key in set(left_out) & set(properties):
        del properties[key]
    properties["kind"] = {"const": kind, "description": description}
    schema["required"] = ["kind", *(k for k in schema.get("required", []) if k != "kind")]


def _without_title(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in ("title", "description")}
