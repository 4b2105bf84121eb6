"""`seeknal render`."""

from __future__ import annotations

import click

from seeknal.cli.completion import complete_nodes
from seeknal.cli.options import invocation_of, shared_options
from seeknal.errors import ProjectError
from seeknal.nodes import SourceLogic, SqlLogic


@click.command()
@click.argument("node", shell_complete=complete_nodes)
@shared_options
@click.pass_context
def render(ctx: click.Context, node: str) -> int:
    """Show the SQL that the engine runs for NODE, templates rendered."""
    found = invocation_of(ctx).project().find(node)
    logic = found.logic
    text = logic.sql if isinstance(logic, SqlLogic) else logic.query if isinstance(logic, SourceLogic) else None
    if text is None:
        raise ProjectError("SK-RUN-006", f"{found.id} is not built by SQL", at=found.at)
    click.echo(text.rstrip())
    return 0
