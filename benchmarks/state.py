"""How long state takes to load and save on each backend, and the janitor over many outputs: `python -m benchmarks.state`.

A project of N nodes has a pointer, an artifact and an audit outcome for each. `load` reads everything; `save` commits one node's three
documents and puts the state into its final form, as a run does that built one node; `all` commits every pointer at once, as a promotion
does. Figures are medians in milliseconds: by the clock, and in brackets of this process's own work, which says more on a machine that others use too.
"""

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from tests.servers import running_postgres

from seeknal.janitor import Janitor, Policy
from seeknal.nodes import ColumnSchema, Digest, Key, NodeId
from seeknal.plugin import Change
from seeknal.state.backend import Holder, StateBackend
from seeknal.state.file import FileBackend
from seeknal.state.model import Artifact, AuditOutcome, FileRecord, Fingerprint, Pointer, Read
from seeknal_sql_state.postgres import PostgresBackend
from seeknal_sql_state.sqlite import SQLiteBackend

HOLDER = Holder("bench", socket.gethostname(), os.getpid(), "bench", "now")
LIMITS = {("load+save", 1000): 100.0, ("load+save", 10_000): 500.0, ("janitor", 100_000): 10_000.0}


def main() -> None:
    """Measure, print a table, and say which limits hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, nargs="*", default=[1000, 10_000])
    parser.add_argument("--outputs", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        server = stack.enter_context(running_postgres())
        url = f"postgresql://{server.user}@{server.host}:{server.port}/{server.database}"
        backends: dict[str, Callable[[str], StateBackend]] = {
            "file": lambda name: FileBackend(folder / name),
            "sqlite": lambda name: SQLiteBackend(folder / name / "target", {}),
            "postgres": lambda name: PostgresBackend(folder, {"url": url, "password": server.password, "schema": name, "project": "bench"}),
        }
        for name, open_ in backends.items():
            rows += [measured for count in given.nodes for measured in state_figures(name, open_, count, given.repeats)]
        if given.outputs:
            rows += janitor_figures(folder / "janitor", given.outputs)
    print(f"{'backend':<10}{'what':<12}{'nodes':>9}{'ms':>12}{'(work)':>12}{'limit':>10}")
    for row in rows:
        limit = LIMITS.get((row["what"], row["count"]))
        verdict = "" if limit is None else f"{limit:,.0f}" + ("" if row["ms"] <= limit else " MISSED")
        print(f"{row['backend']:<10}{row['what']:<12}{row['count']:>9,}{row['ms']:>12,.1f}{row['work']:>12,.1f}{verdict:>16}")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n")


def state_figures(name: str, open_: Callable[[str], StateBackend], count: int, repeats: int) -> Iterator[dict[str, Any]]:
    """Loading and saving the state of a project of so many nodes."""
    place = f"state_{count}"
    changes = [c for n in range(count) for c in documents(n)]
    backend = open_(place)
    with backend.lease("prod", HOLDER) as lease:
        backend.commit(changes, lease)
    backend.settle()
    timings: dict[str, list[Timing]] = {"load": [], "save": [], "all": []}
    for number in range(repeats):
        backend = open_(place)
        timings["load"].append(timed(backend.read))
        with backend.lease("prod", HOLDER) as lease:
            timings["save"].append(both(timed(partial(backend.commit, documents(number), lease)), timed(backend.settle)))
            pointers = [c for c in changes if c.table == "pointers"]
            timings["all"].append(timed(partial(backend.commit, pointers, lease)))
        backend.settle()
    together = [both(a, b) for a, b in zip(timings["load"], timings["save"], strict=True)]
    for what, values in {**timings, "load+save": together}.items():
        yield {"backend": name, "what": what, "count": count, **figures(values)}


def documents(number: int) -> list[Change]:
    """What the state has of one node."""
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    key, node = Key(digest[:32]), NodeId(f"transform.node_{number}")
    columns = {f"column_{n}": digest[:16] for n in range(8)}
    pointer = Pointer(
        key,
        Fingerprint(digest[:16], digest[16:32], digest[32:48], digest[48:], digest[:16], columns),
        {NodeId(f"transform.node_{n}"): Read(("column_1", "column_2"), Digest(f"key:{key}"), key) for n in (number - 1, number - 2)},
        None,
        "20260101T000000-abcdef",
        f"SELECT column_1, column_2 FROM transform_node_{number - 1} JOIN transform_node_{number - 2} USING (column_1)",  # noqa: S608 - never run
    )
    schema = tuple(ColumnSchema(c, "BIGINT") for c in columns)
    record = FileRecord(f"part-{digest[:16]}.parquet", 10_000, 1_700_000_000_000_000_000, digest[:32])
    artifact = Artifact(key, node, 100, schema, (record,), f"cache/transform/node_{number}/{key}", {"*": Digest(f"key:{key}")}, "now")
    audit = AuditOutcome("not_null", ("column_1",), "error", passed=True, failing_rows=0, message="", seconds=0.01)
    return [
        Change("pointers", f"prod/{node}", pointer.to_json()),
        Change("artifacts", key, artifact.to_json()),
        Change("audits", f"{key}/abcdef", audit.to_json()),
    ]


def janitor_figures(target: Path, count: int) -> Iterator[dict[str, Any]]:
    """The janitor over so many outputs, of which a tenth is in use and a tenth goes."""
    backend, tenth = FileBackend(target), count // 10
    changes: list[Change] = []
    for number in range(count):
        pointer, artifact, _ = documents(number)
        changes += [pointer, artifact] if number < tenth else [artifact]
        folder = target / str(artifact.value["location"])
        folder.mkdir(parents=True)
        (folder / artifact.value["files"][0][0]).write_bytes(b"PAR1")
        (folder / "artifact.json").write_text(json.dumps(artifact.value))
    with backend.lease("prod", HOLDER) as lease:
        backend.commit(changes, lease)
    backend.settle()
    now = datetime.now(UTC)

    def clean(at: datetime, policy: Policy) -> dict[str, float]:
        return figures([timed(lambda: Janitor(target, backend, policy, lambda _: None, now=at).clean(HOLDER))])

    yield {"backend": "file", "what": "marking", "count": count, **clean(now, Policy(runs=0))}
    marks = json.loads((target / "janitor.json").read_text())
    (names,) = marks["marks"].values()
    early = (now - timedelta(days=3)).isoformat(timespec="seconds").replace("+00:00", "Z")
    marks["marks"] = {early: names[:tenth], now.isoformat(timespec="seconds"): names[tenth:]}
    (target / "janitor.json").write_text(json.dumps(marks))
    for name in names[:tenth]:
        os.utime(target / "cache" / name / "artifact.json", (1e9, 1e9))
    yield {"backend": "file", "what": "janitor", "count": count, **clean(now, Policy(runs=0))}
    left = sum(1 for _ in target.glob("cache/*/*/*"))
    if left != count - tenth:
        message = f"{left} outputs are left of {count - tenth}"
        raise RuntimeError(message)
    yield {"backend": "file", "what": "all go", "count": left, **clean(now, Policy(grace=timedelta(0), runs=0))}
    shutil.rmtree(target)


Timing = tuple[float, float]
"""Milliseconds by the clock, and of work."""


def timed(work: Callable[[], object]) -> Timing:
    """How long something takes."""
    begun, worked = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - begun) * 1000, (time.process_time() - worked) * 1000


def both(one: Timing, other: Timing) -> Timing:
    """One after the other."""
    return one[0] + other[0], one[1] + other[1]


def figures(timings: Sequence[Timing]) -> dict[str, float]:
    """The medians."""
    return {"ms": statistics.median(t[0] for t in timings), "work": statistics.median(t[1] for t in timings)}


if __name__ == "__main__":
    main()
