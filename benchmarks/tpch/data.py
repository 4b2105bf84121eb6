"""The data: TPC-H tables as Parquet files, made once by ``tpchgen-cli``."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from benchmarks import peers
from benchmarks.tpch.pipeline import TABLES

_TIMEOUT = 3600.0
"""Seconds that generating may take."""


def generate(folder: Path, scale: float, say: Callable[[str], None]) -> bool:
    """Write ``<folder>/<table>.parquet`` at a scale factor, unless it is there; False if it failed.

    Scale factor 1 is about 1 GB of text and 6 million rows in the largest table.
    """
    if all((folder / f"{table}.parquet").exists() for table in TABLES):
        return True
    program = peers.folder("tpchgen") / "bin" / "tpchgen-cli"
    if not program.exists() and not peers.create("tpchgen", say):
        return False
    folder.mkdir(parents=True, exist_ok=True)
    say(f"generating TPC-H data at scale factor {scale:g} in {folder}")
    command = [str(program), "parquet", "-s", f"{scale:g}", "-o", str(folder)]
    done = subprocess.run([*command, "--quiet", "--overwrite"], check=False, timeout=_TIMEOUT)
    return done.returncode == 0
