"""One file at a time: its text becomes documents, each checked against the schema of its kind."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeknal.errors import Location, ProjectError, ProjectErrors, SeeknalError
from seeknal.nodes import NodeId, PythonLogic, Refresh, node_id
from seeknal.project import yaml
from seeknal.project.cache import digest_file
from seeknal.project.locate import NODES
from seeknal.project.pythonfile import PythonNode, read_nodes
from seeknal.project.spellings import normalise
from seeknal.project.validation import validate
from seeknal.project.windowing import WINDOW_KEYS
from seeknal.targets import load_target

if TYPE_CHECKING:
    from pathlib import Path

    from seeknal.registry import Registry
    from seeknal.specs import NodeSpec

_FRONT_MATTER = re.compile(r"\s*/\*\s*---[ \t]*\n(.*?)\n?\s*---\s*\*/", re.DOTALL)


@dataclass
class Draft:
    """A node on its way: what was written, and its checked form where it passed."""

    id: NodeId
    at: Location
    source: yaml.Document
    document: dict[str, Any]
    spec: NodeSpec | None = None
    python: PythonLogic | None = None
    uses: dict[str, str] = field(default_factory=dict)


def parse_file(root: Path, path: str, registry: Registry) -> tuple[list[Draft], list[SeeknalError]]:
    """The nodes of one file, and every error in it."""
    if not (root / path).is_file():
        return [], [ProjectError("SK-FILE-001", f"{path} cannot be read: it is no file")]  # no place: showing its line would read it
    try:
        text = yaml.decode((root / path).read_bytes(), path)
        if path.endswith(".py"):
            return _python(text, path, root, registry)
        documents = [sql_document(text, path)] if path.endswith(".sql") else yaml.load(text, path)
    except OSError as error:
        return [], [ProjectError("SK-FILE-001", f"cannot be read: {error.strerror or error}", at=Location(path))]
    except SeeknalError as error:
        return [], [error]
    if not documents:
        return [], [ProjectError("SK-YAML-008", "the file is empty", at=Location(path), hint="write a node, or delete the file")]
    drafts: list[Draft] = []
    errors: list[SeeknalError] = []
    for document in documents:
        draft, found = _draft(document, registry)
        errors += found
        drafts += [draft] if draft else []
    return drafts, errors


def _draft(document: yaml.Document, registry: Registry) -> tuple[Draft | None, list[SeeknalError]]:
    """Check one document against its kind. The draft is kept for its id even when it did not pass."""
    value = document.value
    if not isinstance(value, dict):
        found = "a list" if isinstance(value, list) else "text" if isinstance(value, str) else type(value).__name__
        return None, [ProjectError("SK-YAML-007", f"expected a mapping (kind: …, name: …), found {found}", at=document.at())]
    kind = value.get("kind")
    if kind is None:
        known = ", ".join(p.contribution.name for p in registry.node_kinds)
        return None, [ProjectError("SK-KEY-002", "missing key 'kind'", at=document.at(), hint=f"one of {known}")]
    if not isinstance(kind, str):
        return None, [ProjectError("SK-KEY-003", "'kind' must be text", at=document.at("kind"))]
    normal = normalise(value, document.marks)
    name = normal.get("name")
    draft = Draft(node_id(kind, str(name)), document.at(), document, normal)
    try:
        model = load_target(registry.node_kind(kind, document.at("kind")).target)
        draft.spec = validate(model, document, normal)
    except ProjectErrors as error:
        return draft, list(error.errors)
    except SeeknalError as error:
        return draft, [error]
    return draft, _unsupported(document, draft.spec, registry)


def _unsupported(document: yaml.Document, spec: NodeSpec, registry: Registry) -> list[SeeknalError]:
    """Keys of the format that nothing builds are refused, never ignored."""
    errors: list[SeeknalError] = []
    for key in refused(type(spec)) - {"engine"}:
        if getattr(spec, key, None) not in (None, False):
            message = f"'{key}' is not supported by this version: a node of kind {spec.kind} is built whole, not window by window"
            errors.append(ProjectError("SK-KEY-005", message, at=document.at(key, key=True)))
    if spec.engine is not None:
        message = "'engine' on a node is not supported by this version: one engine builds the whole project"
        try:
            registry.engine(spec.engine, document.at("engine"))
            errors.append(ProjectError("SK-KEY-005", message, at=document.at("engine", key=True)))
        except SeeknalError as error:
            errors.append(error)
    return errors


def refused(model: type[NodeSpec]) -> frozenset[str]:
    """The keys of a kind that the format has, and nothing builds yet."""
    return frozenset({"engine"} if model.windowed else {"engine", *WINDOW_KEYS})


def sql_document(text: str, path: str) -> yaml.Document:
    """A .sql file as a document: front matter, where there is any, and the rest as `sql`."""
    match = _FRONT_MATTER.match(text)
    value: dict[str, Any] = {}
    marks: dict[yaml.Path, yaml.Place] = {(): yaml.Place((1, 1), (1, 1))}
    start = 0
    if match:
        padding = "\n" * text.count("\n", 0, match.start(1))
        documents = yaml.load(padding + match[1], path)
        if documents:
            if not isinstance(documents[0].value, dict) or len(documents) > 1:
                raise ProjectError("SK-YAML-007", "front matter must be one mapping (name: …)", at=documents[-1].at())
            value, marks = dict(documents[0].value), documents[0].marks
        start = match.end()
    while start < len(text) and text[start] in " \t\r\n":
        start += 1
    line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
    if "sql" in value:
        raise ProjectError(
            "SK-KEY-001", "front matter cannot hold 'sql': the file's text is the SQL", at=Location(path, *marks[("sql",)].key)
        )
    stem = path.rpartition("/")[2].removesuffix(".sql")
    name = stem if path.startswith(f"{NODES}/") else stem.removeprefix("draft_transform_")
    value = {"kind": "transform", "name": name, **value, "sql": text[start:]}
    marks.setdefault(("name",), yaml.Place((1, 1), (1, 1)))
    marks[("sql",)] = yaml.Place((line, column), (line, column))
    return yaml.Document(path, value, marks, text.split("\n"))


def _python(text: str, path: str, root: Path, registry: Registry) -> tuple[list[Draft], list[SeeknalError]]:
    from seeknal.kinds.python import PythonSourceSpec, PythonTransformSpec

    drafts: list[Draft] = []
    errors: list[SeeknalError] = []
    for node in read_nodes(text, path, root):
        document = yaml.Document(path, node.document, node.marks, text.split("\n"))
        draft = Draft(node_id(node.document["kind"], str(node.document["name"])), document.at(), document, node.document)
        draft.uses = {used: digest_file(root / used) for used in node.uses}
        model: type[NodeSpec] = PythonSourceSpec if node.document["kind"] == "source" else PythonTransformSpec
        try:
            draft.spec = validate(model, document, node.document)
            draft.python = _python_logic(node, draft.spec, path)
            errors += _unsupported(document, draft.spec, registry)
        except ProjectErrors as error:
            errors += error.errors
        drafts.append(draft)
    return drafts, errors


def _python_logic(node: PythonNode, spec: NodeSpec, path: str) -> PythonLogic:
    refresh: Refresh | None = (getattr(spec, "refresh", None) or "always") if spec.kind == "source" else None
    return PythonLogic(path, node.function, node.code, node.packages, refresh, Location(path, node.line))
