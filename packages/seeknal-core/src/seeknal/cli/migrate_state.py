"""`seeknal migrate-state`."""

from __future__ import annotations

import click

from seeknal.cli.options import invocation_of, shared_options
from seeknal.cli.output import note, plural, print_table


@click.command("migrate-state")
@click.option("--from", "source", metavar="STATE", required=True, help="A backend such as file, sqlite or postgres, or a URL.")
@click.option(
    "--to", "target", metavar="STATE", required=True, help="The same; a backend that the project names has its options from there."
)
@click.option("--dry-run", is_flag=True, help="Show what would be copied and stop.")
@click.option("--replace", is_flag=True, help="Make the other the same even where it holds something else.")
@shared_options
@click.pass_context
def migrate_state(ctx: click.Context, source: str, target: str, dry_run: bool, replace: bool) -> int:
    """Copy the state to another backend, and compare every document at the end.

    Runs are kept out meanwhile. A copy that was cut off is gone on with by the same command. The old state stays as it was.
    """
    from seeknal.cli.state import holder_of
    from seeknal.project.state import open_named
    from seeknal.state.transfer import check_sides, compare, refuse_others, transfer

    project = invocation_of(ctx).project()
    old, new = (open_named(name, project.loaded.registry, project.loaded.settings, project.target) for name in (source, target))
    for text in old.read().notices:
        note(f"warning: {text}")
    if dry_run:
        check_sides(old, new)
        copied = compare(old.read(), new.read())
        if not replace:
            refuse_others(copied)
    else:
        copied = transfer(old, new, holder_of("seeknal migrate-state"), replace=replace)
    head = ["table", "to copy" if dry_run else "copied", "there already", "to remove" if dry_run else "removed"]
    print_table(head, [[c.table, len(c.puts), c.same, len(c.removals)] for c in copied], numeric=(1, 2, 3))
    if not dry_run:
        total = sum(len(c.puts) + c.same for c in copied)
        click.echo(f"compared: {plural(total, 'document')}, the same in both")
        note("name the new state under `state:` in seeknal_project.yml; the old one stays as it was")
    return 0
