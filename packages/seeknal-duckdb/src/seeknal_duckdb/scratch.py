"""A folder for what does not fit in memory, one a database: DuckDB names its files alike in every process, and would mix them up."""

from __future__ import annotations

import os
import re
import shutil
import socket
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from pathlib import Path

_NAME = "duckdb-{host}-{pid}-{unique}"


def own_folder(scratch: Path) -> Path:
    """A folder in `scratch` that nobody else uses; DuckDB makes it when it needs it. What dead processes left there is removed.

    Where `scratch` cannot be made, queries that fit in memory still run.
    """
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        _sweep(scratch)
    except OSError:  # a read-only project: only those queries fail that need the folder, and they say so
        pass
    return scratch / _NAME.format(host=_host(), pid=os.getpid(), unique=uuid4().hex)


def _sweep(scratch: Path) -> None:
    pattern = re.compile(_NAME.format(host=re.escape(_host()), pid=r"(?P<pid>\d+)", unique="[0-9a-f]{32}"))
    for folder in scratch.iterdir():
        found = pattern.fullmatch(folder.name)
        if found and not _alive(int(found["pid"])):
            shutil.rmtree(folder, ignore_errors=True)  # another process may be sweeping too


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9]", "_", socket.gethostname())
