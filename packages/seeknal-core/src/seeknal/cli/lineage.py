"""`seeknal lineage`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seeknal.cli.completion import complete_columns
from seeknal.cli.options import invocation_of, shared_options
from seeknal.cli.output import colored

if TYPE_CHECKING:
    from seeknal.api import Project
    from seeknal.cli.lineage_scope import Side
    from seeknal.plan.lineage import Lineage

PAGE = "lineage.html"
"""Where the page is written unless told otherwise, below the project's target folder."""


@click.command()
@click.argument("name", metavar="NODE[.COLUMN]", required=False, shell_complete=complete_columns)
@click.option("--upstream", is_flag=True, help="Only what it comes from.")
@click.option("--downstream", is_flag=True, help="Only what reads it.")
@click.option("--all", "whole", is_flag=True, help="json: through any number of steps; tree: however long it is.")
@click.option("--format", "format_", type=click.Choice(["tree", "json", "dot", "html"]), default="tree", show_default=True)
@click.option("--output", metavar="FILE", help="Write to this file; html: target/lineage.html unless told.")
@shared_options
@click.pass_context
def lineage(ctx: click.Context, name: str | None, upstream: bool, downstream: bool, whole: bool, format_: str, output: str | None) -> int:
    """Show what a column, or a whole node, comes from and what reads it.

    `value` says that a column is computed from another, `filter` that the other only decides which rows there are. `*` stands for the
    rows of a node, or for columns whose names are not known before it is built. Column names with dots or blanks stand in double quotes:
    'transform.x."My col"'.

    json has direct edges, with --all everything that can be reached; the other formats always have everything. dot and html
    may be asked without NODE, for the whole project.
    """
    if name is None and format_ in ("tree", "json"):
        message = f"--format {format_} is about one node or column: seeknal lineage NODE[.COLUMN]"
        raise click.UsageError(message, ctx)
    invocation = invocation_of(ctx)
    project = invocation.project()
    graph = project.lineage()
    color = output is None and colored(invocation.color)
    text = _shown(project, graph, name, _sides(upstream=upstream, downstream=downstream), format_, color=color, whole=whole)
    project.analyses.keep()
    if output is None and format_ != "html":
        click.echo(text)
    else:
        click.echo(_written(ctx, text, project.target / PAGE if output is None else Path(output)))
    return 0


def _sides(*, upstream: bool, downstream: bool) -> tuple[Side, ...]:
    """Both sides where neither was asked for alone."""
    if upstream == downstream:
        return ("upstream", "downstream")
    return ("upstream",) if upstream else ("downstream",)


def _shown(project: Project, graph: Lineage, name: str | None, sides: tuple[Side, ...], format_: str, *, color: bool, whole: bool) -> str:
    """What is asked for, in the format that is asked for."""
    from seeknal.cli.lineage_scope import scope  # start-up time

    if name is not None and format_ == "json":
        document = graph.of(name, whole=whole).to_json()
        left_out = {"upstream", "downstream"} - set(sides)
        return json.dumps({k: v for k, v in document.items() if k not in left_out}, indent=2, ensure_ascii=False)
    if name is not None and format_ == "tree":
        from seeknal.cli.lineage_tree import tree

        return tree(graph, name, sides, color=color, whole=whole)
    if format_ == "dot":
        from seeknal.cli.lineage_dot import dot

        return dot(graph, scope(graph, name, sides))
    from seeknal.cli.lineage_page import page

    return page(graph, scope(graph, name, sides), project.loaded.settings.name)


def _written(ctx: click.Context, text: str, path: Path) -> Path:
    """Write what was asked for to a file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        message = f"cannot write '{path}': {error.strerror or error}"
        raise click.UsageError(message, ctx) from None
    return path
