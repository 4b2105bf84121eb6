"""Reading CSV files the same way every time.

DuckDB would guess delimiter, quotes and the lines to skip from whatever makes the rows agree, so that one ragged row can turn a
file into a single column, or a heading into data. Here those are what the project says, or a rule that fits on a line.
"""

from __future__ import annotations

import csv
import gzip
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, cast

from seeknal.errors import EngineError
from seeknal_duckdb.sql import call

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

DELIMITERS = (",", ";", "\t", "|")
_LONGEST_LINE = 1 << 20
_BUFFER_BYTES = 8 << 20  # a quarter of DuckDB's own: as fast, and several threads fit into a small memory limit
_SAMPLED_ROWS = 50_000
_ZSTD = (".zst", ".zstd")


def csv_query(paths: Sequence[Path], given: Mapping[str, Any], types: Mapping[str, str]) -> str:
    """The query that reads CSV files. `types` are those of declared columns; the others' are found from a sample of the rows.

    Without a `delimiter` it is the one of comma, semicolon, tab and bar that the first line has most of. There is a header unless
    `header` says otherwise or `names` are given.
    """
    first = _first_line(paths[0], given)
    arguments: dict[str, Any] = {
        "delim": delimiter_of(first),
        "header": "names" not in given,
        "quote": '"',
        "escape": given.get("quote", '"'),
        "skip": 0,
        "comment": "",
        **given,
    }
    if "max_line_size" not in given:
        arguments["buffer_size"] = _BUFFER_BYTES
    if types:
        arguments["types"] = dict(types)
    return "FROM " + call("read_csv", paths, arguments)


def delimiter_of(line: str) -> str:
    """The delimiter that occurs most in the line outside quotes; a comma if there is none."""
    bare = "".join(line.split('"')[::2])
    return max(DELIMITERS, key=bare.count)


def first_bad_row(path: Path, given: Mapping[str, Any]) -> tuple[int, str] | None:
    """The first row among those DuckDB samples that has another number of fields than the first, and what is wrong with it."""
    with _text(path, given) as file:
        lines = islice(file, int(given.get("skip", 0)), None)
        delimiter = given.get("delim") or delimiter_of(_first_line(path, given))
        if len(delimiter) != 1:
            return None
        rows = csv.reader(lines, delimiter=delimiter, quotechar=given.get("quote") or '"', strict=True)
        skipped = int(given.get("skip", 0))
        try:
            width = len(next(rows))
            for row in islice(rows, _SAMPLED_ROWS):
                if row and len(row) != width:
                    return skipped + rows.line_num, f"has {len(row)} fields where the first line has {width}"
        except csv.Error as error:
            return skipped + rows.line_num, f"cannot be read: {error}"
    return None


def _first_line(path: Path, given: Mapping[str, Any]) -> str:
    """The first line that is read. Raises EngineError SK-DATA-001 for a file that is empty or no text."""
    if path.stat().st_size == 0:
        raise EngineError("SK-DATA-001", f"{path} is empty: it does not even have a header")
    if _compression(path, given) not in {"none", "gzip"}:
        return ""
    try:
        with _text(path, given) as file:
            for _ in range(int(given.get("skip", 0))):
                file.readline()
            line = file.readline(_LONGEST_LINE)
    except (LookupError, OSError) as error:
        raise EngineError("SK-DATA-001", f"{path} cannot be read: {error}") from error
    if "\0" in line or ("\ufffd" in line and "encoding" not in given):
        hint = "is it another format, or in another encoding? params: {encoding: latin-1} would say so"
        raise EngineError("SK-DATA-001", f"{path} is no UTF-8 text", hint=hint)
    return line


def _text(path: Path, given: Mapping[str, Any]) -> IO[str]:
    encoding = str(given.get("encoding") or "utf-8-sig")
    if _compression(path, given) == "gzip":
        return cast("IO[str]", gzip.open(path, "rt", encoding=encoding, errors="replace", newline=""))
    return path.open(encoding=encoding, errors="replace", newline="")


def _compression(path: Path, given: Mapping[str, Any]) -> str:
    said = str(given.get("compression", "auto"))
    if said != "auto":
        return said
    return "gzip" if path.suffix == ".gz" else "zstd" if path.suffix in _ZSTD else "none"
