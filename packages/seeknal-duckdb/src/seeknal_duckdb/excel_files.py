"""Reading Excel workbooks, row by row; no sheet is held in memory as a whole.

A sheet is read twice: once to find what kinds of values its columns hold, once to hand out the rows.
"""

from __future__ import annotations

import importlib
import re
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from seeknal.errors import EngineError, did_you_mean
from seeknal.nodes import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

_BATCH_ROWS = 8192
_CHUNK = 1 << 20
_LONGEST_CELL = 1 << 16
_ERRORS = frozenset({"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A"})
_TEXT_TYPES = ("VARCHAR", "JSON")
_NOT_CALCULATED = re.compile(rb'<c (?![^>]*t="str")[^>]*><f[^>]*>[^<]*</f>\s*(?:<v\s*/>|<v></v>)?\s*</c>')

_NAMES = {bool: "bool", int: "int", float: "float", date: "date", time: "time"}  # a bool is an int too
_BIGINT_END = 1 << 63
_DATE, _TIMESTAMP, _DOUBLE = pa.date32(), pa.timestamp("us"), pa.float64()
_ARROW = {
    frozenset({"bool"}): pa.bool_(),
    frozenset({"int"}): pa.int64(),
    frozenset({"float"}): _DOUBLE,
    frozenset({"int", "float"}): _DOUBLE,
    frozenset({"date"}): _DATE,
    frozenset({"timestamp"}): _TIMESTAMP,
    frozenset({"date", "timestamp"}): _TIMESTAMP,
    frozenset({"time"}): pa.time64("us"),
}
"""What a column that holds values of these kinds becomes; everything else becomes text."""

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A sheet's heading and how to read the rows below it, each with its number, as often as wanted."""

    path: Path
    title: str
    names: tuple[str, ...]
    rows: Callable[[], Iterator[tuple[int, Row]]]


def excel_rows(paths: Sequence[Path], given: Mapping[str, Any], types: Mapping[str, str]) -> pa.RecordBatchReader:
    """The rows of one sheet of each workbook. Rows without any value are left out; formulas count as their values.

    A column of one kind has that type: BIGINT, DOUBLE, BOOLEAN, DATE, TIMESTAMP, TIME. Of several, or declared as text, it is
    text. Raises EngineError SK-PLUGIN-010 without openpyxl, SK-DATA-001 and SK-DATA-002 for what cannot be read.
    """
    sheets = [_sheet(path, given) for path in paths]
    for sheet in sheets[1:]:
        if sheet.names != sheets[0].names:
            raise EngineError("SK-DATA-001", f"{sheet.path} has other columns than {sheets[0].path}")
    declared = {fold(name): type_ for name, type_ in types.items()}
    text = [declared.get(fold(name), "").startswith(_TEXT_TYPES) for name in sheets[0].names]
    kinds = _kinds(sheets, text)
    schema = pa.schema([pa.field(name, kind) for name, kind in zip(sheets[0].names, kinds, strict=True)])
    return pa.RecordBatchReader.from_batches(schema, _batches(sheets, schema))


def _sheet(path: Path, given: Mapping[str, Any]) -> _Sheet:
    header = bool(given.get("header", True))

    def rows() -> Iterator[tuple[int, Row]]:
        with _worksheet(path, given) as worksheet:
            bounds = _bounds(worksheet, given.get("range"))
            numbered = enumerate(worksheet.iter_rows(values_only=True, **bounds), bounds.get("min_row", 1))
            filled = ((number, row) for number, row in numbered if any(value is not None for value in row))
            yield from islice(filled, int(header), None)

    with _worksheet(path, given) as worksheet:
        _refuse_uncalculated(path, worksheet)
        bounds = _bounds(worksheet, given.get("range"))
        first = next((r for r in worksheet.iter_rows(values_only=True, **bounds) if any(v is not None for v in r)), None)
        title = worksheet.title
    if first is None:
        raise EngineError("SK-DATA-001", f"{path}: the sheet '{title}' is empty")
    names = tuple(str(v) if header and v is not None else f"column{n}" for n, v in enumerate(first, 1))
    return _Sheet(path, title, names, rows)


