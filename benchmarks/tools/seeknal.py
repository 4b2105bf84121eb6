"""seeknal: sources in YAML, transforms in SQL."""

from pathlib import Path
from string import Template

from benchmarks.description import Model, ProjectDescription, Reference
from benchmarks.sources import SOURCES
from benchmarks.steps import Step
from benchmarks.tools.base import ROOT, Tool

_PROJECT = """\
name: bench
version: 1
"""

_SOURCE = Template("""\
kind: source
name: $name
type: csv
table: data/$name.csv
""")


class Seeknal(Tool):
    """seeknal with its defaults: file state, DuckDB, Parquet outputs."""

    name = "seeknal"
    venv = ROOT / ".venv"
    package = "seeknal-core"
    largest = 10_000
    generated = ("target",)
    database = "target/warehouse.duckdb"

    def write(self, project: ProjectDescription, folder: Path) -> None:
        """Write ``seeknal_project.yml``, the sources and the transforms."""
        (folder / "seeknal_project.yml").write_text(_PROJECT)
        for part in ("sources", "transforms"):
            (folder / "seeknal" / part).mkdir(parents=True)
        for source in SOURCES:
            path = folder / "seeknal" / "sources" / f"{source}.yml"
            path.write_text(_SOURCE.substitute(name=source))
        for model in project.models():
            self.write_model(model, folder)

    def write_model(self, model: Model, folder: Path) -> None:
        """Write a transform."""
        path = folder / "seeknal" / "transforms" / f"{model.name}.sql"
        path.write_text(model.sql(self.spell))

    def spell(self, reference: Reference) -> str:
        """Write ``{{ ref('kind.name') }}``."""
        kind = "source" if reference.kind == "source" else "transform"
        return f"{{{{ ref('{kind}.{reference.name}') }}}}"

    def arguments(self, step: Step) -> tuple[str, ...]:
        """``seeknal parse`` or ``seeknal run``, whatever changed."""
        match step:
            case Step.HELP:
                return ("seeknal", "--help")
            case Step.COLD_PARSE | Step.WARM_PARSE:
                return ("seeknal", "parse")
            case _:
                return ("seeknal", "run")

    def relation(self, model: str) -> str:
        """A view in the warehouse."""
        return f"prod.transform_{model}"
