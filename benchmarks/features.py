"""Features against SQL written by hand: the point-in-time join, and rolling windows.

``python -m benchmarks.features --help``. Both sides run in this process on the same Parquet files, with the same memory limit and threads, and write
Parquet; they take turns. Ratios are of CPU time, which other programs on the machine disturb least. Wanted: at most 1.2 for the join, 1.3 for
the windows.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb

from benchmarks.machine import cores
from benchmarks.table import table
from seeknal.features.aggregates import Measure, Shape, Value, Window, aggregate
from seeknal.features.model import Choice, Feature, Group
from seeknal.features.pointintime import point_in_time
from seeknal.protocols import Files, SessionSettings
from seeknal_duckdb.session import DuckDBSession

_WANTED = {"point-in-time join": 1.2, "rolling windows": 1.3}
_AGGREGATES = ("count", "sum", "avg", "min", "max", "stddev")
_DAYS = (1, 7, 30)
_YEAR = 31_536_000
_KEYS = 100_000
_EVENTS = (
    "SELECT (hash(i) % {keys})::BIGINT AS k, TIMESTAMP '2025-01-01' + to_seconds((hash(i * 7 + {seed}) % {year})::BIGINT) AS t, {values}"
)


def make(folder: Path, groups: int, rows: int, spine: int, events: int) -> None:
    """Write the data: a spine, groups of four features each, and events."""
    values = ", ".join(f"(hash(i * {n + 3}) % 1000)::BIGINT AS f{n}" for n in range(4))
    for number in range(groups):
        _copy(folder / f"g{number}.parquet", _EVENTS.format(keys=_KEYS, seed=number, year=_YEAR, values=values), rows)
    _copy(folder / "spine.parquet", _EVENTS.format(keys=_KEYS, seed=99, year=_YEAR, values="i AS label"), spine)
    _copy(
        folder / "events.parquet", _EVENTS.format(keys=_KEYS, seed=5, year=_YEAR, values="(hash(i * 11) % 1000)::DOUBLE AS amount"), events
    )


def _copy(path: Path, select: str, rows: int) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({select} FROM range({rows}) AS r(i)) TO '{path}' (FORMAT parquet)")


def join_by_hand(groups: int) -> str:
    """What somebody writes who knows ASOF joins."""
    features = ", ".join(
        f"CASE WHEN g{n}.t >= s.t - INTERVAL 30 DAYS THEN g{n}.f{f} END AS g{n}_f{f}" for n in range(groups) for f in range(4)
    )
    joins = " ".join(f"ASOF LEFT JOIN g{n} ON s.k = g{n}.k AND s.t >= g{n}.t" for n in range(groups))
    return f"SELECT s.*, {features} FROM spine AS s {joins}"  # noqa: S608 - our own names


def join_of_ours(groups: int) -> str:
    """What a project runs."""
    features = tuple(Feature(f"f{f}") for f in range(4))
    found = [Group(f"feature_group.g{n}", "customer", ("k",), "t", features, ttl=30 * 86_400) for n in range(groups)]
    choices = [Choice(g, f, f"{g.name}_{f.name}") for g in found for f in features]
    return point_in_time("spine", "t", choices, "duckdb").sql(dialect="duckdb")


def windows_by_hand() -> str:
    """What somebody writes who knows window functions."""
    shown = ", ".join(f"{a}(amount) OVER w{d} AS amount_{a}_{d}d" for d in _DAYS for a in _AGGREGATES)
    named = ", ".join(f"w{d} AS (PARTITION BY k ORDER BY t RANGE BETWEEN INTERVAL {d} DAYS PRECEDING AND CURRENT ROW)" for d in _DAYS)
    return f"SELECT k, t, {shown} FROM events WINDOW {named}"  # noqa: S608 - our own names


def windows_of_ours() -> str:
    """What a project runs. It also leaves one row of those with one time, and holds a window to just under its length."""
    values = [Value(f"amount_{a}_{d}d", Measure(a, "amount", Window(f"{d}d", seconds=d * 86_400))) for d in _DAYS for a in _AGGREGATES]
    return aggregate(Shape("events", ("k",), (), "t"), values).sql(dialect="duckdb")


def measure(name: str, hand: str, ours: str, folder: Path, options: argparse.Namespace) -> list[list[str]]:
    """Rows of the table for one question: both sides in turn."""
    found: dict[str, list[tuple[float, float]]] = {"by hand": [], "seeknal": []}
    for _ in range(options.repeats):
        found["by hand"].append(_timed(lambda: _by_hand(hand, folder, options.memory)))
        found["seeknal"].append(_timed(lambda: _ours(ours, folder, options.memory)))
    ratio = statistics.median(o[1] / h[1] for h, o in zip(found["by hand"], found["seeknal"], strict=True))
    verdict = "within" if ratio <= _WANTED[name] else "over"
    rows = []
    for side, times in found.items():
        wall, cpu = (statistics.median(t[n] for t in times) for n in range(2))
        rows.append([name, side, f"{wall:,.1f} s", f"{cpu:,.1f} s", *(["", ""] if side == "by hand" else [f"{ratio:.2f}", verdict])])
    return rows


def _by_hand(sql: str, folder: Path, memory: str) -> None:
    with duckdb.connect(config={"memory_limit": memory, "threads": cores(), "temp_directory": str(folder / "spill")}) as connection:
        for path in folder.glob("*.parquet"):
            connection.execute(f"CREATE VIEW {path.stem} AS FROM '{path}'")
        connection.execute(f"COPY ({sql}) TO '{folder / 'out' / 'hand.parquet'}' (FORMAT parquet)")


def _ours(sql: str, folder: Path, memory: str) -> None:
    session = DuckDBSession(SessionSettings(folder / "scratch", (folder,), (folder / "out",), memory, cores()))
    try:
        for path in folder.glob("*.parquet"):
            name = f"feature_group_{path.stem}" if path.stem.startswith("g") else path.stem
            session.define(name, Files((path,)))
        session.export(sql, folder / "out" / "ours.parquet", "parquet", {})
    finally:
        session.close()


def _timed(action: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - wall, time.process_time() - cpu


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 if something is over its budget."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.features", description=__doc__)
    parser.add_argument("--groups", type=int, default=10)
    parser.add_argument("--rows", type=int, default=5_000_000, help="of each group")
    parser.add_argument("--spine", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", default="4GB", help="the memory limit of both sides")
    options = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="features-"))
    (folder / "out").mkdir()
    try:
        make(folder, options.groups, options.rows, options.spine, options.events)
        rows = measure("point-in-time join", join_by_hand(options.groups), join_of_ours(options.groups), folder, options)
        rows += measure("rolling windows", windows_by_hand(), windows_of_ours(), folder, options)
    finally:
        shutil.rmtree(folder)
    print(table(["", "", "wall", "CPU", "ratio", ""], rows))
    return int(any(row[-1] == "over" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
