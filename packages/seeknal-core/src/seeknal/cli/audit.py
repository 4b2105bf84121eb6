"""`seeknal audit`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from seeknal.cli.completion import complete_nodes
from seeknal.cli.options import env_option, invocation_of, shared_options
from seeknal.cli.output import json_value, note, numeric_columns, plural, print_json, print_table, seconds
from seeknal.errors import EXIT_FAILED, explain

if TYPE_CHECKING:
    from pathlib import Path

    from seeknal.run.checking import Checked

SHOWN_ROWS = 10


@click.command()
@click.argument("selector", required=False, nargs=-1, shell_complete=complete_nodes)
@env_option
@click.option("--rows", is_flag=True, help="Show some of the rows that fail.")
@click.option("--limit", type=click.IntRange(1), default=SHOWN_ROWS, show_default=True, help="How many rows of each audit, or past runs.")
@click.option("--history", is_flag=True, help="Show what the audits came to in past runs, and run none.")
@click.option("--format", "format_", type=click.Choice(["text", "json", "junit"]), default="text", show_default=True)
@shared_options
@click.pass_context
def audit(ctx: click.Context, selector: tuple[str, ...], environment: str, rows: bool, limit: int, history: bool, format_: str) -> int:
    """Run audits on what is published, of all nodes or those a SELECTOR names, without building anything.

    Nothing that is published changes. Of a node whose last output failed its audits, what was found in that output is shown too.

    With --history, what audits came to in past runs of the environment, oldest first.

    Exit code 1: what is published fails an audit of severity error, or one could not be asked.
    """
    invocation = invocation_of(ctx)
    project = invocation.project()
    chosen = project.select(" ".join(selector) if selector else None, environment=environment)
    if history:
        from seeknal.cli.audit_history import print_history

        return print_history(project, chosen, environment, limit, format_)
    begun = time.perf_counter()
    found = project.audit(chosen, environment=environment, sample=limit if rows else 0)
    took = time.perf_counter() - begun
    if format_ == "json":
        print_json([document(c, rows=rows) for c in found])
    elif format_ == "junit":
        from seeknal.cli.junit import junit

        click.echo(junit(found, took))
    else:
        _print(found, project.root, took, rows=rows)
    return exit_code(found)


def exit_code(found: list[Checked]) -> int:
    """0 where what is published is fit for it; what is not published counts where nothing else is."""
    published = {c.node for c in found if c.published}
    return EXIT_FAILED if any(c.blocks for c in found if c.published or c.node not in published) else 0


def document(checked: Checked, *, rows: bool) -> dict[str, Any]:
    """As `seeknal audit --format json` prints it. Rows only where they are asked for: they may hold personal data."""
    error = None if checked.error is None else {"code": checked.error.code, "at": str(checked.error.at) if checked.error.at else None}
    found = {"node": checked.node, "status": checked.status, "published": checked.published, **checked.outcome.to_json(), "error": error}
    if not rows:
        found["message"] = checked.outcome.finding
    else:
        found["sample"] = [dict(zip(r.columns, map(_plain, row), strict=True)) for r in checked.rows for row in r.rows]
    return found


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str | list | dict) else json_value(value)


def _print(found: list[Checked], root: Path, took: float, *, rows: bool) -> None:
    """A line for each audit, the rows that fail below, and what it comes to."""
    if not found:
        note("no audits: no node that was named has any")
        return
    lines = [(c.node, c.outcome.label, c.status, c.outcome.failing_rows, _told(c), seconds(c.outcome.seconds)) for c in found]
    print_table(["node", "audit", "status", "failing", "", "took"], lines, numeric=(3, 5))
    for checked in found if rows else ():
        print_failing(checked)
    for error in dict.fromkeys(str(explain(c.error, root)) for c in found if c.error is not None):
        note(error)
    counts = {s: sum(c.status == s for c in found) for s in ("pass", "warn", "fail", "error")}
    words = {"pass": "passed", "warn": "warned", "fail": "failed", "error": "could not run"}
    told = ", ".join(f"{plural(n, 'audit')} {words[s]}" for s, n in counts.items() if n)
    click.echo(f"{plural(len({c.node for c in found}), 'node')} in {seconds(took)}: {told}.")
    if not rows and any(c.outcome.failing_rows for c in found):
        note("--rows shows rows that fail")


def _told(checked: Checked) -> str:
    """What a person needs to know besides the numbers."""
    if not checked.published:
        return "in the last output, which is not published"
    return "" if checked.outcome.passed or checked.error is not None else checked.outcome.message


def print_failing(checked: Checked, *, err: bool = False) -> None:
    """The rows of an audit that fail, as a small table."""
    for rows in checked.rows:
        shown, total = len(rows.rows), checked.outcome.failing_rows
        some = f" ({shown:,} of {total:,})" if shown < total else ""
        click.echo(f"\n{checked.node}: {checked.outcome.label}{some}", err=err)
        print_table(rows.columns, rows.rows, numeric=numeric_columns(rows), err=err)
