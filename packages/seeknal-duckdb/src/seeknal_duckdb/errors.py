"""DuckDB's exceptions as seeknal's: a code, one clear message, the place in the query that was handed in, a hint."""

from __future__ import annotations

import re
import unicodedata

import duckdb

from seeknal.errors import EngineError

INTERRUPTED = "SK-RUN-130"
CANCELLED = "cancelled"

_PLACE = re.compile(r"\n+LINE (?P<line>\d+): (?P<shown>[^\n]*)\n(?P<indent> *)\^[\^ ]*\s*\Z")
_PREFIX = re.compile(r"\A[A-Z][A-Za-z ]* Error: ")
_HINT = re.compile(r"\n\s*(?P<hint>(?:Did you mean|Candidate bindings|Candidate functions|Candidate macros|Either add it)[\s\S]*)\Z")
_OWN_CATALOG = re.compile(r'^Did you mean "(?:[a-z_]*\.)*(?:pg_|sqlite_|duckdb_|pragma_|information_schema|temp|system)')
_NO_PARQUET = re.compile("No magic bytes|too small to be a Parquet file|Footer length error|Invalid Parquet|not a Parquet file")
_ENDS_EARLY = "the query ends where more of it is expected"
_ELISION = "..."

_CODES: tuple[tuple[type[duckdb.Error], str], ...] = (
    (duckdb.InterruptException, INTERRUPTED),
    (duckdb.OutOfMemoryException, "SK-SQL-013"),
    (duckdb.PermissionException, "SK-SQL-015"),
    (duckdb.ParserException, "SK-SQL-010"),
    (duckdb.SyntaxException, "SK-SQL-010"),
    (duckdb.BinderException, "SK-SQL-011"),
    (duckdb.CatalogException, "SK-SQL-011"),
)

BINDING = (duckdb.ParserException, duckdb.SyntaxException, duckdb.BinderException, duckdb.CatalogException)
"""What can be wrong with a query before it runs."""

_HINTS = {
    "SK-SQL-013": "raise memory_limit, or run fewer nodes at once",
    "SK-SQL-014": "free some space on the disk that holds the project's target folder",
    "SK-SQL-015": "SQL reads the relations of the project; files belong in a source node",
}


def engine_error(error: duckdb.Error, query: str | None = None, before: int = 1) -> EngineError:
    """`error` as an EngineError.

    `query` is the text that was handed in, and `before` how many lines went before it in what DuckDB saw; without `query` the
    place is left out.
    """
    text = text_of(error)
    code = _code(error, text)
    place = _PLACE.search(text)
    line = column = None
    if query is not None and _ends_early(text, place, query, before):
        text, (line, column) = _ENDS_EARLY, _end(query)
    elif place:
        text = text[: place.start()].rstrip()
        if query is not None:
            line, column = _locate(place, query, before)
    message, hint = plain_message(text), _HINTS.get(code)
    found = _HINT.search(message)
    if found:
        message = message[: found.start()].rstrip()
        hint = None if _OWN_CATALOG.search(found["hint"]) else _one_paragraph(found["hint"])
    return EngineError(code, CANCELLED if code == INTERRUPTED else message, line=line, column=column, hint=hint)


def plain_message(text: str) -> str:
    """What DuckDB says, without the kind of error in front of it."""
    return _PREFIX.sub("", text)


def text_of(error: duckdb.Error) -> str:
    """What DuckDB says, without the stack trace it adds to its own faults, and the settings it advises, which are locked."""
    return str(error).partition("\n\nStack Trace:")[0].partition("\n\nPossible solutions:")[0].rstrip()


def line_started(error: duckdb.Error) -> int | None:
    """The line DuckDB points at, counted from 1 in the statement it was given; None unless it points at the line's beginning."""
    place = _PLACE.search(text_of(error))
    return int(place["line"]) if place and _cells(place) == 0 else None


def _code(error: duckdb.Error, text: str) -> str:
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    if isinstance(error, duckdb.IOException):
        if re.search(r"No space left|disk quota", text, re.IGNORECASE):
            return "SK-SQL-014"
        if re.search(r"No files found|No such file|Cannot open file", text):
            return "SK-DATA-003"
    return "SK-DATA-001" if _NO_PARQUET.search(text) else "SK-SQL-012"


def _one_paragraph(hint: str) -> str:
    lines = [line.strip() for line in hint.splitlines() if line.strip()]
    return lines[0] + (" " + ", ".join(lines[1:]) if len(lines) > 1 else "")


def _ends_early(text: str, place: re.Match[str] | None, query: str, before: int) -> bool:
    """Whether DuckDB stumbled over what comes after the query: its end, or the bracket around it."""
    return "at end of input" in text or (place is not None and int(place["line"]) - before > query.count("\n") + 1)


def _end(query: str) -> tuple[int, int]:
    """Line and column just after the query."""
    lines = query.rstrip().split("\n")
    return len(lines), len(lines[-1]) + 1


def _locate(place: re.Match[str], query: str, before: int) -> tuple[int | None, int | None]:
    """Line and column within `query` of DuckDB's caret, which counts display cells of a line that may be shortened.

    An error inside a view names a line of the view's own text; what is shown then does not agree, and there is no place to tell.
    """
    lines, number = query.split("\n"), int(place["line"]) - before
    if not 1 <= number <= len(lines):
        return None, None
    cells = _cells(place)
    source, shown = lines[number - 1], place["shown"].rstrip()
    if source.startswith(shown.removesuffix(_ELISION)):
        return number, _characters(source, cells) + 1
    start = source.find(shown.removeprefix(_ELISION).removesuffix(_ELISION))
    if start < 0 or not shown.startswith(_ELISION):
        return None, None
    return number, start + _characters(source[start:], cells - len(_ELISION)) + 1


def _cells(place: re.Match[str]) -> int:
    """How many cells of a terminal lie before the caret in the line that is shown."""
    return len(place["indent"]) - len("LINE : ") - len(place["line"])


def _characters(text: str, cells: int) -> int:
    """How many characters of `text` fill that many cells of a terminal."""
    filled = 0
    for count, character in enumerate(text):
        if filled >= cells:
            return count
        wide = unicodedata.east_asian_width(character) in "WF"
        filled += 0 if unicodedata.combining(character) else 2 if wide else 1
    return len(text)
