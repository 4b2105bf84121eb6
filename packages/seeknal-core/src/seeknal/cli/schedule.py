"""`seeknal schedule`."""

from __future__ import annotations

import json
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seeknal.cli.options import as_json, invocation_of, shared_options
from seeknal.cli.output import note, print_json, print_table
from seeknal.cli.windows import moment_or_none, now_option

if TYPE_CHECKING:
    from datetime import date

    from seeknal.api import Project
    from seeknal.intervals.windowing import Windowing
    from seeknal.nodes import NodeId


@click.group()
@shared_options
def schedule() -> None:
    """See when windows are due, and have something run the project then.

    seeknal runs when it is called: by cron, systemd, Airflow, or a person.
    """


@schedule.command("next")
@now_option
@as_json
@shared_options
@click.pass_context
def next_ticks(ctx: click.Context, now: date | None, format_: str) -> int:
    """Show what is due next, and when: the soonest first."""
    from seeknal.intervals.cron import next_tick  # start-up time
    from seeknal.intervals.windowing import told

    moment = int((moment_or_none(now) or datetime.now(UTC)).timestamp())
    found = []
    for node, windowing in _windowed(invocation_of(ctx).project()).items():
        calendar = windowing.calendar
        first = moment if windowing.start is None else max(moment, calendar.shift(calendar.floor(windowing.start), 1) - 1)
        tick = next_tick(windowing.schedule, calendar, first)
        end = calendar.floor(tick)
        window = windowing.due(calendar.shift(end, -1), tick).since(calendar.shift(end, -1))
        if window:
            found.append((tick, node, windowing, *window.intervals[-1]))
    found.sort(key=lambda f: (f[0], f[1]))
    if format_ == "json":
        print_json(
            [
                {"id": n, "schedule": w.schedule, "timezone": w.timezone, "at": told(t), "window": [told(s), told(e)]}
                for t, n, w, s, e in found
            ]
        )
    elif found:
        rows = [(told(t), n, w.schedule, w.timezone, f"{told(s)} to {told(e)}") for t, n, w, s, e in found]
        print_table(["at", "node", "schedule", "timezone", "last window that is due then"], rows)
    else:
        note("No node is built window by window: say schedule and time_column in one.")
    return 0


@schedule.command()
@click.argument("tool", type=click.Choice(["crontab", "systemd", "airflow"]))
@click.option("--env", "environment", metavar="ENV", help="The environment to run in (default: prod).")
@click.option(
    "--output", "-o", metavar="DIR", type=click.Path(file_okay=False), help="Write files into this folder instead of printing them."
)
@shared_options
@click.pass_context
def export(ctx: click.Context, tool: str, environment: str | None, output: str | None) -> int:
    """Print what TOOL needs to run the project whenever a window becomes due.

    Each run builds whatever is due by then, so that one command does for all nodes, and one that was missed is made up for by the next.
    """
    from seeknal.errors import ProjectError
    from seeknal.intervals.export import FORMATS, Job, times_of  # start-up time

    invocation = invocation_of(ctx)
    project = invocation.project()
    times = times_of((w.schedule, w.timezone) for w in _windowed(project).values())
    if not times:
        raise ProjectError(
            "SK-INT-006", "no node is built window by window, so that there is nothing to schedule", hint="say schedule and time_column"
        )
    binary = shutil.which("seeknal") or sys.argv[0]
    said = {
        "--env": environment,
        "--profile": invocation.profile,
        "--vars": json.dumps(invocation.variables) if invocation.variables else None,
    }
    command = (binary, "run", "--wait", *(word for option, value in said.items() if value for word in (option, value)))
    files = FORMATS[tool](Job(project.loaded.settings.name, str(project.root), command, times))
    if output is None:
        for name, text in files.items():
            click.echo((f"# {name}\n" if len(files) > 1 else "") + text, nl=False)
        return 0
    folder = Path(output)
    others = [name for name, text in files.items() if (folder / name).exists() and (folder / name).read_text(encoding="utf-8") != text]
    if others:
        raise ProjectError(
            "SK-INT-008", f"{folder / others[0]} is there already, and says something else", hint="remove it first, or name another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
        note(f"wrote {folder / name}")
    return 0


def _windowed(project: Project) -> dict[NodeId, Windowing]:
    return {n: w for n in project.dag.order if (w := project.nodes[n].windows) is not None}
