"""`seeknal janitor`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from seeknal.cli.options import as_json, invocation_of, shared_options
from seeknal.cli.output import note, plural, print_json, print_table, size

if TYPE_CHECKING:
    from seeknal.janitor import Cleaning

_DAY = 24 * 3600.0


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be done and stop.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--grace", default="24h", show_default=True, metavar="TIME", help="How long something must have been of no use: 90m, 24h, 7d."
)
@click.option(
    "--keep-runs", type=click.IntRange(0), metavar="N", help="Keep outputs that the last N runs may have used (output_retention)."
)
@click.option("--wait", is_flag=True, help="Wait for runs to end instead of giving up.")
@as_json
@shared_options
@click.pass_context
def janitor(ctx: click.Context, format_: str, grace: str, keep_runs: int | None, *, dry_run: bool, yes: bool, wait: bool) -> int:
    """Remove environments that have expired, outputs that nothing uses, what killed runs left, and pack old history.

    What is of no use is marked the first time and removed by a later call, when it has stayed so for the grace period. Nothing that an
    environment, a run in progress or one of the last runs uses is touched.
    """
    from seeknal.janitor import Policy

    project = invocation_of(ctx).project()
    policy = Policy.of(project.loaded.settings.janitor, grace=grace, runs=keep_runs)
    if dry_run or not yes:
        found = project.clean(policy, dry_run=True)
        if dry_run:
            _print(found, format_)
            return 0
        if found.removes:
            if not sys.stdin.isatty():
                message = "this removes things for good: say --yes, or see what with --dry-run"
                raise click.UsageError(message, ctx)
            _print(found, "text")
            click.confirm("Remove them?", abort=True, err=True)
    _print(project.clean(policy, wait_seconds=_DAY if wait else 0.0), format_)
    return 0


def _print(cleaning: Cleaning, format_: str) -> None:
    if format_ == "json":
        print_json(cleaning.to_json())
        return
    rows = [
        ("environments", len(cleaning.environments), "", ", ".join(cleaning.environments)),
        ("outputs", cleaning.outputs.count, size(cleaning.outputs.bytes), ""),
        ("leftovers", cleaning.leftovers.count, size(cleaning.leftovers.bytes), ""),
        ("state entries", cleaning.entries, "", ""),
        ("runs packed", cleaning.history.count, size(max(0, cleaning.history.bytes)), ""),
    ]
    head = ["", "to remove" if cleaning.dry_run else "removed", "bytes", ""]
    print_table(head, rows, numeric=(1, 2))
    if cleaning.waiting.count:
        marked = f"{plural(cleaning.waiting.count, 'output')} of no use, {size(cleaning.waiting.bytes)}"
        note(f"{marked}: {'would be marked' if cleaning.dry_run else 'marked'}, to be removed when unused for long enough")
    verb = "would be recovered" if cleaning.dry_run else "recovered"
    click.echo(f"{size(max(0, cleaning.recovered))} {verb}; {plural(cleaning.used, 'output')} in use")
