"""What building window by window costs beside plain DuckDB: `python -m benchmarks.intervals`.

`add a day` builds one more day of a node that has N daily parts, in a process that has run the project once; beside it is the same day's query in DuckDB, written to Parquet. `backfill`
builds 365 days as one batch, beside one query over all of them: of ten years with `--rows`, and of one year with `--year-rows`. `plan` plans five million windows. Times are medians in milliseconds: by the clock, and of this process's own work,
which says more on a machine that others use too.
"""

import argparse
import json
import os
import resource
import shutil
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.state import figures, timed
from seeknal.api import Project, RunOptions

FIRST = datetime(2016, 1, 1, tzinfo=UTC)
QUERY = (
    "SELECT CAST(ts AS DATE) AS day, v % 100 AS k, sum(v) AS v, count(*) AS n FROM {source} WHERE ts >= {start} AND ts < {end} GROUP BY ALL"
)
NODES = """
kind: source
name: events
type: parquet
table: data/events.parquet
---
kind: transform
name: daily
schedule: "@daily"
time_column: day
start: 2016-01-01
{batch}
sql: {query}
"""


def main() -> None:
    """Measure, and print what there is to say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", type=int, default=3650)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--year-rows", type=int, default=60_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        rows = [*plan_figures(Path(folder) / "plan", given.repeats)]
        rows += backfill_figures(Path(folder) / "backfill", given.rows)
        rows += backfill_figures(Path(folder) / "year", given.year_rows, days=366)
        rows += adding_figures(Path(folder) / "add", given.parts, given.rows, given.repeats)
    for row in rows:
        print(f"{row['what']:<34}{row['ms']:>12,.1f} ms{row['work']:>12,.1f} ms of work  {row.get('note', '')}")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n")


def made(root: Path, nodes: str, rows: int, days: int = 3660) -> Path:
    """A project over ten years of events, or other days."""
    (root / "seeknal").mkdir(parents=True)
    (root / "data").mkdir()
    (root / "seeknal_project.yml").write_text("name: bench\nversion: 1\n")
    (root / "seeknal/nodes.yml").write_text(nodes)
    step = days * 86400 / max(rows, 1)
    select = f"SELECT i AS id, TIMESTAMP '2016-01-01' + to_microseconds(CAST(i * {step} * 1000000 AS BIGINT)) AS ts, (i * 7919) % 1000 AS v FROM range({rows}) t(i)"  # noqa: S608 - our own
    events = root / "data/events.parquet"
    duckdb.sql(f"COPY ({select}) TO '{events}'")
    minute_ago = time.time() - 60
    os.utime(events, (minute_ago, minute_ago))  # what is two seconds old would be hashed by the second run too
    return root


def run(root: Path, day: datetime) -> None:
    """Build what is due, as a run that begins now would."""
    result = Project.open(root).run(RunOptions(now=day + timedelta(hours=1)))
    if result.status != "success":
        raise RuntimeError([n.error for n in result.nodes])


def plain(root: Path, start: datetime, end: datetime) -> Any:
    """The query over a range in DuckDB alone, to a file."""
    moments = (f"TIMESTAMP '{m:%Y-%m-%d}'" for m in (start, end))
    query = QUERY.format(source=f"'{root}/data/events.parquet'", **dict(zip(("start", "end"), moments, strict=True)))

    def work() -> None:
        with duckdb.connect() as connection:
            connection.execute(f"COPY ({query}) TO '{root}/plain.parquet'")

    return work


def sql(batch: str = "") -> str:
    """The nodes of the project."""
    query = QUERY.format(source="{{ ref('source.events') }}", start="{{ start_ts }}", end="{{ end_ts }}")
    return NODES.format(batch=batch, query=json.dumps(query))


def plan_figures(root: Path, repeats: int) -> list[dict[str, Any]]:
    """Planning five million windows of five minutes."""
    made(
        root,
        sql().replace('"@daily"', '"*/5 * * * *"').replace("2016-01-01", "1976-01-01").replace("CAST(ts AS DATE) AS day", "ts AS day"),
        10,
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    timings = [timed(lambda: Project.open(root).plan(now=FIRST + timedelta(days=365 * 8))) for _ in range(repeats)]
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return [{"what": "plan of 5,000,000 windows", **figures(timings), "note": f"{grown:,.1f} MiB more, imports included"}]


def backfill_figures(root: Path, rows: int, days: int = 3660) -> list[dict[str, Any]]:
    """365 days as one batch."""
    made(root, sql(), rows, days)
    run(root, FIRST)
    end = FIRST + timedelta(days=365)
    found = [
        {"what": f"backfill, {rows * 365 // days:,} rows", **figures([timed(lambda: run(root, end))])},
        {"what": "the same in DuckDB", **figures([timed(plain(root, FIRST, end))])},
    ]
    shutil.rmtree(root)
    return found


def adding_figures(root: Path, parts: int, rows: int, repeats: int) -> list[dict[str, Any]]:
    """One day more."""
    made(root, sql("batch_size: 1"), rows)
    day = FIRST + timedelta(days=parts)
    run(root, day)
    ours, theirs = [], []
    for number in range(1, repeats + 1):
        following = day + timedelta(days=number)
        ours.append(timed(lambda at=following: run(root, at)))
        theirs.append(timed(plain(root, following - timedelta(days=1), following)))
    return [{"what": f"add a day to {parts:,} parts", **figures(ours)}, {"what": "the same in DuckDB", **figures(theirs)}]


if __name__ == "__main__":
    main()
