"""State as one document that can be kept, sent and read back into any backend.

    {"format": "seeknal-state", "version": 1, "schema_version": "2.0", "project": …, "exported_at": …, "from": {backend, lineage, serial},
     "digest": hash of the tables, "tables": {table: {key: document}}}

What is read back has its digest compared, and every document is taken apart as those who read it later do: nothing is imported that a
run would stumble over.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seeknal.errors import ProjectError
from seeknal.state.environments import PROD
from seeknal.state.model import SCHEMA_VERSION, TABLES, Artifact, Pointer, Snapshot, View
from seeknal.state.outcomes import AuditOutcome
from seeknal.state.segments import Segment
from seeknal.state.transfer import Copying, compare, put, refuse_others

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal.state.backend import Holder, StateBackend
    from seeknal.state.model import Table

FORMAT = "seeknal-state"
VERSION = 1
_MARKS = {"/", "\\", "\0"}


@dataclass(frozen=True)
class Exported:
    """An exported state: which project it is of, when it was taken, and what was in it."""

    project: str
    exported_at: str
    snapshot: Snapshot

    @property
    def count(self) -> int:
        """How many documents it holds."""
        return sum(map(len, self.snapshot.tables.values()))


def export_state(backend: StateBackend, project: str) -> tuple[bytes, Exported]:
    """All of a state as it is at this moment, as a document."""
    snapshot, described = backend.read(), backend.describe()
    exported = Exported(project, datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"), snapshot)
    origin = {"backend": described["backend"], "lineage": described["lineage"], "serial": snapshot.serial}
    document = {
        "format": FORMAT, "version": VERSION, "schema_version": SCHEMA_VERSION, "project": project, "exported_at": exported.exported_at,
        "from": origin, "digest": _digest(snapshot.tables), "tables": snapshot.tables,
    }  # fmt: skip
    return json.dumps(document, separators=(",", ":")).encode() + b"\n", exported


def parse_state(data: bytes, name: str) -> Exported:
    """An exported state read and checked. Raises ProjectError for anything that is not one, was changed, or is of a newer version."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise _refused(name, "it is not JSON, or was cut off") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise _refused(name, "it is something else")
    if document.get("version") != VERSION or _numbers(document.get("schema_version")) > _numbers(SCHEMA_VERSION):
        message = f"{name} has schema {document.get('schema_version')}; this version reads up to {SCHEMA_VERSION}"
        raise ProjectError("SK-STATE-002", message, hint="upgrade seeknal: pip install --upgrade seeknal")
    tables = document.get("tables")
    if not isinstance(tables, dict) or not set(tables) <= set(TABLES) or not all(isinstance(t, dict) for t in tables.values()):
        raise _refused(name, "its tables are not those of a state")
    if document.get("digest") != _digest(tables):
        raise _refused(name, "its content was changed or damaged: the digest does not match")
    whole: dict[Table, Any] = {table: tables.get(table, {}) for table in TABLES}
    for table, rows in whole.items():
        for key, value in rows.items():
            _check(name, table, key, value)
    return Exported(str(document.get("project")), str(document.get("exported_at")), Snapshot(whole))


def import_state(exported: Exported, target: StateBackend, holder: Holder, *, replace: bool = False) -> list[Copying]:
    """Put an exported state into a backend, holding the leases of all environments. Returns what was put there.

    Raises ProjectError where something else is there, unless `replace` says to make it the same; LockedError where a run is at it.
    """
    with ExitStack() as stack:
        names = sorted({PROD, *exported.snapshot.environments(), *target.read().environments()})
        leases = [stack.enter_context(target.lease(name, holder)) for name in names]
        copied = compare(exported.snapshot, target.read())
        if not replace:
            refuse_others(copied)
        put(copied, exported.snapshot, target, leases[0])
    return copied


def _check(name: str, table: Table, key: str, value: Any) -> None:
    """Take a document apart as its readers do. Raises ProjectError."""
    try:
        if not isinstance(value, dict):
            raise TypeError  # noqa: TRY301 - all that is wrong is said in one place
        if table == "artifacts":
            _check_artifact(Artifact.from_json(key, value))
        elif table == "segments":
            for artifact in Segment(key, value).parts:
                _check_artifact(artifact)
        elif table == "pointers" or (table == "previous" and value):
            Pointer.from_json(value)
        elif table == "views":
            View.from_json(value)
        elif table == "audits":
            AuditOutcome.from_json(value)
        elif table == "files":
            value["size"], value["mtime_ns"], value["hash"]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise _refused(name, f"what it has of {table} '{key}' cannot be read") from None


def _check_artifact(artifact: Artifact) -> None:
    """An output stands in the folder of its own key, and nowhere else. Raises ValueError."""
    if artifact.location is None:
        return
    kind, _, node = artifact.node.partition(".")
    parts = [kind, node, artifact.key, *(f.name for f in artifact.every_file)]
    if artifact.location != f"cache/{kind}/{node}/{artifact.key}" or any(p in ("", ".", "..") or _MARKS & set(p) for p in parts):
        raise ValueError(artifact.location)


def _digest(tables: Mapping[Any, Any]) -> str:
    text = json.dumps({t: rows for t, rows in tables.items() if rows}, separators=(",", ":"), sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _numbers(version: object) -> list[int]:
    return [int(part) for part in str(version).split(".") if part.isdecimal()] or [0]


def _refused(name: str, reason: str) -> ProjectError:
    hint = "export the state anew: seeknal state export FILE"
    return ProjectError("SK-STATE-015", f"{name} is not an exported state that can be used: {reason}", hint=hint)
