"""What stands beside a table while rows are loaded into it: names that say whose it is, so that only what nobody needs is removed.

A killed load leaves its table, and its files, behind. The next load of the same target removes what processes of this machine left that
are gone, and what any machine began longer ago than a load can take. What another machine, process or thread is filling stays.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
import uuid
from typing import TYPE_CHECKING

from seeknal.processes import is_running, this_machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeknal_starrocks.names import TableName

LONGEST_LOAD = 2 * 24 * 3600
"""Seconds after which a load of another machine counts as dead. Generous, because clocks differ."""

BEGINNING = "seeknal_load_"
_NAME = re.compile(BEGINNING + r"[0-9a-f]{12}_(?P<machine>[0-9a-f]{8})_(?P<process>[0-9a-f]+)_(?P<begun>[0-9a-f]{8})_[0-9a-f]{6}")
_in_use: set[str] = set()
"""Names that loads of this process have just now."""


def prefix(target: TableName) -> str:
    """How the names begin of all that stands beside a table."""
    return f"{BEGINNING}{hashlib.sha256(str(target).encode()).hexdigest()[:12]}_"


@contextlib.contextmanager
def name_beside(target: TableName) -> Iterator[str]:
    """A name that nobody else uses, of 64 characters at most; its own as long as the block runs."""
    name = f"{prefix(target)}{_machine()}_{os.getpid():x}_{int(time.time()):08x}_{uuid.uuid4().hex[:6]}"
    _in_use.add(name)
    try:
        yield name
    finally:
        _in_use.discard(name)


def is_left(name: str, target: TableName | None = None) -> bool:
    """Whether a name stands beside the target, or beside any, for a load that is over."""
    if name in _in_use or (target is not None and not name.startswith(prefix(target))):
        return False
    found = _NAME.fullmatch(name)
    if found is None:
        return False
    if time.time() - int(found["begun"], 16) > LONGEST_LOAD:
        return True
    process = int(found["process"], 16)
    return found["machine"] == _machine() and (process == os.getpid() or not is_running(process))


def _machine() -> str:
    return hashlib.sha256(this_machine().encode()).hexdigest()[:8]
