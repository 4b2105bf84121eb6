"""SQLMesh over DuckDB, state in the same file; every model is of kind FULL, that is a table."""

from pathlib import Path
from string import Template
from typing import ClassVar

from benchmarks.description import Model, ProjectDescription, Reference
from benchmarks.sources import SOURCES
from benchmarks.steps import Step
from benchmarks.tools.base import ROOT, Tool

_CONFIG = """\
gateways:
  local:
    connection:
      type: duckdb
      database: local.duckdb
default_gateway: local
model_defaults:
  dialect: duckdb
  start: 2024-01-01
"""

_MODEL = Template("""\
MODEL (
    name $schema.$name,
    kind $kind
);

$sql""")

_CSV_COLUMNS = {
    "customers": "customer_id, name, segment, country, credit",
    "products": "product_id, title, category, price",
    "orders": "order_id, customer_id, status, amount, ordered_on",
    "order_items": "order_id, line, product_id, quantity, discount",
    "payments": "payment_id, order_id, method, amount, paid_on",
}

_CSV = Template("SELECT $columns\nFROM read_csv('data/$name.csv')\n")


class SqlMesh(Tool):
    """``sqlmesh plan`` into the production environment, applied without questions."""

    name = "sqlmesh"
    venv = ROOT / ".venvs" / "sqlmesh"
    package = "sqlmesh"
    largest = 1_000
    generated = (".cache", "logs", "local.duckdb", "local.duckdb.wal")
    database = "local.duckdb"
    environment: ClassVar = {"SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "true"}

    def write(self, project: ProjectDescription, folder: Path) -> None:
        """Write the configuration, a view over each CSV file, and the models."""
        (folder / "models").mkdir()
        (folder / "config.yaml").write_text(_CONFIG)
        for name in SOURCES:
            sql = _CSV.substitute(name=name, columns=_CSV_COLUMNS[name])
            text = _MODEL.substitute(schema="raw", name=name, kind="VIEW", sql=sql)
            (folder / "models" / f"raw_{name}.sql").write_text(text)
        for model in project.models():
            self.write_model(model, folder)

    def write_model(self, model: Model, folder: Path) -> None:
        """Write a model."""
        sql = model.sql(self.spell)
        text = _MODEL.substitute(schema="bench", name=model.name, kind="FULL", sql=sql)
        (folder / "models" / f"{model.name}.sql").write_text(text)

    def spell(self, reference: Reference) -> str:
        """Write a table's name."""
        schema = "raw" if reference.kind == "source" else "bench"
        return f"{schema}.{reference.name}"

    def arguments(self, step: Step) -> tuple[str, ...]:
        """``sqlmesh info``, which loads the project, or ``sqlmesh plan``."""
        match step:
            case Step.HELP:
                return ("sqlmesh", "--help")
            case Step.COLD_PARSE | Step.WARM_PARSE:
                return ("sqlmesh", "info", "--skip-connection")
            case _:
                return ("sqlmesh", "plan", "--auto-apply", "--no-prompts")

    def relation(self, model: str) -> str:
        """A view of the production environment."""
        return f"bench.{model}"
