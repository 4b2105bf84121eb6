"""The options every command has, before or after its name, and what they amount to."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from seeknal.api import Project
    from seeknal.registry import Registry

Function = TypeVar("Function", bound="Callable[..., Any]")


@dataclass
class Invocation:
    """How `seeknal` was called."""

    project_path: str | None = None
    profile: str | None = None
    variables: dict[str, Any] = field(default_factory=dict)
    quiet: bool = False
    verbose: bool = False
    color: bool = True
    log_format: str = "text"
    opened: Project | None = None

    def project(self, *, extra: Sequence[str] = ()) -> Project:
        """Read the project the command is about. `extra` are files that are read as if they stood below `seeknal/`."""
        from seeknal.api import Project  # start-up time

        project = Project.open(self.project_path or ".", profile=self.profile, variables=self.variables, extra=extra)
        if not self.quiet:
            for plugin in project.loaded.registry.broken:
                click.echo(f"warning: plugin {plugin} could not be loaded: {plugin.problem}", err=True)
        self.opened = project
        return project

    def root(self) -> Path | None:
        """The project's folder, where there is one."""
        from pathlib import Path

        from seeknal.errors import SeeknalError
        from seeknal.project.locate import find_root

        try:
            return find_root(Path(self.project_path or "."))
        except SeeknalError:
            return None

    def registry(self, *, policy: str | None = None) -> Registry:
        """What is installed, and what the project adds and prefers as far as there is a project that can be read."""
        from seeknal.errors import SeeknalError
        from seeknal.project.settings_cache import read_settings
        from seeknal.registry import Registry

        root, prefer = self.root(), None
        with contextlib.suppress(SeeknalError):  # what is wrong with the project is not what was asked
            prefer = read_settings(root, self.profile, self.variables, use_cache=True).prefer if root else None
        return Registry(root=root, prefer=prefer, policy=policy)


def invocation_of(ctx: click.Context) -> Invocation:
    """The invocation a command belongs to."""
    return ctx.ensure_object(Invocation)


def _keep(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def keep(ctx: click.Context, parameter: click.Parameter, value: Any) -> Any:
        del parameter
        if value not in (None, False):
            setattr(invocation_of(ctx), name, value)
        return value

    return keep


def _variables(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    from seeknal.errors import SeeknalError
    from seeknal.project import yaml

    try:
        documents = yaml.load(value, "--vars")
    except SeeknalError as error:
        raise click.BadParameter(error.message, ctx, parameter) from None
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        message = "must be YAML such as 'country: ID' or '{country: ID, year: 2026}'"
        raise click.BadParameter(message, ctx, parameter)
    invocation_of(ctx).variables.update(documents[0].value)


def _no_color(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    del parameter
    if value:
        invocation_of(ctx).color = False
        ctx.color = False


def shared_options(function: Function) -> Function:
    """Give a command the shared options. Their values are in the invocation, not among the command's arguments."""
    hidden: Any = {"expose_value": False}
    options = [
        click.option(
            "--project-path",
            metavar="PATH",
            help="The project's folder (default: here or above).",
            callback=_keep("project_path"),
            **hidden,
        ),
        click.option("--profile", metavar="NAME", help="The profile of profiles.yml to use.", callback=_keep("profile"), **hidden),
        click.option("--vars", metavar="YAML", help="Values for var(), such as 'country: ID'.", callback=_variables, **hidden),
        click.option("-q", "--quiet", is_flag=True, help="Print results and errors only.", callback=_keep("quiet"), **hidden),
        click.option("-v", "--verbose", is_flag=True, help="Print more.", callback=_keep("verbose"), **hidden),
        click.option("--no-color", is_flag=True, help="No colours; NO_COLOR does the same.", callback=_no_color, **hidden),
        click.option(
            "--log-format", type=click.Choice(["text", "json"]), help="How progress is printed.", callback=_keep("log_format"), **hidden
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def as_json(function: Function) -> Function:
    """Give a command `--format text|json`."""
    return click.option(
        "--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True, help="What is printed on stdout."
    )(function)


def env_option(function: Function) -> Function:
    """Give a command that reads `--env ENV`."""
    return click.option(
        "--env",
        "environment",
        metavar="ENV",
        default="prod",
        show_default=True,
        shell_complete=_environments,
        help="What this environment publishes.",
    )(function)


def _environments(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    from seeknal.cli.completion import complete_environments  # it imports this module

    return list(complete_environments(ctx, parameter, incomplete))
