"""What was parsed before, kept under target/ by content, so that only files that changed are parsed again.

A file whose size and modification time are as they were is taken as unchanged, unless it was modified so shortly before the cache
was written that the clock could not tell; then, and whenever they differ, its content decides. The cache is only ever a saving: one that is missing,
damaged or from another version is ignored.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from seeknal.durable import temporary_beside
from seeknal.errors import Location
from seeknal.intervals.windowing import Windowing
from seeknal.nodes import (
    AuditSpec,
    ColumnSchema,
    DocumentLogic,
    ExposureLogic,
    Freshness,
    Logic,
    Merging,
    Node,
    NodeId,
    PythonLogic,
    RuleLogic,
    SourceLogic,
    SqlLogic,
    TextPlace,
)

if TYPE_CHECKING:
    import os
    from pathlib import Path

FORMAT = 8
FILE = "parsed.json"
_RACY_NS = 2_000_000_000
_LOGIC: dict[str, type[Logic]] = {
    c.__name__: c for c in (SourceLogic, SqlLogic, PythonLogic, ExposureLogic, RuleLogic, DocumentLogic)
}  # fmt: skip


@dataclass(slots=True)
class FileEntry:
    """A file as it was when it was parsed, the nodes it gave, and the other files that decide what it means."""

    size: int
    mtime_ns: int
    digest: str
    nodes: list[Node] = field(default_factory=list)
    disabled: list[NodeId] = field(default_factory=list)
    uses: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class ParseCache:
    """The files of a project as they were parsed in one context."""

    context: str
    written_ns: int = 0
    files: dict[str, FileEntry] = field(default_factory=dict)

    def unchanged(self, root: Path, path: str, stat: os.stat_result) -> FileEntry | None:
        """The entry of a file that is still what it was, or None."""
        entry = self.files.get(path)
        if entry is None or entry.size != stat.st_size:
            return None
        same_time = entry.mtime_ns == stat.st_mtime_ns and stat.st_mtime_ns < self.written_ns - _RACY_NS
        if not same_time:
            if digest_file(root / path) != entry.digest:
                return None
            entry.mtime_ns = stat.st_mtime_ns
        if any(digest_file(root / used) != digest for used, digest in entry.uses.items()):
            return None
        return entry


def digest_file(path: Path) -> str:
    """A hash of a file's content; empty text when it cannot be read."""
    try:
        return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest() if path.is_file() else ""
    except OSError:
        return ""


def read_cache(target: Path, context: str) -> ParseCache:
    """The cache of this context, or an empty one."""
    empty = ParseCache(context)
    try:
        document = json.loads((target / FILE).read_bytes())
        if document["format"] != FORMAT or document["context"] != context:
            return empty
        files = {path: _entry(values) for path, values in document["files"].items()}
        return ParseCache(context, document["written_ns"], files)
    except (OSError, ValueError, KeyError, TypeError):
        return empty


def write_cache(target: Path, cache: ParseCache) -> None:
    """Keep the cache. A target that cannot be written is no reason to fail: the cache is only a saving."""
    files = {
        path: [e.size, e.mtime_ns, e.digest, [_node_values(n) for n in e.nodes], e.disabled, e.uses] for path, e in cache.files.items()
    }
    document = {"format": FORMAT, "context": cache.context, "written_ns": cache.written_ns, "files": files}
    temporary = temporary_beside(target / FILE)
    try:
        target.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(document, separators=(",", ":"), default=str), encoding="utf-8")
        temporary.replace(target / FILE)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _entry(values: list[Any]) -> FileEntry:
    size, mtime_ns, digest, nodes, disabled, uses = values
    return FileEntry(size, mtime_ns, digest, [_node(n) for n in nodes], disabled, uses)


def _place(location: Location | None) -> list[Any] | None:
    return [location.path, location.line, location.column] if location else None


def _node_values(node: Node) -> list[Any]:
    logic = asdict(node.logic)
    if isinstance(node.logic, SqlLogic) and node.logic.place:
        place = node.logic.place
        logic["place"] = [place.path, place.line, place.column, place.indent, place.folds]
    elif logic.get("place"):
        logic["place"] = _place(getattr(node.logic, "place", None))
    audits = [_audit_values(a) for a in node.audits]
    return [
        node.id, _place(node.at), type(node.logic).__name__, logic, node.content_hash, node.inputs, [[c.name, c.type, c.description] for c in node.columns],
        audits, node.description, node.owner, node.tags, dict(node.meta), dict(node.refs), dict(node.env), dict(node.details), _freshness_values(node.freshness),
        asdict(node.windows) if node.windows is not None else None, asdict(node.merging) if node.merging is not None else None,
        [[c.name, c.type, c.description] for c in node.this],
    ]  # fmt: skip


def _node(values: list[Any]) -> Node:
    (
        id_, at, kind, logic, content, inputs, columns, audits, description, owner, tags, meta, refs, env, details, fresh, windows, merging, this,
    ) = values  # fmt: skip
    if kind == "SqlLogic":
        logic["place"] = _text_place(logic["place"])
    elif logic.get("place"):
        logic["place"] = Location(*logic["place"])
    if kind == "PythonLogic":
        logic["packages"], logic["reads"] = tuple(logic["packages"]), tuple(logic["reads"])
    return Node(
        id_, Location(*at), _LOGIC[kind](**logic), content, tuple(inputs), tuple(ColumnSchema(*c) for c in columns) if columns else (),
        tuple(_audit(a) for a in audits) if audits else (), description, owner, tuple(tags) if tags else (), meta, refs, env, details,
        _freshness(fresh),
        Windowing(**windows) if windows else None,
        _merging(merging) if merging else None,
        tuple(ColumnSchema(*c) for c in this),
    )  # fmt: skip


def _merging(values: dict[str, Any]) -> Merging:
    values["unique_key"], values["check_columns"] = tuple(values["unique_key"]), tuple(values["check_columns"])
    return Merging(**values)


def _text_place(values: list[Any] | None) -> TextPlace | None:
    if not values:
        return None
    path, line, column, indent, folds = values
    return TextPlace(path, line, column, indent, tuple(tuple(f) for f in folds))


def _freshness_values(freshness: Freshness | None) -> list[Any] | None:
    if freshness is None:
        return None
    return [freshness.time_column, freshness.warn_after, freshness.error_after, _place(freshness.place)]


def _freshness(values: list[Any] | None) -> Freshness | None:
    if values is None:
        return None
    column, warn_after, error_after, place = values
    return Freshness(column, warn_after, error_after, Location(*place) if place else None)


def _audit_values(audit: AuditSpec) -> dict[str, Any]:
    values = {f.name: getattr(audit, f.name) for f in fields(audit)}
    return values | {"places": {k: _place(p) for k, p in audit.places.items()}}


def _audit(values: dict[str, Any]) -> AuditSpec:
    values["places"] = {k: Location(*p) for k, p in values["places"].items()}
    values["reads"] = {node: None if names is None else tuple(names) for node, names in values["reads"].items()}
    return AuditSpec(**values | {k: tuple(values[k]) for k in ("redact", "tags")})
