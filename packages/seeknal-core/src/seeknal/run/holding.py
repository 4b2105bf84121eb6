"""Who this process is to others who want the same lease."""

from __future__ import annotations

import os
import socket
import sys
from datetime import UTC, datetime

from seeknal.state.backend import Holder


def this_process(run_id: str = "-") -> Holder:
    """This process, as the holder of a lease."""
    return Holder(run_id, socket.gethostname(), os.getpid(), " ".join(["seeknal", *sys.argv[1:]]), now())


def now() -> str:
    """This moment as ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
