"""The measurements as tables for people and as JSON for programs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.schedule import Cell
from benchmarks.steps import Step
from benchmarks.summary import Summary, summarize
from benchmarks.table import mebibytes, seconds, table
from benchmarks.tools import TOOLS

Project = tuple[str, int]
Place = tuple[str, int, str, Step]


def summaries(cells: Iterable[Cell]) -> dict[Place, Summary]:
    """The summary of each (shape, nodes, tool, step), in the order of measurement."""
    groups: dict[Place, list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.shape, cell.nodes, cell.tool, cell.step), []).append(cell)
    return {place: summarize(cell.sample for cell in found) for place, found in groups.items()}


def tables(cells: Sequence[Cell], reaches: Mapping[Project, int]) -> str:
    """One table a project: steps down, tools across, each cell wall, CPU and peak RSS.

    `reaches` says how many models read the edited one, where a step edits.
    """
    found = summaries(cells)
    projects = list(dict.fromkeys((shape, nodes) for shape, nodes, _, _ in found))
    parts = [_project_table(project, found, reaches.get(project)) for project in projects]
    return "\n\n".join([*parts, _commands(cells)])


def _project_table(project: Project, found: Mapping[Place, Summary], reach: int | None) -> str:
    shape, nodes = project
    places = [place for place in found if place[:2] == project]
    tools = [name for name in TOOLS if any(place[2] == name for place in places)]
    steps = [step for step in Step if any(place[3] is step for place in places)]
    rows = [[step, *(_text(found.get((shape, nodes, tool, step))) for tool in tools)] for step in steps]
    edited = "" if reach is None else f"; {reach} models are downstream of the edited one"
    title = f"{shape}, {nodes:,} models{edited} (median wall / CPU / peak RSS)"
    return f"{title}\n\n{table(['', *tools], rows)}"


def _text(summary: Summary | None) -> str:
    if summary is None:
        return "-"
    if summary.outcome != "ok":
        return f"{summary.outcome} after {seconds(summary.wall)}"
    return f"{seconds(summary.wall)} / {seconds(summary.cpu)} / {mebibytes(summary.rss)}"


def _commands(cells: Sequence[Cell]) -> str:
    rows: list[list[str]] = []
    for step in Step:
        typed = {cell.tool: cell.command for cell in cells if cell.step is step}
        rows.extend([step, tool, _typed(typed[tool])] for tool in TOOLS if tool in typed)
    widths = [max((len(row[place]) for row in rows), default=0) for place in (0, 1)]
    return "\n".join(f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c}" for a, b, c in rows)


def _typed(command: Sequence[str]) -> str:
    return " ".join([Path(command[0]).name, *command[1:]])


def failures(cells: Iterable[Cell]) -> str:
    """The end of the output of each process that did not succeed."""
    return "\n\n".join(
        f"{cell.shape} {cell.nodes} {cell.step} {cell.tool}: {cell.sample.outcome} (exit code {cell.sample.exit_code})\n{cell.sample.tail}"
        for cell in cells
        if cell.sample.outcome != "ok"
    )


def write_json(
    path: Path,
    cells: Sequence[Cell],
    reaches: Mapping[Project, int],
    versions: Mapping[str, Mapping[str, str]],
) -> None:
    """Write the medians and every sample, with versions, command lines and the machine."""
    document = {
        "machine": machine(),
        "versions": versions,
        "downstream_of_edit": [{"shape": shape, "nodes": nodes, "models": count} for (shape, nodes), count in reaches.items()],
        "medians": [
            {"shape": shape, "nodes": nodes, "tool": tool, "step": step} | asdict(summary)
            for (shape, nodes, tool, step), summary in summaries(cells).items()
        ],
        "samples": [asdict(cell) for cell in cells],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")
