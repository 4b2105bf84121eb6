"""Audits that a project writes itself, one to a file: `audits/*.sql`, a query over `__THIS__` with parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator
from sqlglot import exp

from seeknal.audits.signature import Parameter, Signature
from seeknal.errors import Location, ProjectError, ProjectErrors, SeeknalError
from seeknal.nodes import NAME, NodeId, TextPlace, relation_name
from seeknal.plugin import Column, Columns, Condition, Reference, literal
from seeknal.project import yaml
from seeknal.project.parsing import sql_document
from seeknal.project.validation import validate
from seeknal.specs import Strict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seeknal.registry import Registry

FOLDER = "audits"
_RESERVED = ("ref", "source", "var", "env_var", "this")
_TYPES: dict[str, Any] = {
    "column": Column,
    "columns": Columns,
    "node": Reference,
    "condition": Condition,
    "name": str,
    "text": str,
    "number": int | float,
    "boolean": bool,
    "list": list[Any],
}


class ParameterEntry(Strict):
    """One entry of `parameters:`: a type, or a mapping with a default too."""

    type: Literal["column", "columns", "node", "condition", "name", "text", "number", "boolean", "list"] = Field(
        description="What it is, and so how it is written into the SQL."
    )
    default: Any = Field(None, description="Its value where it is not given; without one it must be.")

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: object) -> object:
        return {"type": value} if isinstance(value, str) else value


class NamedAuditSpec(Strict):
    """The front matter of a file below `audits/`."""

    description: str | None = Field(None, description="For people.")
    parameters: dict[str, ParameterEntry] = Field(default_factory=dict, description="What YAML may say, by name.")
    sql: str


@dataclass(frozen=True)
class NamedAudit:
    """An audit of the project: its parameters, and the template of its query."""

    name: str
    spec: NamedAuditSpec
    place: TextPlace

    @property
    def signature(self) -> Signature:
        """Its parameters, as those of any audit."""
        entries = self.spec.parameters.items()
        parameters = {n: Parameter(n, _TYPES[e.type], "default" not in e.model_fields_set) for n, e in entries}
        return Signature(self.name, lambda _target, **_: "", parameters)

    def with_defaults(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters with those that have a default and were not given."""
        defaults = {n: e.default for n, e in self.spec.parameters.items() if e.default is not None}
        return {**defaults, **params}

    def written(self, values: Mapping[str, Any], dialect: str) -> dict[str, Any]:
        """What the template has for each parameter: names quoted, values as SQL literals. None where nothing was given."""
        return {n: _written(e.type, values[n], dialect) if n in values else None for n, e in self.spec.parameters.items()}

    def columns(self, values: Mapping[str, Any]) -> list[str]:
        """The columns of the output that the parameters name."""
        found: list[str] = []
        for name, entry in self.spec.parameters.items():
            if entry.type in ("column", "columns") and name in values:
                found += [values[name]] if isinstance(values[name], str) else list(values[name])
        return list(dict.fromkeys(found))


class _Text(str):
    """Text that compares as what it is and is written as a SQL literal."""

    __slots__ = ()

    def __str__(self) -> str:
        return literal(str.__str__(self))


class _Values(tuple[Any, ...]):
    """Several values, written as `('a', 'b')`."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"({', '.join(str(v) for v in self)})"


class _Names(tuple[str, ...]):
    """Several names, written as `"a", "b"`."""

    __slots__ = ()

    def __str__(self) -> str:
        return ", ".join(self)


def read_named_audits(root: Path, registry: Registry) -> tuple[dict[str, NamedAudit | None], list[SeeknalError]]:
    """Every audit below `audits/` (None: its file is wrong), and what is wrong with their files."""
    installed = {p.contribution.name for p in registry.audits}
    found: dict[str, NamedAudit | None] = {}
    errors: list[SeeknalError] = []
    for file in sorted((root / FOLDER).glob("**/*.sql")):
        path = file.relative_to(root).as_posix()
        if file.stem in found:
            errors.append(ProjectError("SK-AUDIT-005", f"audit '{file.stem}' is defined twice", at=Location(path, 1, 1)))
            continue
        found[file.stem] = None
        try:
            found[file.stem] = _read(file, path, installed)
        except ProjectErrors as error:
            errors += error.errors
        except SeeknalError as error:
            errors.append(error)
    return found, errors


def _read(file: Path, path: str, installed: set[str]) -> NamedAudit:
    document = sql_document(yaml.decode(file.read_bytes(), path), path)
    value = {k: v for k, v in document.value.items() if k not in ("kind", "name")}
    name = file.stem
    if not NAME.fullmatch(name):
        raise ProjectError("SK-AUDIT-005", f"'{name}' cannot be the name of an audit", at=document.at(), hint="use letters, digits and _")
    if name in installed:
        raise ProjectError("SK-AUDIT-005", f"there is an audit '{name}' already", at=document.at(), hint="give the file another name")
    spec = validate(NamedAuditSpec, document, value)
    for parameter in spec.parameters:
        if parameter in _RESERVED or not NAME.fullmatch(parameter):
            message = f"a parameter cannot be called '{parameter}'"
            raise ProjectError("SK-AUDIT-005", message, at=document.at("parameters", parameter, key=True))
    return NamedAudit(name, spec, document.text_at("sql"))


def _written(type_: str, value: Any, dialect: str) -> Any:
    if type_ in ("column", "name"):
        return _identifier(value, dialect)
    if type_ == "columns":
        return _Names(_identifier(v, dialect) for v in ([value] if isinstance(value, str) else value))
    if type_ == "node":
        return relation_name(NodeId(value))
    if type_ == "condition":
        return f"({value})"
    if type_ == "list":
        return _Values(_Text(v) if isinstance(v, str) else v for v in value)
    return _Text(value) if type_ == "text" else value


def _identifier(name: str, dialect: str) -> str:
    return exp.to_identifier(name, quoted=True).sql(dialect=dialect)
