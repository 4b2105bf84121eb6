"""A project, a place for its state, and the command line as processes that can be killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.faults import shop

from seeknal.api import Project
from seeknal.artifacts import META

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

BACKENDS = ("file", "sqlite", "postgres")
_ENTRY = "from seeknal.cli import main; main()"
_STORED = ("source", "transform")
SECONDS = 120
OURS = ("Traceback", "internal error")


class Wrong(AssertionError):
    """What a fault must not lead to."""


@dataclass
class Tried:
    """How often a fault was tried, and what came of it."""

    fault: str
    backend: str
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How often it was tried."""
        return sum(self.outcomes.values()) + len(self.wrong)


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    command: tuple[str, ...]
    code: int
    output: str


@dataclass
class Bench:
    """One project under test. `expected` is what each version publishes when nothing happens to it."""

    root: Path
    backend: str
    environment: dict[str, str]
    expected: list[dict[str, Any]]
    version: int = 0

    @classmethod
    def make(cls, base: Path, backend: str, server: Any = None) -> Bench:
        """A project that has been built, with its state in such a backend."""
        environment = {**os.environ, "PYTHONUTF8": "1"}
        environment.pop("SEEKNAL_STATE_URL", None)
        bench = cls(base / f"{backend}-{uuid.uuid4().hex[:6]}", backend, environment, expected(base))
        if server is not None:
            url = f"postgresql://{server.user}@{server.host}:{server.port}/{server.database}?schema=f_{uuid.uuid4().hex[:8]}"
            bench.environment["FAULTS_URL"] = url
            bench.environment["PGPASSWORD"] = os.environ["PGPASSWORD"] = server.password
        bench.write(0)
        bench.finish()
        return bench

    @property
    def state(self) -> str:
        """The setting of the state."""
        settings = {
            "file": "{backend: file}",
            "sqlite": "{backend: sqlite, lease_seconds: 10}",
            "postgres": '{backend: postgres, url: "${FAULTS_URL}", lease_seconds: 10}',
        }
        return settings[self.backend]

    def write(self, version: int) -> None:
        """Make the project that version."""
        self.version = version
        shop.write(self.root, version, self.state)

    def edit(self) -> None:
        """Make it the next version."""
        self.write((self.version + 1) % shop.VERSIONS)

    # Commands

    def start(self, *arguments: str, limit: int | None = None) -> subprocess.Popen[bytes]:
        """A command, running; `limit` is how many bytes a file may have."""
        command = [sys.executable, "-c", _ENTRY, *arguments]
        if limit is not None:
            command = ["prlimit", f"--fsize={limit}", *command]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=self.environment,
            stdout=pipe,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )

    def command(self, *arguments: str, limit: int | None = None) -> Done:
        """A command to its end. Raises Wrong for a bug of ours."""
        process = self.start(*arguments, limit=limit)
        return ended(process, arguments)

    def killed(self, chance: random.Random, longest: float, *arguments: str) -> bool:
        """A command, killed at some instant within so many seconds. Returns whether it was still running."""
        process = self.start(*arguments)
        time.sleep(chance.uniform(0.0, longest))
        running = process.poll() is None
        process.kill()
        process.communicate()
        return running

    # What must hold

    def check_visible(self, *versions: int) -> None:
        """What is published is one of these versions, whole. Raises Wrong."""
        now = shop.published(self.root)
        for version in versions:
            wanted = self.expected[version]
            if {k: v for k, v in now.items() if "/" not in k} == {k: v for k, v in wanted.items() if "/" not in k}:
                return
        differing = [k for k in now if now[k] != self.expected[versions[-1]].get(k)]
        raise Wrong(f"what is published is neither of the versions {versions}: {differing[:5]}")

    def check_state(self, *, every: bool = True) -> dict[str, str]:
        """The state can be read, and all it points to is whole; with `every`, so are all outputs that are described.

        Returns the key of each node. Raises Wrong.
        """
        project = self.open()
        snapshot = project.state.read()
        for node, pointer in snapshot.pointers("prod").items():
            artifact = snapshot.artifact(pointer.key)
            if node.partition(".")[0] in _STORED and not pointer.is_view and artifact is None:
                raise Wrong(f"{node} points to an output that the state does not know")
            if artifact is not None and project.store.verify(artifact) != "whole":
                raise Wrong(f"{node} points to an output that is not whole")
        described = {str(p.parent) for p in self.root.glob(f"target/cache/*/*/*/{META}")}
        whole = {str(project.target / str(a.location)) for a in project.store.walk()}
        if every and described != whole:
            raise Wrong(f"outputs that are described and not whole: {sorted(described - whole)[:3]}")
        return {str(n): str(p.key) for n, p in snapshot.pointers("prod").items()}

    def open(self) -> Project:
        """The project in this process, with the environment of its commands."""
        os.environ.update({k: v for k, v in self.environment.items() if k == "FAULTS_URL"})
        return Project.open(self.root)

    def finish(self, before: dict[str, str] | None = None) -> Done:
        """Run to completion. What was committed `before` is not built again, and all is as a clean run makes it. Raises Wrong."""
        done = self.command("run", "--wait", "--format", "json")
        if done.code:
            raise Wrong(f"a run does not end well: {done.output[-2000:]}")
        now = self.check_state()
        if before is not None:
            redone = [n for n in built(done) if before.get(n) == now[n] and n.partition(".")[0] in _STORED]
            if redone:
                raise Wrong(f"built again although it was committed: {redone}")
        self.check_visible(self.version)
        if shop.published(self.root) != self.expected[self.version]:
            raise Wrong("outputs differ from those of a clean run")
        return done


