"""`seeknal dry-run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from seeknal.cli.options import Invocation, invocation_of, shared_options
from seeknal.cli.output import colored, note, numeric_columns, plural, print_table
from seeknal.errors import EXIT_FAILED

if TYPE_CHECKING:
    from seeknal.audits.outcomes import Audited
    from seeknal.nodes import Node
    from seeknal.run.preview import Preview
    from seeknal.scaffold.place import Drafted


def drafted(invocation: Invocation, file: str) -> Drafted:
    """The draft, read with its project."""
    from seeknal.scaffold.place import read_draft

    return read_draft(Path(file), Path(invocation.project_path or "."), lambda path: invocation.project(extra=[path]))


@click.command(name="dry-run")
@click.argument("file", type=click.Path())
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, help="How many rows to show.")
@shared_options
@click.pass_context
def dry_run(ctx: click.Context, file: str, limit: int) -> int:
    """Check the draft FILE against the project and show what it would produce.

    It is computed from what is published; nothing is built or published. Exit code 1: it fails, or one of its audits does.
    """
    from seeknal.run.preview import outdated, preview

    invocation = invocation_of(ctx)
    draft = drafted(invocation, file)
    failed = False
    for node in draft.nodes:
        shown = preview(draft.project, node, limit)
        changed = outdated(draft.project, node)
        if changed:
            note(f"warning: {', '.join(changed)} changed since the last run; what follows is made from what was published then")
        _print(node, shown, limit, invocation)
        failed = failed or any(not a.outcome.passed and a.outcome.severity == "error" for a in shown.audited)
    if not draft.in_place and not failed:
        note(f"\nnext:\n  seeknal apply {file}  # to {draft.destination}")
    return EXIT_FAILED if failed else 0


def _print(node: Node, shown: Preview, limit: int, invocation: Invocation) -> None:
    click.echo(
        f"{node.id} {shown.does}" + (f" of {plural(shown.count, 'row')}" if shown.count is not None and "row" not in shown.does else "")
    )
    if shown.schema:
        click.echo("")
        print_table(["column", "type"], [(c.name, c.type) for c in shown.schema])
    if shown.rows is not None:
        click.echo("")
        print_table(shown.rows.columns, shown.rows.rows, numeric=numeric_columns(shown.rows))
        if shown.count is None or shown.count > limit:
            note(f"the first {plural(limit, 'row')}; --limit N shows more")
    if shown.audited:
        click.echo("")
        for audited in shown.audited:
            click.echo(_audit_line(audited, color=colored(invocation.color)))


def _audit_line(audited: Audited, *, color: bool) -> str:
    outcome = audited.outcome
    status, shade = ("pass", "green") if outcome.passed else ("warn", "yellow") if outcome.severity == "warn" else ("fail", "red")
    columns = f"({', '.join(outcome.columns)})" if outcome.columns else ""
    line = f"{outcome.name or outcome.type}{columns}" + ("" if outcome.passed else f": {outcome.message}")
    return f"{click.style(status, fg=shade) if color else status}  {line}"
