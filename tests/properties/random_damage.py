"""What befalls a project's folder, and runs that do half the work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

    from seeknal.testing.project import ProjectFolder


def kill_run(folder: ProjectFolder, chance: random.Random) -> str:
    """Start a run in a process of its own, and kill it somewhere on its way."""
    command = [sys.executable, "-c", "from seeknal.cli import main; main()", "run"]
    running = subprocess.Popen(command, cwd=folder.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(chance.uniform(0.2, 0.8))
    running.kill()
    running.wait()
    return "killed a run"


def damage(folder: ProjectFolder, chance: random.Random) -> str:
    """Do to target/ what disks, tools and people do."""
    target = folder.root / "target"
    parts = sorted(target.glob("cache/*/*/*/part-*.parquet"))
    part = chance.choice(parts) if parts else None
    choice = chance.randrange(10)
    if choice == 0 and part:
        part.unlink()
        return f"deleted {part.parent}"
    if choice == 1 and part:
        data = bytearray(part.read_bytes())
        data[chance.randrange(len(data))] ^= 0xFF
        part.write_bytes(data)
        return f"flipped bits of {part}"
    if choice == 2 and part:
        os.truncate(part, part.stat().st_size // 2)
        return f"truncated {part}"
    if choice == 3 and part:
        shutil.rmtree(part.parent)
        return f"deleted the folder {part.parent}"
    if choice == 4:
        for path in target.glob("run_state*"):
            path.unlink()
        return "deleted the state"
    if choice == 5:
        (target / "warehouse.duckdb").unlink(missing_ok=True)
        return "deleted the warehouse"
    if choice == 6:
        shutil.rmtree(target, ignore_errors=True)
        return "deleted target/"
    if choice == 7 and part:
        (part.parent / "artifact.json").unlink(missing_ok=True)
        return "deleted an artifact's description"
    if choice == 8 and (target / "run_state.json").exists():
        (target / "run_state.json").write_bytes(b'{"schema_version": "2.0", "lin')
        return "damaged the state"
    for path in [*folder.root.glob("data/*"), *folder.root.glob("seeknal/*.sql")]:
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns + 1_000_000_007))
    return "touched every file"