def built(done: Done) -> list[str]:
    """The nodes a run built, as its JSON says."""
    import json

    document = json.loads(done.output[done.output.index("{\n") :])
    return [n["id"] for n in document["nodes"] if n["status"] == "built"]


def ended(process: subprocess.Popen[bytes], arguments: tuple[str, ...]) -> Done:
    """A process that is waited for. Raises Wrong for one that does not end, or ends in a bug of ours."""
    try:
        output = process.communicate(timeout=SECONDS)[0].decode(errors="replace")
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise Wrong(f"`{' '.join(arguments)}` did not end within {SECONDS} s") from None
    if any(word in output for word in OURS) or process.returncode < 0:
        raise Wrong(f"`{' '.join(arguments)}` ended with {process.returncode}: {output[-3000:]}")
    return Done(arguments, process.returncode, output)


def explained(done: Done) -> str:
    """How a command ended, for the count: `done`, or the code of the error it named. Raises Wrong where it failed without one."""
    if done.code == 0:
        return "done"
    at = done.output.find("[SK-")
    if at < 0:
        raise Wrong(f"`{' '.join(done.command)}` failed with {done.code} and named no reason: {done.output[-2000:]}")
    return done.output[at + 1 : done.output.index("]", at)]


def attempt(tried: Tried, trial: Callable[[], str], name: str) -> None:
    """Make one trial and count what came of it."""
    try:
        tried.outcomes[trial()] += 1
    except Wrong as problem:
        tried.wrong.append(f"{tried.fault} on {tried.backend}, {name}: {problem}")


_known: dict[Path, list[dict[str, Any]]] = {}


def expected(base: Path) -> list[dict[str, Any]]:
    """What each version publishes, built in a clean folder each."""
    if base not in _known:
        _known[base] = [_clean(base / f"clean-{version}", version) for version in range(shop.VERSIONS)]
    return _known[base]


def _clean(root: Path, version: int) -> dict[str, Any]:
    shop.write(root, version, "{backend: file}")
    environment = {k: v for k, v in os.environ.items() if k != "SEEKNAL_STATE_URL"}
    run = partial(subprocess.run, cwd=root, env=environment, check=True, capture_output=True, timeout=SECONDS)
    run([sys.executable, "-c", _ENTRY, "run"])
    found = shop.published(root)
    shutil.rmtree(root)
    return found
