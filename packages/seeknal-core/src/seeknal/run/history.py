"""Past runs, from the documents they left."""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeknal.errors import ProjectError, did_you_mean
from seeknal.janitor import archive
from seeknal.nodes import Key, NodeId
from seeknal.plan.planner import LEFT
from seeknal.state.model import AuditOutcome

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_ALL = sys.maxsize
_LOOKED_AT = 30


def last_results(target: Path) -> dict[NodeId, str]:
    """How each node ended in the last run; empty before the first."""
    try:
        document = json.loads((target / "run_results.json").read_bytes())
        return {NodeId(n["id"]): n["status"] for n in document["nodes"]}
    except (OSError, ValueError, KeyError):
        return {}


def last_run(target: Path, environment: str) -> dict[str, Any] | None:
    """The document of an environment's last run from here; None before the first."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        document: dict[str, Any] = json.loads((target / "run_results.json").read_bytes())
        if document["environment"] == environment:
            return document
    return next((d for d in past_runs(target, _ALL) if d.get("environment") == environment), None)


def unfinished(target: Path, environment: str) -> list[NodeId]:
    """What failed in an environment's last run, and what did not come to be tried. What the run was not asked for is neither."""
    try:
        nodes = (last_run(target, environment) or {"nodes": []})["nodes"]
        return [NodeId(n["id"]) for n in nodes if n["status"] in ("failed", "skipped") and n["reason"] not in LEFT]
    except KeyError:
        return []


def last_failure(target: Path, node: NodeId, environment: str) -> Key | None:
    """The key of a node's last output, where its audits kept that from being published in an environment."""
    for run in past_runs(target, _LOOKED_AT):
        found = next((n for n in run["nodes"] if n["id"] == node), None)
        if run["environment"] != environment or (found is not None and found["status"] == "skipped"):
            continue
        key = found.get("key") if found is not None and found["status"] == "failed" else None
        return None if key is None else Key(key)
    return None


@dataclass(frozen=True, slots=True)
class AuditRun:
    """What an audit came to in one run. `status` is `pass`, `warn` or `fail`; `rows` is None where they were not counted."""

    run_id: str
    started_at: str
    environment: str
    status: str
    failing_rows: int
    rows: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class AuditHistory:
    """The runs in which an audit of a node looked at something, oldest first."""

    node: NodeId
    audit: str
    runs: tuple[AuditRun, ...]


def audit_history(target: Path, nodes: Collection[NodeId] | None, environment: str | None = None, limit: int = 20) -> list[AuditHistory]:
    """What the audits of some nodes (None: of all) came to in past runs, at most `limit` of each.

    A run that reused an output asked none of its audits, and does not count. Pages that the janitor packed are not looked at.
    """
    found: dict[tuple[NodeId, str], list[AuditRun]] = {}
    for run in past_runs(target, _ALL):
        if environment is not None and run["environment"] != environment:
            continue
        for node in run["nodes"]:
            if nodes is not None and node["id"] not in nodes:
                continue
            for audit in node["audits"]:
                outcome = AuditOutcome.from_json(audit)
                runs = found.setdefault((NodeId(node["id"]), outcome.label), [])
                if len(runs) < limit:
                    runs.append(_audit_run(run, outcome))
    return [AuditHistory(node, audit, tuple(reversed(runs))) for (node, audit), runs in sorted(found.items())]


def _audit_run(run: dict[str, Any], outcome: AuditOutcome) -> AuditRun:
    status = "pass" if outcome.passed else "fail" if outcome.severity == "error" else "warn"
    return AuditRun(run["run_id"], run["started_at"], run["environment"], status, outcome.failing_rows, outcome.rows, outcome.seconds)


def past_runs(target: Path, limit: int = 20) -> list[dict[str, Any]]:
    """The last runs, newest first."""
    found = []
    paths = [(p.stem.partition("-")[0], p.stat().st_mtime_ns, p) for p in (target / "history").glob("*.json")]
    for _, _, path in sorted(paths, reverse=True)[:limit]:  # ids count seconds; two runs may share one
        try:
            found.append(json.loads(path.read_bytes()))
        except (OSError, ValueError):
            continue
    return found


def past_run(target: Path, run_id: str) -> dict[str, Any]:
    """One run by its id or the beginning of it, packed or not. Raises ProjectError when there is none, or its page is damaged."""
    known = sorted(p.stem for p in (target / "history").glob("*.json"))
    archived = {d["run_id"]: d for d in archive.packed(target, run_id)}
    matching = sorted({*(r for r in known if r.startswith(run_id)), *archived})
    if len(matching) != 1:
        hint = did_you_mean(run_id, known) or "see `seeknal history`"
        raise ProjectError("SK-RUN-003", f"no run '{run_id}'" if not matching else f"'{run_id}' is {len(matching)} runs", hint=hint)
    if matching[0] in archived:
        return archived[matching[0]]
    try:
        document: dict[str, Any] = json.loads((target / "history" / f"{matching[0]}.json").read_bytes())
    except (OSError, ValueError):
        raise ProjectError("SK-RUN-003", f"the page of run '{matching[0]}' is damaged", hint="see `seeknal history`") from None
    return document
