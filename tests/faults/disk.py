"""A disk that gets full in the middle of writes: said clearly, the previous state intact, and all is well once there is room.

No file may grow beyond a limit, of a few bytes to some hundred thousand; writes beyond it fail as on a full disk.
"""

from __future__ import annotations

import random

from tests.faults.harness import Bench, Tried, Wrong, attempt, explained

_COMMANDS = (
    ("run",), ("run", "--full"), ("run",), ("janitor", "--yes", "--grace", "0h", "--keep-runs", "0"), ("state", "rebuild"),
    ("state", "export", "full.json", "--force"), ("migrate-state", "--from", "{backend}", "--to", "sqlite:///full.db"),
)  # fmt: skip


def try_full_disk(bench: Bench, count: int) -> Tried:
    """Run commands with less and less room."""
    tried = Tried("disk full", bench.backend)
    for seed in range(count):
        attempt(tried, lambda s=seed: _full(bench, s), f"seed {seed}")
    return tried


def _full(bench: Bench, seed: int) -> str:
    chance = random.Random(seed)
    limit = int(2 ** chance.uniform(3, 20))

    before = bench.version
    bench.edit()
    command = tuple(part.format(backend=bench.backend) for part in _COMMANDS[seed % len(_COMMANDS)])
    done = bench.command(*command, limit=limit)
    said = explained(done)
    if done.code == 2 and not said.startswith(("SK-STATE", "SK-DISK")):
        raise Wrong(f"`{' '.join(command)}` with {limit} bytes says {said}: {done.output[-1500:]}")
    bench.check_visible(before, bench.version)
    bench.finish(bench.check_state())
    for path in bench.root.glob("full.*"):
        path.unlink()
    return "done" if said == "done" else f"failed cleanly: {said}"
