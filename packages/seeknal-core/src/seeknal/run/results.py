"""What a run did: values, and the documents they become."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from seeknal.audits.outcomes import blocking
from seeknal.durable import write_whole
from seeknal.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_PARTIAL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seeknal.errors import SeeknalError
    from seeknal.nodes import Key, NodeId
    from seeknal.state.outcomes import AuditOutcome

Status = Literal["built", "reused", "failed", "skipped"]
RunStatus = Literal["success", "failed", "partial", "interrupted"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows of a node that are built with one query: which one it is of how many, counted from 1, and from when to when, in ISO 8601."""

    number: int
    total: int
    start: str
    end: str

    @property
    def text(self) -> str:
        """As people are told of it."""
        days = [m.removesuffix("T00:00:00Z") for m in (self.start, self.end)]
        return f"batch {self.number:,} of {self.total:,}, {days[0]} to {days[1]}"

    def name(self, error: SeeknalError) -> None:
        """Say in an error that it was met in this batch, where there are several."""
        if self.total > 1:
            error.message = f"{error.message} ({self.text})"


@dataclass(frozen=True, slots=True)
class NodeResult:
    """What became of one node. `seconds` is the time it took to build, `rows` what its output holds, `key` that of what was audited.

    `rejected` counts the rows that audits set aside: the output is partial. `audited` says whether audits were run. Of a node that is built window by window,
    `windows` were built in `batches`.
    """

    id: NodeId
    status: Status
    reason: str
    rows: int | None = None
    seconds: float = 0.0
    error: SeeknalError | None = None
    audits: tuple[AuditOutcome, ...] = ()
    key: Key | None = None
    rejected: int = 0
    audited: bool = False
    windows: int = 0
    batches: int = 0

    def to_json(self) -> dict[str, Any]:
        """As in run_results.json."""
        error = None
        if self.error is not None:
            error = {
                "code": self.error.code,
                "message": self._told(self.error),
                "at": str(self.error.at) if self.error.at else None,
                "hint": self.error.hint,
            }
        return {
            "id": self.id, "status": self.status, "reason": self.reason, "rows": self.rows, "seconds": round(self.seconds, 4), "error": error,
            "audits": [a.to_json() | {"message": a.finding} for a in self.audits], "key": self.key,
            "rejected_rows": self.rejected, "windows": self.windows, "batches": self.batches,
        }  # fmt: skip

    def _told(self, error: SeeknalError) -> str:
        """What went wrong, without the failing rows that audits tell of."""
        if error.code != "SK-AUDIT-010":
            return error.message
        return f"{self.id}: {'; '.join(f'{a.label}: {a.finding}' for a in blocking(self.audits))}"


@dataclass
class RunResult:
    """What became of a run. Times are ISO 8601 in UTC, `seconds` is the whole run's."""

    run_id: str
    environment: str
    started_at: str
    ended_at: str = ""
    seconds: float = 0.0
    nodes: list[NodeResult] = field(default_factory=list)
    interrupted: bool = False
    continue_on_error: bool = False
    notices: list[str] = field(default_factory=list)

    def count(self, status: Status) -> int:
        """How many nodes ended so."""
        return sum(1 for n in self.nodes if n.status == status)

    def audits(self) -> Iterator[AuditOutcome]:
        """Every audit's outcome."""
        for node in self.nodes:
            yield from node.audits

    @property
    def status(self) -> RunStatus:
        """The run as a whole. Partial: `--continue-on-error`, and something was done besides what failed."""
        if self.interrupted:
            return "interrupted"
        if not self.count("failed"):
            return "success"
        done = self.count("built") + self.count("reused")
        return "partial" if self.continue_on_error and done else "failed"

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""
        return {"success": 0, "failed": EXIT_FAILED, "partial": EXIT_PARTIAL, "interrupted": EXIT_INTERRUPTED}[self.status]

    def to_json(self) -> dict[str, Any]:
        """The document run_results.json."""
        return {
            "run_id": self.run_id, "environment": self.environment, "started_at": self.started_at, "ended_at": self.ended_at,
            "status": self.status, "nodes": [n.to_json() for n in self.nodes],
        }  # fmt: skip

    def write(self, target: Path) -> None:
        """Write run_results.json, and the run's page of history: the same without the nodes at which nothing was done."""
        document = self.to_json()
        text = json.dumps(document, separators=(",", ":"), default=str)
        write_whole(target / "run_results.json", text.encode())
        worked = [n.to_json() for n in self.nodes if n.status != "reused" or n.audited]
        summary = {**document, "seconds": round(self.seconds, 3), "counts": self.counts(), "nodes": worked}
        write_whole(target / "history" / f"{self.run_id}.json", json.dumps(summary, default=str).encode())

    def counts(self) -> dict[str, int]:
        """How many nodes ended in each way, and how many audits passed, warned and failed."""
        audits = list(self.audits())
        return {
            "built": self.count("built"), "reused": self.count("reused"), "failed": self.count("failed"), "skipped": self.count("skipped"),
            "partial": sum(n.rejected > 0 and n.status != "failed" for n in self.nodes),
            "audits_passed": sum(a.passed for a in audits),
            "audits_warned": sum(not a.passed and a.severity == "warn" for a in audits),
            "audits_failed": sum(not a.passed and a.severity == "error" for a in audits),
        }  # fmt: skip
