"""`seeknal completion`, and what completes node names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from seeknal.cli.options import Invocation, shared_options
from seeknal.errors import SeeknalError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_SOURCES = {
    "bash": 'eval "$(_SEEKNAL_COMPLETE=bash_source seeknal)"',
    "zsh": 'eval "$(_SEEKNAL_COMPLETE=zsh_source seeknal)"',
    "fish": "_SEEKNAL_COMPLETE=fish_source seeknal | source",
}
_FILES = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "fish": "~/.config/fish/completions/seeknal.fish"}


@click.command()
@click.argument("shell", type=click.Choice(sorted(_SOURCES)))
@shared_options
def completion(shell: str) -> int:
    """Print the line that makes SHELL complete commands, options and nodes."""
    click.echo(f"# add this line to {_FILES[shell]}")
    click.echo(_SOURCES[shell])
    return 0


def complete_nodes(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids and names of the project's nodes that begin with what was typed."""
    from click.shell_completion import CompletionItem

    del parameter
    try:
        project = replace(ctx.find_object(Invocation) or Invocation(), quiet=True).project()
    except SeeknalError:
        return []
    words = sorted({*project.nodes, *(n.name for n in project.nodes.values())})
    return [CompletionItem(w) for w in words if w.startswith(incomplete)]


def complete_tests(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of unit tests, and the nodes they may be about."""
    from click.shell_completion import CompletionItem

    from seeknal.unit_tests.loading import load_tests

    found = complete_nodes(ctx, parameter, incomplete)
    try:
        tests, _ = load_tests(replace(ctx.find_object(Invocation) or Invocation(), quiet=True).project())
    except SeeknalError:
        return found
    return [*(CompletionItem(t.name) for t in tests if t.name.startswith(incomplete)), *found]


def complete_environments(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Environments that begin with what was typed."""
    from click.shell_completion import CompletionItem

    del parameter
    try:
        project = replace(ctx.find_object(Invocation) or Invocation(), quiet=True).project()
        names = [e.name for e in project.environments()]
    except SeeknalError:
        return []
    return [CompletionItem(n) for n in names if n.startswith(incomplete)]


def complete_columns(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Nodes, and once one is typed with a dot its columns."""
    from click.shell_completion import CompletionItem

    from seeknal.plan.tracing import column_name

    node, dot, _ = incomplete.rpartition(".")
    found = complete_nodes(ctx, parameter, incomplete)
    if found or not dot:
        return found
    try:
        project = replace(ctx.find_object(Invocation) or Invocation(), quiet=True).project()
        graph, owner = project.lineage(), project.find(node).id
        words = [node + column_name(owner, c).removeprefix(owner) for c in graph.columns(owner)]
    except SeeknalError:
        return []
    return [CompletionItem(w) for w in words if w.startswith(incomplete)]
