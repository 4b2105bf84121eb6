"""Drafts: the text of a node that is not written yet, every key explained by what its kind says of it."""

from __future__ import annotations

import json
import keyword
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import yaml

from seeknal.errors import ProjectError
from seeknal.project.parsing import refused
from seeknal.specs import NodeSpec, check_name
from seeknal.targets import load_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic.fields import FieldInfo

    from seeknal.nodes import NodeId
    from seeknal.registry import Registry

_FIRST = ("kind", "name")


@dataclass(frozen=True)
class NewDraft:
    """What is to be drafted. `deps` are the nodes it will read."""

    kind: str
    name: str
    deps: Sequence[NodeId] = ()
    python: bool = False

    @property
    def file(self) -> str:
        """The file it is written to."""
        return f"draft_{self.kind}_{self.name}{'.py' if self.python else '.yml'}"


def draft_text(new: NewDraft, registry: Registry) -> str:
    """The draft's text. Raises ProjectError for an unknown kind, a name that cannot be one, or a kind that is not written in Python."""
    kind = registry.node_kind(new.kind)
    try:
        check_name(new.name)
    except ValueError as error:
        raise ProjectError("SK-DRAFT-001", f"'{new.name}' cannot be a name: {error}") from None
    if new.python:
        return _python(new)
    model: type[NodeSpec] = load_target(kind.target)
    start = _starting_values(new, model)
    parts = [_heading(new, kind.description)]
    parts += [_key(k, _described(k, model), value) for k, value in start.items()]
    parts.append("# The rest is optional: take away the # where you want it.")
    parts += [_optional(k, model.model_fields[k], _known_audits(registry) if k == "audits" else []) for k in _optional_keys(model, start)]
    return "\n\n".join(parts) + "\n"


def _heading(new: NewDraft, description: str) -> str:
    article = "an" if new.kind[0] in "aeiou" else "a"
    about = f" ({description[0].lower()}{description[1:].rstrip('.')})" if description else ""
    return (
        f"# A draft of {article} {new.kind}{about}.\n"
        f"# Try it:             seeknal dry-run {new.file}\n"
        f"# Move it into place: seeknal apply {new.file}"
    )


def _starting_values(new: NewDraft, model: type[NodeSpec]) -> dict[str, Any]:
    """The keys that are filled in: those every node of the kind must have, and those that make the draft useful at once."""
    values: dict[str, Any] = {"kind": new.kind, "name": new.name}
    values |= {key: _sample(field) for key, field in model.model_fields.items() if field.is_required() and key not in values}
    inputs: list[dict[str, str]] = [{"ref": d} for d in new.deps]
    match new.kind:
        case "source":
            values |= {"type": "csv", "table": f"data/{new.name}.csv"}
        case "transform":
            values |= {"sql": _select(new.deps)}
        case "exposure":
            values |= {"inputs": inputs or [{"ref": "transform.users"}], "params": {"path": f"out/{new.name}.csv", "format": "csv"}}
        case "rule":
            values |= {"inputs": inputs or [{"ref": "transform.users"}], "audits": [{"type": "row_count", "min": 1}]}
        case "aggregation" | "feature_group":
            values |= {"inputs": inputs or [{"ref": "transform.orders"}]}
        case "second_order_aggregation":
            values |= {"inputs": inputs or [{"ref": "aggregation.activity"}]}
        case "training_set":
            values |= {"spine": new.deps[0]} if new.deps else {}
        case _ if inputs:
            values |= {"inputs": inputs}
    return {key: value for key, value in values.items() if key in model.model_fields}


def _select(deps: Sequence[NodeId]) -> str:
    if not deps:
        return "SELECT 1 AS id\n"
    aliases = _identifiers(deps)
    lines = [f"SELECT {aliases[0]}.*", f"FROM {{{{ ref('{deps[0]}') }}}} AS {aliases[0]}"]
    lines += [f"JOIN {{{{ ref('{d}') }}}} AS {a} USING (id)" for d, a in zip(deps[1:], aliases[1:], strict=True)]
    return "\n".join(lines) + "\n"


def _optional_keys(model: type[NodeSpec], start: Mapping[str, Any]) -> list[str]:
    """The kind's own keys first, then those of every node."""
    left = [k for k in model.model_fields if k not in start and k not in refused(model)]
    return sorted(left, key=lambda k: k in NodeSpec.model_fields)


def _described(key: str, model: type[NodeSpec]) -> FieldInfo:
    """The key's field, or that of every node where the kind only narrows it."""
    field = model.model_fields[key]
    return field if field.description else NodeSpec.model_fields.get(key, field)


