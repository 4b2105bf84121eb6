"""The semantic layer beside SQL written by hand: seven questions on two million orders.

    python -m benchmarks.metrics [ORDERS]

For each question: the length of the SQL (blanks counted once, names of relations as they are), and the time it takes, the best of five,
both queries in the same session. Also what `seeknal query --compile` costs as a process, and once everything is loaded.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from seeknal import Project
from seeknal_semantic.compiler import Question
from seeknal_semantic.query import Asking

ROUNDS = 5
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
        """WITH o AS (SELECT DATE_TRUNC('month', ordered_at) AS month, SUM(amount) AS amount FROM source_orders GROUP BY 1),
        r AS (SELECT DATE_TRUNC('month', refunded_at) AS month, SUM(refunded) AS refunded FROM source_refunds GROUP BY 1)
        SELECT COALESCE(o.month, r.month) AS metric_time__month, CAST(r.refunded AS DOUBLE) / NULLIF(o.amount, 0) AS refund_rate
        FROM o FULL JOIN r ON o.month IS NOT DISTINCT FROM r.month""",
    ),
    "month over month": (
        Question(("growth",), ("ordered_at__month",)),
        """WITH m AS (SELECT DATE_TRUNC('month', ordered_at) AS month, SUM(amount) AS amount FROM source_orders GROUP BY 1)
        SELECT COALESCE(m.month, p.month + INTERVAL 1 MONTH) AS ordered_at__month, CAST(m.amount - p.amount AS DOUBLE) / NULLIF(p.amount, 0) AS growth
        FROM m FULL JOIN m AS p ON m.month = p.month + INTERVAL 1 MONTH""",
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
        root = Path(folder)
        make_project(root, orders)
        project = Project.open(root)
        project.run()
        print(f"{orders:,} orders\n")
        print(f"{'question':<28} {'length':>8} {'by hand':>8} {'ratio':>6} {'seconds':>9} {'by hand':>8} {'ratio':>6}")
        asking = Asking(project)
        with project.reading() as relations:
            for model in asking.catalog.models.values():
                relations.define(model.node)
            for name, (question, hand) in SHAPES.items():
                sql, hand_sql = asking.compile(question).sql(), " ".join(hand.split())
                times = [[seconds(relations.session.rows, text) for text in (sql, hand_sql)] for _ in range(ROUNDS)]
                ours, theirs = (min(t[i] for t in times) for i in (0, 1))
                size = f"{len(sql):>8} {len(hand_sql):>8} {len(sql) / len(hand_sql):>6.2f}"
                print(f"{name:<28} {size} {ours:>9.3f} {theirs:>8.3f} {ours / theirs:>6.2f}")
        warm = min(seconds(lambda q: asking.compile(q).sql(), question) for question, _ in SHAPES.values() for _ in range(ROUNDS))
        slowest = max(min(seconds(lambda q: asking.compile(q).sql(), q) for _ in range(ROUNDS)) for q, _ in SHAPES.values())
        print(f"\ncompiled again: {warm * 1000:.1f} to {slowest * 1000:.1f} ms")
        cold(root)


def make_project(root: Path, orders: int) -> None:
    """Orders over two years and a tenth as many refunds."""
    (root / "data").mkdir()
    (root / "seeknal").mkdir()
    (root / "seeknal_project.yml").write_text("name: metrics\n", encoding="utf-8")
    (root / "seeknal/models.yml").write_text(MODELS, encoding="utf-8")
    database = duckdb.connect()
    database.execute(f"""COPY (SELECT range AS order_id, TIMESTAMP '2024-01-01' + to_seconds(CAST(hash(range) % 63072000 AS BIGINT)) AS ordered_at,
        ['North', 'South', 'East', 'West', NULL][CAST(1 + hash(range * 7) % 5 AS BIGINT)] AS region, ['web', 'store', 'refunded'][CAST(1 + hash(range * 11) % 3 AS BIGINT)] AS status,
        CAST(hash(range * 13) % 20000 AS DOUBLE) / 100 AS amount FROM range({orders})) TO '{root}/data/orders.parquet'""")
    database.execute(f"""COPY (SELECT range AS refund_id, TIMESTAMP '2024-01-01' + to_seconds(CAST(hash(range * 3) % 63072000 AS BIGINT)) AS refunded_at,
        CAST(hash(range * 5) % 5000 AS DOUBLE) / 100 AS refunded FROM range({orders // 10})) TO '{root}/data/refunds.parquet'""")


def seconds(function, argument) -> float:  # noqa: ANN001 - anything that is called
    """How long a call takes."""
    begun = time.perf_counter()
    function(argument)
    return time.perf_counter() - begun


def cold(root: Path) -> None:
    """What one `seeknal query --compile` costs."""
    command = ["query", "--metrics", "growth", "--dimensions", "ordered_at__month", "--compile"]
    found = []
    for _ in range(ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", "from seeknal.cli import main; main()", *command], cwd=root, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    told = "import atexit, sys; atexit.register(lambda: print(open('/proc/self/status').read(), file=sys.stderr)); "
    told += "from seeknal.cli import main; main()"
    status = subprocess.run([sys.executable, "-c", told, *command], cwd=root, check=True, capture_output=True, text=True).stderr
    memory = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024
    print(f"seeknal query --compile: {min(found):.2f} s of CPU, {memory:.0f} MB")


if __name__ == "__main__":
    main()
