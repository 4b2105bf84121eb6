"""MetricFlow, with the same models and metrics: the SQL it writes, and what writing it costs.

It is installed by ``python -m benchmarks.peers metricflow``.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.peers import folder
from benchmarks.process import cost

if TYPE_CHECKING:
    from pathlib import Path

DATABASE = "bench"
"""What its SQL calls the database with `orders`, `refunds` and `days`."""

_PROJECT = f"""\
name: {DATABASE}
version: "1.0"
profile: {DATABASE}
"""
_PROFILES = f"""\
{DATABASE}:
  target: dev
  outputs:
    dev: {{type: duckdb, path: {DATABASE}.duckdb, threads: 2}}
"""
DAYS = "SELECT CAST(range AS DATE) AS day FROM range(TIMESTAMP '2024-01-01', TIMESTAMP '2026-01-01', INTERVAL 1 DAY)"
"""The days of the data: it wants them as a table."""
_METRICS = """\
models:
  - name: days
    time_spine: {standard_granularity_column: day}
    columns: [{name: day, granularity: day}]
semantic_models:
  - name: orders
    model: ref('orders')
    defaults: {agg_time_dimension: ordered_at}
    entities: [{name: order_id, type: primary}]
    dimensions:
      - {name: ordered_at, type: time, type_params: {time_granularity: day}}
      - {name: region, type: categorical}
      - {name: status, type: categorical}
    measures: [{name: amount, agg: sum}, {name: order_count, expr: order_id, agg: count}]
  - name: refunds
    model: ref('refunds')
    defaults: {agg_time_dimension: refunded_at}
    entities: [{name: refund_id, type: primary}]
    dimensions: [{name: refunded_at, type: time, type_params: {time_granularity: day}}]
    measures: [{name: refunded, agg: sum}]
metrics:
  - {name: amount, label: amount, type: simple, type_params: {measure: amount}}
  - {name: refunded, label: refunded, type: simple, type_params: {measure: refunded}}
  - {name: order_count, label: order_count, type: simple, type_params: {measure: order_count}}
  - name: kept
    label: kept
    type: simple
    type_params: {measure: amount}
    filter: "{{ Dimension('order_id__status') }} <> 'refunded'"
  - name: web
    label: web
    type: simple
    type_params: {measure: amount}
    filter: "{{ Dimension('order_id__status') }} = 'web'"
  - {name: refund_rate, label: refund_rate, type: ratio, type_params: {numerator: refunded, denominator: amount}}
  - name: growth
    label: growth
    type: derived
    type_params:
      expr: "(now - before) / before"
      metrics: [{name: amount, alias: now}, {name: amount, alias: before, offset_window: 1 month}]
  - {name: to_date, label: to_date, type: cumulative, type_params: {measure: amount, cumulative_type_params: {grain_to_date: month}}}
  - {name: trailing, label: trailing, type: cumulative, type_params: {measure: amount, cumulative_type_params: {window: 7 days}}}
  - {name: running, label: running, type: cumulative, type_params: {measure: amount}}
"""
_NAMES = {"region": "order_id__region", "ordered_at__month": "metric_time__month", "ordered_at__day": "metric_time__day"}
_ENVIRONMENT = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}


@dataclass(frozen=True)
class Explained:
    """The SQL of a question, and the CPU seconds and MB that the process took to print it."""

    sql: str
    cpu: float
    memory: float


class MetricFlow:
    """A project of its own, beside the same data."""

    def __init__(self, root: Path, data: Path) -> None:
        self._root = root
        self._environment = {**os.environ, **_ENVIRONMENT, "DBT_PROFILES_DIR": str(root)}
        (root / "models").mkdir(parents=True)
        (root / "dbt_project.yml").write_text(_PROJECT, encoding="utf-8")
        (root / "profiles.yml").write_text(_PROFILES, encoding="utf-8")
        (root / "models/metrics.yml").write_text(_METRICS, encoding="utf-8")
        (root / "models/days.sql").write_text(DAYS, encoding="utf-8")
        for name in ("orders", "refunds"):
            (root / f"models/{name}.sql").write_text(f"FROM read_parquet('{data / name}.parquet')", encoding="utf-8")
        command = [folder("metricflow") / "bin/dbt", "build"]
        subprocess.run(command, cwd=root, env=self._environment, check=True, capture_output=True)

    @staticmethod
    def is_there() -> bool:
        """Whether it is installed."""
        return (folder("metricflow") / "bin/mf").exists()

    def explained(self, metrics: tuple[str, ...], dimensions: tuple[str, ...]) -> Explained:
        """What it makes of a question."""
        command = ["query", "--metrics", ",".join(metrics), "--group-by", ",".join(_NAMES.get(d, d) for d in dimensions), "--explain"]
        start = "from dbt_metricflow.cli.main import cli; cli()"
        found = cost(folder("metricflow") / "bin/python", start, command, cwd=self._root, env=self._environment)
        said = found.output[found.output.index("dataflow plan):") :].partition("\n")[2]
        return Explained(" ".join(said.split()), found.cpu, found.memory)
