"""`seeknal state`."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from seeknal.cli.options import as_json, invocation_of, shared_options
from seeknal.cli.output import note, plural, print_json, print_table
from seeknal.errors import EXIT_FAILED
from seeknal.state.environments import PROD, check_name

if TYPE_CHECKING:
    from seeknal.api import Project
    from seeknal.state.backend import Holder


@click.group()
@shared_options
def state() -> None:
    """Look after the state: what exists, and what is published."""


@state.command()
@as_json
@shared_options
@click.pass_context
def info(ctx: click.Context, format_: str) -> int:
    """Show where the state is and what it holds."""
    project = invocation_of(ctx).project()
    document = project.state.describe()
    if format_ == "json":
        print_json(document)
    else:
        print_table(["", ""], list(document.items()))
    return 0


@state.command()
@click.option("--environment", default=PROD, show_default=True)
@shared_options
@click.pass_context
def unlock(ctx: click.Context, environment: str) -> int:
    """Free the lease of a run that is gone. A run that is alive keeps it."""
    check_name(environment)
    before = invocation_of(ctx).project().state.unlock(environment)
    click.echo(f"freed: it was held by {before}" if before else f"environment '{environment}' is not locked")
    return 0


@state.command()
@shared_options
@click.pass_context
def rebuild(ctx: click.Context) -> int:
    """Make the state anew from the outputs alone.

    Outputs are found by their files; the next run points the environment to those that still match the project, and builds the rest.
    """
    from seeknal.state.rebuild import rebuild as rebuild_state

    project = invocation_of(ctx).project()
    with ExitStack() as leases:
        names = sorted({PROD, *project.state.read().environments()})
        held = [leases.enter_context(project.state.lease(n, holder_of("seeknal state rebuild"))) for n in names]
        count = rebuild_state(project.state, held[0], project.store.walk())
    click.echo(f"{plural(count, 'output')} found again; `seeknal run` decides which are current")
    return 0


@state.command()
@shared_options
@click.pass_context
def verify(ctx: click.Context) -> int:
    """Read every output and compare it with what was written."""
    project = invocation_of(ctx).project()
    bad = _damaged(project)
    for text in bad:
        note(text)
    if bad:
        note("the next run builds them again")
    click.echo(f"{plural(len(bad), 'output')} damaged or missing" if bad else "every output is as it was written")
    return EXIT_FAILED if bad else 0


def _damaged(project: Project) -> list[str]:
    """A line for each current output whose files are not what was written."""
    snapshot = project.state.read()
    found = []
    pointed = {key: node for name in {PROD, *snapshot.environments()} for node, key in snapshot.keys(name).items()}
    for key, node in sorted(pointed.items(), key=lambda item: item[1]):
        artifact = snapshot.artifact(key)
        presence = project.store.verify(artifact) if artifact is not None else "whole"
        if presence != "whole" and artifact is not None:
            found.append(f"{node}: {presence}: {', '.join(str(p) for p in project.store.paths(artifact))}")
    return found


def holder_of(command: str) -> Holder:
    """This process, as the holder of a lease."""
    from datetime import UTC, datetime

    from seeknal.state.backend import Holder

    return Holder("-", socket.gethostname(), os.getpid(), command, datetime.now(UTC).isoformat(timespec="seconds"))
