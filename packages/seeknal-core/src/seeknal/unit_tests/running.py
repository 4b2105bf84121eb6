"""Runs unit tests on the engine: nothing of the project's data is read, and nothing is kept."""

from __future__ import annotations

import os
import queue
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from seeknal.errors import NodeError, ProjectError, ProjectErrors, SeeknalError
from seeknal.protocols import SessionSettings
from seeknal.targets import load_target
from seeknal.unit_tests.computing import Computing
from seeknal.unit_tests.model import InvalidTest, TestOutcome, UnitTest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from seeknal.api import Project
    from seeknal.protocols import Session
    from seeknal.unit_tests.model import Status

MOST_WORKERS = 8


def run_tests(
    project: Project,
    tests: Sequence[UnitTest],
    invalid: Iterable[InvalidTest] = (),
    *,
    workers: int | None = None,
    listener: Callable[[TestOutcome], None] | None = None,
) -> list[TestOutcome]:
    """Run tests side by side, each by itself, and report on all in the order of their files. `listener` hears of each as it ends."""
    outcomes = [TestOutcome(i.name, i.node, i.at, "invalid", errors=i.errors) for i in invalid]
    count = max(1, min(workers or min(os.cpu_count() or 1, MOST_WORKERS), len(tests)))
    with engines(project, count if tests else 0) as take:

        def run(test: UnitTest) -> TestOutcome:
            with take() as computing:
                outcome = run_test(computing, test)
            if listener is not None:
                listener(outcome)
            return outcome

        with ThreadPoolExecutor(count, thread_name_prefix="seeknal-test") as pool:
            outcomes += pool.map(run, tests)
    return sorted(outcomes, key=lambda o: (o.at, o.name))


@contextmanager
def engines(project: Project, count: int) -> Iterator[Callable[[], AbstractContextManager[Computing]]]:
    """Engines in memory, to be taken by one test at a time."""
    idle: queue.SimpleQueue[Computing] = queue.SimpleQueue()
    opened: list[Session] = []
    driver = load_target(project.loaded.engine.target)()

    @contextmanager
    def take() -> Iterator[Computing]:
        computing = idle.get()
        try:
            yield computing
        finally:
            idle.put(computing)

    with tempfile.TemporaryDirectory(prefix="seeknal-test-") as folder:
        scratch = Path(folder)
        try:
            for number in range(count):
                own = scratch / str(number)
                own.mkdir()
                opened.append(driver.open(SessionSettings(own, readable=(own,), writable=(own,), threads=1)))
                idle.put(Computing(project, opened[-1], own))
            yield take
        finally:
            for session in opened:
                session.close()


def run_test(computing: Computing, test: UnitTest) -> TestOutcome:
    """Run one test. Whatever goes wrong in it is its outcome."""
    begun = time.perf_counter()

    def outcome(status: Status, **found: object) -> TestOutcome:
        return TestOutcome(test.name, test.node.id, test.at, status, time.perf_counter() - begun, **found)  # type: ignore[arg-type]

    try:
        checks = computing.checks(test)
    except ProjectErrors as error:
        return outcome("invalid", errors=tuple(error.errors))
    except ProjectError as error:
        return outcome("invalid", errors=(error,))
    except SeeknalError as error:
        return outcome("error", errors=(error,))
    except Exception as error:  # noqa: BLE001 - one broken test never hides the others
        message = f"{type(error).__name__}: {error}"
        return outcome(
            "error", errors=(NodeError("SK-TEST-010", message, at=test.at, hint="this is a fault of seeknal; please report it"),)
        )
    return outcome("failed" if checks else "passed", checks=tuple(checks))
