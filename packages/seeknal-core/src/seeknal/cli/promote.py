"""`seeknal promote`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from seeknal.cli.completion import complete_environments
from seeknal.cli.options import as_json, invocation_of, shared_options
from seeknal.cli.output import colored, note, number, plural, print_json
from seeknal.errors import EXIT_FAILED, ProjectError
from seeknal.state.environments import PROD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal.cli.options import Invocation
    from seeknal.run.moves import Move
    from seeknal.run.promotion import Promotion

_MARKS = {"added": ("+", "green"), "changed": ("~", "yellow"), "removed": ("-", "red"), "described": ("=", "bright_black")}


@click.command()
@click.argument("environment", metavar="ENV", shell_complete=complete_environments)
@click.argument("target", metavar="[TARGET]", default=PROD, shell_complete=complete_environments)
@click.option("--dry-run", is_flag=True, help="Show what would change and stop.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--wait", is_flag=True, help="Wait for runs in either environment to end instead of giving up.")
@as_json
@shared_options
@click.pass_context
def promote(ctx: click.Context, environment: str, target: str, dry_run: bool, yes: bool, wait: bool, format_: str) -> int:
    """Make TARGET (default: prod) publish all that ENV publishes, at once.

    Nothing is copied and nothing built. It is refused where TARGET has changed since ENV was last run, where that run failed, and where an audit of
    severity `error` fails. `env rollback TARGET` takes it back.
    """
    from seeknal.cli.run import DAY
    from seeknal.run.promotion import preview
    from seeknal.run.promotion import promote as swap

    invocation = invocation_of(ctx)
    project = invocation.project()
    shown = None
    if dry_run or not yes:
        shown = preview(project, environment, target)
        if format_ == "text":
            print_moves(shown.moves, invocation)
        if dry_run:
            _print(shown, invocation, format_)
        if shown.refusal is not None:
            raise shown.refusal
        if dry_run:
            return 0
        if shown.moves and not confirmed(f"Promote '{environment}' to '{target}'?", yes=yes):
            return EXIT_FAILED
    found = swap(project, environment, target, expected=shown, wait_seconds=DAY if wait else 0.0)
    if format_ == "text" and shown is None:
        print_moves(found.moves, invocation)
    _print(found, invocation, format_)
    return 0


def _print(found: Promotion, invocation: Invocation, format_: str) -> None:
    if format_ == "json":
        print_json(found.to_json())
        return
    if not found.moves:
        click.echo(f"Nothing to promote: '{found.target}' is what '{found.source}' is.")
    elif found.done:
        click.echo(f"Promoted '{found.source}' to '{found.target}': {counted(found.moves)}.")
        if not invocation.quiet:
            note(f"`seeknal env rollback {found.target}` takes it back.")
        if found.exposures and found.target == PROD and not invocation.quiet:
            note(f"The next `seeknal run` writes {', '.join(found.exposures)}.")
    else:
        click.echo(f"Promoting '{found.source}' to '{found.target}' would change {counted(found.moves)}.")


def print_moves(moves: Sequence[Move], invocation: Invocation) -> None:
    """A line for each node whose output changes; with -v also for those of which only what is known of their logic does."""
    color = colored(invocation.color)
    for move in moves:
        if move.change == "described" and not invocation.verbose:
            continue
        mark, shade = _MARKS[move.change]
        rows = [number(r) if r is not None else "-" for r in (move.rows_before, move.rows_after)]
        sizes = "" if move.rows_before is None and move.rows_after is None else f"  ({rows[0]} → {rows[1]} rows)"
        line = f"{mark} {move.change:<9}  {move.id}{sizes}"
        click.echo(click.style(line, fg=shade) if color else line)


def counted(moves: Sequence[Move]) -> str:
    """How many nodes change, and how."""
    kinds = [m.change for m in moves]
    parts = [f"{kinds.count(k):,} {k}" for k in ("added", "changed", "removed") if k in kinds]
    described = kinds.count("described")
    if not parts:
        return f"{plural(described, 'node')} described otherwise, no output"
    return f"{plural(len(moves) - described, 'node')} ({', '.join(parts)})"


def confirmed(question: str, *, yes: bool) -> bool:
    """Ask on a terminal; False for a no. Raises ProjectError where nobody can be asked and `--yes` was not said."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise ProjectError("SK-CLI-001", f"nobody can be asked here: {question}", hint="say --yes, or look first with --dry-run")
    if click.confirm(question, err=True):
        return True
    note("nothing was changed")
    return False
