"""The semantic layer beside SQL written by hand and beside MetricFlow: seven questions on two million orders.

    python -m benchmarks.peers metricflow
    python -m benchmarks.metrics [ORDERS]

For each question: the length of the SQL (blanks counted once, names of relations as they are), and the time and the CPU time it takes, the
best of fifteen each, in one session over the same files, one query after the other. The rows must be those of the SQL written by hand. Also
what writing the SQL costs as a process, and once everything is loaded.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from benchmarks.metricflow import DATABASE, MetricFlow
from benchmarks.metricflow import DAYS as SPINE
from benchmarks.process import cost
from seeknal import Project
from seeknal_semantic.compiler import Question
from seeknal_semantic.query import Asking

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 15
PATIENCE = 10.0
"""Seconds that are spent on one query."""
MODELS = """
kind: source
name: orders
type: parquet
table: data/orders.parquet
---
kind: source
name: refunds
type: parquet
table: data/refunds.parquet
---
kind: semantic_model
name: orders
model: ref('source.orders')
default_time_dimension: ordered_at
entities: [{name: order_id, type: primary}]
dimensions: [{name: ordered_at, type: time}, {name: region, type: categorical}, {name: status, type: categorical}]
measures: [{name: amount, agg: sum}, {name: order_count, expr: order_id, agg: count}]
---
kind: semantic_model
name: refunds
model: ref('source.refunds')
default_time_dimension: refunded_at
entities: [{name: refund_id, type: primary}]
dimensions: [{name: refunded_at, type: time}]
measures: [{name: refunded, agg: sum}]
---
kind: metric
name: kept
type: simple
measure: amount
filter: "status <> 'refunded'"
---
kind: metric
name: web
type: simple
measure: amount
filter: "status = 'web'"
---
kind: metric
name: refund_rate
type: ratio
numerator: refunded
denominator: amount
---
kind: metric
name: growth
type: derived
expr: "(now - before) / before"
inputs: [{metric: amount, alias: now}, {metric: amount, alias: before, offset: 1 month}]
---
kind: metric
name: to_date
type: cumulative
measure: amount
grain_to_date: month
---
kind: metric
name: trailing
type: cumulative
measure: amount
window: 7 days
---
kind: metric
name: running
type: cumulative
measure: amount
"""
DAYS = """WITH days AS (SELECT UNNEST(GENERATE_SERIES(MIN(CAST(ordered_at AS DATE)), MAX(CAST(ordered_at AS DATE)), INTERVAL 1 DAY)) AS day
FROM source_orders), """
DAILY = DAYS + "daily AS (SELECT CAST(ordered_at AS DATE) AS day, SUM(amount) AS amount FROM source_orders GROUP BY 1) "
SHAPES = {
    "three metrics with filters": (
        Question(("kept", "web", "order_count"), ("region", "ordered_at__month")),
        """SELECT region, DATE_TRUNC('month', ordered_at) AS ordered_at__month, SUM(amount) FILTER (WHERE status <> 'refunded') AS kept,
        SUM(amount) FILTER (WHERE status = 'web') AS web, COUNT(order_id) AS order_count FROM source_orders GROUP BY 1, 2""",
    ),
    "two facts with ratio": (
        Question(("refund_rate",), ("metric_time__month",)),
        """WITH ordered AS (SELECT DATE_TRUNC('month', ordered_at) AS month, SUM(amount) AS amount FROM source_orders GROUP BY 1),
        refunded AS (SELECT DATE_TRUNC('month', refunded_at) AS month, SUM(refunded) AS amount FROM source_refunds GROUP BY 1)
        SELECT month AS metric_time__month, refunded.amount / NULLIF(ordered.amount, 0) AS refund_rate
        FROM ordered FULL JOIN refunded USING (month)""",
    ),
    "month over month": (
        Question(("growth",), ("ordered_at__month",)),
        """WITH monthly AS (SELECT DATE_TRUNC('month', ordered_at) AS month, SUM(amount) AS amount FROM source_orders GROUP BY 1)
        SELECT COALESCE(monthly.month, previous.month + INTERVAL 1 MONTH) AS ordered_at__month,
        (monthly.amount - previous.amount) / NULLIF(previous.amount, 0) AS growth
        FROM monthly FULL JOIN monthly AS previous ON monthly.month = previous.month + INTERVAL 1 MONTH""",
    ),
    "month to date by month": (
        Question(("to_date",), ("ordered_at__month",)),
        """SELECT DATE_TRUNC('month', ordered_at) AS ordered_at__month, SUM(amount) AS to_date FROM source_orders
        WHERE ordered_at IS NOT NULL GROUP BY 1""",
    ),
    "7 days by day": (
        Question(("trailing",), ("ordered_at__day",)),
        DAILY
        + """SELECT days.day AS ordered_at__day, SUM(daily.amount) OVER w AS trailing FROM days LEFT JOIN daily ON daily.day = days.day
        WINDOW w AS (ORDER BY days.day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) QUALIFY COUNT(daily.day) OVER w > 0""",
    ),
    "7 days by day and region": (
        Question(("trailing",), ("ordered_at__day", "region")),
        DAYS
        + """daily AS (SELECT region, CAST(ordered_at AS DATE) AS day, SUM(amount) AS amount FROM source_orders GROUP BY 1, 2)
        SELECT days.day AS ordered_at__day, r.region, SUM(daily.amount) OVER w AS trailing FROM days CROSS JOIN (SELECT DISTINCT region FROM daily) AS r
        LEFT JOIN daily ON daily.day = days.day AND daily.region IS NOT DISTINCT FROM r.region
        WINDOW w AS (PARTITION BY r.region ORDER BY days.day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) QUALIFY COUNT(daily.day) OVER w > 0""",
    ),
    "running total by day": (
        Question(("running",), ("ordered_at__day",)),
        DAILY
        + """SELECT days.day AS ordered_at__day, SUM(daily.amount) OVER (ORDER BY days.day) AS running
        FROM days LEFT JOIN daily ON daily.day = days.day""",
    ),
}


def main() -> None:
    """Measure and print."""
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "seeknal"
        make_project(root, orders)
        project = Project.open(root)
        project.run()
        peer = MetricFlow(Path(folder) / "metricflow", root / "data") if MetricFlow.is_there() else None
        print(f"{orders:,} orders; length, seconds, CPU seconds: of each seeknal's, by hand, the first to the second, MetricFlow's\n")
        asking = Asking(project)
        database = relations(root / "data")
        costs = []
        for name, (question, hand) in SHAPES.items():
            texts = [asking.compile(question).sql(), " ".join(hand.split())]
            if peer is not None:
                explained = peer.explained(question.metrics, question.dimensions)
                texts.append(explained.sql)
                costs.append(explained)
            check(database, name, texts[0], texts[1])
            sizes = [len(text) for text in texts]
            wall, cpu = best(database, texts)
            print(f"| {name} | {line(sizes, '{}')} | {line(wall, '{:.3f}')} | {line(cpu, '{:.3f}')} |", flush=True)
        warm = [min(elapsed(lambda q=q: asking.compile(q).sql()) for _ in range(ROUNDS)) * 1000 for q, _ in SHAPES.values()]
        print(f"\ncompiled again: {min(warm):.1f} to {max(warm):.1f} ms")
        command = ["query", "--metrics", "growth", "--dimensions", "ordered_at__month", "--compile"]
        cold = [cost(Path(sys.executable), "from seeknal.cli import main; main()", command, cwd=root) for _ in range(ROUNDS)]
        print(f"seeknal query --compile: {span([c.cpu for c in cold], '.2f')} s of CPU, {max(c.memory for c in cold):.0f} MB")
        if costs:
            memory = max(c.memory for c in costs)
            print(f"mf query --explain: {span([c.cpu for c in costs], '.2f')} s of CPU, {memory:.0f} MB")


def best(database: duckdb.DuckDBPyConnection, queries: list[str]) -> tuple[list[float], list[float]]:
    """The shortest times of each query, and the shortest CPU times. They are asked in turn, the slow ones less often."""
    times: list[list[tuple[float, float]]] = [[] for _ in queries]
    for _ in range(ROUNDS):
        for query, taken in zip(queries, times, strict=True):
            if sum(wall for wall, _ in taken) < PATIENCE:
                taken.append(seconds(database, query))
    return [min(wall for wall, _ in taken) for taken in times], [min(cpu for _, cpu in taken) for taken in times]


def make_project(root: Path, orders: int) -> None:
    """Orders over two years and a tenth as many refunds."""
    (root / "data").mkdir(parents=True)
    (root / "seeknal").mkdir()
    (root / "seeknal_project.yml").write_text("name: metrics\n", encoding="utf-8")
    (root / "seeknal/models.yml").write_text(MODELS, encoding="utf-8")
    database = duckdb.connect()
    database.execute(f"""COPY (SELECT range AS order_id, TIMESTAMP '2024-01-01' + to_seconds(CAST(hash(range) % 63072000 AS BIGINT)) AS ordered_at,
        ['North', 'South', 'East', 'West', NULL][CAST(1 + hash(range * 7) % 5 AS BIGINT)] AS region,
        ['web', 'store', 'refunded'][CAST(1 + hash(range * 11) % 3 AS BIGINT)] AS status,
        CAST(hash(range * 13) % 20000 AS DOUBLE) / 100 AS amount FROM range({orders})) TO '{root}/data/orders.parquet'""")
    database.execute(f"""COPY (SELECT range AS refund_id, TIMESTAMP '2024-01-01' + to_seconds(CAST(hash(range * 3) % 63072000 AS BIGINT)) AS refunded_at,
        CAST(hash(range * 5) % 5000 AS DOUBLE) / 100 AS refunded FROM range({orders // 10})) TO '{root}/data/refunds.parquet'""")


def relations(data: Path) -> duckdb.DuckDBPyConnection:
    """A session in which the relations of both tools are views of the same files."""
    database = duckdb.connect()
    database.execute(f"ATTACH ':memory:' AS {DATABASE}")
    for name in ("orders", "refunds"):
        for relation in (f"source_{name}", f"{DATABASE}.main.{name}"):
            database.execute(f"CREATE VIEW {relation} AS FROM read_parquet('{data / name}.parquet')")
    database.execute(f"CREATE VIEW {DATABASE}.main.days AS {SPINE}")
    return database


def check(database: duckdb.DuckDBPyConnection, name: str, sql: str, hand: str) -> None:
    """Exit where the two do not give the same rows, sums in another order apart."""
    ours, theirs = (sorted(database.execute(text).fetchall(), key=repr) for text in (sql, hand))
    alike = len(ours) == len(theirs) and all(same(a, b) for a, b in zip(ours, theirs, strict=True))
    if not alike:
        sys.exit(f"{name}: the rows differ: {ours[:3]} and {theirs[:3]}")


def same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Whether two rows say the same."""
    numbers = (int, float)
    return all(math.isclose(a, b, rel_tol=1e-9) if isinstance(a, numbers) and isinstance(b, numbers) else day(a) == day(b)
               for a, b in zip(one, other, strict=True))  # fmt: skip


def day(value: object) -> str:
    """A day and the moment it begins are the same."""
    return str(value).removesuffix(" 00:00:00")


def line(values: list[float], form: str) -> str:
    """Three cells and the ratio of the first two."""
    own, hand, *peers = values
    return " | ".join([form.format(own), form.format(hand), f"{own / hand:.2f}", *(form.format(p) for p in peers)])


def span(values: list[float], form: str) -> str:
    """From the least to the most."""
    return f"{min(values):{form}} to {max(values):{form}}"


def seconds(database: duckdb.DuckDBPyConnection, sql: str) -> tuple[float, float]:
    """How long a query takes, its rows fetched, and how much CPU time of all threads."""
    begun = time.process_time()
    wall = elapsed(lambda: database.execute(sql).fetchall())
    return wall, time.process_time() - begun


def elapsed(call: Callable[[], object]) -> float:
    """How long a call takes."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
