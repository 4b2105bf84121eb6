"""Truncating, corrupting and deleting each kind of file under target/: the next command recovers or explains, and no data is ever wrong."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
from tests.faults import shop
from tests.faults.harness import Bench, Done, Tried, Wrong, attempt, explained

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KINDS: dict[str, str] = {
    "state": "run_state.json",
    "backup": "run_state.json.bak",
    "database": "state.db",
    "journal": "run_state.journal",
    "rows": "cache/*/*/*/part-*.parquet",
    "description": "cache/*/*/*/artifact.json",
    "warehouse": "warehouse.duckdb",
    "publication": "warehouse.json",
    "settings": "settings.json",
    "parsed": "parsed.json",
    "analysed": "analysed.json",
    "results": "run_results.json",
    "history": "history/*.json",
    "marks": "janitor.json",
    "locks": "locks/*.lock",
}
_NEXT = (
    ("run",),
    ("plan",),
    ("show", "t5", "--limit", "0", "--format", "json"),
    ("state", "info"),
    ("state", "verify"),
    ("history",),
    ("janitor", "--dry-run"),
    ("janitor", "--yes", "--grace", "0h", "--keep-runs", "0"),
    ("list", "result:failed"),
    ("diff",),
    ("run", "--retry"),
    ("doctor",),
)


def truncated(data: bytes, chance: random.Random) -> bytes:
    """Cut off somewhere."""
    return data[: chance.randrange(len(data) or 1)]


def emptied(data: bytes, chance: random.Random) -> bytes:
    """Of no length."""
    del data, chance
    return b""


def flipped(data: bytes, chance: random.Random) -> bytes:
    """One bit is another."""
    at = chance.randrange(len(data)) if data else 0
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :] if data else b"\1"


def zeroed(data: bytes, chance: random.Random) -> bytes:
    """A block of it is zeros, as after a power cut."""
    at = chance.randrange(len(data) or 1)
    return data[:at] + bytes(min(512, len(data) - at)) + data[at + 512 :]


def replaced(data: bytes, chance: random.Random) -> bytes:
    """Something else altogether."""
    return chance.choice([b"{}", b"[]", b"null", b"42", b'{"a": 1}', chance.randbytes(len(data) or 10)])


WAYS: dict[str, Callable[[bytes, random.Random], bytes] | None] = {
    "truncated": truncated, "emptied": emptied, "flipped": flipped, "zeroed": zeroed, "replaced": replaced, "deleted": None,
}  # fmt: skip


@dataclass(frozen=True)
class Variant:
    """One damage: which kind of file, in which way, and what command comes next."""

    kind: str
    way: str
    command: tuple[str, ...]
    seed: int

    def __str__(self) -> str:
        return f"{self.kind} {self.way}, then `{' '.join(self.command)}`, seed {self.seed}"


def variants(count: int) -> list[Variant]:
    """So many variants; every kind of file, every way and every command early on."""
    found = []
    for seed in range(count):
        kind = list(KINDS)[seed % len(KINDS)]
        way = list(WAYS)[(seed // len(KINDS) + seed % len(KINDS)) % len(WAYS)]
        found.append(Variant(kind, way, _NEXT[(seed * 5 + seed // len(KINDS)) % len(_NEXT)], seed))
    return found


def try_damage(bench: Bench, count: int) -> Tried:
    """Make variants of damage, one after the other, the project being put right by a run in between."""
    tried = Tried("damage under target/", bench.backend)
    rows = shown(bench.command("show", "t5", "--limit", "0", "--format", "json"))
    bench.command("janitor", "--yes")
    whole = bench.root.with_name(f"{bench.root.name}-whole")
    shutil.copytree(bench.root, whole, copy_function=shutil.copy2)
    for variant in variants(count):
        shutil.rmtree(bench.root)
        shutil.copytree(whole, bench.root, copy_function=shutil.copy2)
        attempt(tried, lambda v=variant: _damage(bench, v, rows), str(variant))
    shutil.rmtree(whole)
    return tried


def shown(done: Done) -> list[tuple[int, int]]:
    """The rows that `show` printed."""
    return sorted((r["n"], r["v"]) for r in json.loads(done.output[done.output.index("[") :]))


def _damage(bench: Bench, variant: Variant, rows: list[tuple[int, int]]) -> str:
    chance = random.Random(variant.seed)
    paths = sorted((bench.root / "target").glob(KINDS[variant.kind]))
    if not paths:
        return "no such file"
    apply(chance.choice(paths), variant.way, chance)
    done = bench.command(*variant.command)
    said = explained(done) if done.code != 1 or "verify" not in variant.command else "done"
    if variant.command[0] == "show" and not done.code and shown(done) != rows:
        raise Wrong("wrong rows are shown")
    if variant.kind == "database":
        _put_right(bench)
    final = bench.command("run", "--format", "json")
    if final.code and variant.kind == "database":
        raise Wrong(f"a run does not end well: {final.output}")
    if final.code:
        raise Wrong(f"a run does not recover: {final.output}")
    bench.check_state(every=False)  # what nothing uses may be damaged: it is never read
    try:
        same = shop.published(bench.root) == bench.expected[bench.version]
    except duckdb.Error as error:
        raise Wrong(f"what is published cannot be read: {error}") from None
    if not same:
        raise Wrong("outputs differ from those of a clean run")
    return "recovered" if said == "done" else f"explained: {said}"


def apply(path: Path, way: str, chance: random.Random) -> None:
    """Damage a file."""
    change = WAYS[way]
    if change is None:
        path.unlink()
    else:
        path.write_bytes(change(path.read_bytes(), chance))


def _put_right(bench: Bench) -> None:
    """What SK-STATE-011 says to do with a damaged database: move it away, and rebuild."""
    done = bench.command("state", "info")
    if done.code or bench.command("run").code:
        for path in (bench.root / "target").glob("state.db*"):
            path.unlink()
        rebuilt = bench.command("state", "rebuild")
        if rebuilt.code:
            raise Wrong(f"the state cannot be rebuilt: {rebuilt.output}")
