"""Install the peers, each in a virtual environment of its own: ``python -m benchmarks.peers``.

Versions are in ``constraints-<peer>.txt``; the engine is the same everywhere. Where packages come
from is pip's configuration.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.tools.base import ROOT

REQUIREMENTS: dict[str, tuple[str, ...]] = {
    "dbt": ("dbt-core", "dbt-duckdb", "duckdb"),
    "metricflow": ("dbt-metricflow", "dbt-core", "dbt-duckdb", "duckdb"),
    "sqlmesh": ("sqlmesh", "duckdb"),
    "tpchgen": ("tpchgen-cli",),
}
"""What each environment is made of."""

_TIMEOUT = 1800.0
"""Seconds one installation may take."""


def folder(peer: str) -> Path:
    """Where the peer's virtual environment is."""
    return ROOT / ".venvs" / peer


def create(peer: str, say: Callable[[str], None]) -> bool:
    """Create the peer's environment; False if that is not possible here.

    A name that is not a peer's is not an error: seeknal's own environment comes from ``make``.
    """
    if peer not in REQUIREMENTS:
        return False
    say(f"installing {peer} into {folder(peer)}")
    python = folder(peer) / "bin" / "python"
    constraints = Path(__file__).parent / f"constraints-{peer}.txt"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return _run([sys.executable, "-m", "venv", str(folder(peer))], say) and _run(
        [*pip, "--constraint", str(constraints), *REQUIREMENTS[peer]], say
    )


def _run(command: list[str], say: Callable[[str], None]) -> bool:
    try:
        subprocess.run(command, check=True, timeout=_TIMEOUT)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        say(str(error))
        return False
    return True


def main() -> int:
    """Create the environments named on the command line, or all; 1 if one could not be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("peers", nargs="*", choices=[*REQUIREMENTS, []], help="which; all if none")
    chosen: list[str] = parser.parse_args().peers or list(REQUIREMENTS)
    made = [create(peer, lambda text: print(text, file=sys.stderr)) for peer in chosen]
    return int(not all(made))


if __name__ == "__main__":
    sys.exit(main())
