"""Where in its file stands what went wrong in SQL that was rendered, and perhaps translated, before it ran."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seeknal.errors import ProjectError
from seeknal.sql.guard import SqlProblem, position

if TYPE_CHECKING:
    from seeknal.nodes import TextPlace


_CALL = re.compile(r'\w+\([^"]*(".*)')
"""A function of a column, which in SQL that was built is in quotes."""


def placed(problem: SqlProblem, text: str, template: str, place: TextPlace) -> ProjectError:
    """The problem at its place in the file. Rendering may shift columns, so they are looked up in the template's line."""
    line, column = locate(problem.line, problem.column, text, template)
    return ProjectError(problem.code, problem.message, at=place.at(line, column), hint=problem.hint)


def locate(line: int, column: int, text: str, template: str | None, *, built: bool = False) -> tuple[int, int]:
    """Where line and column of the text that runs stand in its template.

    That is the same line where rendering kept the lines. Otherwise, as after translation, it is where the word that stands there is found, if
    it is found once only, and else the beginning. Of SQL that was `built` from keys, it is where a key first names the column.
    """
    if template is None or text == template:
        return line, column
    rendered, written = text.split("\n"), template.split("\n")
    rest = rendered[line - 1][column - 1 :] if line <= len(rendered) else ""
    if built:
        call = _CALL.match(rest)
        return _first(call[1] if call else rest, template)
    if len(rendered) != len(written) or line > len(written):
        return _only(rest, template)
    for word in (rest.partition(" ")[0], _name(rest)):
        found = written[line - 1].find(word) if word else -1
        if found >= 0:
            return line, found + 1
    start = written[line - 1].find("{{")
    return (line, start + 1) if start >= 0 else _only(rest, template)


def _only(rest: str, template: str) -> tuple[int, int]:
    """The place of the name that `rest` begins with, where the template has it once; else the beginning."""
    found = re.findall(rf"\b{re.escape(_name(rest))}\b", template, re.IGNORECASE)
    return _first(rest, template) if len(found) == 1 else (1, 1)


def _first(rest: str, template: str) -> tuple[int, int]:
    """The place of the name that `rest` begins with, where the template first has it; else the beginning."""
    name = _name(rest)
    found = re.search(rf"\b{re.escape(name)}\b", template, re.IGNORECASE) if name else None
    return position(template, found.start()) if found else (1, 1)


def _name(rest: str) -> str:
    """The name of a column, whatever it is qualified with."""
    found = re.match(r'(?:"?\w+"?\.)*"?(\w+)', rest)
    return found[1] if found else ""
