"""What a node's logic amounts to, and the key of its output.

Fingerprints are known before anything runs: they say what changed. Keys are known as a run proceeds, because they also cover the
data that is read: they say what need not be built.
"""

from __future__ import annotations

import functools
import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from seeknal.nodes import Key, Node, NodeId, PythonLogic, SqlLogic, fold
from seeknal.sql.relations import ROWS
from seeknal.state.model import Fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seeknal.nodes import AuditSpec, Schema
    from seeknal.plugin import Engine
    from seeknal.sql.analysis import Analysis
    from seeknal.sql.relations import Origin
    from seeknal.state.model import Read

_FORMAT = 2


def engine_identity(engine: Engine) -> str:
    """The engine and its major version: what of it may change results."""
    if engine.version_of is None:
        return engine.name
    try:
        return f"{engine.name} {_version(engine.version_of).partition('.')[0]}"
    except PackageNotFoundError:
        return engine.name


@functools.cache
def _version(distribution: str) -> str:
    """What runs in this process, whatever is installed meanwhile."""
    return version(distribution)


def content_of(node: Node, analysis: Analysis | None) -> str:
    """What a node computes. For SQL that could be analysed: what the query means, however it is written."""
    if analysis is None or analysis.opaque is not None or not isinstance(node.logic, SqlLogic):
        return node.content_hash
    return _hash(["sql", analysis.content, node.logic.materialized])


def query_fingerprint(
    node: Node, analysis: Analysis, inputs: Mapping[str, Fingerprint], reads: Mapping[str, Iterable[str] | None]
) -> Fingerprint:
    """The fingerprint of a node built by a query. `inputs` and `reads` (None: every column) are by the names of relations."""

    def origins(some: Iterable[Origin]) -> list[str]:
        return [part for r, c in sorted(some) for part in (r, c, _column(inputs[r], c))]

    rows = _joined(analysis.rows_shape, *origins(analysis.rows), *(part for r in sorted(inputs) for part in (r, inputs[r].rows)))
    rows = _kept(node, rows)
    columns: dict[str, str] = {}
    names: list[str] = []
    declared = declared_types(node) if not node.is_view else {}
    for column in analysis.columns or ():
        if column.name is None:
            columns = {}
            break
        name = fold(column.name)
        names.append(name)
        columns[name] = _joined(column.shape, column.name, *origins(column.value | column.filter), declared.get(name, ""))
    upstream: list[str] = []
    for relation, read in sorted(reads.items()):
        taken = (
            [whole_fingerprint(inputs[relation])] if read is None else [p for c in sorted(read) for p in (c, inputs[relation].column(c))]
        )
        upstream += [relation, inputs[relation].rows, *taken]
    if not columns:
        rows = _joined(rows, analysis.content, schema_hash(node), *upstream)
    return Fingerprint(
        content_of(node, analysis),
        schema_hash(node),
        _joined(*upstream),
        config_hash(node),
        rows,
        columns,
        _joined(*names) if columns else "",
    )


def _kept(node: Node, rows: str) -> str:
    """The fingerprint of a node's rows without those that its audits set aside."""
    quarantined = quarantine_hash(node)
    return _joined(rows, quarantined) if quarantined else rows


def whole_fingerprint(fingerprint: Fingerprint) -> str:
    """All columns of a node, in their order, and its rows in one."""
    return _joined(fingerprint.rows, fingerprint.order, *(part for item in sorted(fingerprint.columns.items()) for part in item))


def source_fingerprint(node: Node, schema: Schema | None) -> Fingerprint:
    """The fingerprint of a source: each column by its name and type, as far as they are known."""
    rows = _kept(node, _joined(node.content_hash) if schema else _joined(node.content_hash, schema_hash(node)))
    return Fingerprint(node.content_hash, schema_hash(node), "", config_hash(node), rows, *_known_columns(node, schema))


def whole_node_fingerprint(node: Node, inputs: Mapping[NodeId, Fingerprint], schema: Schema | None) -> Fingerprint:
    """The fingerprint of a node that may use anything of what it reads: Python, exposures, rules."""
    upstream = _hash([[i, whole_fingerprint(f)] for i, f in sorted(inputs.items())]) if inputs else ""
    declared = schema_hash(node)
    rows = _kept(node, _joined(node.content_hash, upstream) if schema else _joined(node.content_hash, declared, upstream))
    return Fingerprint(node.content_hash, declared, upstream, config_hash(node), rows, *_known_columns(node, schema))


