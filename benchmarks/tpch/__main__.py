"""Compare seeknal with a plain DuckDB script on TPC-H: ``python -m benchmarks.tpch --help``."""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks.machine import machine
from benchmarks.process import Sample, measure
from benchmarks.summary import summarize
from benchmarks.table import mebibytes, seconds, table
from benchmarks.tools.base import ROOT
from benchmarks.tools.seeknal import Seeknal
from benchmarks.tpch.data import generate
from benchmarks.tpch.project import rewrite_models, write_project

BASELINE = "plain parquet"
"""What the others are compared with: the same work, nothing around it."""

_VERIFY_TIMEOUT = 600.0
"""Seconds."""


@dataclass(frozen=True)
class Entry:
    """One thing that is run: a command, where, the folder that must not be there before, and what is done before that."""

    name: str
    command: tuple[str, ...]
    folder: Path
    forgets: Path | None = None
    prepare: Callable[[], None] | None = None


def entries(project: Path, output: Path, compression: str, threads: int) -> list[Entry]:
    """Everything that is compared, in the order in which it is run."""
    python = str(ROOT / ".venv" / "bin" / "python")
    script = (python, "-m", "benchmarks.tpch.plain", str(project / "data"))
    settings = ("--threads", str(threads))
    parquet = (*script, str(output / "parquet"), "--compression", compression, *settings)
    tables = (*script, str(output / "tables"), "--form", "tables", *settings)
    seeknal = (str(ROOT / ".venv" / "bin" / "seeknal"), "run")
    return [
        Entry(BASELINE, parquet, ROOT, output / "parquet"),
        Entry("plain tables", tables, ROOT, output / "tables"),
        Entry("seeknal run", seeknal, project, project / "target", lambda: write_project(project)),
        Entry("seeknal no-op", seeknal, project),
        Entry("seeknal rewritten", seeknal, project, None, lambda: rewrite_models(project)),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the ratios, write JSON; 1 if anything failed or the rows differ."""
    options = _parser().parse_args(arguments)
    work: Path = options.work / f"sf{options.scale:g}"
    project, output = work / "project", work / "plain"
    if not generate(project / "data", options.scale, _say):
        _say("the data could not be generated")
        return 1
    write_project(project)
    chosen = [
        entry for entry in entries(project, output, options.compression, options.threads) if not options.plain_only or entry.folder == ROOT
    ]
    samples: dict[str, list[Sample]] = {entry.name: [] for entry in chosen}
    for number in range(options.repeats):
        for entry in chosen:
            sample = _measure(entry, work, options.timeout)
            samples[entry.name].append(sample)
            _say(f"round {number + 1}  {entry.name:<13}  {sample.wall:8.2f} s  {sample.outcome}")
            if sample.outcome != "ok":
                _say(sample.tail)
                return 1
    print(f"\nTPC-H, scale factor {options.scale:g}\n\n{_table(samples)}")
    _write_json(options, chosen, samples)
    return 0 if options.plain_only else _verify(project, output)


def _measure(entry: Entry, work: Path, timeout: float) -> Sample:
    if entry.prepare is not None:
        entry.prepare()
    if entry.forgets is not None:
        shutil.rmtree(entry.forgets, ignore_errors=True)
    home = work / "home"
    home.mkdir(exist_ok=True)
    log = work / "logs" / f"{entry.name.replace(' ', '-')}.log"
    env = Seeknal().variables(home)
    return measure(entry.command, cwd=entry.folder, env=env, timeout=timeout, log=log)


def _table(samples: dict[str, list[Sample]]) -> str:
    base = samples[BASELINE]
    header = ["", "wall", "fastest", "CPU", "peak RSS", "wall ratio", "CPU ratio"]
    rows: list[list[str]] = []
    for name, found in samples.items():
        medians = summarize(found)
        costs = [seconds(cost) for cost in (medians.wall, medians.fastest, medians.cpu)]
        wall = _ratio([sample.wall for sample in found], [sample.wall for sample in base])
        cpu = _ratio([sample.cpu for sample in found], [sample.cpu for sample in base])
        rows.append([name, *costs, mebibytes(medians.rss), wall, cpu])
    return table(header, rows)


def _ratio(costs: Sequence[float], base: Sequence[float]) -> str:
    """The median of the ratios round by round: what slows the machine down slows both."""
    return f"{median(cost / other for cost, other in zip(costs, base, strict=True)):.2f}"


def _verify(project: Path, output: Path) -> int:
    command = [sys.executable, "-m", "benchmarks.tpch.verify", str(project), str(output)]
    return subprocess.run(command, check=False, timeout=_VERIFY_TIMEOUT).returncode


def _write_json(
    options: argparse.Namespace,
    chosen: Sequence[Entry],
    samples: dict[str, list[Sample]],
) -> None:
    document = {
        "machine": machine(),
        "versions": Seeknal().versions(),
        "scale": options.scale,
        "compression": options.compression,
        "threads": options.threads,
        "commands": {entry.name: entry.command for entry in chosen},
        "medians": {name: asdict(summarize(found)) for name, found in samples.items()},
        "samples": {name: [asdict(one) for one in found] for name, found in samples.items()},
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(document, indent=2) + "\n")
    _say(f"written to {options.output}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    bench = ROOT / ".bench"
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tpch", description=__doc__)
    add = parser.add_argument
    add("--scale", type=float, default=1, help="TPC-H scale factor")
    add("--repeats", type=int, default=3, help="rounds; medians are reported")
    add("--threads", type=int, default=2, help="of the plain script")
    add("--compression", default="zstd", help="of the plain script's Parquet files")
    add("--timeout", type=float, default=900, help="seconds a process may take")
    add("--plain-only", action="store_true", help="leave seeknal out")
    add("--work", type=_folder, default=bench / "tpch", help="where everything is written")
    add("--output", type=Path, default=bench / "results" / "tpch.json")
    return parser


def _folder(text: str) -> Path:
    return Path(text).resolve()


if __name__ == "__main__":
    sys.exit(main())
