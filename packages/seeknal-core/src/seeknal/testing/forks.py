"""Commands in processes that do not start from nothing.

Most of what a short command takes is the start of Python and imports. Here one process imports everything once, and forks for each command: the fork has
its own folder, environment, arguments and streams, and ends like any other process.

    python forks.py SOCKET ARGUMENTS…      runs `seeknal ARGUMENTS` as a fork of the server at SOCKET, with the streams of this process

It takes milliseconds to import.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KILLED = -9
"""In place of the exit code of a process that was ended by a signal."""

_LENGTH = 4
_STREAMS = (0, 1, 2)


def ask(server: str, arguments: Sequence[str], cwd: str, env: Mapping[str, str], streams: Sequence[int]) -> socket.socket:
    """Have a server run `seeknal ARGUMENTS` with these three open files as its streams. Returns the connection that `answer` reads."""
    message = json.dumps([list(arguments), cwd, dict(env)]).encode()
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(server)
    socket.send_fds(connection, [len(message).to_bytes(_LENGTH, "big")], list(streams))
    connection.sendall(message)
    return connection


def answer(connection: socket.socket, timeout: float | None = None) -> int:
    """The exit code of a command, once it has ended. After `timeout` seconds it is killed, and TimeoutError raised."""
    connection.settimeout(timeout)
    said = b""
    try:
        while received := connection.recv(64):
            said += received
    except TimeoutError:
        if said:
            os.kill(int(said.split()[0]), signal.SIGKILL)
        raise
    _, *code = said.split() or [b""]
    return int(code[0]) if code else KILLED


def serve(listening: socket.socket) -> None:
    """Run the commands that are asked for at a socket, until standard input ends."""
    import gc
    import select

    _import_everything()
    gc.freeze()  # what is there stays there, in all forks
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    while select.select([listening, sys.stdin], [], [])[0] == [listening]:
        connection, _ = listening.accept()
        length, streams, _, _ = socket.recv_fds(connection, _LENGTH, len(_STREAMS))
        if len(streams) == len(_STREAMS) and os.fork() == 0:
            listening.close()
            _become(connection, streams, int.from_bytes(length, "big"))
        for stream in streams:
            os.close(stream)
        connection.close()


def _become(connection: socket.socket, streams: Sequence[int], length: int) -> NoReturn:
    """Be the process of a command."""
    import atexit
    import threading
    import time

    from seeknal.targets import load_target

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    connection.sendall(b"%d " % os.getpid())
    with connection.makefile("rb") as sent:
        arguments, cwd, env = json.loads(sent.read(length))
    for stream, own in zip(streams, _STREAMS, strict=True):
        os.dup2(stream, own)
        os.close(stream)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    os.chdir(cwd)
    sys.argv = ["seeknal", *arguments]
    code: object = 1
    try:
        load_target("seeknal.cli:main")(arguments)
    except SystemExit as end:
        code = end.code
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(b"%d" % (code if isinstance(code, int) else 0))
        os._exit(0)


def _import_everything() -> None:
    """Import whatever commands may import of seeknal and of the plugins that are installed."""
    import importlib
    import pkgutil
    from contextlib import suppress

    from seeknal.discovery import GROUP

    plugins = {e.module.partition(".")[0] for e in importlib.metadata.entry_points(group=GROUP)}
    for name in ("seeknal", *sorted(plugins)):
        with suppress(ImportError):  # a command that needs it says so
            package = importlib.import_module(name)
            for module in pkgutil.walk_packages(package.__path__, f"{name}."):
                if not module.name.startswith("seeknal.testing"):
                    with suppress(ImportError):
                        importlib.import_module(module.name)


if __name__ == "__main__":
    sys.exit(answer(ask(sys.argv[1], sys.argv[2:], os.getcwd(), os.environ, _STREAMS)))  # noqa: PTH109 - pathlib takes as long as all of this
