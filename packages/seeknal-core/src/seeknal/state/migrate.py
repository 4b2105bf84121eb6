"""Older layouts of state, and what becomes of them.

    target/state/execution_state.json            {id: {status, duration, row_count}}
    target/run_state.json, version "1.0.0"       {version, nodes: {id: {...}}}
    target/run_state.json, schema_version "2.0"  the earlier tool's: nodes without keys

None of them says which output belongs to which logic, so nothing in them can be trusted to skip work: every node is decided afresh,
and outputs are built or found again by their keys. What they knew is kept under `legacy`, and the original file beside the new one.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeknal.state.model import Table, empty_tables

if TYPE_CHECKING:
    from pathlib import Path

OLDEST = "state/execution_state.json"
FILE = "run_state.json"


@dataclass
class Stored:
    """What run_state.json holds, or where that is `damaged` its backup. `legacy` is what an older tool knew and nothing reads any more; it is kept, not dropped."""

    tables: dict[Table, dict[str, Any]]
    serial: int = 0
    lineage: str = ""
    legacy: Any = None
    notices: tuple[str, ...] = ()
    migrated_from: str | None = None
    damaged: bool = False


def needs_migration(target: Path) -> bool:
    """Whether there is state of the oldest layout and none of any later one."""
    return (target / OLDEST).is_file() and not (target / FILE).exists()


def migrate(target: Path, document: dict[str, Any] | None) -> Stored:
    """State in today's form, from an older document of run_state.json, or from the oldest file when there is none."""
    source = FILE
    if document is None:
        source = OLDEST
        try:
            document = json.loads((target / OLDEST).read_bytes())
        except ValueError:
            document = {}
    nodes = document.get("nodes", document if source == OLDEST else {})
    legacy = {"from": source, "version": document.get("version") or document.get("schema_version"), "nodes": nodes}
    notice = f"state of an older layout ({source}) was taken over; outputs are built or found again by their keys"
    return Stored(empty_tables(), 0, str(uuid.uuid4()), legacy, (notice,), source)