def _key(key: str, field: FieldInfo, value: Any) -> str:
    explained = f"# {field.description}\n" if field.description else ""
    return explained + _yaml(key, value)


def _optional(key: str, field: FieldInfo, more: Sequence[str] = ()) -> str:
    """The key as a comment. It follows its # at once, so that taking that away leaves good YAML."""
    explained = [f"# {line}" for line in (field.description, *more) if line]
    return "\n".join([*explained, *(f"#{line}" for line in _yaml(key, _sample(field)).split("\n"))])


def _sample(field: FieldInfo) -> Any:
    """A value to show: the field's example, its default, or a word that says something belongs there."""
    if field.examples:
        return field.examples[0]
    if not field.is_required() and field.default is not None and field.default_factory is None:
        return field.default
    choices = [c for c in _literals(field.annotation) if c is not None]
    if choices:
        return choices[0]
    if field.default_factory is not None:
        return field.get_default(call_default_factory=True, validated_data={})
    return {bool: True, int: 1, float: 1.0}.get(_plain(field.annotation), "…")


def _literals(annotation: Any) -> Iterable[Any]:
    """The choices of a `Literal`, also where it is one side of a union."""
    for argument in getattr(annotation, "__args__", ()):
        if getattr(annotation, "__origin__", None) is Literal:
            yield argument
        else:
            yield from _literals(argument)


def _plain(annotation: Any) -> Any:
    """The type itself, or the first side of a union."""
    arguments = getattr(annotation, "__args__", ())
    return arguments[0] if arguments else annotation


def _yaml(key: str, value: Any) -> str:
    if isinstance(value, str) and "\n" in value:
        return f"{key}: |\n" + "\n".join(f"  {line}" for line in value.rstrip("\n").split("\n"))
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return f"{key}:\n" + "\n".join(f"  - {_flow(item)}" for item in value)
    return f"{key}: {_flow(value)}"


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000)
    return text.removesuffix("...\n").strip()


def _known_audits(registry: Registry) -> list[str]:
    found = {p.contribution.name: p.contribution.description for p in registry.audits}
    width = max(map(len, found), default=0)
    return ["Known here:", *(f"  {name:<{width}}  {description}".rstrip() for name, description in found.items())]


def _python(new: NewDraft) -> str:
    from seeknal.kinds.python import PythonSourceSpec, PythonTransformSpec

    models: dict[str, type[NodeSpec]] = {"transform": PythonTransformSpec, "source": PythonSourceSpec}
    if new.kind not in models:
        raise ProjectError(
            "SK-DRAFT-002", f"a {new.kind} is not written in Python", hint="only transforms and sources are; leave out --python"
        )
    if new.kind == "source" and new.deps:
        raise ProjectError("SK-DRAFT-002", "a source reads no other nodes", hint="leave out --deps, or draft a transform")
    fields = models[new.kind].model_fields
    lines = [f"    # {fields['name'].description}", f"    name={json.dumps(new.name)},"]
    if new.deps:
        lines += ["    # What it reads; the function takes one argument for each.", f"    inputs={json.dumps(list(new.deps))},"]
    for key in _optional_keys(models[new.kind], dict.fromkeys((*_FIRST, "inputs"))):
        lines += [f"    # {fields[key].description}", f"    #{key}={_sample(fields[key])!r},"]
    parameters = [f"{_parameter(a)}: pa.Table" for a in _identifiers(new.deps)]
    result = parameters[0].partition(":")[0] if parameters else 'pa.table({"id": [1]})'
    return _PYTHON.format(
        kind=new.kind,
        name=new.name,
        file=new.file,
        settings="\n".join(lines),
        function=_parameter(new.name),
        parameters=", ".join(parameters),
        result=result,
    )


def _identifiers(deps: Sequence[NodeId]) -> list[str]:
    """A short name for each node: its own, with its kind in front where two share it."""
    names = [d.partition(".")[2] for d in deps]
    return [name if names.count(name) == 1 else dep.replace(".", "_", 1) for dep, name in zip(deps, names, strict=True)]


def _parameter(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) else name


_PYTHON = '''\
# Try it:             seeknal dry-run {file}
# Move it into place: seeknal apply {file}
#
# Arrow tables in, an Arrow table out; annotate with pandas.DataFrame or polars.DataFrame to work with those.

import pyarrow as pa
from seeknal import {kind}


@{kind}(
{settings}
)
def {function}({parameters}) -> pa.Table:
    """What {name} holds, for people who read lineage and documentation."""
    return {result}
'''
