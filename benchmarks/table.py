"""Text tables: the first column to the left, the others to the right."""

from collections.abc import Sequence

_PRECISE_BELOW = 100
"""Seconds from which hundredths say nothing."""


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows under a header, columns two spaces apart."""
    lines = [header, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(header))]
    rule = ["-" * width for width in widths]
    return "\n".join(_line(line, widths) for line in (header, rule, *rows))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first = f"{cells[0]:<{widths[0]}}"
    rest = (f"{cell:>{width}}" for cell, width in zip(cells[1:], widths[1:], strict=True))
    return "  ".join((first, *rest)).rstrip()


def seconds(value: float) -> str:
    """Seconds for a table cell."""
    return f"{value:.2f} s" if value < _PRECISE_BELOW else f"{value:.0f} s"


def mebibytes(value: float) -> str:
    """MiB for a table cell."""
    return f"{value:,.0f} MiB"
