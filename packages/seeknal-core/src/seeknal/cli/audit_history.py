"""`seeknal audit --history`: what audits came to, run by run."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from seeknal.cli.output import note, number, print_json, print_table, seconds

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from seeknal.api import Project
    from seeknal.nodes import NodeId

_BARS = "▁▂▃▄▅▆▇█"


def print_history(project: Project, chosen: Collection[NodeId] | None, environment: str, limit: int, format_: str) -> int:
    """Print it as a table with a sparkline of failing rows, or as JSON."""
    from seeknal.run.history import audit_history

    if format_ == "junit":
        message = "--history is printed as text or json"
        raise click.UsageError(message)
    project.state.read().require(environment)
    found = audit_history(project.target, chosen, environment, limit)
    if format_ == "json":
        print_json([asdict(h) for h in found])
    elif not found:
        note("no history: no run has asked an audit of these nodes")
    else:
        rows = []
        for history in found:
            last = history.runs[-1]
            counts = [r.failing_rows for r in history.runs]
            words = ["fail", "warn", "pass"]
            told = ", ".join(f"{n} {w}" for w in words if (n := sum(r.status == w for r in history.runs)))
            mean = sum(r.seconds for r in history.runs) / len(history.runs)
            rows.append(
                (
                    history.node,
                    history.audit,
                    sparkline(counts),
                    last.status,
                    number(last.failing_rows),
                    told,
                    seconds(mean),
                    last.started_at,
                )
            )
        print_table(["node", "audit", "failing rows", "last", "failing", "runs", "took", "at"], rows, numeric=(4, 6))
    return 0


def sparkline(values: Sequence[int]) -> str:
    """A bar for each value, the highest for the largest: nothing failing is the lowest."""
    most = max(values, default=0)
    return "".join(_BARS[-(-v * (len(_BARS) - 1) // most)] if most else _BARS[0] for v in values)
