"""dbt with its DuckDB adapter; every model is a table, as seeknal's and SQLMesh's are."""

import shutil
from pathlib import Path
from typing import ClassVar

from benchmarks.description import Model, ProjectDescription, Reference
from benchmarks.sources import SOURCES
from benchmarks.steps import Step
from benchmarks.tools.base import ROOT, Tool

_PROJECT = """\
name: bench
version: "1.0"
profile: bench
models:
  bench:
    +materialized: table
"""

_PROFILES = """\
bench:
  target: dev
  outputs:
    dev:
      type: duckdb
      path: bench.duckdb
      threads: 2
"""

_SOURCES = """\
version: 2
sources:
  - name: raw
    config:
      meta:
        external_location: "read_csv('data/{name}.csv')"
    tables:
"""

_MANIFEST = Path("target/manifest.json")
_LAST = Path("last")


class Dbt(Tool):
    """What most people type: ``dbt run``, which builds every model every time."""

    name = "dbt"
    venv = ROOT / ".venvs" / "dbt"
    package = "dbt-core"
    largest = 1_000
    generated = ("target", "logs", "bench.duckdb", "bench.duckdb.wal", str(_LAST))
    database = "bench.duckdb"
    environment: ClassVar = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}

    def write(self, project: ProjectDescription, folder: Path) -> None:
        """Write the project, its profile, the sources and the models."""
        (folder / "models").mkdir()
        (folder / "dbt_project.yml").write_text(_PROJECT)
        (folder / "profiles.yml").write_text(_PROFILES)
        tables = "".join(f"      - name: {source}\n" for source in SOURCES)
        (folder / "models" / "sources.yml").write_text(_SOURCES + tables)
        for model in project.models():
            self.write_model(model, folder)

    def write_model(self, model: Model, folder: Path) -> None:
        """Write a model."""
        (folder / "models" / f"{model.name}.sql").write_text(model.sql(self.spell))

    def spell(self, reference: Reference) -> str:
        """Write ``{{ source('raw', 'x') }}`` or ``{{ ref('x') }}``."""
        if reference.kind == "source":
            return f"{{{{ source('raw', '{reference.name}') }}}}"
        return f"{{{{ ref('{reference.name}') }}}}"

    def arguments(self, step: Step) -> tuple[str, ...] | None:
        """``dbt parse`` or ``dbt run``."""
        match step:
            case Step.HELP:
                return ("dbt", "--help")
            case Step.COLD_PARSE | Step.WARM_PARSE:
                return ("dbt", "parse")
            case _:
                return ("dbt", "run")

    def versions(self) -> dict[str, str]:
        """With the adapter's."""
        return super().versions() | {"dbt-duckdb": self._version("dbt-duckdb")}

    def relation(self, model: str) -> str:
        """A table of the default schema."""
        return f"main.{model}"


class DbtState(Dbt):
    """What careful people type: only what differs from the manifest kept from the last run."""

    name = "dbt-state"

    def arguments(self, step: Step) -> tuple[str, ...] | None:
        """``state:modified+`` where something was built before; help and parse are dbt's."""
        match step:
            case Step.NO_OP | Step.ADD_COLUMN | Step.EDIT:
                return ("dbt", "run", "--select", "state:modified+", "--state", str(_LAST))
            case Step.FIRST_RUN:
                return super().arguments(step)
            case _:
                return None

    def prepare(self, step: Step, folder: Path) -> None:
        """Keep the manifest of the last run."""
        super().prepare(step, folder)
        if (folder / _MANIFEST).exists():
            (folder / _LAST).mkdir(exist_ok=True)
            shutil.copyfile(folder / _MANIFEST, folder / _LAST / _MANIFEST.name)
