"""The database that keeps the state goes away in the middle of a run, or cuts connections off: retried, then failed cleanly."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import TYPE_CHECKING, Any

import psycopg
from tests.faults.harness import Bench, Tried, attempt, ended, explained
from tests.servers import SUPERUSER

if TYPE_CHECKING:
    from tests.servers import Server

_CUT = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'seeknal'"


def try_outages(bench: Bench, server: Server, count: int) -> list[Tried]:
    """Cut connections off once or again and again, and stop the server for longer than anyone waits, during runs."""
    cut = Tried("connections cut off", bench.backend)
    stopped = Tried("server silent for some seconds", bench.backend)
    for seed in range(count):
        attempt(cut, lambda s=seed: _cut_off(bench, server, s), f"seed {seed}")
    for seed in range(max(1, count // 5)):
        attempt(stopped, lambda s=seed: _silent(bench, server, s), f"seed {seed}")
    return [cut, stopped]


def _cut_off(bench: Bench, server: Server, seed: int) -> str:
    chance = random.Random(seed)
    before = bench.version
    bench.edit()
    process = bench.start("run")
    with _superuser(server) as admin:
        for _ in range(chance.choice([1, 1, 3, 30])):
            time.sleep(chance.uniform(0.05, 0.4))
            admin.execute(_CUT)
    return _judged(bench, process, before)


def _silent(bench: Bench, server: Server, seed: int) -> str:
    """The server's processes are stopped, so that nothing answers, and go on later."""
    chance = random.Random(seed)
    before = bench.version
    bench.edit()
    process = bench.start("run")
    time.sleep(chance.uniform(0.3, 1.2))
    stopped = _family(server.process.pid)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(chance.uniform(0.5, 4.0))
    for pid in reversed(stopped):
        os.kill(pid, signal.SIGCONT)
    return _judged(bench, process, before)


def _judged(bench: Bench, process: Any, before: int) -> str:
    done = ended(process, ("run",))
    said = explained(done)
    bench.check_visible(before, bench.version)
    bench.finish(bench.check_state())
    return "went on" if said == "done" else f"failed cleanly: {said}"


def _superuser(server: Server) -> psycopg.Connection[Any]:
    return psycopg.connect(host=server.host, port=server.port, user="postgres", password=SUPERUSER, dbname="postgres", autocommit=True)


def _family(pid: int) -> list[int]:
    """The server's process and those it started."""
    from pathlib import Path

    found = [pid]
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found