def _known_columns(node: Node, schema: Schema | None) -> tuple[dict[str, str], str]:
    """The columns of an output that is there, each with the type that it has and the one that is declared, and their order."""
    declared = declared_types(node)
    columns: dict[str, str] = {}
    for column in schema or ():
        name = fold(column.name)
        columns[name] = _joined(node.content_hash, column.name, column.type or "", declared.get(name, ""))
    return columns, _joined(*columns) if columns else ""


def declared_types(node: Node) -> dict[str, str]:
    """The types that are enforced on a node's output, by folded name."""
    return {fold(c.name): c.type for c in node.columns if c.type}


def schema_hash(node: Node) -> str:
    """What is enforced on the output: the declared types, also checked of a view, and the audits that set rows aside."""
    declared, quarantined = declared_types(node), quarantine_hash(node)
    types = _hash(declared) if declared else ""
    return f"{types}+{quarantined}" if quarantined else types


def quarantine_hash(node: Node) -> str:
    """The audits that decide which rows are in the output and which are set aside."""
    definitions = sorted(a.definition for a in node.quarantines)
    return _hash(definitions) if definitions else ""


CONFIG = ("description", "owner", "tags", "meta", "audits", "columns")
"""What does not change the data, in the order `config_hash` has it."""


def config_hash(node: Node) -> str:
    """What does not change the data: documentation, ownership, audits. A short hash for each of `CONFIG`, so that they can be told apart."""
    audits = [[a.type, a.severity, a.name, a.description, a.definition, a.warn_if, a.error_if, a.empty, *_limits(a)] for a in node.audits]
    described = [[c.name, c.description] for c in node.columns if c.description or not c.type]
    parts = [node.description, node.owner, node.tags, dict(node.meta), audits, described]
    return ".".join(_hash(p)[:12] if p else "" for p in parts)


def _limits(audit: AuditSpec) -> list[Any]:
    return [audit.max_rejected_rows, audit.max_rejected_percent] if audit.quarantines else []


def build_key(
    node: Node,
    content: str,
    engine: str,
    inputs: Mapping[NodeId, Read],
    *,
    version: str | None,
    moment: str | None,
    packages: Mapping[str, str],
) -> Key:
    """The key of a node's output.

    `content` is what the node computes, `inputs` what it reads of each input, `version` the version of a source's data, `moment` the day or
    instant for queries that ask for the time, `packages` the versions of what a Python node imports.
    """
    reads = sorted((i, r.columns, r.digest) for i, r in inputs.items())
    material = [_FORMAT, engine, content, schema_hash(node), reads, version, moment]
    if isinstance(node.logic, PythonLogic):
        material.append({p: packages.get(p, "") for p in node.logic.packages})
    return Key(_hash(material)[:32])


def package_versions(nodes: Mapping[NodeId, Node]) -> dict[str, str]:
    """The installed version of every distribution that Python nodes import."""
    wanted = {p for n in nodes.values() if isinstance(n.logic, PythonLogic) for p in n.logic.packages}
    if not wanted:
        return {}
    from importlib.metadata import packages_distributions  # start-up time: reads every installed package

    names = packages_distributions()
    found = {}
    for package in wanted:
        versions = []
        for distribution in sorted(set(names.get(package, [package]))):
            try:
                versions.append(f"{distribution} {version(distribution)}")
            except PackageNotFoundError:
                continue
        found[package] = ", ".join(versions)
    return found


def _column(fingerprint: Fingerprint, column: str) -> str:
    """What an origin stands for: a column, the rows, or anything of the input."""
    if column == ROWS:
        return fingerprint.rows
    return fingerprint.columns.get(fold(column)) or whole_fingerprint(fingerprint)


def _joined(*texts: str) -> str:
    """A short hash of texts, whose ends count."""
    return hashlib.blake2b("\0".join(texts).encode(), digest_size=8).hexdigest()


def _hash(material: Any) -> str:
    return hashlib.sha256(json.dumps(material, sort_keys=True, separators=(",", ":"), default=str).encode()).hexdigest()
