"""What a node's logic amounts to, and the key of its output.

Fingerprints are known before anything runs: they say what changed. Keys are known as a run proceeds, because they also cover the
data that is read: they say what need not be built.
"""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from seeknal.nodes import Digest, Key, Node, NodeId, PythonLogic
from seeknal.state.model import Fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal.graph.dag import Dag
    from seeknal.plugin import Engine

_FORMAT = 1


def engine_identity(engine: Engine) -> str:
    """The engine and its major version: what of it may change results."""
    if engine.version_of is None:
        return engine.name
    try:
        return f"{engine.name} {version(engine.version_of).partition('.')[0]}"
    except PackageNotFoundError:
        return engine.name


def fingerprints(dag: Dag) -> dict[NodeId, Fingerprint]:
    """The fingerprint of every node."""
    found: dict[NodeId, Fingerprint] = {}
    for name in dag.order:
        node = dag.nodes[name]
        upstream = [[i, *_data_parts(found[i])] for i in sorted(dag.inputs[name])]
        found[name] = Fingerprint(node.content_hash, schema_hash(node), _hash(upstream) if upstream else "", config_hash(node))
    return found


def schema_hash(node: Node) -> str:
    """The declared columns: their types are enforced on the output."""
    declared = [[c.name, c.type] for c in node.columns if c.type is not None]
    return _hash([declared, [c.name for c in node.columns]]) if node.columns else ""


def config_hash(node: Node) -> str:
    """What does not change the data: documentation, ownership, audits."""
    audits = [[a.type, a.severity, a.name, a.description, a.definition] for a in node.audits]
    described = [[c.name, c.description] for c in node.columns if c.description]
    return _hash([node.description, node.owner, node.tags, dict(node.meta), audits, described])


def build_key(
    node: Node, engine: str, inputs: Mapping[NodeId, Digest], *, version: str | None, moment: str | None, packages: Mapping[str, str]
) -> Key:
    """The key of a node's output.

    `inputs` are the digests of what it reads, `version` the version of a source's data, `moment` the day or instant for queries that
    ask for the time, `packages` the versions of what a Python node imports.
    """
    material = [_FORMAT, engine, node.content_hash, schema_hash(node), sorted(inputs.items()), version, moment]
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


def _data_parts(fingerprint: Fingerprint) -> list[str]:
    return [fingerprint.content, fingerprint.schema, fingerprint.upstream]


def _hash(material: Any) -> str:
    return hashlib.sha256(json.dumps(material, sort_keys=True, separators=(",", ":"), default=str).encode()).hexdigest()
