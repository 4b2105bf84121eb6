"""Run one process to its end and say what it cost."""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Literal

Outcome = Literal["ok", "failed", "timeout"]

TAIL = 2000
"""Characters of a failed process's output that are kept."""

# On Linux a process starts its life with the peak RSS of the one that started it, so peak RSS is
# only meaningful above that of the harness: nothing here imports an engine or a tool.


@dataclass(frozen=True)
class Sample:
    """What one process cost.

    ``wall`` and ``cpu`` (user and system, the process and the children it waited for) are seconds;
    ``rss`` is the peak resident set of the largest of these processes, in MiB.
    """

    wall: float
    cpu: float
    rss: float
    outcome: Outcome
    exit_code: int
    tail: str = ""


def measure(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float,
    log: Path,
) -> Sample:
    """Run `command` in a process group of its own; whatever is left of the group is killed.

    `timeout` is in seconds. Output goes to the file `log`, which is overwritten.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            list(command),
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        expired: list[bool] = []
        timer = Timer(timeout, _expire, (process.pid, expired))
        timer.daemon = True
        timer.start()
        try:
            # Not reaped yet, so that the process id cannot be anyone else's while it may be killed.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            wall = time.perf_counter() - began
        finally:
            timer.cancel()
            timer.join()
            _kill_group(process.pid)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
    outcome: Outcome = "timeout" if expired else "ok" if process.returncode == 0 else "failed"
    return Sample(
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        rss=usage.ru_maxrss / 1024,
        outcome=outcome,
        exit_code=process.returncode,
        tail="" if outcome == "ok" else _tail(log),
    )


@dataclass(frozen=True)
class Cost:
    """What a Python process printed, and the CPU seconds and MiB it took."""

    output: str
    cpu: float
    memory: float


def cost(python: Path, start: str, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> Cost:
    """Run `start`, the code of a command, in a fresh interpreter.

    The process reads its own high-water mark, which begins anew with the program; the one that `getrusage` gives begins with the harness's.
    """
    told = f"import atexit, sys; atexit.register(lambda: sys.stderr.write(open('/proc/self/status').read())); {start}"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([str(python), "-c", told, *arguments], cwd=cwd, env=env, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    memory = next(int(line.split()[1]) for line in done.stderr.splitlines() if line.startswith("VmHWM")) / 1024
    return Cost(done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, memory)


def _expire(group: int, expired: list[bool]) -> None:
    expired.append(True)
    _kill_group(group)


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        # Nothing is left; macOS answers EPERM when only the ended leader is.
        return


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-TAIL:]
