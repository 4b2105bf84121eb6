"""`seeknal diff`."""

from __future__ import annotations

import click

from seeknal.cli.changes import change_document, counted, print_changes
from seeknal.cli.completion import complete_environments, complete_nodes
from seeknal.cli.options import as_json, invocation_of, shared_options
from seeknal.cli.output import colored, note, print_json
from seeknal.state.environments import PROD


@click.command()
@click.argument("node", required=False, shell_complete=complete_nodes)
@click.option(
    "--env",
    "environment",
    metavar="ENV",
    default=PROD,
    show_default=True,
    shell_complete=complete_environments,
    help="The environment to compare with.",
)
@as_json
@shared_options
@click.pass_context
def diff(ctx: click.Context, node: str | None, environment: str, format_: str) -> int:
    """Show how the project's logic differs from what an environment was built from: NODE, or every node.

    Each edited node comes with its category, its edits, who reads what was touched, the whole SQL that differs, and what it reaches.
    """
    invocation = invocation_of(ctx)
    project = invocation.project()
    if environment != PROD:
        project.state.read().require(environment)
    only = project.find(node).id if node is not None else None
    found = {n: c for n, c in project.plan(environment=environment).changes.items() if only in (None, n)}
    if format_ == "json":
        print_json([change_document(c) for _, c in sorted(found.items())])
        return 0
    for name, change in found.items():
        if change.change in ("added", "removed"):
            click.echo(f"{'+' if change.change == 'added' else '-'} {name}  {change.change}")
    print_changes(found, color=colored(invocation.color), verbose=True)
    for name, change in found.items():
        if only is not None and change.change == "indirect":
            click.echo(f"~ {name}  INDIRECT  through {', '.join(change.via)}")
    if found:
        click.echo(counted(found))
    else:
        note(f"{only or 'The project'} is what {environment} was built from.")
    return 0
