"""How long seeknal takes to start, and to find that nothing is to be done.

``python -m benchmarks.startup --help``. The budgets are the project's own, for two cores and a warm
disk.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.description import Edit, Shape
from benchmarks.machine import machine
from benchmarks.process import Sample, measure
from benchmarks.shapes import describe
from benchmarks.sources import DEFAULT_ORDERS, write_sources
from benchmarks.summary import Summary, summarize
from benchmarks.table import mebibytes, seconds, table
from benchmarks.tools.base import ROOT, fresh
from benchmarks.tools.seeknal import Seeknal

_BIN = ROOT / ".venv" / "bin"
_PYTHON = str(_BIN / "python")
_SEEKNAL = str(_BIN / "seeknal")

_CLOSURE = """\
import sys
before = set(sys.modules)
import seeknal.cli
print("\\n".join(sorted(set(sys.modules) - before)))
"""

_CLOSURE_TIMEOUT = 60.0
"""Seconds."""

_SHAPE: Shape = "realistic"


@dataclass(frozen=True)
class Probe:
    """One command line, the seconds of wall time it should stay under, if there is a budget, and what is done before."""

    name: str
    command: tuple[str, ...]
    folder: Path
    budget: float | None = None
    prepare: Callable[[], None] | None = None


def light(folder: Path) -> list[Probe]:
    """What needs no project; the first is the floor that no Python program is under."""
    return [
        Probe("python -c pass", (_PYTHON, "-c", "pass"), folder),
        Probe("import seeknal.cli", (_PYTHON, "-c", "import seeknal.cli"), folder),
        Probe("seeknal --help", (_SEEKNAL, "--help"), folder, 0.12),
    ]


def heavy(nodes: int, folder: Path) -> list[Probe]:
    """What is asked of a project in which nothing changed, or one model, or of which nothing is remembered but what was built."""
    runs = {1_000: 0.5, 10_000: 3.0}
    parses = {1_000: 0.4}
    colds = {1_000: 4.0}
    edits = {1_000: 0.7}
    label = f"{nodes:,} nodes"
    return [
        Probe(f"warm parse, {label}", (_SEEKNAL, "parse"), folder, parses.get(nodes), lambda: _restore(nodes, folder)),
        Probe(f"no-op plan, {label}", (_SEEKNAL, "plan"), folder),
        Probe(f"no-op run, {label}", (_SEEKNAL, "run"), folder, runs.get(nodes)),
        Probe(f"cold plan, {label}", (_SEEKNAL, "plan"), folder, colds.get(nodes), lambda: _forget(folder)),
        Probe(f"plan of one edit, {label}", (_SEEKNAL, "plan"), folder, edits.get(nodes), lambda: _edit(nodes, folder)),
    ]


def _forget(folder: Path) -> None:
    """Remove what was parsed and analysed."""
    for name in ("parsed.json", "analysed.json"):
        (folder / "target" / name).unlink(missing_ok=True)


def _edit(nodes: int, folder: Path) -> None:
    """Change the values of a column in the model that the edit steps edit, each time otherwise."""
    project = describe(_SHAPE, nodes)
    Seeknal().write_model(project.model(project.edited_index, Edit(rate=time.time_ns() % 997 + 1)), folder)


def _restore(nodes: int, folder: Path) -> None:
    project = describe(_SHAPE, nodes)
    Seeknal().write_model(project.model(project.edited_index), folder)


def import_closure() -> list[str]:
    """The modules that ``import seeknal.cli`` imports beyond a bare interpreter's.

    Raises ``CalledProcessError`` if it cannot be imported.
    """
    done = subprocess.run(
        [_PYTHON, "-c", _CLOSURE],
        capture_output=True,
        text=True,
        check=True,
        timeout=_CLOSURE_TIMEOUT,
    )
    return done.stdout.split()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write JSON; 1 if anything failed."""
    options = _parser().parse_args(arguments)
    options.work.mkdir(parents=True, exist_ok=True)
    closure = import_closure()
    probes = light(options.work)
    for nodes in options.sizes:
        folder = options.work / str(nodes)
        if not _build(nodes, folder, options):
            return 1
        probes.extend(heavy(nodes, folder))
    samples: dict[str, list[Sample]] = {probe.name: [] for probe in probes}
    for _ in range(options.repeats):
        for probe in probes:
            samples[probe.name].append(_measure(probe, options))
    summaries = {name: summarize(found) for name, found in samples.items()}
    print(f"\n{_table(probes, summaries)}\n\n{_describe(closure)}")
    _write_json(options.output, closure, probes, samples)
    return int(any(found.outcome != "ok" for found in summaries.values()))


