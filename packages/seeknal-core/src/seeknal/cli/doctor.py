"""`seeknal doctor`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seeknal.cli.options import as_json, invocation_of, shared_options
from seeknal.cli.output import colored, plural, print_json
from seeknal.errors import EXIT_FAILED, visible

if TYPE_CHECKING:
    from seeknal.doctor import Finding

_COLORS = {"ok": "green", "warning": "yellow", "problem": "red"}


@click.command()
@click.option("--connections", is_flag=True, help="Also reach every connection of profiles.yml.")
@as_json
@shared_options
@click.pass_context
def doctor(ctx: click.Context, connections: bool, format_: str) -> int:
    """Check the installation and the project, and say what to do.

    Nothing outside this machine is reached unless --connections asks for it. Exit code 1: there are problems.
    """
    from seeknal.doctor import Patient, examine

    invocation = invocation_of(ctx)
    start = Path(invocation.project_path or ".")
    found = examine(Patient(start, invocation.profile, invocation.variables), connections=connections)
    problems = sum(1 for f in found if f.status == "problem")
    if format_ == "json":
        print_json({"ok": not problems, "checks": [asdict(f) for f in found]})
    else:
        _print(found, color=colored(invocation.color))
        click.echo(f"\n{plural(problems, 'problem')}." if problems else "\nNo problems.")
    return EXIT_FAILED if problems else 0


def _print(found: list[Finding], *, color: bool) -> None:
    width = max(len(f.check) for f in found)
    for finding in found:
        status = f"{finding.status:<7}"
        shown = click.style(status, fg=_COLORS[finding.status]) if color else status
        click.echo(f"{shown}  {finding.check:<{width}}  {visible(finding.detail)}")
        if finding.hint:
            click.echo(f"{'':7}  {'':<{width}}  help: {visible(finding.hint)}")
