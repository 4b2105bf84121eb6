"""How long the lineage of a column takes through chains of nodes.

``python -m benchmarks.lineage --help``. The budget is the project's own: 50 ms for a column through 50 nodes whose queries have
been analysed before.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.table import table
from seeknal import Project

_BUDGETS = {50: 0.05}
"""Seconds, by number of nodes."""

_FIRST = "SELECT 1 AS id, 2 AS a, 3 AS b"
_NEXT = "SELECT id, a + b AS a, b FROM {{{{ ref('n{before}') }}}} WHERE id > {number}"


def write(folder: Path, nodes: int) -> None:
    """Write a chain: each node computes a column from two of the one before, and filters by a third."""
    (folder / "seeknal").mkdir(parents=True)
    (folder / "seeknal_project.yml").write_text("name: chain\n")
    for number in range(nodes):
        text = _NEXT.format(before=number - 1, number=number) if number else _FIRST
        (folder / "seeknal" / f"n{number}.sql").write_text(text)


def measure(folder: Path, nodes: int, repeats: int) -> list[list[str]]:
    """Rows of the table for one chain."""
    last = f"transform.n{nodes - 1}.a"
    cold = _seconds(lambda: _asked(Project.open(folder), last))
    project = Project.open(folder)
    warm = statistics.median(_seconds(lambda: _asked(Project.open(folder), last)) for _ in range(repeats))
    opened = statistics.median(_seconds(lambda: _asked(project, last)) for _ in range(repeats))
    graph = project.lineage()
    graph.of(last, whole=True)
    again = statistics.median(_seconds(lambda: graph.of(last, whole=True)) for _ in range(repeats))
    reached = statistics.median(_seconds(lambda: project.lineage().impact("n0.a")) for _ in range(repeats))
    budget = _BUDGETS.get(nodes)
    timings = [
        ("project never read before", cold, None),
        ("project to be read, queries analysed before", warm, None),
        ("project read, queries analysed before", opened, budget),
        ("asked again", again, budget),
        ("impact of the first node's", reached, None),
    ]
    return [[f"{nodes:,}", name, f"{taken * 1000:,.1f} ms", _verdict(taken, limit)] for name, taken, limit in timings]


def _asked(project: Project, column: str) -> None:
    project.lineage().of(column, whole=True)
    project.analyses.keep()


def _seconds(action: Callable[[], object]) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def _verdict(taken: float, budget: float | None) -> str:
    if budget is None:
        return ""
    return f"{'within' if taken <= budget else 'over'} {budget * 1000:,.0f} ms"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 if something is over its budget."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lineage", description=__doc__)
    parser.add_argument("--sizes", type=lambda text: [int(part) for part in text.split(",")], default=[50, 1_000], help="such as 50,1000")
    parser.add_argument("--repeats", type=int, default=5, help="rounds; medians are reported")
    options = parser.parse_args(arguments)
    rows: list[list[str]] = []
    for nodes in options.sizes:
        folder = Path(tempfile.mkdtemp(prefix="lineage-"))
        try:
            write(folder / "chain", nodes)
            rows += measure(folder / "chain", nodes, options.repeats)
        finally:
            shutil.rmtree(folder)
    print(table(["nodes", "the whole lineage of a column of the last", "", ""], rows))
    return int(any(row[-1].startswith("over") for row in rows))


if __name__ == "__main__":
    sys.exit(main())
