"""`seeknal test --update`: the expected rows of a file written anew, everything else in it left as it stands."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from seeknal.durable import write_whole
from seeknal.errors import ProjectError, SeeknalError
from seeknal.nodes import fold
from seeknal.project import yaml
from seeknal.unit_tests.running import engines
from seeknal.unit_tests.writing import rows_block

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seeknal.api import Project
    from seeknal.unit_tests.computing import Computing
    from seeknal.unit_tests.model import Expected, TestOutcome, UnitTest

Edit = tuple[int, int, list[str]]
"""Lines to be replaced, from the first to before the second (from 0), and what stands there instead."""


def update_tests(project: Project, failing: Iterable[tuple[UnitTest, TestOutcome]]) -> list[str]:
    """Write what comes out now as what these tests expect. Returns a line for each test: what was done, or why it was not."""
    edits: dict[str, list[Edit]] = defaultdict(list)
    said = []
    with engines(project, 1) as take, take() as computing:
        for test, outcome in failing:
            try:
                found, words = _edits(computing, test)
            except SeeknalError as error:
                found, words = [], f"not updated: {error.message}" + (f"; {error.hint}" if error.hint else "")
            if any(check.what == "columns" for check in outcome.checks):
                words = "; ".join(filter(None, [words, "the columns are yours to change"]))
            edits[test.at.path] += found
            said.append(f"{test.node.id}::{test.name}: {words}")
    for path, changes in edits.items():
        if changes:
            _apply(project, path, changes)
    return said


def _edits(computing: Computing, test: UnitTest) -> tuple[list[Edit], str]:
    """What to replace in a test's file, and in words."""
    parts: list[tuple[str, Expected, str | None]] = [("rows", test.expected, None)]
    parts += [(f"cte {name}", expected, name) for name, expected in test.ctes.items()]
    found: list[Edit] = []
    done, left, comments = [], [], 0
    for what, expected, cte in parts:
        spec, path = expected.spec, expected.path
        if "rows" in spec.parts:
            left.append(f"{what} are partial")
            continue
        columns = list(expected.table.names) if expected.table and "columns" in spec.parts else None
        _, rows = computing.captured(test, columns, cte)
        if spec.row_count is not None:
            counted = len(rows.rows)
            found += _count(test.document, (*path, "row_count"), counted)
            done.append(f"{what if cte else ''} row_count".strip())
        if spec.form in ("csv", "file"):
            left.append(f"{what} are {spec.form}")
        elif spec.form == "rows":
            given = expected.table.names if expected.table else ()
            order = sorted(rows.columns, key=lambda c: _position(given, c))
            values = [{c: row[rows.columns.index(c)] for c in order} for row in rows.rows]
            edit, lost = _rows(test.document, path, values)
            found.append(edit)
            comments += lost
            done.append(what)
    words = [f"wrote {' and '.join(done)}"] if done else []
    words += [f"{comments} comment{'s' if comments > 1 else ''} among the rows gone"] if comments else []
    words += [f"left alone: {', '.join(left)}"] if left else []
    return found, "; ".join(words)


def _position(names: tuple[str, ...], column: str) -> int:
    folded = [fold(n) for n in names]
    return folded.index(fold(column)) if fold(column) in folded else len(folded)


def _count(document: yaml.Document, path: tuple[str | int, ...], counted: int) -> list[Edit]:
    at = document.at(*path)
    text = document.lines[at.line - 1]
    before, after = text[: at.column - 1], text[at.column - 1 :]
    return [(at.line - 1, at.line, [f"{before}{counted}{after.lstrip('0123456789')}"])]


def _rows(document: yaml.Document, path: tuple[str | int, ...], rows: list[dict[str, Any]]) -> tuple[Edit, int]:
    """The lines from the key that holds the rows to what comes next, with the rows as they are now; and how many comments that loses."""
    below = (*path, "rows") if (*path, "rows") in document.marks else path
    line, column = document.marks[below].key
    first = line - 1
    last = _end(document, below)
    indent = column - 1
    old = document.lines[first + 1 : last]
    lost = sum(text.lstrip().startswith("#") for text in old)
    before = document.lines[first][: column - 1]
    if before.strip():
        raise ProjectError("SK-TEST-015", f"'{below[-1]}' stands on the line of something else", hint="write it on a line of its own")
    key = f"{before}{below[-1]}:"
    body = rows_block(rows, _margin(old, indent)) if rows else []
    return (first, last, [key, *body] if rows else [f"{key} []"]), lost


def _margin(old: list[str], indent: int) -> int:
    """How far items were indented before."""
    first = next((text for text in old if text.lstrip().startswith("- ")), None)
    return len(first) - len(first.lstrip()) if first is not None else indent + 2


def _end(document: yaml.Document, path: tuple[str | int, ...]) -> int:
    """The line (from 0) after the last one of a value; comments and blank lines that lead to what comes next are not its own."""
    start = document.marks[path].key[0]
    later = [m.key[0] for p, m in document.marks.items() if p[: len(path)] != path and m.key[0] > start]
    end = min(later) - 1 if later else _document_end(document, start)
    while end > start and (not document.lines[end - 1].strip() or document.lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return end


def _document_end(document: yaml.Document, start: int) -> int:
    """Where the document ends: a line `---` or `...`, or the end of the file."""
    rest = range(start, len(document.lines))
    return next((n for n in rest if document.lines[n].startswith(("---", "..."))), len(document.lines))


def _apply(project: Project, path: str, edits: list[Edit]) -> None:
    target = project.root / path
    data = target.read_bytes()
    lines = yaml.decode(data, path).split("\n")
    for first, last, text in sorted(edits, key=lambda e: e[0], reverse=True):
        lines[first:last] = text
    yaml.load("\n".join(lines), path)  # it still reads, or nothing is written
    joined = ("\r\n" if b"\r\n" in data else "\n").join(lines)
    write_whole(target, joined.encode("utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8"), target.stat().st_mode & 0o777)
