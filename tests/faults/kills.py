"""SIGKILL at random instants of each command that writes, then the same to its end. Another command is another entry of COMMANDS."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.faults.harness import Bench, Tried, Wrong, attempt

if TYPE_CHECKING:
    from collections.abc import Callable

_CLEAN = ("janitor", "--yes", "--grace", "0h", "--keep-runs", "0")


def run(bench: Bench, chance: random.Random) -> bool:
    """A run of a new version: prod is before or after, and nothing that was committed is built again."""
    before = bench.version
    bench.edit()
    alive = bench.killed(chance, 1.6, "run")
    bench.check_visible(before, bench.version)
    bench.finish(bench.check_state())
    return alive


def janitor(bench: Bench, chance: random.Random) -> bool:
    """The janitor with much to do: what is used stays whole, and a second time finishes it."""
    bench.edit()
    bench.finish()
    alive = bench.killed(chance, 0.9, *_CLEAN)
    bench.check_visible(bench.version)
    before = bench.check_state()
    done = bench.command(*_CLEAN)
    if done.code:
        raise Wrong(done.output)
    if bench.finish(before) and any(bench.root.glob("target/cache/*/*/*/.*.tmp")):
        raise Wrong("something is left although the janitor was here")
    return alive


def promote(bench: Bench, chance: random.Random) -> bool:
    """A promotion: prod is before or after, never between, and a second time finishes it."""
    before = bench.version
    bench.edit()
    built = bench.command("run", "--env", "dev", "--wait")
    if built.code:
        raise Wrong(built.output)
    alive = bench.killed(chance, 0.8, "promote", "dev", "--yes")
    bench.check_visible(before, bench.version)
    bench.check_state()
    done = bench.command("promote", "dev", "--yes", "--wait")
    if done.code:
        raise Wrong(done.output)
    bench.check_visible(bench.version)
    bench.finish()
    return alive


def migrate(bench: Bench, chance: random.Random) -> bool:
    """Copying the state: half a copy points at nothing, and a second time finishes it."""
    where = bench.root / "copy.db"
    for path in bench.root.glob("copy.db*"):
        path.unlink()
    arguments = ("migrate-state", "--from", bench.backend, "--to", f"sqlite:///{where}")
    alive = bench.killed(chance, 0.8, *arguments)
    done = bench.command(*arguments)
    if done.code or "the same in both" not in done.output:
        raise Wrong(f"the copy cannot be gone on with: {done.output}")
    bench.check_state()
    bench.check_visible(bench.version)
    return alive


def exported(bench: Bench, chance: random.Random) -> bool:
    """Exporting and importing: the file is whole or not there, and an import that was cut off is finished by a second."""
    file = bench.root / "backup.json"
    file.unlink(missing_ok=True)
    alive = bench.killed(chance, 0.7, "state", "export", "backup.json")
    if file.exists() and bench.command("state", "import", "backup.json", "--dry-run").code:
        raise Wrong("a file that is there is not whole")
    bench.killed(chance, 0.7, "state", "import", "backup.json")
    bench.check_state()
    bench.check_visible(bench.version)
    return alive


COMMANDS: dict[str, Callable[[Bench, random.Random], bool]] = {
    "run": run,
    "promote": promote,
    "janitor": janitor,
    "migrate-state": migrate,
    "state export": exported,
}


def try_kills(bench: Bench, seeds: range, names: tuple[str, ...] = tuple(COMMANDS)) -> list[Tried]:
    """Kill each of the commands once for every seed."""
    found = []
    for name in names:
        tried = Tried(f"SIGKILL during `{name}`", bench.backend)
        for seed in seeds:
            chance = random.Random(f"{name} {seed}")
            attempt(tried, lambda n=name, c=chance: "killed" if COMMANDS[n](bench, c) else "ended before", f"seed {seed}")
        found.append(tried)
    return found
