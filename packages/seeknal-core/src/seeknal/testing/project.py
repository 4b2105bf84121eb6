"""A project for a test: files in, outcome out."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from seeknal.api import Project, RunOptions
from seeknal.errors import SeeknalError
from seeknal.testing.commands import TIMEOUT_SECONDS, seeknal
from seeknal.testing.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seeknal.testing.outcomes import CommandOutcome

CONFIG = "seeknal_project.yml"
_CONFIG_TEXT = "name: test\nversion: 1\n"


class ProjectMaker:
    """Makes projects, each in a folder of its own under `base`."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._made = 0

    def __call__(self, files: Mapping[str, str | bytes] | None = None, *, profile: str | None = None, **variables: Any) -> ProjectFolder:
        """Write a project's files by their paths; texts are dedented. `seeknal_project.yml` may be left out.

        `profile` and `variables` are what `--profile` and `--vars` say.
        """
        self._made += 1
        root = self._base / ("project" if self._made == 1 else f"project_{self._made}")
        root.mkdir(parents=True)
        folder = ProjectFolder(root, profile, variables)
        for path, content in {CONFIG: _CONFIG_TEXT, **(files or {})}.items():
            folder.write(path, content)
        return folder


class ProjectFolder:
    """A project on disk. Every call reads it anew, as every command does."""

    def __init__(self, root: Path, profile: str | None = None, variables: Mapping[str, Any] | None = None) -> None:
        self.root = root
        self.profile = profile
        self.variables = dict(variables or {})

    # Files

    def write(self, path: str, content: str | bytes) -> ProjectFolder:
        """Write a file, making its folders. Text is dedented, and a line break at its start dropped."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else dedent(content).removeprefix("\n").encode())
        return self

    def edit(self, path: str, old: str, new: str) -> ProjectFolder:
        """Replace text that must be in the file."""
        text = self.read(path)
        assert old in text, f"{path} does not hold {old!r}:\n{text}"
        (self.root / path).write_bytes(text.replace(old, new).encode())
        return self

    def delete(self, path: str) -> ProjectFolder:
        """Delete a file."""
        (self.root / path).unlink()
        return self

    def read(self, path: str) -> str:
        """The text of a file."""
        return (self.root / path).read_bytes().decode()

    # Running

    def open(self) -> Project:
        """The project as the Python API has it. Raises ProjectErrors with everything that is wrong."""
        return Project.open(self.root, profile=self.profile, variables=self.variables)

    def run(self, select: str | None = None, *, exclude: str | None = None, **options: Any) -> Outcome:
        """Run it in this process. `options` are those of `seeknal.RunOptions`, such as `full=True` or `continue_on_error=True`."""
        try:
            opened = self.open()
            chosen = opened.select(select, exclude)
            return Outcome(self, opened.run(RunOptions(selected=chosen, **options)))
        except SeeknalError as error:
            return Outcome(self, error=error)

    def rows(self, node: str, limit: int | None = None) -> list[tuple[Any, ...]]:
        """The rows that are published for a node."""
        return self.open().rows(node, limit).rows

    def columns(self, node: str) -> tuple[str, ...]:
        """The names of the columns that are published for a node."""
        return self.open().rows(node, 1).columns

    def cli(
        self, *arguments: str, env: Mapping[str, str] | None = None, cwd: str = ".", stdin: str = "", timeout: float = TIMEOUT_SECONDS
    ) -> CommandOutcome:
        """Run `seeknal ARGUMENTS` in a process of its own, in the project's folder or one below it."""
        shared = [] if self.profile is None else ["--profile", self.profile]
        if self.variables:
            shared += ["--vars", _as_yaml(self.variables)]
        return seeknal(*shared, *arguments, cwd=self.root / cwd, env=env, stdin=stdin, timeout=timeout)


def _as_yaml(values: Mapping[str, Any]) -> str:
    return json.dumps(dict(values))  # YAML reads JSON
