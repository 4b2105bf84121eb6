"""Whether the process that holds or left something is still there: known for certain only on its own machine."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def this_machine() -> str:
    """What tells this machine, as it was started, from all others; a container with processes of its own is one too."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def this_process() -> str:
    """What tells this process from all others of its machine, also from later ones of the same id."""
    return f"{os.getpid()} {_started(os.getpid())}"


def is_gone(machine: str | None, process: str | None) -> bool:
    """Whether a process ran on this machine and does no longer."""
    if machine != this_machine() or not process:
        return False
    pid, _, started = process.partition(" ")
    if not pid.isdecimal():
        return False
    return not is_running(int(pid)) or _started(int(pid)) != started


def is_running(pid: int) -> bool:
    """Whether there is a process of this id on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # somebody else's
        return True
    return True


def _started(pid: int) -> str:
    """When a process was started, in the kernel's ticks; empty where that is not known, or for one that only waits to be buried."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
