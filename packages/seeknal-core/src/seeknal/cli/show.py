"""`seeknal show`."""

from __future__ import annotations

import click

from seeknal.cli.completion import complete_nodes
from seeknal.cli.options import env_option, invocation_of, shared_options
from seeknal.cli.output import note, plural, print_rows


@click.command()
@click.argument("node", shell_complete=complete_nodes)
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="How many rows; 0 means all.")
@env_option
@click.option("--rejected", is_flag=True, help="What its audits set aside, or the last output they kept from being published.")
@click.option("--format", "format_", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@shared_options
@click.pass_context
def show(ctx: click.Context, node: str, limit: int, environment: str, rejected: bool, format_: str) -> int:
    """Show rows of what NODE last published."""
    project = invocation_of(ctx).project()
    result = project.rows(node, limit or None, rejected=rejected, environment=environment)
    print_rows(result, format_)
    if format_ == "table" and limit and len(result.rows) == limit:
        note(f"the first {plural(limit, 'row')}; --limit 0 shows all")
    return 0
