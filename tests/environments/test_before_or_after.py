"""prod is before or after a promotion, never between: under readers, under SIGKILL, on every backend."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time

import duckdb
import pytest

COUNT = 25
LOOP = """
import sys
from seeknal import Project

project = Project.open(sys.argv[1])
print("ready", flush=True)
while True:
    if sys.argv[2] == "rollback":
        project.rollback("prod", wait_seconds=30)
    else:
        project.promote("dev", wait_seconds=30)
        break
print("done", flush=True)
"""


def write(folder, version):
    for number in range(COUNT):
        folder.write(f"seeknal/n{number}.sql", f"SELECT {version} AS version")
    return folder


def versions(folder):
    """Every version that prod's nodes have; state is read once."""
    snapshot = folder.open().state.read()
    return {p.sql for n, p in snapshot.pointers("prod").items() if n.startswith("transform.n")}


def in_warehouse(folder):
    with duckdb.connect(str(folder.root / "target/warehouse.duckdb"), read_only=True) as warehouse:
        each = " UNION ALL ".join(f"SELECT version FROM prod.transform_n{n}" for n in range(COUNT))
        return {v for (v,) in warehouse.execute(each).fetchall()}


@pytest.fixture
def promoted(everywhere):
    """Version 1 in prod, version 2 in dev."""
    write(everywhere, 1).run().assert_success()
    write(everywhere, 2).run(environment="dev").assert_success()
    return everywhere


def process(folder, what):
    command = [sys.executable, "-c", LOOP, str(folder.root), what]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_readers_see_one_version(promoted):
    promoted.open().promote("dev")
    seen, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            seen.append((frozenset(versions(promoted)), frozenset(in_warehouse(promoted))))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(8):
        promoted.open().rollback("prod")
    stop.set()
    reader.join()
    assert {len(state) for state, _ in seen} == {1}
    assert {len(warehouse) for _, warehouse in seen} == {1}
    assert len({state for state, _ in seen}) == 2


def test_killed_promotion_leaves_one_version_and_the_next_one_ends_it(promoted):
    chance = random.Random(7)
    for _ in range(6):
        with process(promoted, "promote") as running:
            assert running.stdout.readline() == "ready\n"
            time.sleep(chance.random() * 0.08)
            running.kill()
        assert len(versions(promoted)) == 1
        assert len(in_warehouse(promoted)) == 1
    promoted.open().promote("dev", wait_seconds=60)
    assert versions(promoted) == {"SELECT 2 AS version"}
    assert in_warehouse(promoted) == {2}


def test_killed_rollbacks_leave_one_version_and_a_way_back(promoted):
    promoted.open().promote("dev")
    chance = random.Random(11)
    for _ in range(6):
        with process(promoted, "rollback") as running:
            assert running.stdout.readline() == "ready\n"
            time.sleep(0.02 + chance.random() * 0.2)
            running.kill()
            said = running.stdout.read()
        assert said == "", said
        assert len(versions(promoted)) == 1
        assert len(in_warehouse(promoted)) == 1
    here = versions(promoted)
    promoted.open().rollback("prod", wait_seconds=60)
    assert versions(promoted) == {"SELECT 1 AS version", "SELECT 2 AS version"} - here
    assert in_warehouse(promoted) == ({2} if here == {"SELECT 1 AS version"} else {1})


def test_runs_of_several_environments_at_once_lose_nothing(everywhere):
    names = ["a", "b", "c"]
    command = [sys.executable, "-c", "from seeknal.cli import main; main()"]
    running = [subprocess.Popen([*command, "run", "-q", "--env", n], cwd=everywhere.root, stderr=subprocess.PIPE, text=True) for n in names]
    for one in running:
        assert one.communicate(timeout=120)[1] == ""
        assert one.returncode == 0
    snapshot = everywhere.open().state.read()
    assert [snapshot.keys(n) == snapshot.keys("prod") for n in names] == [True] * 3
    with duckdb.connect(str(everywhere.root / "target/warehouse.duckdb"), read_only=True) as warehouse:
        found = warehouse.execute("SELECT schema_name, count(*) FROM duckdb_views() WHERE NOT internal GROUP BY ALL ORDER BY 1").fetchall()
    assert found == [("a", 4), ("b", 4), ("c", 4), ("prod", 4)]


def test_commands_at_once_end_well_or_say_who_is_at_it(everywhere):
    """Each of several does what it says or is refused with a code; afterwards everything can be read and run."""
    entry = [sys.executable, "-c", "from seeknal.cli import main; main()"]
    everywhere.edit("seeknal/adults.sql", "18", "40").run(environment="a").assert_success()
    lines = [
        "run --env a",
        "run --env b",
        "run",
        "plan a",
        "promote a --yes",
        "promote a b --yes",
        "promote a --yes",
        "env rollback prod --yes",
    ]
    lines += ["env delete b --yes", "env list"]
    running = {
        (line, n): subprocess.Popen(
            [*entry, *line.split()], cwd=everywhere.root, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        for n, line in enumerate(lines)
    }
    for (line, _), process_ in running.items():
        said = process_.communicate(timeout=180)[1]
        assert process_.returncode in (0, 1, 2, 4), (line, said)
        assert process_.returncode == 0 or "error[SK-" in said, (line, said)
        assert "Traceback" not in said, (line, said)
        assert "internal error" not in said, (line, said)
    everywhere.run(wait_seconds=60).assert_success()
    everywhere.run(environment="a", force=True, wait_seconds=60).assert_success()
    snapshot = everywhere.open().state.read()
    assert snapshot.keys("a") == snapshot.keys("prod")
    for environment in ("prod", "a"):
        assert everywhere.open().rows("adults", environment=environment).rows == [(3, "Cid")]
