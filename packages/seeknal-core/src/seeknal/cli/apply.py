"""`seeknal apply`."""

from __future__ import annotations

import shlex

import click

from seeknal.cli.dry_run import drafted
from seeknal.cli.options import invocation_of, shared_options
from seeknal.cli.output import note


@click.command()
@click.argument("file", type=click.Path())
@shared_options
@click.pass_context
def apply(ctx: click.Context, file: str) -> int:
    """Check the draft FILE against the project and move it into place. Nothing is built, and nothing overwritten."""
    from seeknal.scaffold.place import put_in_place

    invocation = invocation_of(ctx)
    draft = drafted(invocation, file)
    put_in_place(draft)
    click.echo(f"{', '.join(n.id for n in draft.nodes)} is in {draft.destination}")
    if not invocation.quiet:
        selection = " ".join(f"+{n.id}" for n in draft.nodes)
        note(f"\nnext:\n  seeknal run --select {shlex.quote(selection)}")
    return 0
