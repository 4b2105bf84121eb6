"""What environments cost as whole processes, on a project where nothing, or one node, changed.

``python -m benchmarks.environments --help``. The budget is the project's own: 0.7 s for `plan dev` on 1,000 nodes.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.process import measure
from benchmarks.table import table

_BUDGETS = {("plan dev, nothing changed", 1000): 0.7}
"""Seconds, by step and number of nodes."""

_NEXT = "SELECT id, a + {number} AS a FROM {{{{ ref('n0') }}}}"
_SEEKNAL = str(Path(sys.executable).with_name("seeknal"))


def write(folder: Path, nodes: int) -> None:
    """Write a project in which all nodes but the first read the first."""
    (folder / "seeknal").mkdir(parents=True)
    (folder / "seeknal_project.yml").write_text("name: wide\n")
    (folder / "seeknal" / "n0.sql").write_text("SELECT 1 AS id, 2 AS a")
    for number in range(1, nodes):
        (folder / "seeknal" / f"n{number}.sql").write_text(_NEXT.format(number=number))


def figures(folder: Path, nodes: int, repeats: int) -> list[list[str]]:
    """Rows of the table for one project."""
    write(folder, nodes)
    _seconds(folder, "run")
    _seconds(folder, "run")  # analyses are kept by now
    unchanged = statistics.median(_seconds(folder, "plan", "dev") for _ in range(repeats))
    run = _seconds(folder, "run", "--env", "dev")
    edited = folder / "seeknal" / f"n{nodes - 1}.sql"
    edited.write_text(edited.read_text().replace("a + ", "a - "))
    planned = _seconds(folder, "plan", "dev")
    built = _seconds(folder, "run", "--env", "dev")
    promoted = _seconds(folder, "promote", "dev", "--yes")
    timings = [
        ("plan dev, nothing changed", unchanged),
        ("run --env dev, which makes it", run),
        ("plan dev, one node changed", planned),
        ("run --env dev, one node built", built),
        ("promote dev", promoted),
    ]
    return [[f"{nodes:,}", name, f"{taken:.2f} s", _verdict(taken, _BUDGETS.get((name, nodes)))] for name, taken in timings]


def _seconds(folder: Path, *arguments: str) -> float:
    sample = measure([_SEEKNAL, *arguments], cwd=folder, env=os.environ, timeout=900, log=folder.with_suffix(".log"))
    if sample.outcome != "ok":
        sys.exit(f"seeknal {' '.join(arguments)}: {sample.outcome}\n{sample.tail}")
    return sample.wall


def _verdict(taken: float, limit: float | None) -> str:
    return "" if limit is None else f"{'within' if taken <= limit else 'MISSES'} {limit:.1f} s"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.environments", description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="*", default=[100, 1000])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args(arguments)
    rows = []
    for nodes in options.nodes:
        folder = Path(tempfile.mkdtemp(prefix="environments-"))
        try:
            rows += figures(folder / "project", nodes, options.repeats)
        finally:
            shutil.rmtree(folder)
    print(table(["nodes", "", "time", "wanted"], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
