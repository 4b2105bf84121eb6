"""What the figures were measured on."""

import os
import platform
import resource
from datetime import UTC, datetime


def machine() -> dict[str, object]:
    """Cores this process may use, memory, kernel, load, and the harness's own peak RSS in MiB.

    No process can show a smaller peak RSS than the harness that started it.
    """
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": cores(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load_1_minute": round(os.getloadavg()[0], 2),
        "harness_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
