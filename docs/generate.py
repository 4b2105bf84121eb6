"""Writes what the code says of itself into the reference pages: `python docs/generate.py`.

A page holds what people wrote, and parts between `<!-- begin NAME -->` and `<!-- end NAME -->`; each part is made by the function below
that has its name. A test fails when a committed part is not what its function returns.
"""
# ruff: noqa: INP001 - a script beside the pages it writes

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
import types
import typing
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

import seeknal
from seeknal import builtins, hookspecs, plugin, protocols
from seeknal.audits.signature import signature_of
from seeknal.cli import COMMANDS, root
from seeknal.kinds.aggregation import AggregatedFeature, AggregationSpec, SecondOrderAggregationSpec, SecondOrderFeature
from seeknal.kinds.exposure import ExposureSpec
from seeknal.kinds.feature_group import EntitySpec, FeatureEntry, FeatureGroupSpec
from seeknal.kinds.python import PythonSourceSpec
from seeknal.kinds.source import SourceSpec
from seeknal.kinds.training_set import TrainingSetSpec
from seeknal.kinds.transform import TransformSpec
from seeknal.project.config import AuditDefaults, Config, Environments, Execution, Janitor, PluginSettings, StateSettings
from seeknal.project.named_audits import NamedAuditSpec, ParameterEntry
from seeknal.project.parsing import refused
from seeknal.project.profiles import ConnectionEntry, ProfileEntry, ProfilesFile
from seeknal.registry import Registry
from seeknal.specs import AuditEntry, ColumnEntry, InputSpec, NodeSpec
from seeknal.state import backend
from seeknal.unit_tests.spec import Expectation, ExpectedTable, TableSpec, UnitTestSpec
from seeknal_duckdb.formats import READ, SPELLINGS, WRITE
from seeknal_semantic import specs
from seeknal_semantic.cli.metrics import metrics
from seeknal_semantic.cli.query import query

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

DOCS = Path(__file__).parent
_PART = re.compile(r"(?P<begin><!-- begin (?P<name>[\w-]+) -->\n).*?(?P<end><!-- end (?P=name) -->)", re.DOTALL)
_LATER = refused(TransformSpec)
_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "any", dict: "mapping"}
_MEANINGS = {
    (ColumnEntry, "name"): "The column's name.",
    (ColumnEntry, "type"): "Its type, enforced.",
    (ColumnEntry, "description"): "For people.",
    (ColumnEntry, "audits"): "Audits of this column.",
    (AuditEntry, "type"): "Which audit.",
    (AuditEntry, "severity"): "`error` keeps an output from being published, `warn` only says so. Default: the project's.",
    (AuditEntry, "name"): "What it is called in messages.",
    (AuditEntry, "description"): "For people.",
    (
        AuditEntry,
        "warn_if",
    ): "How many failing rows are a warning: `> 10`, or `> 0.1%` of the rows. With it or `error_if`, fewer failing rows pass.",
    (AuditEntry, "error_if"): "How many failing rows keep the output from being published.",
    (AuditEntry, "mostly"): "The share of rows that must be right: `0.95` lets five in a hundred fail.",
    (AuditEntry, "empty"): "What it means that there are no rows to check: `pass` (default), `warn` or `error`.",
    (
        AuditEntry,
        "on_failure",
    ): "`quarantine` sets rows that fail aside and publishes the others; see [audits](../guides/audits.md#setting-rows-aside).",
    (AuditEntry, "max_rejected_rows"): "With `quarantine`: how many rows may be set aside.",
    (AuditEntry, "max_rejected_percent"): "With `quarantine`: what share of the rows may be set aside; 10 where neither is said.",
    (AuditEntry, "sample"): "How many failing rows are kept and shown at most; `0` shows none, not even one in a message.",
    (AuditEntry, "redact"): "Columns of the output whose values are shown as `***`, in messages and in rows that are kept.",
    (AuditEntry, "store_failures"): "false: no failing rows are kept.",
    (AuditEntry, "tags"): "Labels to select the audit by.",
    (AuditEntry, "enabled"): "false: the audit is left out.",
    (AuditEntry, "where"): "Check only the rows for which this condition holds.",
    (AggregatedFeature, "name"): "What the names of its columns begin with: `amount_sum_7d`.",
    (EntitySpec, "name"): "The entity's name; groups that say the same belong together.",
    (EntitySpec, "join_keys"): "The columns that find its rows in a spine. Default: `<name>_id`.",
    (EntitySpec, "description"): "For people.",
    (FeatureEntry, "name"): "The column that holds it.",
    (FeatureEntry, "type"): "Its type, enforced.",
    (FeatureEntry, "description"): "For people.",
    (FeatureEntry, "default"): "What a reader gets where there is no value.",
    (StateSettings, "backend"): "A state backend that some installed plugin provides.",
    (PluginSettings, "prefer"): "Which distribution a name comes from.",
    (ProfilesFile, "connections"): "Databases, by name.",
    (ProfilesFile, "source_defaults"): "Readers' parameters, by file format.",
    (ProfilesFile, "profiles"): "Profiles, by name.",
    (ConnectionEntry, "type"): "A type of connection that some installed plugin provides.",
    (ProfileEntry, "engine"): "Instead of `engine`.",
    (ProfileEntry, "state"): "Instead of `state`.",
    (ProfileEntry, "vars"): "Added to `vars`; where both have a name, the profile's value counts.",
}
"""What keys mean whose fields do not say it."""


