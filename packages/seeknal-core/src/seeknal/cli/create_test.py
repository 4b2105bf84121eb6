"""`seeknal create-test`."""

from __future__ import annotations

import click

from seeknal.cli.completion import complete_nodes
from seeknal.cli.options import env_option, invocation_of, shared_options
from seeknal.cli.output import note, plural


@click.command(name="create-test")
@click.argument("node", shell_complete=complete_nodes)
@click.option("--rows", type=click.IntRange(1, 1000), default=3, show_default=True, help="About how many rows of the output to begin from.")
@click.option("--name", help="What the test is called.")
@click.option("--output", "-o", metavar="FILE", help="The file, below tests/ (default: tests/NODE.yml). It must not exist.")
@env_option
@shared_options
@click.pass_context
def create_test(ctx: click.Context, node: str, rows: int, name: str | None, output: str | None, environment: str) -> int:
    """Write a unit test of NODE from what is published.

    The inputs are the rows behind a few rows of the output, so that joins match and filters let them pass; what comes out of them is what the test
    expects. A file that exists is never touched.
    """
    from seeknal.unit_tests.capture import capture, check_new, write_new

    project = invocation_of(ctx).project()
    found = project.find(node)
    path = output or f"tests/{found.name}.yml"
    check_new(project, path)
    captured = capture(project, found, rows, environment, name)
    write_new(project, path, captured.text)
    click.echo(f"{path}: test '{captured.name}' of {found.id}, {plural(captured.rows, 'row')} expected")
    for line in captured.sources:
        click.echo(f"  {line}")
    note(f"\nnext:\n  seeknal test {captured.name}")
    return 0
