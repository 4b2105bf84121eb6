"""Many commands at once: one writer at a time, nothing lost, nobody waits for ever."""

from __future__ import annotations

import random

from tests.faults.harness import Bench, Tried, Wrong, attempt, ended, explained

_CROWD = (
    *[("run", "--wait")] * 6, *[("run",)] * 5, ("run", "--full", "--wait"), ("plan",), ("show", "t5", "--limit", "3"), ("state", "info"),
    ("state", "export", "crowd.json", "--force"), ("history",), ("janitor", "--yes", "--grace", "0h", "--keep-runs", "0", "--wait"),
    ("janitor", "--yes"), ("state", "rebuild"),
)  # fmt: skip


def try_crowd(bench: Bench, rounds: int) -> Tried:
    """Start twenty commands at the same time, some rounds."""
    tried = Tried("20 commands at once", bench.backend)
    for number in range(rounds):
        attempt(tried, lambda n=number: _crowd(bench, n), f"round {number}")
    return tried


def _crowd(bench: Bench, number: int) -> str:
    bench.edit()
    commands = list(_CROWD)
    random.Random(number).shuffle(commands)
    running = [(bench.start(*c), c) for c in commands]
    done = [ended(process, c) for process, c in running]
    for one in done:
        if one.code not in (0, 4):
            raise Wrong(f"`{' '.join(one.command)}` ended with {one.code}: {explained(one)}: {one.output[-1500:]}")
        if "--wait" in one.command and one.code:
            raise Wrong(f"`{' '.join(one.command)}` did not wait: {one.output[-500:]}")
    bench.check_visible(bench.version)
    bench.finish(bench.check_state())
    return "all ended well, or with exit code 4"
