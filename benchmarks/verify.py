"""Check that the tools built the same rows: a comparison of different work would mean nothing.

``python -m benchmarks.verify layered 100 --tools seeknal,dbt`` after a run. It is a program of its
own because it imports the engine, which the harness must not.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

import duckdb

from benchmarks.shapes import describe
from benchmarks.tools import TOOLS, Tool

Digest = tuple[int, int]
"""Rows, and the sum of their hashes."""

_DIGEST = Template("SELECT count(*), coalesce(sum(hash(t)), 0) FROM $relation AS t")

_SHOWN = 5


def digests(database: Path, relations: Mapping[str, str]) -> dict[str, Digest]:
    """The digest of every model's rows; `relations` says which table or view each model is.

    Raises ``duckdb.Error`` where one is missing.
    """
    with duckdb.connect(str(database), read_only=True) as connection:
        return {model: _digest(connection, relation) for model, relation in relations.items()}


def _digest(connection: duckdb.DuckDBPyConnection, relation: str) -> Digest:
    rows = connection.execute(_DIGEST.substitute(relation=relation)).fetchall()
    return int(rows[0][0]), int(rows[0][1])


def _built(tool: Tool, folder: Path, models: Sequence[str]) -> dict[str, Digest]:
    relations = {model: tool.relation(model) for model in models}
    return digests(folder / tool.database, relations)


def compare(found: Mapping[str, Mapping[str, Digest]]) -> list[str]:
    """Say in a line for each tool where it differs from the first."""
    (reference, expected), *others = found.items()
    lines: list[str] = []
    for name, actual in others:
        wrong = [model for model, digest in expected.items() if actual[model] != digest]
        if wrong:
            lines.append(f"{name} differs from {reference} in {len(wrong)}: {wrong[:_SHOWN]}")
    return lines


def main() -> int:
    """Print whether the tools agree; 1 if they do not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verify", description=__doc__)
    parser.add_argument("shape")
    parser.add_argument("nodes", type=int)
    parser.add_argument("--tools", default=",".join(TOOLS))
    parser.add_argument("--work", type=Path, default=Path(".bench/work"))
    options = parser.parse_args()
    models = [model.name for model in describe(options.shape, options.nodes).models()]
    names = options.tools.split(",")
    project = options.work / f"{options.shape}-{options.nodes}"
    found = {name: _built(TOOLS[name], project / name, models) for name in names}
    differences = compare(found)
    if differences:
        print("\n".join(differences))
        return 1
    rows = sum(count for count, _ in found[names[0]].values())
    print(f"{', '.join(names)} agree on {len(models):,} models and {rows:,} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
