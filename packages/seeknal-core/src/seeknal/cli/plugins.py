"""`seeknal plugins`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from seeknal.cli.options import as_json, invocation_of, shared_options
from seeknal.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from seeknal.discovery import Plugin
    from seeknal.plugin import Contribution
    from seeknal.registry import Registry

_LABELS = {
    "Engine": "engine", "Connection": "connection", "Exposure": "exposure", "NodeKind": "kind", "Audit": "audit", "StateBackend": "state",
    "Command": "command", "TemplateGlobal": "template", "ProjectMethod": "method", "ReplCommand": "prompt",
}  # fmt: skip
KINDS = ("audit", "engine", "state-backend", "node-kind")


@click.group(invoke_without_command=True)
@as_json
@shared_options
@click.pass_context
def plugins(ctx: click.Context, format_: str) -> int:
    """Show what is installed, from where, and what it provides.

    Works outside a project; inside one, its own plugins/*.py are listed too.
    """
    if ctx.invoked_subcommand is not None:
        return 0
    from seeknal.discovery import STRICT, policy_words

    lenient = ",".join(policy_words(None) - {STRICT})  # what is broken is to be seen here, not to stop
    registry = invocation_of(ctx).registry(policy=lenient)
    if format_ == "json":
        print_json({"plugins": [_document(registry, p) for p in registry.plugins], "conflicts": _conflicts(registry)})
        return 0
    rows = [(p.name, p.distribution, p.version, _summary(registry, p)) for p in registry.plugins]
    print_table(["plugin", "distribution", "version", "provides"], rows)
    for plugin in registry.broken:
        _warn(f"plugin {plugin} could not be loaded: {plugin.problem}", plugin.hint)
    for conflict in _conflicts(registry):
        _warn(conflict["message"], conflict["hint"])
    return 0


@plugins.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@click.option("--output", metavar="DIR", help="The new package's folder (default: seeknal-NAME).")
@shared_options
def new(kind: str, name: str, output: str | None) -> int:
    """Write a plugin package whose tests pass as it is: an audit, an engine, a state backend or a node kind called NAME."""
    from pathlib import Path

    from seeknal.plugin_scaffold import write_package

    folder = Path(output or f"seeknal-{name.replace('_', '-')}")
    for path in write_package(kind, name, folder):
        note(f"  {path}")
    click.echo(f"{folder} is a plugin package. Next:\n\n  cd {folder}\n  pip install -e '.[test]'\n  pytest\n  seeknal plugins")
    return 0


def _document(registry: Registry, plugin: Plugin) -> dict[str, Any]:
    given = registry.given_by(plugin)
    provides = [{"kind": _label(c), "name": c.name, "description": c.description} for c in given]
    return {
        "name": plugin.name, "distribution": plugin.distribution, "version": plugin.version, "provides": provides,
        "problem": plugin.problem, "hint": plugin.hint,
    }  # fmt: skip


def _conflicts(registry: Registry) -> list[dict[str, str | None]]:
    return [{"message": c.message, "hint": c.hint} for c in registry.conflicts()]


def _summary(registry: Registry, plugin: Plugin) -> str:
    """`engine duckdb; audit not_null, unique`."""
    if plugin.problem:
        return "nothing: it could not be loaded"
    names: dict[str, list[str]] = {}
    for contribution in registry.given_by(plugin):
        names.setdefault(_label(contribution), []).append(contribution.name)
    return "; ".join(f"{label} {', '.join(found)}" for label, found in names.items()) or "hooks only"


def _label(contribution: Contribution) -> str:
    return _LABELS[type(contribution).__name__]


def _warn(text: str | None, hint: str | None) -> None:
    note(f"warning: {text}")
    if hint:
        note(f"  help: {hint}")
