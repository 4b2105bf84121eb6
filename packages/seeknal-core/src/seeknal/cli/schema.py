"""`seeknal schema`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seeknal.cli.draft import complete_kinds
from seeknal.cli.options import Invocation, invocation_of, shared_options
from seeknal.cli.output import note, print_json
from seeknal.errors import SeeknalError

if TYPE_CHECKING:
    from seeknal.registry import Registry


@click.command()
@click.argument("kind", required=False, shell_complete=complete_kinds)
@click.option("--output", "-o", type=click.Path(dir_okay=False), metavar="FILE", help="Write to a file instead of stdout.")
@shared_options
@click.pass_context
def schema(ctx: click.Context, kind: str | None, output: str | None) -> int:
    """Print the JSON Schema of KIND's YAML, or of all kinds, for editors; `unit_test` is that of files below tests/.

    With the file in the project, an editor finds it by a first line such as: # yaml-language-server: $schema=../../seeknal.schema.json
    """
    from seeknal.project.schema import kind_schema, project_schema

    document = _unit_test() if kind == "unit_test" else None
    if document is None:
        registry = _registry(invocation_of(ctx))
        document = kind_schema(registry, kind) if kind else project_schema(registry)
    if output is None:
        print_json(document)
        return 0
    from seeknal.durable import write_whole

    write_whole(Path(output), (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode())
    note(f"written to {output}")
    return 0


def _unit_test() -> dict[str, Any]:
    from seeknal.unit_tests.schema import unit_test_schema

    return unit_test_schema()


def _registry(invocation: Invocation) -> Registry:
    """What is installed, and in a project also its own plugins; a project that is wrong has schemas all the same."""
    from seeknal.project.locate import find_root
    from seeknal.registry import Registry

    try:
        return Registry(root=find_root(Path(invocation.project_path or ".")))
    except SeeknalError:
        return Registry()