@contextmanager
def _worksheet(path: Path, given: Mapping[str, Any]) -> Generator[Any]:
    try:
        openpyxl = importlib.import_module("openpyxl")
    except ImportError as error:
        raise EngineError("SK-PLUGIN-010", "reading Excel needs openpyxl", hint='pip install "seeknal-duckdb[excel]"') from error
    try:
        workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, openpyxl.utils.exceptions.InvalidFileException) as error:
        hint = "xlsx and xlsm can be read; save older ones as xlsx"
        raise EngineError("SK-DATA-001", f"{path} cannot be read as an Excel workbook: {error}", hint=hint) from error
    try:
        sheet = given.get("sheet")
        if sheet is not None and sheet not in workbook.sheetnames:
            hint = did_you_mean(str(sheet), workbook.sheetnames) or "it has: " + ", ".join(workbook.sheetnames)
            raise EngineError("SK-DATA-001", f"{path} has no sheet '{sheet}'", hint=hint)
        worksheet = workbook[sheet] if sheet is not None else workbook.worksheets[0]
        worksheet.reset_dimensions()  # some programs write wrong ones
        yield worksheet
    finally:
        workbook.close()


def _bounds(worksheet: Any, cells: str | None) -> dict[str, int]:
    if cells is None:
        return {}
    try:
        left, top, right, bottom = importlib.import_module("openpyxl").utils.range_boundaries(cells)
    except (ValueError, TypeError) as error:
        raise EngineError("SK-DATA-006", f"'{cells}' is no range of cells on '{worksheet.title}'", hint="for example A3:F100") from error
    found = {"min_col": left, "min_row": top, "max_col": right, "max_row": bottom}
    return {name: value for name, value in found.items() if value is not None}


def _refuse_uncalculated(path: Path, worksheet: Any) -> None:
    """Programs that write formulas without working them out leave nothing to read; that must not look like an empty cell."""
    with zipfile.ZipFile(path) as archive, archive.open(worksheet._worksheet_path) as xml:  # noqa: SLF001 - openpyxl has no other way
        kept = b""
        while chunk := xml.read(_CHUNK):
            kept = kept[-_LONGEST_CELL:] + chunk
            if _NOT_CALCULATED.search(kept):
                message = f"{path}: the sheet '{worksheet.title}' has formulas whose values were never worked out"
                raise EngineError("SK-DATA-002", message, hint="open the workbook in a spreadsheet program and save it")


def _kinds(sheets: Iterable[_Sheet], text: Sequence[bool]) -> list[pa.DataType]:
    """The Arrow type of each column; `text` says which are text whatever they hold."""
    seen: list[set[str]] = [set() for _ in text]
    for sheet in sheets:
        for number, row in sheet.rows():
            for index, value in enumerate(row[: len(text)]):
                if value is None or text[index]:
                    continue
                if isinstance(value, str) and value in _ERRORS:
                    message = f"{sheet.path}, sheet '{sheet.title}', row {number}, column '{sheet.names[index]}': the value is {value}"
                    raise EngineError("SK-DATA-002", message, hint="correct the formula, or declare the column as VARCHAR")
                seen[index].add(_kind(value))
    return [_ARROW.get(frozenset(kinds), pa.string()) for kinds in seen]


def _kind(value: Any) -> str:
    if isinstance(value, datetime):
        return "date" if value.time() == time() else "timestamp"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _BIGINT_END:
        return "float"
    return next((name for kind, name in _NAMES.items() if isinstance(value, kind)), "text")


def _batches(sheets: Iterable[_Sheet], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    rows = chain.from_iterable(sheet.rows() for sheet in sheets)
    while batch := list(islice(rows, _BATCH_ROWS)):
        columns = [
            pa.array([_value(row[index] if index < len(row) else None, field.type) for _, row in batch], field.type)
            for index, field in enumerate(schema)
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _value(value: Any, type_: pa.DataType) -> Any:
    """A cell's value as its column wants it."""
    if value is None:
        return None
    if type_ == _DATE:
        return value.date() if isinstance(value, datetime) else value
    if type_ == _TIMESTAMP:
        return value if isinstance(value, datetime) else datetime.combine(value, time())
    if type_ == _DOUBLE:
        return float(value)
    if type_ != pa.string() or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)
