"""`seeknal state`."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seeknal.cli.options import as_json, invocation_of, shared_options
from seeknal.cli.output import note, plural, print_json, print_table
from seeknal.errors import EXIT_FAILED
from seeknal.state.environments import PROD, check_name
from seeknal.state.model import Artifact

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
@click.option("--env", "--environment", "environment", metavar="ENV", default=PROD, show_default=True, help="Whose lease.")
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
    count = rebuild_state(project.state, holder_of("seeknal state rebuild"), project.store.walk)
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


@state.command("export")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@shared_options
@click.pass_context
def export_(ctx: click.Context, file: str, *, force: bool) -> int:
    """Write the whole state to one FILE (`-`: stdout), which any backend can import.

    Outputs are not in it: they are files of their own, below target/cache.
    """
    from seeknal.durable import write_whole
    from seeknal.errors import ProjectError
    from seeknal.state.portable import export_state

    project = invocation_of(ctx).project()
    path = Path(file).absolute()
    if file != "-" and path.exists() and not force:
        raise ProjectError("SK-STATE-016", f"{file} is there already", hint="name another file, or write over it with --force")
    data, exported = export_state(project.state, project.loaded.settings.name)
    if file == "-":
        click.echo(data, nl=False)
        return 0
    write_whole(path, data, 0o600)
    click.echo(f"{plural(exported.count, 'document')} written to {file}")
    return 0


@state.command("import")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--replace", is_flag=True, help="Make the state what FILE says even where it holds something else.")
@click.option("--dry-run", is_flag=True, help="Check FILE, show what would be put, and stop.")
@shared_options
@click.pass_context
def import_(ctx: click.Context, file: str, *, replace: bool, dry_run: bool) -> int:
    """Read a state that was exported (`-`: from stdin) into the project's backend.

    Every document is checked first. Runs are kept out meanwhile; what was cut off is gone on with by the same command.
    """
    from seeknal.state.portable import import_state, parse_state
    from seeknal.state.transfer import compare, refuse_others

    project = invocation_of(ctx).project()
    exported = parse_state(_content(file), file)
    settings = project.loaded.settings
    if exported.project != settings.name:
        note(f"warning: {file} is the state of project '{exported.project}', and this is '{settings.name}'")
    if dry_run:
        copied = compare(exported.snapshot, project.state.read())
        if not replace:
            refuse_others(copied)
    else:
        copied = import_state(exported, project.state, holder_of("seeknal state import"), replace=replace)
    head = ["table", "to put" if dry_run else "put", "there already", "to remove" if dry_run else "removed"]
    print_table(head, [[c.table, len(c.puts), c.same, len(c.removals)] for c in copied], numeric=(1, 2, 3))
    known = [Artifact.from_json(key, value) for key, value in exported.snapshot.outputs.items()]
    missing = sum(project.store.check(a) == "missing" for a in known)
    if missing:
        note(f"{plural(missing, 'output')} it knows of {'is' if missing == 1 else 'are'} not here: the next run builds what is needed")
    return 0


def _content(file: str) -> bytes:
    from seeknal.errors import ProjectError

    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise ProjectError("SK-STATE-015", f"{file} cannot be read: {error.strerror}", hint="name a file that was exported") from None


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
