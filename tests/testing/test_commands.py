"""Commands of tests, which fork from a process that has imported everything, are processes like any other."""

from __future__ import annotations

import os
import sys

import pytest

from seeknal.testing.commands import fork_server, seeknal

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="commands start from nothing here")


def told(project, body, **given):
    """What a Python node does that runs in the process of the command."""
    lines = f"import os, random, signal, sys, time\nimport pyarrow\nfrom seeknal import transform\n@transform\ndef t():\n    {body}\n    return pyarrow.table({{'n': [1]}})\n"
    return project({"seeknal/t.py": lines}).cli("run", **given)


def test_it_has_its_own_folder_environment_and_standard_input(project):
    done = told(project, "print(os.getcwd(), os.environ['ANSWER'], sys.stdin.read(), file=sys.stderr)", env={"ANSWER": "42"}, stdin="given")
    assert "project 42 given" in done.assert_success().stderr
    assert "ANSWER" not in os.environ


def test_two_are_apart(project):
    bodies = "print('random', random.random(), os.getpid(), file=sys.stderr)"
    one, other = ([line for line in told(project, bodies).stderr.splitlines() if line.startswith("random")] for _ in range(2))
    assert one
    assert one != other


def test_one_that_is_killed_says_so(project):
    assert told(project, "os.kill(os.getpid(), signal.SIGKILL)").exit_code < 0


def test_one_that_takes_too_long_is_killed(project):
    with pytest.raises(TimeoutError):
        told(project, "time.sleep(60)", timeout=1)


def test_another_interpreter_starts_from_nothing(project, tmp_path):
    assert not fork_server().serves({**os.environ, "PYTHONHASHSEED": "7"})
    seeknal("--version", cwd=tmp_path, env={"PYTHONHASHSEED": "7"}).assert_success()
    assert seeknal("no-such-command", cwd=tmp_path).exit_code == 2
