"""The command line: a lazy root; each command is a small module that is imported when it is called."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING

import click

from seeknal.cli.options import Invocation, invocation_of, shared_options
from seeknal.errors import EXIT_FAILED, EXIT_INTERRUPTED, ProjectErrors, SeeknalError, explain

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("seeknal.cli.init:init", "Start a project that runs as it is."),
    "draft": ("seeknal.cli.draft:draft", "Write a draft of a node, every key explained."),
    "dry-run": ("seeknal.cli.dry_run:dry_run", "Check a draft against the project and show what it would produce."),
    "apply": ("seeknal.cli.apply:apply", "Move a draft into place, or run in an environment."),
    "parse": ("seeknal.cli.parse:parse", "Check everything and write target/manifest.json."),
    "list": ("seeknal.cli.list:list_nodes", "List nodes."),
    "show": ("seeknal.cli.show:show", "Show rows of a node's output."),
    "lineage": ("seeknal.cli.lineage:lineage", "Show what columns and nodes come from and what reads them."),
    "impact": ("seeknal.cli.impact:impact", "Show what a change to a column would reach."),
    "table-diff": ("seeknal.cli.table_diff:table_diff", "Compare the data of two outputs."),
    "plan": ("seeknal.cli.plan:plan", "Show what a run would do, and why."),
    "diff": ("seeknal.cli.diff:diff", "Show how the project's logic differs from what was built."),
    "run": ("seeknal.cli.run:run", "Build what changed, check it, publish it."),
    "intervals": ("seeknal.cli.intervals:intervals", "Show which windows are complete, missing, or to be built again."),
    "invalidate": ("seeknal.cli.invalidate:invalidate", "Mark windows, so that the next run builds them again."),
    "schedule": ("seeknal.cli.schedule:schedule", "See when windows are due, and have something run the project then."),
    "test": ("seeknal.cli.test:test", "Run the unit tests of nodes."),
    "create-test": ("seeknal.cli.create_test:create_test", "Write a unit test of a node from live data."),
    "promote": ("seeknal.cli.promote:promote", "Make prod publish what an environment does, at once."),
    "env": ("seeknal.cli.env:env", "Look after environments."),
    "features": ("seeknal.cli.features:features", "Features: what there is, and their values at a time."),
    "audit": ("seeknal.cli.audit:audit", "Run audits on what is published, without building anything."),
    "freshness": ("seeknal.cli.freshness:freshness", "Check how old the newest data of sources is."),
    "render": ("seeknal.cli.render:render", "Show the SQL the engine runs."),
    "history": ("seeknal.cli.history:history", "Show past runs."),
    "state": ("seeknal.cli.state:state", "Look after the state."),
    "migrate-state": ("seeknal.cli.migrate_state:migrate_state", "Copy the state to another backend."),
    "janitor": ("seeknal.cli.janitor:janitor", "Remove what nothing uses any more."),
    "connection": ("seeknal.cli.connection:connection", "List connections, and try them."),
    "repl": ("seeknal.cli.repl:repl", "Query what is published, interactively."),
    "plugins": ("seeknal.cli.plugins:plugins", "Show what is installed and what it provides."),
    "schema": ("seeknal.cli.schema:schema", "Print the JSON Schema of a kind, for editors."),
    "doctor": ("seeknal.cli.doctor:doctor", "Check the installation and the project, and say what to do."),
    "completion": ("seeknal.cli.completion:completion", "Print the script that completes commands in your shell."),
}


ALIASES = {"check-intervals": "intervals"}
"""Other names of commands, which are not listed."""


class LazyGroup(click.Group):
    """A group that knows its commands' names and one-line help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The core's commands in the order of the journey, then those of plugins."""
        return [*COMMANDS, *(name for name in _plugin_commands(ctx) if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command that is called."""
        from seeknal.targets import load_target  # start-up time

        cmd_name = ALIASES.get(cmd_name, cmd_name)
        if cmd_name in COMMANDS:
            target = COMMANDS[cmd_name][0]
        elif cmd_name in _plugin_commands(ctx):
            target = invocation_of(ctx).registry().command(cmd_name).target
        else:
            return None
        command: click.Command = load_target(target)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, with a suggestion for a misspelt command."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from seeknal.errors import did_you_mean

            hint = did_you_mean(args[0], self.list_commands(ctx))
            message = error.message + (f" {hint[0].upper()}{hint[1:]}" if hint else "")
            raise click.UsageError(message, ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List every command with its help, importing none."""
        found = _plugin_commands(ctx)
        rows = [*((name, text) for name, (_, text) in COMMANDS.items()), *((n, t) for n, t in found.items() if n not in COMMANDS)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _plugin_commands(ctx: click.Context) -> dict[str, str]:
    """The subcommands of plugins and what they are for, sorted by name."""
    from seeknal.registry import Registry  # start-up time

    return {p.contribution.name: p.contribution.description for p in Registry(root=invocation_of(ctx).root()).commands}


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="seeknal-core", prog_name="seeknal", message="%(prog)s %(version)s")
@shared_options
def root() -> None:
    """Seeknal builds data: what changed, checked before anyone can see it, then published.

    Start with `seeknal init shop --example`, then `cd shop` and `seeknal run`.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point of the `seeknal` command."""
    invocation = Invocation()
    try:
        given = None if arguments is None else [*arguments]
        code = root.main(args=given, prog_name="seeknal", standalone_mode=False, obj=invocation)
        if invocation.opened is not None:
            invocation.opened.keep()
    except SeeknalError as error:
        click.echo(explain(error, invocation.root()), err=True)
        code = error.exit_code
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        code = EXIT_INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        code = EXIT_FAILED
    except Exception as error:  # noqa: BLE001 - whatever it is, it is ours, and is said to be
        click.echo(f"internal error: {type(error).__name__}: {error}", err=True)
        click.echo("  this is a bug in seeknal; run again with -v for the details to report", err=True)
        if invocation.verbose:
            click.echo(traceback.format_exc(), err=True)
        code = EXIT_FAILED
    sys.exit(code if isinstance(code, int) else 0)


__all__ = ["COMMANDS", "Invocation", "ProjectErrors", "invocation_of", "main", "root"]
