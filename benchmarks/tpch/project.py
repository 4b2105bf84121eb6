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

_AGAIN = Template("""\
SELECT * FROM (
$sql
) AS again
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


def rewrite_models(folder: Path) -> None:
    """Write every model otherwise, with the same rows: all are built again, and each is compared with what it was before."""
    for path in (folder / "seeknal" / "transforms").glob("*.sql"):
        path.write_text(_AGAIN.substitute(sql=path.read_text()))
