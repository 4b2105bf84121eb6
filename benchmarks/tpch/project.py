"""The pipeline as a seeknal project."""

import shutil
from pathlib import Path
from string import Template

from benchmarks.tpch.pipeline import MODELS, TABLES

_PROJECT = """\
name: tpch
version: 1
"""

_SOURCE = Template("""\
kind: source
name: $name
type: parquet
table: data/$name.parquet
""")


def write_project(folder: Path) -> None:
    """Write everything but the data, which is in ``<folder>/data``."""
    nodes = folder / "seeknal"
    shutil.rmtree(nodes, ignore_errors=True)
    (nodes / "sources").mkdir(parents=True)
    (folder / "seeknal_project.yml").write_text(_PROJECT)
    for table in TABLES:
        (nodes / "sources" / f"{table}.yml").write_text(_SOURCE.substitute(name=table))
    shutil.copytree(MODELS, nodes / "transforms")
