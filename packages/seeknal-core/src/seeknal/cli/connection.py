"""`seeknal connection`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from seeknal.cli.options import Invocation, as_json, invocation_of, shared_options
from seeknal.cli.output import colored, print_json, print_table
from seeknal.errors import EXIT_FAILED, ConnectionFailed, ProjectError, SeeknalError, did_you_mean, visible

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from seeknal.api import Project
    from seeknal.project.settings import ConnectionSettings
    from seeknal.protocols import Step

_SHOWN = ("host", "port", "catalog", "database", "schema", "path", "user")
_URL = "url"


def complete_connections(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str | CompletionItem]:
    """Names of connections that begin with what was typed."""
    del parameter
    try:
        names = (ctx.find_root().ensure_object(Invocation)).project().loaded.profiles.connections
    except SeeknalError:
        return []
    return [name for name in names if name.startswith(incomplete)]


@click.group()
@shared_options
def connection() -> None:
    """Look at the connections of profiles.yml, and try them."""


@connection.command(name="list")
@as_json
@shared_options
@click.pass_context
def list_connections(ctx: click.Context, format_: str) -> int:
    """List connections: their types, where they lead, and the nodes that use them. Nothing is opened, no secret is shown."""
    project = invocation_of(ctx).project()
    found = [_described(project, settings) for settings in project.loaded.profiles.connections.values()]
    if format_ == "json":
        print_json(found)
    elif found:
        print_table(
            ["connection", "type", "leads to", "used by"], [(f["name"], f["type"], f["place"], ", ".join(f["nodes"])) for f in found]
        )
    else:
        click.echo("there are no connections; define them under connections: in profiles.yml")
    return 0


@connection.command()
@click.argument("name", shell_complete=complete_connections)
@as_json
@shared_options
@click.pass_context
def test(ctx: click.Context, name: str, format_: str) -> int:
    """Reach the database behind NAME and log in: step by step, what was found, and what to do about a step that fails.

    Exit code 1: a step failed.
    """
    invocation = invocation_of(ctx)
    project = invocation.project()
    settings = find_connection(project, name)
    steps, error, failed = _try(project, settings)
    if format_ == "json":
        problem = error and {"step": failed, "code": error.code, "message": error.message, "hint": error.hint}
        print_json({"connection": name, "ok": error is None, "steps": [asdict(s) for s in steps], "error": problem})
    else:
        _print(steps, error, failed, color=colored(invocation.color))
    return EXIT_FAILED if error else 0


def find_connection(project: Project, name: str) -> ConnectionSettings:
    """The connection of this name in profiles.yml. Raises ProjectError."""
    known = project.loaded.profiles.connections
    if name not in known:
        hint = did_you_mean(name, known) or (f"known: {', '.join(known)}" if known else "define it under connections: in profiles.yml")
        raise ProjectError("SK-CFG-004", f"no connection '{name}' in profiles.yml", hint=hint)
    return known[name]


def _try(project: Project, settings: ConnectionSettings) -> tuple[list[Step], SeeknalError | None, str]:
    """The steps that went well, and what ended them."""
    from seeknal.connections import failed_step, hidden, open_connection, secrets_of, steps_of

    steps: list[Step] = []
    try:
        type_ = project.loaded.registry.connection(settings.type, settings.at)
        secrets = secrets_of(type_, settings.resolved())
        driver = open_connection(project.root, type_, settings)
    except ConnectionFailed as error:
        return steps, error, failed_step(error)
    except SeeknalError as error:
        return steps, error, "settings"
    try:
        steps.extend(steps_of(driver))
    except ConnectionFailed as error:
        return steps, hidden(error, secrets), failed_step(error)
    finally:
        driver.close()
    return steps, None, ""


def _print(steps: list[Step], error: SeeknalError | None, failed: str, *, color: bool) -> None:
    lines = [("ok", step.name, visible(step.detail)) for step in steps]
    if error is not None:
        lines.append(("failed", failed, f"{error.code}: {visible(error.message)}"))
    width = max((len(name) for _, name, _ in lines), default=0)
    for status, name, detail in lines:
        shown = click.style(f"{status:<6}", fg="green" if status == "ok" else "red") if color else f"{status:<6}"
        click.echo(f"{shown}  {name:<{width}}  {detail}")
    if error is not None and error.hint:
        click.echo(f"{'':6}  {'':<{width}}  help: {visible(error.hint)}")


def _described(project: Project, settings: ConnectionSettings) -> dict[str, Any]:
    nodes = [n.id for n in project.nodes.values() if getattr(n.logic, "connection", None) == settings.name]
    return {"name": settings.name, "type": settings.type, "place": _place(settings), "nodes": nodes}


def _place(settings: ConnectionSettings) -> str:
    """Where it leads, as profiles.yml has it: variables by name. Of a URL only what no password can be in."""
    shown = [f"{key} {settings.settings[key]}" for key in _SHOWN if settings.settings.get(key) is not None]
    url = settings.settings.get(_URL)
    if url is not None:
        shown.insert(0, "url " + (str(url) if str(url).startswith("${") else str(url).rpartition("@")[2]))
    return ", ".join(shown)
