"""Printing: results on stdout, everything else on stderr; colours only where a person looks; numbers that can be read."""

from __future__ import annotations

import csv
import json
import os
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seeknal.protocols import Rows

_MINUTE, _HOUR = 60.0, 3600.0
_WIDE = 10_000_000


def colored(invocation_color: bool, stream: Any = None) -> bool:
    """Whether to use colours: not when told, not for NO_COLOR or a dumb terminal, not in a pipe."""
    target = stream or sys.stdout
    return invocation_color and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and target.isatty()


def note(text: str) -> None:
    """Something besides the result."""
    click.echo(text, err=True)


def print_json(document: Any) -> None:
    """One JSON document."""
    click.echo(json.dumps(document, indent=2, default=json_value, ensure_ascii=False))


def json_value(value: Any) -> Any:
    """What JSON has no form for: dates as ISO 8601, everything else as text."""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, numeric: Sequence[int] = (), err: bool = False) -> None:
    """A table that fits the terminal; in a pipe nothing is cut. `numeric` columns are right-aligned. With `err` it is not the result."""
    from rich.console import Console  # start-up time
    from rich.table import Table
    from rich.text import Text

    terminal = (sys.stderr if err else sys.stdout).isatty()
    console = Console(width=None if terminal else _WIDE, highlight=False, no_color=not colored(invocation_color=True), soft_wrap=False)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index in numeric else "left", overflow="ellipsis", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell(v)) for v in row))
    with console.capture() as captured:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n")), err=err)


def print_rows(rows: Rows, format_: str) -> None:
    """A result as a table, as one JSON list of objects, or as CSV (RFC 4180)."""
    if format_ == "json":
        print_json([dict(zip(rows.columns, row, strict=True)) for row in rows.rows])
    elif format_ == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\r\n")
        writer.writerow(rows.columns)
        writer.writerows(rows.rows)
    else:
        print_table(rows.columns, rows.rows, numeric=numeric_columns(rows))


def numeric_columns(rows: Rows) -> list[int]:
    """The columns that hold nothing but numbers, for `print_table`."""
    return [i for i in range(len(rows.columns)) if all(_is_number(r[i]) for r in rows.rows)]


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float | Decimal) and not isinstance(value, bool))


def cell(value: Any) -> str:
    """A value as a table shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return f"{value:,}"
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return str(value).replace("\n", "\\n")


def number(value: int | None) -> str:
    """A count with thousands separators."""
    return "" if value is None else f"{value:,}"


def seconds(value: float) -> str:
    """A duration people can read: `0.08 s`, `2 min 5 s`, `1 h 3 min`."""
    if value < _MINUTE:
        return f"{value:.2f} s"
    if value < _HOUR:
        return f"{int(value // 60)} min {int(value % 60)} s"
    return f"{int(value // 3600)} h {int(value % 3600 // 60)} min"


def size(value: int) -> str:
    """An amount of bytes people can read."""
    amount = float(value)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:  # noqa: PLR2004 - decimal units
            return f"{amount:,.0f} {unit}" if unit == "bytes" else f"{amount:,.1f} {unit}"
        amount /= 1000
    return f"{amount:,.1f} TB"


def plural(count: int, word: str) -> str:
    """`1 node`, `2 nodes`."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
