"""Measure audits: ``python -m benchmarks.audits --help``."""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.audits.pipeline import audits, write_audits
from benchmarks.audits.table import AUDITS, write_dbt, write_seeknal
from benchmarks.machine import machine
from benchmarks.process import Sample, measure
from benchmarks.table import seconds, table
from benchmarks.tools.base import ROOT
from benchmarks.tpch.project import write_project

_TIMEOUT = 1800.0
_QUIET = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for, print tables, write JSON."""
    options = _parser().parse_args(arguments)
    results: dict[str, Any] = {"machine": machine()}
    if "table" in options.parts:
        results["table"] = one_table(options.work / "table", options.rows, options.dbt)
    if "tpch" in options.parts:
        results["tpch"] = pipeline(options.work / "tpch", options.data, options.repeats)
    (options.work / "audits.json").write_text(json.dumps(results, indent=2) + "\n")
    return 0


def one_table(work: Path, rows: int, dbt: Path) -> dict[str, Any]:
    """Twenty audits of one table: each alone, all together, and dbt's tests."""
    folder = work / "seeknal"
    shutil.rmtree(work, ignore_errors=True)
    write_seeknal(folder, rows, [])
    run(folder, "run")
    idle = run(folder, "run")
    alone = {}
    for number, (audit, _) in enumerate(AUDITS):
        write_seeknal(folder, rows, [audit])
        alone[f"{number} {audit['type']}"] = run(folder, "run")
    # once more from the beginning: what was audited alone is known by now
    shutil.rmtree(folder / "target")
    write_seeknal(folder, rows, [])
    run(folder, "run")
    write_seeknal(folder, rows, [a for a, _ in AUDITS])
    together = run(folder, "run")
    dearest = max(alone, key=lambda n: alone[n].cpu)
    lines = [
        ["nothing to do", *_costs(idle), ""],
        [f"the dearest alone ({dearest.partition(' ')[2]})", *_costs(alone[dearest]), "1.00"],
        ["all twenty", *_costs(together), f"{_net(together, idle) / _net(alone[dearest], idle):.2f}"],
        [
            "one by one, summed",
            *_costs(_sum(list(alone.values()))),
            f"{sum(_net(s, idle) for s in alone.values()) / _net(alone[dearest], idle):.2f}",
        ],
    ]
    if dbt.exists():
        write_dbt(work / "dbt", rows)
        tool = str(dbt / "bin" / "dbt")
        process([tool, "run", "--profiles-dir", "."], work / "dbt")
        tests = process([tool, "test", "--profiles-dir", "."], work / "dbt")
        lines.append(["dbt test, all twenty", *_costs(tests), ""])
    print(table([f"{rows:,} rows", "wall", "CPU", "CPU without start-up, against the dearest"], lines))
    return {"lines": lines, "alone": {n: [s.wall, s.cpu] for n, s in alone.items()}}


def pipeline(work: Path, data: Path, repeats: int) -> dict[str, Any]:
    """A first run of the TPC-H pipeline with and without forty audits, in turns."""
    samples: dict[bool, list[Sample]] = {False: [], True: []}
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "data").exists():
        shutil.copytree(data, work / "data")
    for _ in range(repeats):
        for wanted in (False, True):
            shutil.rmtree(work / "target", ignore_errors=True)
            write_project(work)
            write_audits(work, wanted=wanted)
            samples[wanted].append(run(work, "run"))
    without, with_audits = (median(s.cpu for s in samples[w]) for w in (False, True))
    lines = [[f"{len(audits())} audits" if w else "no audits", *_costs(_middle(samples[w]))] for w in (False, True)]
    lines[1].append(f"{with_audits / without - 1:+.0%}")
    lines[0].append("")
    print(table(["TPC-H, first run", "wall", "CPU", "CPU more"], lines))
    return {"lines": lines}


def run(folder: Path, *arguments: str) -> Sample:
    """Run seeknal. Raises RuntimeError where it fails."""
    return process([str(ROOT / ".venv" / "bin" / "seeknal"), *arguments, "-q"], folder)


def process(command: list[str], folder: Path) -> Sample:
    """Run a command to its end. Raises RuntimeError where it fails."""
    sample = measure(command, cwd=folder, env={**os.environ, **_QUIET}, timeout=_TIMEOUT, log=folder / "benchmark.log")
    if sample.outcome != "ok":
        message = f"{' '.join(command)}: {sample.outcome}\n{sample.tail}\n{(folder / 'benchmark.log').read_text()[-2000:]}"
        raise RuntimeError(message)
    return sample


def _net(sample: Sample, idle: Sample) -> float:
    return sample.cpu - idle.cpu


def _costs(sample: Sample) -> list[str]:
    return [seconds(sample.wall), seconds(sample.cpu)]


def _sum(samples: list[Sample]) -> Sample:
    return Sample(sum(s.wall for s in samples), sum(s.cpu for s in samples), max(s.rss for s in samples), "ok", 0)


def _middle(samples: list[Sample]) -> Sample:
    return Sample(median(s.wall for s in samples), median(s.cpu for s in samples), max(s.rss for s in samples), "ok", 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audits", description=__doc__)
    parser.add_argument("--work", type=Path, default=ROOT / ".bench" / "audits", help="where projects are written")
    parser.add_argument("--parts", nargs="+", choices=["table", "tpch"], default=["table", "tpch"])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--dbt", type=Path, default=ROOT / ".venvs" / "dbt", help="an environment with dbt; left out where there is none")
    parser.add_argument("--data", type=Path, default=ROOT / ".bench" / "tpch" / "sf1" / "project" / "data", help="made by benchmarks.tpch")
    parser.add_argument("--repeats", type=int, default=3, help="rounds of the pipeline")
    return parser


if __name__ == "__main__":
    sys.exit(main())
