"""Do every step with every tool, the tools taking turns, as often as asked."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.description import UNEDITED, Edit, ProjectDescription
from benchmarks.process import Sample, measure
from benchmarks.sources import write_sources
from benchmarks.steps import Step, preparation
from benchmarks.tools import Tool
from benchmarks.tools.base import fresh

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Cell:
    """One measured process: which project, tool, step and round it belongs to."""

    shape: str
    nodes: int
    tool: str
    step: Step
    round: int
    command: tuple[str, ...]
    sample: Sample


@dataclass(frozen=True)
class Limits:
    """How often steps are repeated, and how many seconds a process and a project may take."""

    repeats: int
    timeout: float
    total: float


@dataclass
class _Contender:
    """A tool and its copy of the project."""

    tool: Tool
    folder: Path
    edit: Edit = UNEDITED
    stopped: bool = False
    """A process failed or took too long; what would follow it would measure nothing."""


@dataclass
class Schedule:
    """The measurements of one project; `root` is a folder for the projects and logs."""

    project: ProjectDescription
    tools: Sequence[Tool]
    steps: Sequence[Step]
    limits: Limits
    root: Path
    orders: int
    progress: Progress
    cells: list[Cell] = field(default_factory=list)
    complete: bool = True
    """False once time ran out: some tools have then made edits that others have not."""

    def run(self) -> list[Cell]:
        """Every step with every tool in turn; the order of the tools rotates with the round."""
        deadline = time.monotonic() + self.limits.total
        contenders = [self._contender(tool) for tool in self.tools]
        for step in preparation(self.steps):
            for contender in contenders:
                self._do(contender, step, 0, keep=False)
        for number in range(self.limits.repeats):
            turn = number % max(1, len(contenders))
            for step in (step for step in Step if step in self.steps):
                for contender in contenders[turn:] + contenders[:turn]:
                    if time.monotonic() > deadline:
                        self.complete = False
                        self.progress("out of time: the remaining rounds are left out")
                        return self.cells
                    self._do(contender, step, number, keep=True)
        return self.cells

    def folder(self, tool: Tool) -> Path:
        """Where the tool's copy of the project is."""
        return self.root / f"{self.project.shape}-{self.project.nodes}" / tool.name

    def _contender(self, tool: Tool) -> _Contender:
        folder = fresh(self.folder(tool))
        write_sources(folder / "data", self.orders)
        tool.write(self.project, folder)
        return _Contender(tool, folder)

    def _do(self, contender: _Contender, step: Step, number: int, *, keep: bool) -> None:
        tool = contender.tool
        command = tool.command(step)
        if command is None or contender.stopped:
            return
        tool.prepare(step, contender.folder)
        self._apply_edit(contender, step)
        home = self.root / "home" / tool.name
        home.mkdir(parents=True, exist_ok=True)
        sample = measure(
            command,
            cwd=contender.folder,
            env=tool.variables(home),
            timeout=self.limits.timeout,
            log=contender.folder.parent / "logs" / f"{tool.name}-{step}.log",
        )
        contender.stopped = sample.outcome != "ok"
        name = f"{self.project.shape:<9}  {self.project.nodes:>6,}  {step:<10}  {tool.name:<9}"
        self.progress(f"{name}  {sample.wall:8.2f} s  {sample.outcome}")
        if keep or contender.stopped:
            shape, nodes = self.project.shape, self.project.nodes
            self.cells.append(Cell(shape, nodes, tool.name, step, number, command, sample))

    def _apply_edit(self, contender: _Contender, step: Step) -> None:
        edit = contender.edit
        match step:
            case Step.ADD_COLUMN:
                contender.edit = Edit(edit.rate, edit.columns + 1)
            case Step.EDIT:
                contender.edit = Edit(edit.rate + 1, edit.columns)
            case _:
                return
        model = self.project.model(self.project.edited_index, contender.edit)
        contender.tool.write_model(model, contender.folder)
