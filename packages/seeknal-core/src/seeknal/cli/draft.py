"""`seeknal draft`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from seeknal.cli.options import Invocation, invocation_of, shared_options
from seeknal.cli.output import note
from seeknal.errors import ProjectError, SeeknalError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from seeknal.api import Project
    from seeknal.nodes import NodeId


def complete_kinds(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Kinds that begin with what was typed."""
    from click.shell_completion import CompletionItem

    from seeknal.registry import Registry

    del ctx, parameter
    names = [p.contribution.name for p in Registry().node_kinds]
    return [CompletionItem(n) for n in names if n.startswith(incomplete)]


@click.command()
@click.argument("kind", shell_complete=complete_kinds)
@click.argument("name")
@click.option("--python", is_flag=True, help="A Python function instead of YAML: transforms and sources.")
@click.option("--deps", metavar="A,B", default="", help="The nodes it will read.")
@shared_options
@click.pass_context
def draft(ctx: click.Context, kind: str, name: str, python: bool, deps: str) -> int:
    """Write draft_KIND_NAME.yml (or .py) in this folder, every key explained."""
    from seeknal.project.locate import find_root
    from seeknal.registry import Registry
    from seeknal.scaffold.draft import NewDraft, draft_text

    invocation = invocation_of(ctx)
    root = find_root(Path(invocation.project_path or "."))
    project = _project(invocation, needed=bool(deps.strip()))
    listed = [d.strip() for d in deps.split(",") if d.strip()]
    new = NewDraft(kind, name, [_dependency(project, d) for d in listed] if project else [], python)
    text = draft_text(new, project.loaded.registry if project else Registry(root=root))
    _refuse_known(project, kind, name)
    try:
        with Path(new.file).open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        hint = "go on with it, move it into place with `seeknal apply`, or delete it"
        raise ProjectError("SK-DRAFT-003", f"{new.file} exists already", hint=hint) from None
    except OSError as error:
        raise ProjectError("SK-DRAFT-003", f"{new.file} cannot be written: {error.strerror or error}") from None
    click.echo(new.file)
    if not invocation.quiet:
        note(f"\nnext:\n  edit it, then seeknal dry-run {new.file}")
    return 0


def _project(invocation: Invocation, *, needed: bool) -> Project | None:
    """The project; a draft that names none of its nodes can be written while something is wrong with it."""
    try:
        return invocation.project()
    except SeeknalError:
        if needed:
            raise
        return None


def _dependency(project: Project, name: str) -> NodeId:
    found = project.find(name)
    if not found.is_readable:
        raise ProjectError("SK-DRAFT-004", f"{found.id} has no rows to read: a {found.kind} stores none")
    return found.id


def _refuse_known(project: Project | None, kind: str, name: str) -> None:
    if project is None:
        return
    for node in project.nodes.values():
        if node.id.casefold() == f"{kind}.{name}".casefold():
            raise ProjectError("SK-NODE-001", f"there is a {node.id} already, in {node.at.path}", at=node.at, hint="choose another name")
