"""`seeknal` commands in tests: each in a process of its own, which forks from one that has imported everything where the system can do that."""

from __future__ import annotations

import atexit
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from seeknal.testing import forks
from seeknal.testing.outcomes import CommandOutcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TIMEOUT_SECONDS = 120.0
_ENTRY = "from seeknal.cli import main; main()"
_SERVER = "import socket; from seeknal.testing.forks import serve; serve(socket.socket(fileno={}))"


def seeknal(
    *arguments: str, cwd: Path, env: Mapping[str, str] | None = None, stdin: str = "", timeout: float = TIMEOUT_SECONDS
) -> CommandOutcome:
    """Run a `seeknal` command in a process of its own. `env` is added to this process's environment.

    Raises TimeoutError if it takes longer than `timeout` seconds.
    """
    environment = _environment(env or {})
    server = fork_server()
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as complaints:
        given.write(stdin.encode())
        given.seek(0)
        streams = [f.fileno() for f in (given, printed, complaints)]
        if server is not None and server.serves(environment):
            with forks.ask(server.path, arguments, str(cwd), environment, streams) as connection:
                code = forks.answer(connection, timeout)
        else:
            code = _started(arguments, cwd, environment, streams, timeout)
        printed.seek(0)
        complaints.seek(0)
        return CommandOutcome(arguments, code, printed.read().decode(), complaints.read().decode(), cwd)


@dataclass(frozen=True)
class ForkServer:
    """A process that forks for commands: its socket, and what its interpreter was told when it began."""

    path: str
    settings: Mapping[str, str]

    def serves(self, environment: Mapping[str, str]) -> bool:
        """Whether a process with this environment would have the interpreter that the forks have."""
        return _settings(environment) == self.settings

    @property
    def script(self) -> str:
        """A shell script that is `seeknal`."""
        return f'#!/bin/sh\nexec {shlex.join([sys.executable, "-I", "-S", forks.__file__, self.path])} "$@"\n'


@cache
def fork_server() -> ForkServer | None:
    """The server of this process, which ends with it. None where forks are missing, or not safe once libraries are loaded."""
    if sys.platform != "linux":
        return None
    folder = tempfile.mkdtemp(prefix="seeknal-")
    environment = _environment({})
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{folder}/forks")
        listening.listen(128)
        number = listening.fileno()
        process = subprocess.Popen(
            [sys.executable, "-c", _SERVER.format(number)],
            env=environment,
            pass_fds=[number],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
    atexit.register(_stop, process, folder)
    return ForkServer(f"{folder}/forks", _settings(environment))


def _stop(process: subprocess.Popen[bytes], folder: str) -> None:
    process.communicate(timeout=TIMEOUT_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)


def _environment(added: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, "PYTHONUTF8": "1", **added}


def _settings(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith("PYTHON")}


def _started(arguments: tuple[str, ...], cwd: Path, env: Mapping[str, str], streams: list[int], timeout: float) -> int:
    """Run a command in a process that starts from nothing. Returns its exit code."""
    given, printed, complaints = streams
    command = [sys.executable, "-c", _ENTRY, *arguments]
    try:
        done = subprocess.run(command, cwd=cwd, env=env, stdin=given, stdout=printed, stderr=complaints, check=False, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(str(error)) from None
    return done.returncode
