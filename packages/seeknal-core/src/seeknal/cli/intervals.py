"""`seeknal intervals`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from seeknal.cli.completion import complete_nodes
from seeknal.cli.options import as_json, env_option, invocation_of, shared_options
from seeknal.cli.output import colored, note, print_json, print_table
from seeknal.cli.windows import moment_or_none, now_option

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from seeknal.intervals.calendar import Calendar, UnitName
    from seeknal.intervals.ranges import Ranges
    from seeknal.run.intervals import Status

_COMPLETE, _MISSING, _RESTATED, _NOT_DUE = "#", ".", "R", " "
_COLOURS = {_COMPLETE: "green", _MISSING: "red", _RESTATED: "yellow"}
_LINES = 12
_LINE: dict[UnitName, UnitName] = {
    "5min": "hour", "10min": "hour", "15min": "day", "30min": "day", "hour": "day", "day": "month", "week": "year", "month": "year",
    "year": "year",
}  # fmt: skip
_LABELS = {"hour": "%Y-%m-%d %H:00", "day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}


@click.command("intervals")
@click.argument("node", required=False, shell_complete=complete_nodes)
@env_option
@now_option
@as_json
@shared_options
@click.pass_context
def intervals(ctx: click.Context, node: str | None, environment: str, now: date | None, format_: str) -> int:
    """Show which windows are complete, missing, or to be built again: of NODE as a calendar, or of all nodes in a table.

    Windows that are there are so for every environment with the same logic.
    """
    from seeknal.run.intervals import statuses  # start-up time

    invocation = invocation_of(ctx)
    project = invocation.project()
    if environment != "prod":
        project.state.read().require(environment)
    found = statuses(project, environment, moment_or_none(now))
    if node is not None:
        chosen = project.find(node)
        found = {n: s for n, s in found.items() if n == chosen.id}
        if not found:
            note(f"{chosen.id} is built whole: it has no windows")
    if format_ == "json":
        print_json([s.to_json() for s in found.values()])
        return 0
    if not found:
        if node is None:
            note("No node is built window by window: say schedule and time_column in one.")
        return 0
    print_table(["node", "unit", "complete", "missing", "to restate", "from", "to"], [_row(s) for s in found.values()], numeric=(2, 3, 4))
    if node is not None:
        for status in found.values():
            _print_calendar(status, color=colored(invocation.color), every=invocation.verbose)
            _print_next(status)
    return 0


def _row(status: Status) -> list[object]:
    calendar = status.windowing.calendar
    restated = calendar.count(status.restatement)
    missing = calendar.count(status.missing - status.restatement) if status.known else None
    ends = (_local(calendar, m) for m in (status.completed.start, status.completed.end)) if status.completed else ("", "")
    return [status.node, calendar.unit, calendar.count(status.completed), missing, restated, *ends]


def _local(calendar: Calendar, moment: int) -> str:
    local = datetime.fromtimestamp(moment, calendar.zone)
    return local.strftime("%Y-%m-%d" if calendar.begins(local.date()) == moment else "%Y-%m-%d %H:%M")


def _print_calendar(status: Status, *, color: bool, every: bool) -> None:
    all_ = status.completed | status.missing
    if not all_:
        return
    from seeknal.intervals.calendar import Calendar  # start-up time

    calendar = status.windowing.calendar
    lines = Calendar(_LINE[calendar.unit], calendar.timezone)
    start, end = lines.floor(all_.start), all_.end
    shown = start if every else max(start, lines.shift(lines.floor(end - 1), 1 - _LINES))
    click.echo(f"\n{_COMPLETE} complete   {_MISSING} missing   {_RESTATED} to be built again")
    if shown > start:
        click.echo(f"… before {_local(calendar, shown)}: -v shows all")
    while shown < end:
        label = datetime.fromtimestamp(shown, calendar.zone).strftime(_LABELS[lines.unit])
        following = lines.after(shown)
        marks = "".join(_marks(status, shown, following, calendar))
        if marks.strip():
            click.echo(f"{label}  {''.join(_styled(m) for m in marks) if color else marks.rstrip()}")
        shown = following


def _print_next(status: Status) -> None:
    """What becomes of the windows that are missing."""
    from seeknal.intervals.windowing import described  # start-up time

    said = []
    if status.next_run:
        said.append(f"the next run builds {described(status.next_run, status.windowing)}")
    for name, waiting in status.waiting.items():
        said.append(f"waiting for {name}: {described(waiting, status.windowing)}")
    if status.left:
        said.append(f"left to `seeknal run --backfill`: {described(status.left, status.windowing)}")
    if said:
        click.echo("\n" + "\n".join(said))


def _marks(status: Status, start: int, end: int, calendar: Calendar) -> Iterator[str]:
    """A mark for each window that begins in a stretch of time."""
    window = calendar.ceil(start)
    while window < end:
        following = calendar.after(window)
        yield _mark(status, window, following)
        window = following


def _mark(status: Status, start: int, end: int) -> str:
    def touches(ranges: Ranges) -> bool:
        return bool(ranges.outside(start, end).intervals != ((start, end),))

    if touches(status.restatement):
        return _RESTATED
    if touches(status.missing):
        return _MISSING
    return _COMPLETE if touches(status.completed) else _NOT_DUE


def _styled(mark: str) -> str:
    return click.style(mark, fg=_COLOURS[mark]) if mark in _COLOURS else mark
