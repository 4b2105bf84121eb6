"""Compare seeknal with dbt and SQLMesh: ``python -m benchmarks.run --help``."""

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar, get_args

from benchmarks import peers
from benchmarks.description import Shape
from benchmarks.report import failures, tables, write_json
from benchmarks.schedule import Cell, Limits, Schedule
from benchmarks.shapes import describe
from benchmarks.sources import DEFAULT_ORDERS
from benchmarks.steps import Step
from benchmarks.tools import TOOLS, Tool
from benchmarks.tools.base import ROOT

BENCH = ROOT / ".bench"
"""Where projects, logs and results are written."""

SHAPES: tuple[Shape, ...] = get_args(Shape)

_EDITS = {Step.ADD_COLUMN, Step.EDIT}
_BUILDING = {Step.FIRST_RUN, Step.NO_OP} | _EDITS

_VERIFY_TIMEOUT = 600.0
"""Seconds."""

_WARM_UP_NODES = 10

_Name = TypeVar("_Name", bound=str)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for; 1 if anything failed."""
    options = _parser().parse_args(arguments)
    tools = _available(options.tools, install=not options.no_install)
    if not tools:
        _say("none of the tools is installed")
        return 1
    limits = Limits(options.repeats, options.timeout, options.total_timeout)
    cells: list[Cell] = []
    reaches: dict[tuple[str, int], int] = {}
    agree = True
    if not options.no_warm_up:
        _warm_up(tools, options)
    for nodes in options.sizes:
        for shape in options.shapes:
            project = describe(shape, nodes)
            if _EDITS & set(options.steps):
                reaches[shape, nodes] = project.downstream(project.edited_index)
            taking_part = [tool for tool in tools if nodes <= tool.largest]
            schedule = Schedule(project, taking_part, options.steps, limits, options.work, options.orders, _say)
            measured = schedule.run()
            cells.extend(measured)
            agree = _agree(schedule, measured, options.work) and agree
    print(f"\n{tables(cells, reaches)}")
    _say(failures(cells))
    output = options.output or _default_output()
    write_json(output, cells, reaches, {tool.name: tool.versions() for tool in tools})
    _say(f"written to {output}")
    return int(not agree or any(cell.sample.outcome != "ok" for cell in cells))


def _agree(schedule: Schedule, cells: Sequence[Cell], work: Path) -> bool:
    """Compare what the tools built, where all they did succeeded."""
    stopped = {cell.tool for cell in cells if cell.sample.outcome != "ok"}
    names = [tool.name for tool in schedule.tools if tool.name not in stopped]
    project = schedule.project
    if not set(schedule.steps) & _BUILDING or not names[1:] or not schedule.complete:
        _say(f"{project.shape}, {project.nodes:,} models: the rows of different tools are not compared")
        return True
    command = [sys.executable, "-m", "benchmarks.verify", project.shape, str(project.nodes)]
    command += ["--tools", ",".join(names), "--work", str(work)]
    done = subprocess.run(command, check=False, timeout=_VERIFY_TIMEOUT)
    return done.returncode == 0


def _warm_up(tools: Sequence[Tool], options: argparse.Namespace) -> None:
    """Every step once on a tiny project, so that bytecode and disk caches are there."""
    limits = Limits(1, options.timeout, options.total_timeout)
    project = describe("realistic", _WARM_UP_NODES)
    Schedule(project, tools, tuple(Step), limits, options.work, DEFAULT_ORDERS, _silent).run()


def _available(names: Sequence[str], *, install: bool) -> list[Tool]:
    found: list[Tool] = []
    for name in names:
        tool = TOOLS[name]
        if not tool.installed() and install:
            peers.create(tool.venv.name, _say)
        if tool.installed():
            found.append(tool)
        else:
            _say(f"{name} is left out: it is not installed in {tool.venv}")
    return found


def _default_output() -> Path:
    return BENCH / "results" / f"run-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"


def _say(text: str) -> None:
    if text:
        print(text, file=sys.stderr, flush=True)


def _silent(text: str) -> None:
    del text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    add = parser.add_argument
    add("--sizes", type=_numbers, default=[100], help="numbers of models, such as 100,500,1000")
    add("--shapes", type=_chosen(SHAPES), default=["layered", "realistic"], help=",".join(SHAPES))
    add("--tools", type=_chosen(tuple(TOOLS)), default=list(TOOLS), help=",".join(TOOLS))
    add("--steps", type=_steps, default=list(Step), help=",".join(Step))
    add("--repeats", type=int, default=3, help="rounds; medians are reported")
    add("--timeout", type=float, default=900, help="seconds a process may take")
    add("--total-timeout", type=float, default=7200, help="seconds a project may take")
    add("--orders", type=int, default=DEFAULT_ORDERS, help="orders in the CSV sources")
    add("--work", type=_folder, default=BENCH / "work", help="where the projects are written")
    add("--output", type=Path, help="the JSON file of the results")
    add("--no-install", action="store_true", help="do not install peers that are missing")
    add("--no-warm-up", action="store_true", help="leave out the unmeasured round")
    return parser


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _steps(text: str) -> list[Step]:
    return [Step(part) for part in text.split(",")]


def _chosen(allowed: tuple[_Name, ...]) -> Callable[[str], list[_Name]]:
    def choose(text: str) -> list[_Name]:
        names = [name for name in allowed if name in text.split(",")]
        unknown = set(text.split(",")) - set(names)
        if unknown:
            message = f"{', '.join(sorted(unknown))}: choose from {', '.join(allowed)}"
            raise argparse.ArgumentTypeError(message)
        return names

    return choose


def _folder(text: str) -> Path:
    return Path(text).resolve()


if __name__ == "__main__":
    sys.exit(main())