def render(text: str) -> str:
    """A page with every part made anew."""
    return _PART.sub(lambda m: f"{m['begin']}{PARTS[m['name']]().strip()}\n{m['end']}", text)


# Small things --------------------------------------------------------------------------------------------------------------


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines)


def _type(annotation: Any) -> str:
    """A type as people say it."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type(inner[0])
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in inner)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(_type(a) for a in inner if a is not type(None)))
    if origin is list:
        return f"list of {' or '.join(map(_plural, _type(inner[0]).split(' or ')))}"
    if origin is dict:
        return "mapping"
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return {ColumnEntry: "column", InputSpec: "input", AuditEntry: "audit", TableSpec: "table", ExpectedTable: "table"}.get(
            annotation, "mapping"
        )
    return _WORDS.get(annotation) or getattr(annotation, "__name__", str(annotation)).replace("datetime", "date and time")


def _plural(word: str) -> str:
    return {"text": "texts", "any": "values"}.get(word, f"{word}s")


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    value = field.default if field.default is not PydanticUndefined else field.default_factory()
    if value is None or value in ([], {}) or isinstance(value, BaseModel):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _fields(model: type[BaseModel], *, without: Iterable[str] = ()) -> str:
    rows = []
    for name, field in model.model_fields.items():
        if name not in without:
            meaning = field.description or _MEANINGS.get((model, name)) or _doc(field.annotation).partition("\n")[0]
            rows.append([f"`{name}`", _type(field.annotation), _default(field), meaning])
    return _table(["key", "type", "default", "meaning"], rows)


def _doc(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").strip()


def _signature(function: Any, name: str | None = None) -> str:
    text = str(inspect.signature(function)).replace("'", "").replace("(self, ", "(").replace("(self)", "()").replace("(cls, ", "(")
    return f"{name or function.__name__}{text}"


# Parts ---------------------------------------------------------------------------------------------------------------------


def hooks() -> str:
    """Every hook: its signature, what it is for, and an example."""
    sections = []
    for name, function in vars(hookspecs).items():
        if name.startswith("seeknal_"):
            prose, _, example = _doc(function).partition("@hookimpl\n")
            code = inspect.cleandoc("@hookimpl\n" + inspect.cleandoc("\n" + example))
            result = inspect.signature(function).return_annotation
            arguments = ", ".join(inspect.signature(function).parameters)
            sections.append(
                f"## {name}\n\n`{name}({arguments})` returns `{result}`.\n\n{prose.strip()}\n\n"
                f"<!-- not run: one hook of a plugin; a test of its own checks it -->\n```python\n{code}\n```"
            )
    return "\n\n".join(sections)


def contributions() -> str:
    """What hooks return."""
    sections = []
    for thing in (
        plugin.Engine, plugin.FileFormat, plugin.Connection, plugin.Exposure, plugin.NodeKind, plugin.Audit, plugin.StateBackend, plugin.Command,
        plugin.TemplateGlobal, plugin.ProjectMethod, plugin.ReplCommand,
    ):  # fmt: skip
        rows = []
        for field in dataclasses.fields(thing):
            required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            rows.append([f"`{field.name}`", f"`{field.type}`", "required" if required else f"`{field.default!r}`"])
        sections.append(f"### {thing.__name__}\n\n{_doc(thing)}\n\n{_table(['field', 'type', 'default'], rows)}")
    return "\n\n".join(sections)


def audit_words() -> str:
    """What audit functions are written with."""
    names = (
        "Relation", "Column", "Columns", "ColumnTypes", "Reference", "ReferenceColumns", "ReferenceTypes", "Sql", "Condition", "RowCheck",
        "AggregateCheck", "literal", "audit",
    )  # fmt: skip
    return _table(["name", "is"], [[f"`{n}`", _doc(getattr(plugin, n)).partition("\n\n")[0]] for n in names])


def other_names() -> str:
    """Everything else that can be imported from `seeknal.plugin`."""
    said = {
        "Digest": "A hash of data, as text.",
        "Key": "The address of an output, as text.",
        "Logic": "What building a node means: one of the forms above.",
        "NodeId": "`kind.name`, as text.",
        "SCHEMA_VERSION": "The version of the state's schema.",
        "Schema": "The columns of a relation, in order: a tuple of `ColumnSchema`.",
        "TABLES": "The names of the state's tables.",
        "hookimpl": "Marks a function as the implementation of the hook it is named after.",
    }
    elsewhere = f"{contributions()}{audit_words()}{protocol_methods()}"
    names = [n for n in plugin.__all__ if f"### {n}\n" not in elsewhere and f"| `{n}` |" not in elsewhere]
    names.sort(key=lambda n: (n == "Logic", n))
    return _table(["name", "is"], [[f"`{n}`", said.get(n) or _doc(getattr(plugin, n)).partition("\n\n")[0]] for n in names])


def protocol_methods() -> str:
    """What engines, connections and state backends implement."""
    sections = []
    for thing in (protocols.EngineDriver, protocols.Session, protocols.ConnectionDriver, backend.StateBackend):
        methods = [(n, f) for n, f in vars(thing).items() if inspect.isfunction(f) and not n.startswith("_")]
        listed = "\n".join(f"- `{_signature(f)}`: {' '.join(_doc(f).split())}" for _, f in methods)
        sections.append(f"### {thing.__name__}\n\n{_doc(thing)}\n\n{listed}")
    return "\n\n".join(sections)


def commands() -> str:
    """Every command: usage, help and options."""
    return "\n\n".join(_command(root.get_command(click.Context(root), name), name) for name in COMMANDS)


def semantic_commands() -> str:
    """The commands of the semantic layer."""
    return "\n\n".join(_command(command, name) for name, command in (("query", query), ("metrics", metrics)))


def _command(command: click.Command | None, name: str, level: int = 2) -> str:
    if command is None:
        return ""
    context = click.Context(command, info_name=f"seeknal {name}")
    usage = " ".join([f"seeknal {name}", *command.collect_usage_pieces(context)])
    parts = [f"{'#' * level} {name}", f"`{usage}`", inspect.cleandoc(command.help or "")]
    rows = []
    for option in command.params:
        if isinstance(option, click.Option) and option.name not in SHARED and not option.hidden:
            names, meaning = option.get_help_record(context) or ("", "")
            rows.append([f"`{names}`", meaning])
    parts += [_table(["option", "meaning"], rows)] if rows else []
    if isinstance(command, click.Group):
        parts += [_command(c, f"{name} {n}", level + 1) for n, c in sorted(command.commands.items())]
    return "\n\n".join(parts)


SHARED = {p.name for p in root.params} | {"help"}


def shared_options() -> str:
    """The options every command has."""
    context = click.Context(root, info_name="seeknal")
    records = [o.get_help_record(context) for o in root.params if isinstance(o, click.Option) and o.name != "version"]
    return _table(["option", "meaning"], [[f"`{r[0]}`", r[1]] for r in records if r])


def node_keys() -> str:
    """The keys of every node that this version builds."""
    return _fields(NodeSpec, without=_LATER)


def later_keys() -> str:
    """Keys that are refused."""
    return ", ".join(f"`{k}`" for k in NodeSpec.model_fields if k in _LATER)


def column_keys() -> str:
    """The keys of a column."""
    return _fields(ColumnEntry)


def audit_keys() -> str:
    """The keys of an audit."""
    return _fields(AuditEntry)


def _kind(model: type[BaseModel]) -> Callable[[], str]:
    return lambda: _fields(model, without=NodeSpec.model_fields)


def kind_list() -> str:
    """Every built-in kind in a line."""
    return _table(["kind", "is"], [[f"[{k.name}](#{k.name})", k.description] for k in builtins.seeknal_node_kinds()])


def file_formats() -> str:
    """What files are read and written with."""
    engine = Registry(policy="duckdb").engine("duckdb")
    rows = []
    for format_ in engine.formats:
        read, written = READ[format_.name], WRITE.get(format_.name, ())
        rows.append([f"`{format_.name}`", ", ".join(read), ", ".join(written) if format_.writable else "not written"])
    spelled = ", ".join(f"`{other}` for `{own}`" for other, own in SPELLINGS.items())
    return _table(["format", "read with", "written with"], rows) + f"\n\nOther names that are understood: {spelled}."


def connections() -> str:
    """Types of connection and their settings."""
    rows = [
        [f"`{p.contribution.name}`", p.contribution.description, ", ".join(p.contribution.required), ", ".join(p.contribution.optional)]
        for p in Registry(policy="duckdb,starrocks").connections
    ]
    return _table(["type", "is", "required", "optional"], rows)


_AUDIT_TYPES = {
    "Column": "column",
    "Columns": "column, or list of columns",
    "Sql": "one SELECT",
    "Condition": "one condition",
    "Reference": "node",
    "ReferenceColumns": "column of that node, or list of columns",
}


def audits() -> str:
    """The built-in audits, from their signatures."""
    sections = []
    for contribution in builtins.seeknal_audits():
        signature = signature_of(contribution)
        hints = typing.get_type_hints(signature.function, include_extras=True)
        rows = []
        for parameter in signature.parameters.values():
            said = _AUDIT_TYPES.get(getattr(parameter.type, "__name__", ""), _type(hints[parameter.name]))
            rows.append([f"`{parameter.name}`", said, "required" if parameter.required else ""])
        sections.append(f"## {contribution.name}\n\n{_doc(signature.function)}\n\n{_table(['parameter', 'type', ''], rows)}")
    return "\n\n".join(sections)


def python_api() -> str:
    """The public names of the package, and what a project can do."""
    sections = []
    for name in (
        "Project", "RunOptions", "CompareOptions", "Comparison", "Lineage", "ColumnLineage", "NodeLineage", "ColumnEdge", "Impact", "Affected",
        "Environment", "Promotion", "Rollback", "Move",
    ):  # fmt: skip
        thing = getattr(seeknal, name)
        members = []
        inherited = {n: v for base in thing.__bases__ for n, v in vars(base).items() if base is not object}
        for member, value in {**vars(thing), **inherited}.items() if name in ("Project", "Comparison", "Lineage") else ():
            if member.startswith("_") or not _doc(value) or dataclasses.is_dataclass(value):
                continue
            function = value.__func__ if isinstance(value, classmethod) else value
            shown = _signature(function) if inspect.isfunction(function) else member
            members.append([f"`{shown}`", _doc(function)])
        options = [[f"`{f.name}`", f"`{f.type}`", _field_default(f)] for f in ([] if name == "Lineage" else dataclasses.fields(thing))]
        fields = "" if name in ("Project", "Lineage") else "\n\n" + _table(["field", "type", "default"], options)
        sections.append(f"## {name}\n\n{_doc(thing)}{fields}" + (f"\n\n{_table(['member', 'is'], members)}" if members else ""))
    sections += [f"## {f.__name__}\n\n`{_signature(f)}`\n\n{_doc(f)}" for f in (seeknal.transform, seeknal.source)]
    return "\n\n".join(sections)


def _field_default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return f"`{field.default!r}`"
    return "required" if field.default_factory is dataclasses.MISSING else f"`{field.default_factory()!r}`"


PARTS: dict[str, Callable[[], str]] = {
    "hooks": hooks,
    "contributions": contributions,
    "audit-words": audit_words,
    "protocols": protocol_methods,
    "other-names": other_names,
    "commands": commands,
    "shared-options": shared_options,
    "node-keys": node_keys,
    "later-keys": later_keys,
    "column-keys": column_keys,
    "audit-keys": audit_keys,
    "kinds": kind_list,
    "source-keys": _kind(SourceSpec),
    "transform-keys": _kind(TransformSpec),
    "exposure-keys": _kind(ExposureSpec),
    "feature-group-keys": _kind(FeatureGroupSpec),
    "training-set-keys": _kind(TrainingSetSpec),
    "aggregation-keys": _kind(AggregationSpec),
    "aggregated-feature-keys": lambda: _fields(AggregatedFeature),
    "second-order-keys": _kind(SecondOrderAggregationSpec),
    "second-order-feature-keys": lambda: _fields(SecondOrderFeature, without=AggregatedFeature.model_fields),
    "entity-keys": lambda: _fields(EntitySpec),
    "feature-keys": lambda: _fields(FeatureEntry),
    "python-source-keys": _kind(PythonSourceSpec),
    "file-formats": file_formats,
    "connections": connections,
    "audits": audits,
    "project-keys": lambda: _fields(Config),
    "state-keys": lambda: _fields(StateSettings),
    "execution-keys": lambda: _fields(Execution),
    "environment-keys": lambda: _fields(Environments),
    "janitor-keys": lambda: _fields(Janitor),
    "audit-default-keys": lambda: _fields(AuditDefaults),
    "named-audit-keys": lambda: _fields(NamedAuditSpec, without={"sql"}),
    "named-audit-parameter-keys": lambda: _fields(ParameterEntry),
    "plugin-keys": lambda: _fields(PluginSettings),
    "profiles-keys": lambda: _fields(ProfilesFile),
    "connection-keys": lambda: _fields(ConnectionEntry),
    "profile-keys": lambda: _fields(ProfileEntry),
    "python-api": python_api,
    "semantic-commands": semantic_commands,
    "semantic-model-keys": _kind(specs.SemanticModelSpec),
    "semantic-entity-keys": lambda: _fields(specs.EntitySpec),
    "dimension-keys": lambda: _fields(specs.DimensionSpec),
    "validity-keys": lambda: _fields(specs.ValidityParams),
    "measure-keys": lambda: _fields(specs.MeasureSpec),
    "non-additive-keys": lambda: _fields(specs.NonAdditive),
    "metric-keys": lambda: _fields(specs.MetricSpec, without=[k for k in NodeSpec.model_fields if k != "inputs"]),
    "metric-input-keys": lambda: _fields(specs.InputMetric),
    "saved-query-keys": _kind(specs.SavedQuerySpec),
    "unit-test-keys": lambda: _fields(UnitTestSpec),
    "unit-test-table-keys": lambda: _fields(TableSpec),
    "unit-test-expectation-keys": lambda: _fields(Expectation),
}


def pages() -> list[Path]:
    """The pages that have such parts."""
    return [p for p in sorted(DOCS.glob("**/*.md")) if _PART.search(p.read_text(encoding="utf-8"))]


def main() -> None:
    """Write every page."""
    for page in pages():
        before = page.read_text(encoding="utf-8")
        now = render(before)
        if now != before:
            page.write_text(now, encoding="utf-8")
            sys.stdout.write(f"wrote {page.relative_to(DOCS.parent)}\n")


if __name__ == "__main__":
    main()
