"""What came of running a project in a test, with the questions tests ask of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeknal.errors import ProjectErrors, SeeknalError, explain

if TYPE_CHECKING:
    from pathlib import Path

    from seeknal.run.results import NodeResult, RunResult
    from seeknal.testing.project import ProjectFolder


@dataclass(frozen=True)
class Outcome:
    """What a run came to: `result` where there was one, `error` where the project or the run was refused."""

    folder: ProjectFolder
    result: RunResult | None = None
    error: SeeknalError | None = None
    _nodes: dict[str, NodeResult] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._nodes.update({n.id: n for n in self.result.nodes} if self.result else {})

    @property
    def exit_code(self) -> int:
        """What `seeknal run` would exit with."""
        if self.error is not None:
            return self.error.exit_code
        return self.result.exit_code if self.result else 0

    @property
    def errors(self) -> list[SeeknalError]:
        """Every error, those of a project in the order of their places, those of nodes in the order of the graph."""
        if isinstance(self.error, ProjectErrors):
            return list(self.error.errors)
        if self.error is not None:
            return [self.error]
        return [n.error for n in self._nodes.values() if n.error is not None]

    @property
    def output(self) -> str:
        """Every error as people see it, and every warning."""
        shown = [explain(e, self.folder.root) for e in self.errors]
        return "\n\n".join([*shown, *(f"warning: {n}" for n in (self.result.notices if self.result else []))])

    @property
    def built(self) -> set[str]:
        """The ids of the nodes that were built."""
        return self._having("built")

    @property
    def reused(self) -> set[str]:
        """The ids of the nodes whose output was there already."""
        return self._having("reused")

    @property
    def failed(self) -> set[str]:
        """The ids of the nodes that failed."""
        return self._having("failed")

    @property
    def skipped(self) -> set[str]:
        """The ids of the nodes that were not tried."""
        return self._having("skipped")

    def node(self, node: str) -> NodeResult:
        """Everything about one node, by its id."""
        assert node in self._nodes, f"{node} was not part of the run; there were {', '.join(self._nodes) or 'none'}\n{self.output}"
        return self._nodes[node]

    def status(self, node: str) -> str:
        """`built`, `reused`, `failed` or `skipped`."""
        return self.node(node).status

    def reason(self, node: str) -> str:
        """Why the node ended so."""
        return self.node(node).reason

    def rows(self, node: str) -> list[tuple[Any, ...]]:
        """The rows that are published for a node, now."""
        return self.folder.rows(node)

    def assert_success(self) -> Outcome:
        """Fail the test unless everything went well."""
        assert self.exit_code == 0, f"expected success\n\n{self.output}"
        return self

    def assert_failed(self, code: str | None = None, *, exit_code: int | None = None) -> Outcome:
        """Fail the test unless something failed; with `code`, unless an error has that code."""
        assert self.exit_code != 0, f"expected a failure, found built {sorted(self.built)} and reused {sorted(self.reused)}"
        found = [e.code for e in self.errors]
        assert code is None or code in found, f"expected {code}, found {found}\n\n{self.output}"
        assert exit_code is None or self.exit_code == exit_code, f"expected exit code {exit_code}, found {self.exit_code}"
        return self

    def _having(self, status: str) -> set[str]:
        return {n.id for n in self._nodes.values() if n.status == status}


@dataclass(frozen=True)
class CommandOutcome:
    """What a `seeknal` command came to, in a process of its own."""

    command: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str
    root: Path

    @property
    def output(self) -> str:
        """Everything that was printed, results first."""
        return self.stdout + self.stderr

    def json(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.stdout)

    def assert_success(self) -> CommandOutcome:
        """Fail the test unless the command exited with 0."""
        return self.assert_exit(0)

    def assert_failed(self, code: str | None = None, *, exit_code: int | None = None) -> CommandOutcome:
        """Fail the test unless the command failed without a bug of ours; with `code`, unless it printed that error."""
        assert self.exit_code != 0, f"expected a failure of {self}"
        assert "Traceback" not in self.stderr, str(self)
        assert "internal error" not in self.stderr, str(self)
        assert code is None or f"[{code}]" in self.stderr, f"expected {code} of {self}"
        return self if exit_code is None else self.assert_exit(exit_code)

    def assert_exit(self, exit_code: int) -> CommandOutcome:
        """Fail the test unless the command exited with this code."""
        assert self.exit_code == exit_code, f"expected exit code {exit_code} of {self}"
        return self

    def __str__(self) -> str:
        return f"`seeknal {' '.join(self.command)}`, which exited with {self.exit_code}\n{self.output}"
