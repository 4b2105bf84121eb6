"""`make demo`."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from seeknal.testing.commands import fork_server

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_demo_shows_what_it_says(tmp_path):
    (tmp_path / "examples").mkdir()
    (tmp_path / "bin").mkdir()
    shutil.copy(EXAMPLES / "demo.sh", tmp_path / "examples")
    command = tmp_path / "bin/seeknal"
    command.write_text(fork_server().script)
    command.chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "examples/demo.sh"], cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True, timeout=60
    )
    first, second, nobody_reads, readers, back = [line for line in done.stdout.splitlines() if line.startswith("Done in")]
    assert ": 13 built, 1 reused, 0 failed" in first
    assert "1 audit warned" in first
    assert ": 0 built, 14 reused" in second
    assert ": 1 built, 13 reused" in nobody_reads
    assert ": 4 built, 10 reused" in readers
    assert ": 2 built, 12 reused" in back
    assert "Nothing to do: 14 nodes up to date." in done.stdout
    assert "~ transform.order_amounts  NON_BREAKING" in done.stdout
    assert "~ transform.clean_customers  BREAKING" in done.stdout
    assert "reaches transform.revenue_by_country  (country)" in done.stdout
    assert "reaches transform.revenue_by_day" not in done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("error")] == [
        "error[SK-SQL-011]: transform.revenue_by_day: unknown column 'net_amuont'"
    ]
    assert done.stderr == ""