def _build(nodes: int, folder: Path, options: argparse.Namespace) -> bool:
    project = describe(_SHAPE, nodes)
    tool = Seeknal()
    write_sources(fresh(folder) / "data", DEFAULT_ORDERS)
    tool.write(project, folder)
    _say(f"building {nodes:,} nodes")
    sample = _measure(Probe(f"first run, {nodes}", (_SEEKNAL, "run"), folder), options)
    _say(f"built in {seconds(sample.wall)} ({sample.outcome})\n{sample.tail}".rstrip())
    return sample.outcome == "ok"


def _measure(probe: Probe, options: argparse.Namespace) -> Sample:
    if probe.prepare is not None:
        probe.prepare()
    home = options.work / "home"
    home.mkdir(exist_ok=True)
    env = Seeknal().variables(home)
    log = options.work / "logs" / f"{probe.name.replace(' ', '-')}.log"
    return measure(probe.command, cwd=probe.folder, env=env, timeout=options.timeout, log=log)


def _table(probes: Sequence[Probe], summaries: dict[str, Summary]) -> str:
    rows: list[list[str]] = []
    for probe in probes:
        found = summaries[probe.name]
        wall, fastest, cpu = (_milliseconds(value) for value in (found.wall, found.fastest, found.cpu))
        budget = "" if probe.budget is None else _milliseconds(probe.budget)
        outcome = found.outcome if found.outcome != "ok" else _verdict(found, probe.budget)
        rows.append([probe.name, wall, fastest, cpu, mebibytes(found.rss), budget, outcome])
    return table(["", "wall", "fastest", "CPU", "peak RSS", "budget", ""], rows)


def _verdict(found: Summary, budget: float | None) -> str:
    if budget is None:
        return ""
    return "within" if found.wall <= budget else "over"


def _milliseconds(value: float) -> str:
    return f"{value * 1000:,.0f} ms"


def _describe(closure: Sequence[str]) -> str:
    packages = sorted({name.partition(".")[0] for name in closure} - sys.stdlib_module_names)
    return f"import seeknal.cli: {len(closure)} modules; not of Python's own: {', '.join(packages)}"


def _write_json(
    path: Path,
    closure: Sequence[str],
    probes: Sequence[Probe],
    samples: dict[str, list[Sample]],
) -> None:
    measured = [
        asdict(summarize(samples[probe.name]))
        | {"name": probe.name, "command": probe.command, "budget": probe.budget}
        | {"samples": [asdict(sample) for sample in samples[probe.name]]}
        for probe in probes
    ]
    document = {
        "machine": machine(),
        "versions": Seeknal().versions(),
        "import_closure": list(closure),
        "measured": measured,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")
    _say(f"written to {path}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    bench = ROOT / ".bench"
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    add = parser.add_argument
    add("--sizes", type=_numbers, default=[1_000], help="numbers of nodes, such as 1000,10000")
    add("--repeats", type=int, default=5, help="rounds; medians are reported")
    add("--timeout", type=float, default=900, help="seconds a process may take")
    add("--work", type=_folder, default=bench / "startup", help="where everything is written")
    add("--output", type=Path, default=bench / "results" / "startup.json")
    return parser


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part]


def _folder(text: str) -> Path:
    return Path(text).resolve()


if __name__ == "__main__":
    sys.exit(main())
