"""`target/manifest.json`: the project's nodes and edges, for other tools to read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seeknal.durable import write_whole
from seeknal.nodes import SqlLogic

if TYPE_CHECKING:
    from pathlib import Path

    from seeknal.graph.dag import Dag
    from seeknal.nodes import Node
    from seeknal.project.loader import LoadedProject

SCHEMA_VERSION = "1.0"


def manifest(project: LoadedProject, dag: Dag) -> dict[str, Any]:
    """The manifest as a document. Connections appear by name only: what they hold stays in profiles.yml."""
    return {
        "schema_version": SCHEMA_VERSION,
        "project": project.settings.name,
        "engine": project.settings.engine,
        "nodes": [node_document(dag.nodes[n]) for n in dag.order],
        "edges": [{"from": source, "to": node} for node in dag.order for source in dag.inputs[node]],
    }


def node_document(node: Node) -> dict[str, Any]:
    """One node as the manifest has it."""
    return {
        "id": node.id, "kind": node.kind, "name": node.name, "description": node.description, "owner": node.owner, "tags": list(node.tags),
        "meta": dict(node.meta), "path": node.at.path, "line": node.at.line, "inputs": list(node.inputs),
        "columns": [{"name": c.name, "type": c.type, "description": c.description} for c in node.columns],
        "audits": [{"type": a.type, "severity": a.severity, "params": dict(a.params), "where": a.where} for a in node.audits],
        "sql": node.logic.sql if isinstance(node.logic, SqlLogic) else None,
        "materialized": node.logic.materialized if isinstance(node.logic, SqlLogic) else None,
    }  # fmt: skip


def write_manifest(target: Path, document: dict[str, Any]) -> Path:
    """Write the manifest unless it says the same already."""
    path = target / "manifest.json"
    data = json.dumps(document, indent=1, default=str).encode()
    if not path.exists() or path.read_bytes() != data:
        write_whole(path, data)
    return path
