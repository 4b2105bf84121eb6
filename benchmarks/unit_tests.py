"""How long the unit tests of a project take, as a whole process.

``python -m benchmarks.unit_tests --help``. The budget is the project's own: 200 tests in 5 s. Each
node joins two inputs, filters, groups and asks for the date; each of its two tests gives seven rows
and expects two.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.process import Sample, measure
from benchmarks.table import mebibytes, seconds, table
from benchmarks.tools.base import ROOT

_SEEKNAL = str(ROOT / ".venv" / "bin" / "seeknal")
_BUDGETS = {200: 5.0}
"""Seconds, by number of tests."""

_SOURCES = """\
kind: source
name: orders
type: csv
table: data/orders.csv
---
kind: source
name: customers
type: csv
table: data/customers.csv
"""
_NODE = """\
WITH paid AS (SELECT * FROM {{{{ ref('source.orders') }}}} WHERE amount > {number})
SELECT c.country, count(*) AS orders, sum(p.amount) AS revenue, current_date AS day
FROM paid AS p JOIN {{{{ ref('source.customers') }}}} AS c ON c.id = p.customer_id
GROUP BY c.country
"""
_TEST = """\
name: test_{number}_{which}
node: transform.n{number}
now: 2026-01-31
inputs:
  source.orders:
{orders}
  source.customers: [{{id: 0, country: ID}}, {{id: 1, country: MY}}]
expect:
  rows:
    - {{country: ID, orders: 3, revenue: {first}, day: 2026-01-31}}
    - {{country: MY, orders: 2, revenue: {second}, day: 2026-01-31}}
"""


def write(folder: Path, tests: int) -> None:
    """Write a project with that many tests, two a node, in a file a node."""
    for name in ("seeknal", "tests"):
        (folder / name).mkdir(parents=True)
    (folder / "seeknal_project.yml").write_text("name: tested\n")
    (folder / "seeknal" / "sources.yml").write_text(_SOURCES)
    for number in range(tests // 2):
        (folder / "seeknal" / f"n{number}.sql").write_text(_NODE.format(number=number))
        (folder / "tests" / f"n{number}.yml").write_text("---\n".join(_test(number, which) for which in range(2)))


def _test(number: int, which: int) -> str:
    amounts = [number + 1 + i + which + 0.5 for i in range(5)]
    rows = [f"    - {{id: {i}, customer_id: {i % 2}, amount: {a}, at: 2026-01-0{i + 1}}}" for i, a in enumerate(amounts)]
    first, second = sum(amounts[::2]), sum(amounts[1::2])
    return _TEST.format(number=number, which=which, orders="\n".join(rows), first=first, second=second)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 if something failed or is over its budget."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.unit_tests", description=__doc__)
    parser.add_argument("--sizes", type=lambda text: [int(part) for part in text.split(",")], default=[200], help="such as 200,1000")
    parser.add_argument("--repeats", type=int, default=5, help="rounds; medians are reported")
    options = parser.parse_args(arguments)
    rows: list[list[str]] = []
    for tests in options.sizes:
        folder = Path(tempfile.mkdtemp(prefix="unit-tests-"))
        try:
            write(folder / "project", tests)
            found = [_run(folder) for _ in range(options.repeats)]
        finally:
            shutil.rmtree(folder)
        rows.append(_row(tests, found))
    print(table(["tests", "wall", "fastest", "CPU", "peak RSS", ""], rows))
    return int(any(not row[-1].startswith("within") and row[-1] for row in rows))


def _run(folder: Path) -> Sample:
    return measure([_SEEKNAL, "test"], cwd=folder / "project", env=os.environ, timeout=600, log=folder / "test.log")


def _row(tests: int, found: Sequence[Sample]) -> list[str]:
    wall = statistics.median(s.wall for s in found)
    budget = _BUDGETS.get(tests)
    verdict = "" if budget is None else f"{'within' if wall <= budget else 'over'} {budget:g} s"
    if any(sample.outcome != "ok" for sample in found):
        verdict = f"failed: {next(s.tail for s in found if s.outcome != 'ok')[-200:]}"
    cpu = statistics.median(s.cpu for s in found)
    return [f"{tests:,}", seconds(wall), seconds(min(s.wall for s in found)), seconds(cpu), mebibytes(max(s.rss for s in found)), verdict]


if __name__ == "__main__":
    sys.exit(main())
