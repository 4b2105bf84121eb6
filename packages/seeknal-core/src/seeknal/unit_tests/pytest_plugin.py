"""Makes pytest run the unit tests of seeknal projects: files `tests/**/*.yml` beside a seeknal_project.yml.

pytest finds this through its entry points. Nothing but pytest and the standard library is imported until there is such a file.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from seeknal.unit_tests.computing import Computing
    from seeknal.unit_tests.model import InvalidTest, TestOutcome, UnitTest

_CONFIG, _FOLDER = "seeknal_project.yml", "tests"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> UnitTestFile | None:
    """Collect a file of unit tests."""
    if file_path.suffix not in (".yml", ".yaml"):
        return None
    root = _project_of(file_path.parent)
    return UnitTestFile.from_parent(parent, path=file_path, root=root) if root is not None else None


@cache
def _project_of(folder: Path) -> Path | None:
    """The project whose `tests/` this folder is in."""
    for inside in (folder, *folder.parents):
        if inside.name == _FOLDER and (inside.parent / _CONFIG).is_file():
            return inside.parent
    return None


class _Projects:
    """The projects of one pytest run: each read once, with one engine."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._loaded: dict[Path, dict[str, tuple[list[UnitTest], list[InvalidTest]]]] = {}
        self._engines: dict[Path, Computing] = {}

    def tests(self, root: Path, path: Path) -> tuple[list[UnitTest], list[InvalidTest]]:
        """The tests of one file, those that make no sense apart."""
        if root not in self._loaded:
            self._load(root)
        return self._loaded[root].get(path.relative_to(root).as_posix(), ([], []))

    def computing(self, root: Path) -> Computing:
        """What runs a project's tests."""
        from seeknal.api import Project
        from seeknal.unit_tests.running import engines

        if root not in self._engines:
            take = self._stack.enter_context(engines(Project.open(root), 1))
            self._engines[root] = self._stack.enter_context(take())
        return self._engines[root]

    def close(self) -> None:
        """Close the engines."""
        self._stack.close()

    def _load(self, root: Path) -> None:
        from seeknal.api import Project
        from seeknal.unit_tests.loading import load_tests

        found = self._loaded[root] = {}
        tests, invalid = load_tests(Project.open(root))
        for test in tests:
            found.setdefault(test.at.path, ([], []))[0].append(test)
        for broken in invalid:
            found.setdefault(broken.at.path, ([], []))[1].append(broken)


_PROJECTS = pytest.StashKey[_Projects]()


def _projects(config: pytest.Config) -> _Projects:
    if _PROJECTS not in config.stash:
        config.stash[_PROJECTS] = _Projects()
        config.add_cleanup(config.stash[_PROJECTS].close)
    return config.stash[_PROJECTS]


class NotPassedError(Exception):
    """A test did not pass; the text says why."""

    def __init__(self, outcome: TestOutcome, root: Path) -> None:
        from seeknal.unit_tests.reporting import explained

        super().__init__(f"{outcome.status}: {outcome.id}\n{explained(outcome, root)}")


class UnitTestFile(pytest.File):
    """A file of unit tests."""

    def __init__(self, *, root: Path, **given: object) -> None:
        super().__init__(**given)  # type: ignore[arg-type]
        self.root = root

    def collect(self) -> Iterable[pytest.Item]:
        """A test each document."""
        from seeknal.errors import SeeknalError, explain

        try:
            tests, invalid = _projects(self.config).tests(self.root, self.path)
        except SeeknalError as error:
            raise self.CollectError(explain(error, self.root)) from None
        yield from self._items(tests, invalid)

    def _items(self, tests: list[UnitTest], invalid: list[InvalidTest]) -> Iterator[pytest.Item]:
        for test in tests:
            yield UnitTestItem.from_parent(self, name=f"{test.node.id}.{test.name}", found=test)
        for broken in invalid:
            name = f"{broken.node}.{broken.name}" if broken.name else self.path.name
            yield UnitTestItem.from_parent(self, name=name, found=broken)


class UnitTestItem(pytest.Item):
    """One unit test."""

    def __init__(self, *, found: UnitTest | InvalidTest, **given: object) -> None:
        super().__init__(**given)  # type: ignore[arg-type]
        self.found = found

    def runtest(self) -> None:
        """Run it. Raises NotPassedError."""
        from seeknal.unit_tests.model import InvalidTest, TestOutcome
        from seeknal.unit_tests.running import run_test

        root = self.parent.root  # type: ignore[union-attr]
        if isinstance(self.found, InvalidTest):
            outcome = TestOutcome(self.found.name, self.found.node, self.found.at, "invalid", errors=self.found.errors)
        else:
            outcome = run_test(_projects(self.config).computing(root), self.found)
        if outcome.status != "passed":
            raise NotPassedError(outcome, root)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """The difference, without a traceback of what is not the user's."""
        if isinstance(excinfo.value, NotPassedError):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo, style))  # type: ignore[arg-type]

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it stands."""
        return self.path, self.found.at.line - 1, self.name
