"""What `seeknal deploy-metrics --dry-run` costs as a whole command: python -m benchmarks.starrocks_deploy [METRICS].

A project with four models of eight dimensions and as many metrics as asked for: half of them simple, the others ratios, derived and
cumulative. The server is the tests' stand-in, in this process; what it takes counts in wall time, and not in the command's CPU time.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.process import cost

METRICS = 200
ROUNDS = 7
MODELS = 4
_MODEL = """
kind: source
name: facts{m}
type: csv
table: data/facts.csv
---
kind: semantic_model
name: model{m}
model: ref('source.facts{m}')
default_time_dimension: at
entities: [{{name: id, type: primary}}]
dimensions:
  - {{name: at, type: time}}
{dimensions}
measures:
  - {{name: amount{m}, expr: amount, agg: sum}}
  - {{name: events{m}, expr: id, agg: count}}
  - {{name: people{m}, expr: person, agg: count_distinct}}
---
kind: exposure
name: loaded{m}
type: starrocks_table
connection: sr
inputs: [{{ref: source.facts{m}}}]
params: {{table: facts{m}}}
"""
_NAMES = [f"d{n}" for n in range(7)]
_START = "import sys; from seeknal.cli import main; sys.exit(main())"


def metric(n: int) -> str:
    """The n-th metric."""
    m = n % MODELS
    kind = ("simple", "ratio", "simple", "derived", "simple", "cumulative")[n // MODELS % 6]
    rest = {
        "simple": f"measure: amount{m}\nfilter: \"d1 <> 'v{n}'\"",
        "ratio": f"numerator: amount{m}\ndenominator: {'events' if n % 3 else 'people'}{m}",
        "derived": f"expr: a * {n} + b\ninputs: [{{metric: m{m}, alias: a}}, {{metric: amount{m}, alias: b}}]",
        "cumulative": f"measure: amount{m}\nwindow: {n} days",
    }[kind]
    return f"kind: metric\nname: m{n}\ntype: {kind}\n{rest}\n"


def project(folder: Path, metrics: int, port: int) -> None:
    """Write the project."""
    (folder / "seeknal").mkdir(parents=True)
    (folder / "data").mkdir()
    account = f"host: 127.0.0.1, port: {port}, user: seeknal, password: '${{SR_PASSWORD}}', database: analytics"
    (folder / "seeknal_project.yml").write_text("name: figures\n")
    (folder / "profiles.yml").write_text(f"connections:\n  sr: {{type: starrocks, {account}}}\n")
    (folder / "data" / "facts.csv").write_text(f"id,person,at,amount,{','.join(_NAMES)}\n1,1,2026-01-01,10,{','.join(_NAMES)}\n")
    dimensions = "\n".join(f"  - {{name: {n}, type: categorical}}" for n in _NAMES)
    for m in range(MODELS):
        (folder / "seeknal" / f"model{m}.yml").write_text(_MODEL.format(m=m, dimensions=dimensions))
    (folder / "seeknal" / "metrics.yml").write_text("---\n".join(metric(n) for n in range(metrics)))


def main() -> None:
    """Measure a plan of views that are all new, the first time and later, and of views that are all there."""
    from tests.starrocks.standin import StandIn

    metrics = int(sys.argv[1]) if len(sys.argv) > 1 else METRICS
    server = StandIn()
    for m in range(MODELS):
        columns = ", ".join(f"{n} VARCHAR(20)" for n in _NAMES)
        server.run_sql("default_catalog", "analytics", f"CREATE TABLE facts{m} (id INT, person INT, at DATE, amount INT, {columns})")
    server.start()
    env = {**os.environ, "SR_PASSWORD": "correct horse"}

    def measured(what: str, *options: str, rounds: int = ROUNDS) -> None:
        found = []
        for _ in range(rounds):
            begun = time.perf_counter()
            done = cost(Path(sys.executable), _START, ["deploy-metrics", "--connection", "sr", *options], cwd=folder, env=env)
            found.append((time.perf_counter() - begun, done.cpu, done.memory))
        walls, cpus, memories = zip(*found, strict=True)
        print(
            f"{what:<40} wall {statistics.median(walls):.2f} s (least {min(walls):.2f})  CPU {statistics.median(cpus):.2f} s"
            f" (least {min(cpus):.2f})  {max(memories):.0f} MiB  {done.output.count('CREATE ')} statements"
        )

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "figures"
        project(folder, metrics, server.port)
        measured("dry run, project never read before", "--dry-run", rounds=1)
        measured("dry run, all new", "--dry-run")
        measured("deploying all", rounds=1)
        measured("dry run, all there", "--dry-run")
        server.statements.clear()
        measured("deploying again", rounds=1)
        changing = [s for s in server.statements if s.split()[0].upper() not in ("SELECT", "SET", "USE")]
        print(f"statements of the second deployment that change anything: {len(changing)}")
    server.stop()


if __name__ == "__main__":
    main()
