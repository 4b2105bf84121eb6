"""Past runs, from the documents they left."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any

from seeknal.errors import ProjectError, did_you_mean
from seeknal.janitor import archive
from seeknal.nodes import NodeId
from seeknal.plan.planner import LEFT

if TYPE_CHECKING:
    from pathlib import Path

_ALL = sys.maxsize


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
