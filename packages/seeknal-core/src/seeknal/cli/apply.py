"""`seeknal apply`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from seeknal.cli.completion import complete_environments
from seeknal.cli.options import Invocation, as_json, invocation_of, shared_options
from seeknal.cli.output import note


@click.command()
@click.argument("what", metavar="FILE|ENV", shell_complete=complete_environments)
@click.option("--force", is_flag=True, help="With ENV: run although the plan that was saved for it is stale.")
@click.option("--continue-on-error", is_flag=True, help="With ENV: build what does not depend on a failed node.")
@click.option("--wait", is_flag=True, help="With ENV: wait for another run to end instead of giving up.")
@as_json
@shared_options
@click.pass_context
def apply(ctx: click.Context, what: str, force: bool, continue_on_error: bool, wait: bool, format_: str) -> int:
    """Check the draft FILE against the project and move it into place; or run in ENV, as `run --env ENV` does.

    A draft is not built, and nothing is overwritten by it. What has no ending and is no file is an environment.
    """
    invocation = invocation_of(ctx)
    if _is_file(what):
        return _apply_draft(invocation, what)
    return apply_environment(invocation, what, format_, force=force, continue_on_error=continue_on_error, wait=wait)


def apply_environment(invocation: Invocation, environment: str, format_: str, *, force: bool, continue_on_error: bool, wait: bool) -> int:
    """The same as `run --env ENV`."""
    from seeknal.api import RunOptions
    from seeknal.cli.run import DAY, execute

    project = invocation.project()
    options = RunOptions(environment=environment, force=force, continue_on_error=continue_on_error, wait_seconds=DAY if wait else 0.0)
    return execute(project, options, invocation, format_)


def _is_file(what: str) -> bool:
    path = Path(what)
    return bool(path.suffix) or "/" in what or what.startswith("draft_") or path.is_file()


def _apply_draft(invocation: Invocation, file: str) -> int:
    from seeknal.cli.dry_run import drafted
    from seeknal.scaffold.place import put_in_place

    draft = drafted(invocation, file)
    put_in_place(draft)
    click.echo(f"{', '.join(n.id for n in draft.nodes)} is in {draft.destination}")
    if not invocation.quiet:
        selection = " ".join(f"+{n.id}" for n in draft.nodes)
        note(f"\nnext:\n  seeknal run --select {shlex.quote(selection)}")
    return 0
