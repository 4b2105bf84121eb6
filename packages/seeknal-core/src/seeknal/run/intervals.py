"""Looking at the windows of a project's nodes, and marking them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeknal.errors import ProjectError
from seeknal.intervals.ranges import Ranges
from seeknal.intervals.windowing import moment_of, told
from seeknal.run.holding import this_process
from seeknal.state.model import Change

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date, datetime

    from seeknal.api import Project
    from seeknal.intervals.windowing import Windowing
    from seeknal.nodes import Node, NodeId
    from seeknal.plan.planner import Decision, Plan


@dataclass(frozen=True)
class Status:
    """The windows of one node: those that are there, those that are missing or to be built again, and those that are to be built again.

    `known` is False where only the data can tell where they begin. `next_run` is what a run would build now, `waiting` by input what is missing there first.
    """

    node: NodeId
    windowing: Windowing
    completed: Ranges
    missing: Ranges
    restatement: Ranges
    next_run: Ranges
    waiting: Mapping[NodeId, Ranges]
    known: bool = True

    @property
    def left(self) -> Ranges:
        """What is missing, and is built with `--backfill` only."""
        left = self.missing - self.next_run
        for waiting in self.waiting.values():
            left -= waiting
        return left

    def to_json(self) -> dict[str, Any]:
        """As `intervals --format json` prints it."""
        return {
            "id": self.node, "unit": self.windowing.unit, "timezone": self.windowing.timezone, "completed": _told(self.completed),
            "missing": _told(self.missing), "restatement": _told(self.restatement), "next_run": _told(self.next_run),
        }  # fmt: skip


def statuses(project: Project, environment: str, now: datetime | None = None) -> dict[NodeId, Status]:
    """The windows of every node that is built window by window, in graph order."""
    decisions = project.plan(environment=environment, now=now).decisions
    return {n: _status(n, d) for n, d in decisions.items() if d.windows is not None}


def left_out(plan: Plan) -> Iterator[Status]:
    """The nodes that a run leaves with windows missing which only `--backfill` builds, where it was not asked for certain windows."""
    for node, decision in plan.decisions.items():
        windows = decision.windows
        if (
            windows is not None
            and windows.asked is None
            and not windows.fills
            and decision.action != "skip"
            and (status := _status(node, decision)).left
        ):
            yield status


def _status(node: NodeId, decision: Decision) -> Status:
    windows = decision.windows
    if windows is None:
        message = f"{node} has no windows"
        raise TypeError(message)
    first = windows.first
    again = windows.windowing.calendar.whole(windows.marked | windows.stale) & windows.covered
    missing = windows.missing(first) if first is not None else Ranges()
    calendar, left = windows.windowing.calendar, missing - decision.intervals
    waiting = {name: w for name, above in windows.above.items() if (w := left & calendar.whole(above.waiting(left)))}
    return Status(node, windows.windowing, windows.covered, missing, again, decision.intervals, waiting, known=first is not None)


@dataclass(frozen=True)
class Marked:
    """What was marked: windows of a node that are to be built again."""

    node: NodeId
    windowing: Windowing
    ranges: Ranges


def invalidate(
    project: Project, node: Node, environment: str, start: date | None, end: date | None, *, wait_seconds: float = 0.0
) -> Marked:
    """Mark windows of a node, so that the next run builds them again. Builds nothing.

    Raises ProjectError where the node is not built window by window, or none of its windows is there; LockedError where a run is at it.
    """
    if node.windows is None:
        hint = "say schedule and time_column for it to be; `seeknal run --full` builds any node again"
        raise ProjectError("SK-INT-006", f"{node.id} is not built window by window", at=node.at, hint=hint)
    calendar = node.windows.calendar
    with project.state.lease(environment, this_process(), wait_seconds) as lease:
        snapshot = project.state.read()
        snapshot.require(environment)
        windows = project.plan(environment=environment).decisions[node.id].windows
        there = windows.covered if windows is not None else Ranges()
        first = -(1 << 35) if start is None else moment_of(start, calendar)
        wanted = calendar.whole(there & Ranges.of((first, 1 << 35 if end is None else moment_of(end, calendar)))) & there
        if windows is None or not wanted:
            hint = f"see what there is: seeknal intervals {node.id}"
            raise ProjectError(
                "SK-INT-007", f"no window of {node.id} in that time has been built: there is nothing to build again", hint=hint
            )
        known = snapshot.tables["windows"].get(windows.version, {})
        value = {**known, "node": node.id, "restatement": (windows.marked | wanted).to_json(), "taken": list(windows.taken)}
        project.state.commit([Change("windows", windows.version, value)], lease)
        project.state.settle()
    return Marked(node.id, node.windows, wanted)


def _told(ranges: Ranges) -> list[list[str]]:
    return [[told(i.start), told(i.end)] for i in ranges]
