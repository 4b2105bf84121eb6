"""Every fault, many times: `python -m tests.faults`. Prints counts and outcomes, and writes them into docs/reliability.md."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.crowd import try_crowd
from tests.faults.damage import try_damage
from tests.faults.disk import try_full_disk
from tests.faults.harness import BACKENDS, Bench, Tried
from tests.faults.kills import try_kills
from tests.faults.outages import try_outages
from tests.servers import running_postgres

PAGE = Path(__file__).parents[2] / "docs/reliability.md"
_BEGIN, _END = "<!-- counts -->\n", "<!-- end of counts -->\n"


def main() -> int:
    """Try every fault on every backend."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30, help="kills of each command on each backend")
    parser.add_argument("--damage", type=int, default=200, help="variants of damage on the file backend; half of that on SQLite")
    parser.add_argument("--crowds", type=int, default=5)
    parser.add_argument("--disk", type=int, default=30)
    parser.add_argument("--outages", type=int, default=30)
    parser.add_argument("--backends", nargs="*", default=BACKENDS)
    parser.add_argument("--record", action="store_true", help="write the counts into docs/reliability.md")
    given = parser.parse_args()
    found: list[Tried] = []
    begun = time.monotonic()
    with contextlib.ExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        server = stack.enter_context(running_postgres()) if "postgres" in given.backends else None

        def show(tried: list[Tried]) -> None:
            for one in tried:
                print(f"{one.fault}, {one.backend}: {said(one)}", *one.wrong, sep="\n  WRONG ", flush=True)
            found.extend(tried)

        for backend in given.backends:
            bench = Bench.make(base, backend, server if backend == "postgres" else None)
            show(try_kills(bench, range(given.kills)))
            show([try_crowd(bench, given.crowds)])
            show([try_full_disk(bench, given.disk)])
            if backend == "postgres":
                show(try_outages(bench, server, given.outages))
            else:
                show([try_damage(bench, given.damage if backend == "file" else given.damage // 2)])
    wrong = sum(len(t.wrong) for t in found)
    print(f"{sum(t.count for t in found)} faults in {time.monotonic() - begun:.0f} s, {wrong} of them with a wrong outcome")
    if given.record:
        record(found)
    return 1 if wrong else 0


def said(tried: Tried) -> str:
    """The outcomes in words."""
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(tried.outcomes.items(), key=lambda pair: -pair[1]))


def record(found: list[Tried]) -> None:
    """Write the counts into the page."""
    rows = [f"| {t.fault} | {t.backend} | {t.count} | {said(t)} | {len(t.wrong)} |\n" for t in found]
    table = "| fault | backend | times | outcomes | wrong |\n|---|---|---|---|---|\n" + "".join(rows)
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    after = rest.partition(_END)[2]
    PAGE.write_text(f"{before}{_BEGIN}{table}{_END}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
