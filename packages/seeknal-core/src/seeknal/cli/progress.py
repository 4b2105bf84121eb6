"""Showing a run as it goes: on a terminal the nodes in flight, in a pipe one line a node as it ends."""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from seeknal.cli.output import colored, note, number, plural, seconds
from seeknal.errors import explain

if TYPE_CHECKING:
    from pathlib import Path

    from seeknal.cli.options import Invocation
    from seeknal.nodes import NodeId
    from seeknal.run.results import Batch, NodeResult, RunResult

_EVERY_SECONDS = 10.0
"""How often a node that takes long is told of where nobody looks at a terminal."""
_SHOWN = 8
_TELLING = 3
"""How many batches say how long the others will take."""
_COLORS = {"built": "green", "failed": "red", "skipped": "yellow", "reused": None}


class Progress:
    """Listens to a run and prints it. Reused nodes are counted, and listed with -v."""

    def __init__(self, invocation: Invocation, root: Path) -> None:
        self._invocation = invocation
        self._root = root
        self._lock = threading.Lock()
        self._flying: dict[NodeId, float] = {}
        self._batches: dict[NodeId, Batch] = {}
        self._told: dict[NodeId, float] = {}
        self._live: Any = None
        self._color = colored(invocation.color, sys.stderr)
        self._terminal = sys.stderr.isatty() and invocation.log_format == "text" and not invocation.quiet

    def started(self, node: NodeId) -> None:
        """A node is being built."""
        with self._lock:
            self._flying[node] = self._told[node] = time.monotonic()
            if self._terminal:
                self._refresh()

    def batch(self, node: NodeId, batch: Batch) -> None:
        """Some of a node's windows are being built: on a terminal the display says so, elsewhere a line now and then."""
        with self._lock:
            self._batches[node] = batch
            now = time.monotonic()
            if self._live is not None:
                self._refresh()
            elif not self._invocation.quiet and now - self._told[node] >= _EVERY_SECONDS:
                self._told[node] = now
                if self._invocation.log_format == "json":
                    note(json.dumps({"event": "batch_started", "id": node, **asdict(batch)}))
                else:
                    note(self._under_way(node, now))

    def finished(self, result: NodeResult, done: int, total: int) -> None:
        """A node is done."""
        with self._lock:
            self._flying.pop(result.id, None)
            self._batches.pop(result.id, None)
            if self._invocation.log_format == "json":
                note(json.dumps({"event": "node_finished", "done": done, "total": total, **result.to_json()}, default=str))
            elif not self._invocation.quiet or result.status == "failed":
                for line in self._lines(result, done, total):
                    self._print(line)
            if self._live is not None:
                self._refresh()

    def close(self) -> None:
        """Take the live display away."""
        with self._lock:
            if self._live is not None:
                self._live.stop()
                self._live = None

    def _lines(self, result: NodeResult, done: int, total: int) -> list[str]:
        shown = [self._line(result, done, total)] if result.status in ("built", "failed") or self._invocation.verbose else []
        failed_rows = [a for a in result.audits if not a.passed]
        for audit in failed_rows if shown or result.status == "reused" else []:
            if audit.severity == "warn":
                text = f"        warn  {result.id}: {audit.label}: {audit.message}"
                shown.append(self._style(text, "yellow"))
        if result.error is not None:
            shown.append(explain(result.error, self._root))
        return shown

    def _line(self, result: NodeResult, done: int, total: int) -> str:
        width = len(str(total))
        partial = result.rejected and result.status != "failed"
        status = self._style("partial", "yellow") if partial else self._style(result.status, _COLORS[result.status])
        parts = [f"[{done:>{width}}/{total}] {result.id}", status]
        if result.rows is not None:
            parts.append(plural(result.rows, "row") if result.rows == 1 else f"{number(result.rows)} rows")
        if result.windows:
            parts.append(plural(result.windows, "window") + (f" in {result.batches:,} batches" if result.batches > 1 else ""))
        if result.rejected:
            parts.append(f"{number(result.rejected)} set aside")
        if result.seconds:
            parts.append(seconds(result.seconds))
        return "  ".join([*parts, self._style(f"({result.reason})", "bright_black")])

    def _style(self, text: str, color: str | None) -> str:
        return click.style(text, fg=color) if color and self._color else text

    def _print(self, line: str) -> None:
        if self._live is not None:
            from rich.text import Text

            self._live.console.print(Text.from_ansi(line), soft_wrap=True)
        else:
            note(line)

    def _refresh(self) -> None:
        from rich.console import Console  # start-up time: only once something is being built
        from rich.live import Live
        from rich.text import Text

        def shown() -> Text:
            now = time.monotonic()
            return Text(
                "\n".join(self._under_way(node, now) for node in list(self._flying)[:_SHOWN]),
                style="cyan",
                no_wrap=True,
                overflow="ellipsis",
            )

        if self._live is None:
            self._live = Live(console=Console(stderr=True, highlight=False), get_renderable=shown, transient=True, refresh_per_second=8)
            self._live.start()
        self._live.refresh()

    def _under_way(self, node: NodeId, now: float) -> str:
        """A node that is being built, how far it is, and for how long it has been."""
        batch, spent = self._batches.get(node), now - self._flying.get(node, now)
        parts = [f"  {node}"]
        if batch is not None and batch.total > 1:
            parts.append(batch.text)
        parts.append(seconds(spent))
        if batch is not None and batch.number > _TELLING:
            parts.append(f"about {seconds(spent / (batch.number - 1) * (batch.total - batch.number + 1))} left")
        return "  ".join(parts)


def summary(result: RunResult) -> str:
    """The last line of a run."""
    counts = result.counts()
    parts = [f"{counts['built']:,} built", f"{counts['reused']:,} reused", f"{counts['failed']:,} failed"]
    if counts["skipped"]:
        parts.append(f"{counts['skipped']:,} skipped")
    if counts["partial"]:
        parts.append(f"{counts['partial']:,} partial")
    parts.append(f"{plural(counts['audits_passed'], 'audit')} passed")
    if counts["audits_warned"]:
        parts.append(f"{plural(counts['audits_warned'], 'audit')} warned")
    if counts["audits_failed"]:
        parts.append(f"{plural(counts['audits_failed'], 'audit')} failed")
    verb = {"success": "Done", "failed": "Failed", "partial": "Partly done", "interrupted": "Interrupted"}[result.status]
    return f"{verb} in {seconds(result.seconds)}: {', '.join(parts)}."
