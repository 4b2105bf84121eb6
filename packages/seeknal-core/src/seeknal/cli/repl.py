"""`seeknal repl`."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import click

from seeknal.cli.connection import complete_connections
from seeknal.cli.options import env_option, invocation_of, shared_options
from seeknal.cli.output import note, number, plural, print_rows, print_table, seconds
from seeknal.errors import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_INVALID,
    EngineError,
    ProjectError,
    SeeknalError,
    did_you_mean,
    explain,
    visible,
)
from seeknal.targets import load_target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seeknal.api import Project
    from seeknal.protocols import Rows
    from seeknal.run.outside import Outside
    from seeknal.run.querying import Querying

COMMANDS = {
    ".tables": "what is published, and how many rows it has",
    ".schema NODE": "the columns of a node",
    ".connect NAME": "ask a connection of profiles.yml, or a URL; without a name the project again",
    ".timing": "say how long statements take, or no longer",
    ".help": "this",
    ".quit": "leave; so does Ctrl-D",
}
COMMON = (".connect", ".connect NAME", ".timing", ".help", ".quit", ".exit")
"""Commands that mean the same whatever is asked."""

_INTERRUPTED = "SK-RUN-130"
_REFUSED = ("SK-SQL-00", "SK-REF-")
_SHOWN = 100


@click.command()
@click.option("--exec", "-e", "sql", metavar="SQL", help="Run this and stop. SQL that is piped in is run the same way.")
@env_option
@click.option(
    "--connection",
    "-c",
    metavar="NAME",
    shell_complete=complete_connections,
    help="Ask a connection of profiles.yml, or a URL, in its own SQL.",
)
@click.option("--format", "format_", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@shared_options
@click.pass_context
def repl(ctx: click.Context, sql: str | None, environment: str, connection: str | None, format_: str) -> int:
    """Ask what is published, in SQL, interactively or with --exec. Nothing can be changed.

    Nodes are relations: transform.revenue_by_day, or transform_revenue_by_day. With --connection, a database outside is asked instead.
    """
    from seeknal.run.querying import Querying

    project = invocation_of(ctx).project()
    project.state.read().require(environment)
    with Querying(project, environment) as querying:
        interactive = sql is None and sys.stdin.isatty()
        made = Repl(querying, format_, project, interactive=interactive, commands=_given(project, environment))
        try:
            if connection is not None:
                made.connect(connection)
            if interactive:
                from seeknal.cli.prompt import interact  # start-up time: prompt_toolkit

                interact(made, project)
                return 0
            return made.run(sys.stdin.read() if sql is None else sql)
        finally:
            made.disconnect()


@dataclass(frozen=True)
class Given:
    """A command that a plugin gives the prompt."""

    description: str
    takes: str
    answer: Callable[[str], Rows]


def _given(project: Project, environment: str) -> dict[str, Given]:
    """The commands of plugins. What one names is imported when it is used."""

    def answering(target: str) -> Callable[[str], Rows]:
        return lambda argument: cast("Rows", load_target(target)(project, argument, environment))

    provided = [p.contribution for p in project.loaded.registry.repl_commands]
    return {c.name: Given(c.description, c.takes, answering(c.target)) for c in provided}


class Repl:
    """Answers what was typed. On a terminal at most 100 rows are shown, and how long it took is said."""

    def __init__(
        self,
        querying: Querying,
        format_: str,
        project: Project | None = None,
        *,
        interactive: bool = False,
        commands: Mapping[str, Given] | None = None,
    ) -> None:
        self.querying = querying
        self.outside: Outside | None = None
        self._given = commands or {}
        self._commands = {**COMMANDS, **{(f"{n} {g.takes}" if g.takes else n): g.description for n, g in self._given.items()}}
        self.left = False
        self._project = project
        self._timing = interactive
        self._format = format_
        self._interactive = interactive

    @property
    def dialect(self) -> str:
        """The SQL that is understood now."""
        return (self.outside or self.querying).dialect

    @property
    def commands(self) -> dict[str, str]:
        """The commands that are understood now, and what each does."""
        if self.outside is None:
            return self._commands
        return {**dict(self.outside.commands), **{name: does for name, does in COMMANDS.items() if name in COMMON}}

    def connect(self, name: str) -> None:
        """Ask a connection from now on; without a name, the project again. Raises ProjectError, ConnectionFailed."""
        from seeknal.run.outside import Outside

        found = Outside(self._project, name) if name and self._project is not None else None
        self.disconnect()
        self.outside = found

    def disconnect(self) -> None:
        """Leave the connection, if one is asked."""
        if self.outside is not None:
            self.outside.close()
        self.outside = None

    def run(self, text: str) -> int:
        """Answer everything in the text up to the first failure. Returns the exit code."""
        parts = parts_of(text, self.dialect)
        if self._format == "json" and len(parts) > 1:
            raise ProjectError("SK-SQL-002", f"--format json answers one statement, found {len(parts)}", hint="run them one by one")
        if not parts:
            raise ProjectError("SK-SQL-001", "the SQL is empty")
        for part in parts:
            code = self.answer(part)
            if code or self.left:
                return code
        return 0

    def answer(self, part: str) -> int:
        """Answer one statement or command, errors included. Returns the exit code."""
        try:
            if part.startswith("."):
                self._command(part)
            else:
                self._query(part)
        except EngineError as error:
            note(explain_query(error, part))
            return EXIT_INTERRUPTED if error.code == _INTERRUPTED else EXIT_INVALID if error.code.startswith(_REFUSED) else EXIT_FAILED
        except SeeknalError as error:
            note(explain(error))
            return error.exit_code
        return 0

    def _query(self, sql: str) -> None:
        begun = time.perf_counter()
        rows = run_cancellable(self.outside or self.querying, sql, _SHOWN + 1 if self._interactive else None)
        if self.outside is not None and self.outside.reconnected:
            note(f"the connection '{self.outside.name}' had been lost; this is from a new one")
        more = self._interactive and len(rows.rows) > _SHOWN
        if more:
            del rows.rows[_SHOWN:]
        if rows.columns:
            print_rows(rows, self._format)
        if self._timing:
            count = f"the first {_SHOWN} rows" if more else plural(len(rows.rows), "row")
            note(f"{count} in {seconds(time.perf_counter() - begun)}" + ("; all of them with --exec, --format csv" if more else ""))

    def _command(self, part: str) -> None:
        word, _, argument = part.rstrip("; \n").partition(" ")
        if self.outside is not None and word not in COMMON:
            self._ask_outside(word, argument.strip())
            return
        match word:
            case ".connect":
                self.connect(argument.strip())
            case ".timing":
                self._timing = not self._timing
                note(f"timing is {'on' if self._timing else 'off'}")
            case ".tables":
                found = self.querying.relations()
                print_table(["relation", "rows"], [(p.node, "view" if p.rows is None else number(p.rows)) for p in found], numeric=[1])
            case ".schema" if argument.strip():
                print_table(["column", "type"], [(c.name, c.type) for c in self.querying.schema(argument.strip())])
            case ".schema":
                raise ProjectError("SK-REPL-001", ".schema needs a node", hint="`.tables` lists them")
            case _ if word in self._given:
                print_rows(self._given[word].answer(argument.strip()), self._format)
            case ".help":
                print_table(["", ""], [*self.commands.items(), ("SELECT …;", "rows; a statement may have many lines and ends with ;")])
            case ".quit" | ".exit":
                self.left = True
            case _:
                known = [c.partition(" ")[0] for c in self.commands]
                hint = did_you_mean(word, known) or f"known: {', '.join(known)}"
                raise ProjectError("SK-REPL-001", f"unknown command '{word}'", hint=hint)

    def _ask_outside(self, word: str, argument: str) -> None:
        if self.outside is None:
            return
        found = self.outside.command(word, argument)
        if found is None:
            known = [c.partition(" ")[0] for c, _ in self.outside.commands] + list(COMMON)
            hint = did_you_mean(word, known) or f"known: {', '.join(known)}"
            raise ProjectError("SK-REPL-001", f"connection '{self.outside.name}' has no command '{word}'", hint=hint)
        print_rows(found, self._format)


def parts_of(text: str, dialect: str) -> list[str]:
    """What is to be answered, one after another: lines that begin with a dot are commands, all else is SQL."""
    from seeknal.sql.statements import statements  # start-up time

    parts: list[str] = []
    rest = ""
    for line in text.splitlines(keepends=True):
        if not rest.strip() and line.lstrip().startswith("."):
            parts.append(line.strip())
            continue
        found, rest = statements(rest + line, dialect)
        parts += found
    return [*parts, rest] if rest.strip() else parts


def is_complete(text: str, dialect: str) -> bool:
    """Whether what was typed can be answered: a command, nothing at all, or SQL that ends with a semicolon."""
    from seeknal.sql.statements import statements  # start-up time

    stripped = text.strip()
    return not stripped or stripped.startswith(".") or (stripped.endswith(";") and not statements(text, dialect)[1].strip())


def run_cancellable(querying: Querying | Outside, sql: str, limit: int | None) -> Rows:
    """Run a query in a thread of its own, so that Ctrl-C can stop it. Raises EngineError SK-RUN-130 then."""
    outcome: list[Rows | BaseException] = []

    def work() -> None:
        try:
            outcome.append(querying.rows(sql, limit))
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            outcome.append(error)
        finally:
            done.set()

    done = threading.Event()  # a join that is interrupted takes the thread for ended (Python 3.11)
    threading.Thread(target=work, daemon=True).start()
    while not done.is_set():
        try:
            done.wait(1)
        except KeyboardInterrupt:
            querying.interrupt()
    result = outcome[0]
    if isinstance(result, BaseException):
        raise result
    return result


def explain_query(error: EngineError, sql: str) -> str:
    """An engine's error with the line of the query it points at."""
    lines = [f"error[{error.code}]: {visible(error.message)}"]
    text = sql.split("\n")
    if error.line is not None and 1 <= error.line <= len(text):
        gutter = str(error.line)
        shown = text[error.line - 1].expandtabs(4)
        before = text[error.line - 1][: (error.column or 1) - 1].expandtabs(4)
        lines += [f"{gutter} | {visible(shown)}", f"{' ' * len(gutter)} | {' ' * len(visible(before))}^"]
    if error.hint:
        lines.append(f"  help: {visible(error.hint)}")
    return "\n".join(lines)
