"""`seeknal parse`."""

from __future__ import annotations

import click

from seeknal.cli.options import as_json, invocation_of, shared_options
from seeknal.cli.output import plural, print_json


@click.command()
@as_json
@shared_options
@click.pass_context
def parse(ctx: click.Context, format_: str) -> int:
    """Check everything and write target/manifest.json."""
    from seeknal.manifest import manifest, write_manifest

    project = invocation_of(ctx).project()
    document = manifest(project.loaded, project.dag)
    path = write_manifest(project.target, document)
    if format_ == "json":
        print_json(document)
    else:
        kinds: dict[str, int] = {}
        for node in project.nodes.values():
            kinds[node.kind] = kinds.get(node.kind, 0) + 1
        listed = ", ".join(plural(count, kind) for kind, count in sorted(kinds.items()))
        click.echo(f"{plural(len(project.nodes), 'node')} without errors" + (f" ({listed})" if listed else "") + f": {path}")
    return 0
