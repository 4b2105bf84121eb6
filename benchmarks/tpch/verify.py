"""Check that seeknal and the plain script made the same rows."""

import argparse
import sys
from pathlib import Path

from benchmarks.tools.seeknal import Seeknal
from benchmarks.tpch.pipeline import statements
from benchmarks.verify import compare, digests


def main() -> int:
    """Print whether they agree; 1 if they do not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tpch.verify", description=__doc__)
    parser.add_argument("project", type=Path, help="the seeknal project, after a run")
    parser.add_argument("plain", type=Path, help="the output folder of the plain script")
    options = parser.parse_args()
    seeknal = Seeknal()
    names = [model.name for model in statements()]
    plain = digests(options.plain / "tables" / "plain.duckdb", {name: name for name in names})
    relations = {name: seeknal.relation(name) for name in names}
    built = digests(options.project / seeknal.database, relations)
    differences = compare({"plain": plain, seeknal.name: built})
    print("\n".join(differences) or f"both made the same rows in {len(names)} models")
    return int(bool(differences))


if __name__ == "__main__":
    sys.exit(main())
