"""`seeknal invalidate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from seeknal.cli.completion import complete_nodes
from seeknal.cli.options import env_option, invocation_of, shared_options
from seeknal.cli.windows import check_range, range_options

if TYPE_CHECKING:
    from datetime import date


@click.command()
@click.argument("node", shell_complete=complete_nodes)
@range_options
@env_option
@shared_options
@click.pass_context
def invalidate(ctx: click.Context, node: str, start: date | None, end: date | None, environment: str) -> int:
    """Mark windows of NODE, so that the next run builds them again, and what reads them. Builds nothing.

    Without --start and --end all of them are marked. What is published stays until the run.
    """
    from seeknal.intervals.windowing import described  # start-up time
    from seeknal.run.intervals import invalidate as mark

    check_range(start, end)
    project = invocation_of(ctx).project()
    marked = mark(project, project.find(node), environment, start, end)
    click.echo(f"Marked {described(marked.ranges, marked.windowing)} of {marked.node}: the next run builds what is marked again.")
    return 0
