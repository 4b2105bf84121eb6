"""`seeknal list`."""

from __future__ import annotations

import click

from seeknal.cli.completion import complete_nodes
from seeknal.cli.options import as_json, invocation_of, shared_options
from seeknal.cli.output import print_json, print_table


@click.command(name="list")
@click.argument("selector", required=False, nargs=-1, shell_complete=complete_nodes)
@as_json
@shared_options
@click.pass_context
def list_nodes(ctx: click.Context, selector: tuple[str, ...], format_: str) -> int:
    """List nodes, all or those a SELECTOR names.

    Selectors: a name, kind:transform, tag:daily, path:seeknal/x, state:modified, state:new, result:failed, +x (with what it reads), x+ (with
    what reads it), 2+x+1, @x, globs with *; a space means or, a comma means and.
    """
    project = invocation_of(ctx).project()
    chosen = project.select(" ".join(selector) if selector else None)
    nodes = [project.nodes[n] for n in project.dag.order if chosen is None or n in chosen]
    if format_ == "json":
        print_json(
            [
                {
                    "id": n.id,
                    "kind": n.kind,
                    "name": n.name,
                    "tags": list(n.tags),
                    "path": n.at.path,
                    "columns": [c.name for c in n.columns],
                }
                for n in nodes
            ]
        )
    else:
        print_table(["node", "tags", "file"], [(n.id, ", ".join(n.tags), n.at.path) for n in nodes])
    return 0
