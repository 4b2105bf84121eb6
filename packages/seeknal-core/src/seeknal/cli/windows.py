"""The options that say which windows are meant, and as of when."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from seeknal.cli.output import note

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeknal.api import Project
    from seeknal.nodes import NodeId
    from seeknal.plan.planner import Request

Function = TypeVar("Function", bound="Callable[..., Any]")


class Moment(click.ParamType[date]):
    """A date, or a date and time, in ISO 8601."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """A date where no time is said, else a datetime."""
        if isinstance(value, date):
            return value
        try:
            text = str(value).strip()
            return date.fromisoformat(text) if len(text) <= len("2026-01-31") else datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"'{value}' is neither a date such as 2026-01-31 nor a time such as 2026-01-31T06:00", param, ctx)


@dataclass(frozen=True)
class Asked:
    """What the window options of a command say."""

    start: date | None = None
    end: date | None = None
    backfill: bool = False
    restate: bool = False
    now: date | None = None

    @property
    def as_of(self) -> datetime | None:
        """What `--now` says as a moment."""
        return moment_or_none(self.now)

    def request(self, project: Project, chosen: frozenset[NodeId] | None) -> tuple[Request, frozenset[NodeId] | None]:
        """What is asked of windows, and the nodes to be run: those that are restated come with all that they read, as it is now, and all that reads them."""
        from seeknal.plan.planner import Request  # start-up time

        windowed = frozenset(n for n in project.nodes if project.nodes[n].windows is not None and (chosen is None or n in chosen))
        if not self.restate:
            if not windowed and (self.start is not None or self.end is not None or self.backfill):
                note("warning: --start, --end and --backfill change nothing: none of the nodes is built window by window")
            return Request(self.start, self.end, self.backfill), chosen
        if not windowed:
            message = "nothing to restate: none of the nodes is built window by window"
            raise click.UsageError(message)
        selected = None if chosen is None else chosen | frozenset({*project.dag.upstream(windowed), *project.dag.downstream(windowed)})
        return Request(self.start, self.end, self.backfill, windowed), selected


def range_options(function: Function) -> Function:
    """Give a command `--start` and `--end`."""
    start = "Only windows from here on, such as 2026-01-31; in each node's time zone."
    options = [
        click.option("--start", type=Moment(), metavar="TIME", help=start),
        click.option("--end", type=Moment(), metavar="TIME", help="Only windows before this."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def window_options(function: Function) -> Function:
    """Give a command every option about windows, as one argument `asked`."""

    @functools.wraps(function)
    def command(*args: Any, start: date | None, end: date | None, backfill: bool, restate: bool, now: date | None, **others: Any) -> Any:
        check_range(start, end)
        return function(*args, asked=Asked(start, end, backfill, restate, now), **others)

    flags = [
        click.option("--backfill", is_flag=True, help="Windows: also those that are missing before the last one there is."),
        click.option("--restate", is_flag=True, help="Windows: build those of the selected nodes again, and what reads them."),
    ]
    decorated: Any = now_option(command)
    for flag in reversed(flags):
        decorated = flag(decorated)
    found: Function = range_options(decorated)
    return found


def now_option(function: Function) -> Function:
    """Give a command `--now`."""
    return click.option("--now", type=Moment(), metavar="TIME", help="As if it were then, in UTC.")(function)


def moment_or_none(value: date | None) -> datetime | None:
    """What `--now` says as a moment."""
    return None if value is None else _moment(value)


def check_range(start: date | None, end: date | None) -> None:
    """Raise UsageError where a range ends before it begins."""
    if start is not None and end is not None and _moment(start) >= _moment(end):
        message = "--end must be after --start: it is not part of the range"
        raise click.UsageError(message)


def _moment(value: date) -> datetime:
    found = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
