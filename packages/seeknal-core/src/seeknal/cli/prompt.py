"""The interactive side of `seeknal repl`: editing over several lines, history and completion."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import Completer, Completion
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings

from seeknal.cli.output import note, plural
from seeknal.cli.repl import COMMANDS, is_complete
from seeknal.errors import SeeknalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.document import Document
    from prompt_toolkit.key_binding import KeyPressEvent

    from seeknal.api import Project
    from seeknal.cli.repl import Repl
    from seeknal.run.querying import Querying

HISTORY = "repl_history"
_WORD = re.compile(r"[A-Za-z0-9_.]+")
_LEAVING = ("quit", "exit", "quit;", "exit;", "\\q")
_KEYWORDS = (
    "SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "HAVING", "LIMIT", "OFFSET", "DISTINCT", "AS", "AND", "OR", "NOT", "IN", "BETWEEN", "LIKE",
    "ILIKE", "IS NULL", "IS NOT NULL", "CASE", "WHEN", "THEN", "ELSE", "END", "JOIN", "LEFT JOIN", "INNER JOIN", "FULL JOIN", "CROSS JOIN", "ON",
    "USING", "UNION", "UNION ALL", "EXCEPT", "INTERSECT", "WITH", "RECURSIVE", "OVER", "PARTITION BY", "QUALIFY", "FILTER", "CAST", "EXISTS",
    "ASC", "DESC", "NULLS LAST", "count", "sum", "avg", "min", "max", "coalesce", "round", "date_trunc", "row_number",
)  # fmt: skip


def interact(repl: Repl, project: Project) -> None:
    """Read and answer until the user leaves."""
    published = len(repl.querying.relations())
    said = f"{plural(published, 'relation')} published" if published else "nothing is published yet: `seeknal run` does that"
    note(f"{project.loaded.settings.name}: {said}. End a statement with ; and see .help for the rest.")
    session: PromptSession[str] = PromptSession(
        lambda: f"{repl.outside.name}> " if repl.outside else "seeknal> ",
        multiline=True,
        prompt_continuation=lambda width, *_: "-> ".rjust(width),
        history=_history(project.target),
        completer=SqlCompleter(repl.querying, repl.commands),
        complete_while_typing=False,
        key_bindings=_bindings(repl),
    )
    while not repl.left:
        try:
            text = session.prompt().strip()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if text.casefold() in _LEAVING:
            return
        _answer(repl, text)


def _answer(repl: Repl, text: str) -> None:
    from seeknal.cli.repl import parts_of

    for part in parts_of(text, repl.dialect):
        if repl.answer(part):
            return


def _history(target: Path) -> History:
    """What was typed before, kept under target/ for its owner only; in memory where that cannot be written."""
    path = target / HISTORY
    try:
        target.mkdir(exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
    except OSError:
        return InMemoryHistory()
    return _History(str(path))


class _History(FileHistory):
    """Keeps no URL: there may be a password in it."""

    def store_string(self, string: str) -> None:
        """Keep what was typed."""
        if not (string.lstrip().startswith(".connect") and "://" in string):
            super().store_string(string)


def _bindings(repl: Repl) -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("enter")
    def _enter(event: KeyPressEvent) -> None:
        """Take the completion that is chosen; answer what is complete; or begin another line."""
        buffer = event.current_buffer
        if buffer.complete_state is not None and buffer.complete_state.current_completion is not None:
            buffer.complete_state = None
        elif is_complete(buffer.text, repl.dialect) or buffer.text.strip().casefold() in _LEAVING:
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    return bindings


class SqlCompleter(Completer):
    """Completes keywords, relations and their columns; at the start of a line that begins with a dot, commands."""

    def __init__(self, querying: Querying, commands: Iterable[str] = COMMANDS) -> None:
        self._querying = querying
        self._commands = [c.partition(" ")[0] for c in commands]
        self._view_columns: dict[str, list[str]] = {}

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """What may stand where the cursor is."""
        del complete_event
        typed = document.text_before_cursor.lstrip()
        word = document.get_word_before_cursor(pattern=_WORD)
        if typed.startswith(".") and " " not in typed:
            words = self._commands
        elif typed.startswith("."):
            words = self._relations()
        else:
            words = [*self._relations(), *self._columns(), *_KEYWORDS]
        for candidate in dict.fromkeys(words):
            if word and candidate.casefold().startswith(word.casefold()):
                yield Completion(candidate, start_position=-len(word))

    def _relations(self) -> list[str]:
        return [name for p in self._querying.relations() for name in (p.node, p.relation)]

    def _columns(self) -> list[str]:
        found = []
        for published in self._querying.relations():
            found += [c.name for c in published.schema] or self._of_view(published.relation)
        return sorted(found)

    def _of_view(self, relation: str) -> list[str]:
        if relation not in self._view_columns:
            try:
                self._view_columns[relation] = [c.name for c in self._querying.schema(relation)]
            except SeeknalError:
                self._view_columns[relation] = []
        return self._view_columns[relation]
