"""What the suite needs to know of a tool."""

import os
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from benchmarks.description import Model, ProjectDescription, Reference
from benchmarks.steps import Step

ROOT = Path(__file__).parents[2]
"""The root of the repository."""

_QUICK = 120.0
"""Seconds that asking for a version may take."""


class Tool(ABC):
    """A tool: how its project is written, what is typed for a step, what it generates."""

    name: ClassVar[str]
    venv: ClassVar[Path]
    package: ClassVar[str]
    """The distribution whose version is reported."""
    largest: ClassVar[int]
    """Models beyond which the tool is left out."""
    generated: ClassVar[tuple[str, ...]]
    """Paths in the project that the tool writes; without them it is a fresh clone."""
    database: ClassVar[str]
    """The database file, relative to the project, where the built rows can be read."""
    environment: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def write(self, project: ProjectDescription, folder: Path) -> None:
        """Write the whole project but for its data."""

    @abstractmethod
    def write_model(self, model: Model, folder: Path) -> None:
        """Write one model's file."""

    @abstractmethod
    def spell(self, reference: Reference) -> str:
        """Write a reference as the tool's SQL does."""

    @abstractmethod
    def arguments(self, step: Step) -> tuple[str, ...] | None:
        """What is typed for `step`; None where the tool has nothing of the kind."""

    @abstractmethod
    def relation(self, model: str) -> str:
        """The table of `database` where a model's rows are."""

    def command(self, step: Step) -> tuple[str, ...] | None:
        """The command line of `step`, with the program's full path."""
        arguments = self.arguments(step)
        if arguments is None:
            return None
        return (str(self.venv / "bin" / arguments[0]), *arguments[1:])

    def prepare(self, step: Step, folder: Path) -> None:
        """Whatever precedes `step` and is not part of what it costs."""
        if step in (Step.COLD_PARSE, Step.FIRST_RUN):
            self.forget(folder)

    def forget(self, folder: Path) -> None:
        """Remove everything the tool generated."""
        for name in self.generated:
            path = folder / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def installed(self) -> bool:
        """Whether the tool can be run here."""
        command = self.command(Step.HELP) or self.command(Step.NO_OP)
        return command is not None and Path(command[0]).exists()

    def versions(self) -> dict[str, str]:
        """The versions of the tool and of what it stands on."""
        packages = (self.package, "duckdb", "sqlglot")
        return {name: version for name in packages if (version := self._version(name))}

    def variables(self, home: Path) -> dict[str, str]:
        """The environment the tool runs in: nothing of the user's but the path."""
        return {
            "PATH": f"{self.venv / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
            "DO_NOT_TRACK": "1",
            **self.environment,
        }

    def _version(self, package: str) -> str:
        script = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
        done = subprocess.run(
            [self.venv / "bin" / "python", "-c", script, package],
            capture_output=True,
            text=True,
            timeout=_QUICK,
            check=False,
        )
        return done.stdout.strip()


def fresh(folder: Path) -> Path:
    """An empty folder at `folder`."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder
