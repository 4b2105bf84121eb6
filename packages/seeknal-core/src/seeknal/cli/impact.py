"""`seeknal impact`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from seeknal.cli.completion import complete_columns
from seeknal.cli.options import as_json, invocation_of, shared_options
from seeknal.cli.output import note, plural, print_json, print_table
from seeknal.errors import visible

if TYPE_CHECKING:
    from seeknal.plan.tracing import Affected, Impact

_REASONS = 10


@click.command()
@click.argument("name", metavar="NODE[.COLUMN]", shell_complete=complete_columns)
@as_json
@shared_options
@click.pass_context
def impact(ctx: click.Context, name: str, format_: str) -> int:
    """Show every node that a change to a column would reach, and which of its columns.

    `value` says that something is computed from the column, `filter` that the column only decides which rows there are. Without COLUMN:
    what any column of NODE reaches.
    """
    project = invocation_of(ctx).project()
    found = project.lineage().impact(name)
    project.analyses.keep()
    if format_ == "json":
        print_json(found.to_json())
        return 0
    if found.affected:
        print_table(["node", "kind", "columns"], [(a.node, a.kind, _columns(a)) for a in found.affected])
    for node, reason in [*found.opaque.items()][:_REASONS]:
        note(f"{node} counts with all its columns: {visible(reason)}")
    if len(found.opaque) > _REASONS:
        note(f"… and {len(found.opaque) - _REASONS:,} more")
    click.echo(_total(found))
    return 0


def _columns(affected: Affected) -> str:
    return visible(", ".join(affected.columns)).replace("\n", "\\n")


def _total(found: Impact) -> str:
    from seeknal.plan.tracing import column_name  # start-up time

    about = visible(column_name(found.node, found.column)) if found.column is not None else found.node
    if not found.affected:
        return f"Nothing reads {about}."
    values = sum(1 for a in found.affected if a.kind == "value")
    return f"{about} reaches {plural(len(found.affected), 'node')}: {values:,} by value, {len(found.affected) - values:,} by filter only."
