"""`seeknal init`."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from seeknal.cli.options import invocation_of, shared_options
from seeknal.cli.output import note, plural
from seeknal.errors import SeeknalError


@click.command()
@click.argument("name", required=False, default=".")
@click.option("--example", is_flag=True, help="A small web shop with data, audits, a rule, Python and a file that leaves.")
@shared_options
@click.pass_context
def init(ctx: click.Context, name: str, example: bool) -> int:
    """Start a project that runs as it is, in the folder NAME or in this one.

    Nothing that exists is overwritten: where a file is in the way, nothing is written at all.
    """
    from seeknal.scaffold.project import SHOP, STARTER, start_project

    base = Path(invocation_of(ctx).project_path or ".")
    root = Path(os.path.abspath(base / name))  # noqa: PTH100 - the path as it was written, links kept
    _say_if_inside(root)
    made = start_project(root, SHOP if example else STARTER)
    click.echo(f"project '{made.name}' is in {root} ({plural(len(made.files), 'file')})")
    if not invocation_of(ctx).quiet:
        _next_steps(root, "revenue_by_day" if example else "people_by_country")
    return 0


def _say_if_inside(root: Path) -> None:
    from seeknal.project.locate import find_root

    try:
        outer = find_root(root.parent)
    except SeeknalError:
        return
    note(f"warning: {root} is inside another project, {outer}")


def _next_steps(root: Path, node: str) -> None:
    here = Path.cwd()
    steps = [] if root == here else [f"cd {shlex.quote(os.path.relpath(root))}"]
    steps += ["seeknal run", f"seeknal show {node}", "seeknal draft transform my_first"]
    note("\nnext:\n" + "\n".join(f"  {step}" for step in steps))
