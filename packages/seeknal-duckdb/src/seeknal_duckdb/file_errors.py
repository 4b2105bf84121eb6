"""DuckDB's words about a file, as ours: which file, which line, which column, what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from seeknal.errors import EngineError
from seeknal_duckdb.csv_files import first_bad_row
from seeknal_duckdb.errors import engine_error, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import duckdb

_FILE = re.compile(r"^  file = (?P<file>.*)$", re.MULTILINE)
_LINE = re.compile(r"CSV Error on Line: (?P<line>\d+)")
_VALUE = re.compile(r'Error when converting column "(?P<column>.*?)"\. (?P<what>[\s\S]*?)(?:\n\n|\Z)')
_CONVERT = re.compile(r"Could not convert string \"(?P<value>[\s\S]*)\" to '(?P<type>.*)'")
_FIELDS = re.compile(r"Expected Number of Columns: (?P<expected>\d+) Found: (?P<found>\d+)")
_SNIFFED = re.compile(r'Error when sniffing file "(?P<file>.*?)"\.')
_DIFFERENT = re.compile(r"Schema mismatch between globbed files\.\nMain file schema: (?P<first>.*)\nCurrent file: (?P<other>.*)\n")
_JSON = re.compile(
    r'(?:Malformed JSON|JSON transform error) in file "(?P<file>.*?)",(?: at byte (?P<byte>\d+))? in (?P<place>line|record/value) '
    r"(?P<number>\d+): (?P<what>.*)"
)
_ENCODING = re.compile(r'does not support the encoding: "(?P<encoding>.*?)"')
_LONGEST_VALUE = 80


def file_error(error: duckdb.Error, paths: Sequence[Path], given: Mapping[str, Any]) -> EngineError:
    """The error as one about files. `given` are the reader's parameters, under DuckDB's names."""
    text = text_of(error)
    own = _csv_row(text) or _json(text) or _csv_file(text, paths, given)
    if own:
        return own
    plain = engine_error(error)
    named = plain.message if any(str(path) in plain.message for path in paths) else f"{paths[0]}: {plain.message}"
    code = "SK-DATA-001" if plain.code == "SK-SQL-012" else plain.code
    return EngineError(code, named, hint=plain.hint)


def _csv_row(text: str) -> EngineError | None:
    """A row of a CSV file that does not fit."""
    line, file = _LINE.search(text), _FILE.search(text)
    if not line or not file:
        return None
    where = f"{file['file']}, line {line['line']}"
    value, fields = _VALUE.search(text), _FIELDS.search(text)
    if value:
        column, what = value["column"], _CONVERT.search(value["what"])
        said = f"{_short(what['value'])!r} is no {what['type']}" if what else _short(value["what"])
        hint = f"correct the row, or declare '{column}' as VARCHAR; nullstr says what stands for NULL, as in nullstr: 'N/A'"
        return EngineError("SK-DATA-002", f"{where}, column '{column}': {said}", hint=hint)
    if fields:
        message = f"{where} has {fields['found']} fields where {fields['expected']} are expected"
        return EngineError("SK-DATA-002", message, hint="correct the row; null_padding: true fills up rows that are too short")
    if "unicode" in text:
        message = f"{file['file']} is not UTF-8: a byte before or in line {line['line']} is not part of a character"
        return EngineError("SK-DATA-001", message, hint="say its encoding, as in params: {encoding: latin-1}")
    if "unterminated quote" in text:
        return EngineError("SK-DATA-002", f"{where} opens a quote that is not closed", hint="correct the row, or set another quote")
    rest = text[line.end() :].split("\n\n", maxsplit=1)[0].strip().splitlines()
    return EngineError("SK-DATA-002", f"{where} cannot be read: {_short(rest[-1] if rest else 'malformed row')}")


def _csv_file(text: str, paths: Sequence[Path], given: Mapping[str, Any]) -> EngineError | None:
    """A CSV file that is none, or is unlike the others."""
    sniffed = _SNIFFED.search(text)
    if sniffed:
        path = next((p for p in paths if str(p) == sniffed["file"]), paths[0])
        bad = first_bad_row(path, given)
        if bad:
            message = f"{path}, line {bad[0]} {bad[1]}"
            return EngineError("SK-DATA-002", message, hint="correct the row, or set delimiter, quote or null_padding in params")
        hint = "set delimiter, quote, encoding or compression in params; strict_mode: false also reads lines that end in different ways"
        return EngineError("SK-DATA-001", f"{path} cannot be read as CSV", hint=hint)
    different = _DIFFERENT.search(text)
    if different:
        message = f"{different['other']} has other columns than {different['first']}"
        return EngineError("SK-DATA-001", message, hint="union_by_name: true reads both, with NULL where a file has no such column")
    encoding = _ENCODING.search(text)
    if encoding:
        message = f"files in the encoding '{encoding['encoding']}' cannot be read"
        return EngineError("SK-DATA-006", message, hint="known: utf-8, utf-16, latin-1")
    return None


def _json(text: str) -> EngineError | None:
    found = _JSON.search(text)
    if not found:
        return None
    number = int(found["number"]) - ("Malformed" in found[0])  # where it cannot go on, DuckDB names the next one
    at = f"line {number}" if found["place"] == "line" else f"record {number}"
    byte = f", byte {found['byte']}" if found["byte"] else ""
    hint = "declare the columns and their types; sample_size: -1 looks at all rows to find them" if "transform" in text else None
    return EngineError("SK-DATA-002", f"{found['file']}, {at}{byte}: {_short(found['what'].strip())}", hint=hint)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"
