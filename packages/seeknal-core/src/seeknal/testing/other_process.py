"""What `StateSuite` lets another process do with the same state. Run as `python -m seeknal.testing.other_process JOB`."""

from __future__ import annotations

import itertools
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from seeknal.state.backend import Holder
from seeknal.state.model import Change
from seeknal.targets import load_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeknal.state.backend import StateBackend

COUNTER = "counter"
_TIMEOUT_SECONDS = 60


class OtherProcess:
    """A process that holds a lease or commits, from the test's side. Use it as a context manager: it is gone at the end."""

    def __init__(self, target: str, folder: Path, options: dict[str, Any], action: str, **arguments: Any) -> None:
        job = {"target": target, "folder": str(folder), "options": options, "action": action, "arguments": arguments}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "seeknal.testing.other_process", json.dumps(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def line(self) -> str:
        """The next line it prints; empty text when it ended."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def release(self) -> None:
        """Let it end by itself."""
        self._process.communicate(timeout=_TIMEOUT_SECONDS)
        assert self._process.returncode == 0, f"the other process exited with {self._process.returncode}"

    def kill(self) -> list[str]:
        """Kill it as the kernel would. Returns the whole lines it had printed and nobody had read."""
        self._process.kill()
        printed = self._process.communicate(timeout=_TIMEOUT_SECONDS)[0]
        return [line for line in printed.split("\n")[:-1] if line]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate(timeout=_TIMEOUT_SECONDS)


def this_process(run_id: str) -> Holder:
    """A holder that is this process."""
    return Holder(run_id, socket.gethostname(), os.getpid(), f"seeknal run --note 'ünï {run_id}'", "2026-01-31T12:00:00Z")


def hold(backend: StateBackend, name: str, run_id: str) -> None:
    """Hold a lease until told to let go, or killed."""
    with backend.lease(name, this_process(run_id), wait_seconds=_TIMEOUT_SECONDS):
        print("held", flush=True)  # noqa: T201 - what the test waits for
        sys.stdin.read()


def commit(backend: StateBackend, name: str, count: int | None = None, settle_every: int = 0) -> None:
    """Commit pairs of documents that belong together, and tell of each once it is acknowledged; until killed without `count`."""
    with backend.lease(name, this_process("pairs"), wait_seconds=_TIMEOUT_SECONDS) as lease:
        for number in itertools.count() if count is None else range(count):
            document = {"number": number, "text": "x" * 2000}
            backend.commit([Change("artifacts", f"pair{number}", document), Change("files", f"pair{number}", document)], lease)
            print(number, flush=True)  # noqa: T201 - what the test waits for
            if settle_every and number % settle_every == 0:
                backend.settle()


def swap(backend: StateBackend, names: list[str], count: int) -> None:
    """Commit under two leases, again and again until killed, what makes many documents of two environments say another number."""
    with (
        backend.lease(names[0], this_process("swap"), _TIMEOUT_SECONDS) as lease,
        backend.lease(names[1], this_process("swap"), _TIMEOUT_SECONDS),
    ):
        for number in itertools.count():
            document = {"number": number}
            pointers = [Change("pointers", f"{names[0]}/transform.n{n}", document) for n in range(count)]
            before = [Change("previous", f"{names[0]}/transform.n{n}", document) for n in range(count)]
            rows = [Change("environments", name, document) for name in names]
            backend.commit([*pointers, *before, *rows], lease)
            print(number, flush=True)  # noqa: T201 - what the test waits for


def increment(backend: StateBackend, name: str, times: int) -> None:
    """Read a number, add one and commit it, each time under the lease: nothing is lost where leases exclude each other."""
    print("ready", flush=True)  # noqa: T201 - what the test waits for
    for _ in range(times):
        with backend.lease(name, this_process("counting"), wait_seconds=_TIMEOUT_SECONDS) as lease:
            before = backend.read().tables["files"].get(COUNTER, {"value": 0})["value"]
            backend.commit([Change("files", COUNTER, {"value": before + 1})], lease)


def main() -> None:
    """Do the job named on the command line."""
    job = json.loads(sys.argv[1])
    backend = load_target(job["target"])(Path(job["folder"]), job["options"])
    actions: dict[str, Callable[..., None]] = {"hold": hold, "commit": commit, "increment": increment, "swap": swap}
    actions[job["action"]](backend, **job["arguments"])


if __name__ == "__main__":
    main()
