"""Outcomes as people and other programs read them: text, JSON, JUnit's XML."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from seeknal.errors import EXIT_FAILED, EXIT_INVALID, explain, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from seeknal.unit_tests.model import Check, TestOutcome

SHOWN = 10
"""How many rows of each sort are shown."""
_WIDEST = 60
STATUSES = ("passed", "failed", "error", "invalid")


def exit_code(outcomes: Iterable[TestOutcome]) -> int:
    """2 where a test is itself wrong, else 1 where one did not pass, else 0."""
    statuses = {o.status for o in outcomes}
    return EXIT_INVALID if "invalid" in statuses else EXIT_FAILED if statuses - {"passed"} else 0


def counts(outcomes: Sequence[TestOutcome]) -> dict[str, int]:
    """How many tests came to what."""
    return {status: sum(o.status == status for o in outcomes) for status in STATUSES}


def document(outcomes: Sequence[TestOutcome], seconds: float) -> dict[str, Any]:
    """As `seeknal test --format json` prints it."""
    return {"tests": [_json(o.to_json()) for o in outcomes], "summary": {**counts(outcomes), "seconds": round(seconds, 6)}}


def explained(outcome: TestOutcome, root: Path | None) -> str:
    """Why a test did not pass: its errors with their places, and its rows."""
    parts = [explain(error, root) for error in outcome.errors]
    parts += ["\n".join(_check_lines(check)) for check in outcome.checks]
    return "\n".join(parts)


def junit(outcomes: Sequence[TestOutcome], root: Path | None) -> str:
    """One suite for each node, as CI servers read it."""
    total = ET.Element("testsuites", name="seeknal")
    for node in dict.fromkeys(o.node or o.at.path for o in outcomes):
        mine = [o for o in outcomes if (o.node or o.at.path) == node]
        found = counts(mine)
        suite = ET.SubElement(
            total, "testsuite", name=node, tests=str(len(mine)), failures=str(found["failed"]), errors=str(found["error"] + found["invalid"]),
            time=f"{sum(o.seconds for o in mine):.3f}",
        )  # fmt: skip
        for outcome in mine:
            case = ET.SubElement(suite, "testcase", classname=node, name=outcome.name or outcome.at.path, time=f"{outcome.seconds:.3f}")
            case.attrib |= {"file": outcome.at.path, "line": str(outcome.at.line)}
            if outcome.status != "passed":
                message = "; ".join([*(e.message for e in outcome.errors), *(f"{c.what}: {c.message}" for c in outcome.checks)])
                found_in = ET.SubElement(
                    case, "failure" if outcome.status == "failed" else "error", message=visible(message), type=outcome.status
                )
                found_in.text = "".join(c for c in explained(outcome, root) if c.isprintable() or c in "\n\t")
    ET.indent(total)
    return ET.tostring(total, encoding="unicode", xml_declaration=False)


def _check_lines(check: Check) -> list[str]:
    lines = [f"  {check.what}: {check.message}"]
    lines += [f"  help: {check.hint}"] if check.hint else []
    table: list[list[str]] = []
    for row in check.differing[:SHOWN]:
        cells = [
            f"{shown(e)} → {shown(a)}" if c in row.columns else shown(e)
            for c, e, a in zip(check.columns, row.expected, row.actual, strict=True)
        ]
        table.append(["differs", *cells])
    table += [["missing", *map(shown, row)] for row in check.missing[:SHOWN]]
    table += [["unexpected", *map(shown, row)] for row in check.unexpected[:SHOWN]]
    if table:
        lines += _aligned([["", *check.columns], *table])
    more = sum(max(0, len(rows) - SHOWN) for rows in (check.differing, check.missing, check.unexpected))
    if more:
        lines.append(f"    … and {more:,} more")
    if check.differing:
        lines.append("    (expected → what came out)")
    return lines


def _aligned(table: list[list[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return ["    " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]


def shown(value: Any) -> str:
    """A value as a difference shows it: NULL is not the same as nothing."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    text = str(value) if value != "" else "''"
    text = visible(text).replace("\n", "\\n")
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _json(value: Any) -> Any:
    """A value JSON has a form for."""
    if isinstance(value, dict):
        return {str(k): _json(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_json(v) for v in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124 - NaN is not itself
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124
    return (
        value
        if value is None or isinstance(value, bool | int | float | str)
        else value.isoformat()
        if hasattr(value, "isoformat")
        else str(value)
    )
