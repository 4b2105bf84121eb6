"""A small shop for the semantic layer: its project, and rows made from a seed with gaps, NULLs, dangling keys and zeros."""

from __future__ import annotations

import datetime as dt
import random

MODELS = """
kind: semantic_model
name: orders
model: ref('source.orders')
default_time_dimension: ordered_at
entities:
  - {name: order_id, type: primary}
  - {name: customer_id, type: foreign}
dimensions:
  - {name: ordered_at, type: time}
  - {name: status, type: categorical}
  - {name: channel, type: categorical}
  - {name: group, type: categorical, expr: '"group"'}
  - {name: band, type: categorical, expr: "CASE WHEN amount >= 50 THEN 'high' ELSE 'low' END"}
measures:
  - {name: gross, expr: amount, agg: sum}
  - {name: net, expr: "amount - COALESCE(discount, 0)", agg: sum}
  - {name: order_count, expr: order_id, agg: count}
  - {name: average_amount, expr: amount, agg: average}
  - {name: biggest, expr: amount, agg: max}
  - {name: smallest, expr: amount, agg: min}
  - {name: buyers, expr: customer_id, agg: count_distinct}
  - {name: median_amount, expr: amount, agg: median}
  - {name: p90_amount, expr: amount, agg: percentile, percentile: 0.9}
  - {name: discounted, expr: "discount > 0", agg: sum_boolean}
  - {name: web_gross, expr: amount, agg: sum, filter: "channel = 'web'"}
---
kind: semantic_model
name: customers
model: ref('source.customers')
entities:
  - {name: customer_id, type: primary}
dimensions:
  - {name: region, type: categorical}
  - {name: segment, type: categorical}
  - {name: signed_up, type: time, time_granularity: month}
measures:
  - {name: customer_count, expr: customer_id, agg: count}
---
kind: semantic_model
name: refunds
model: ref('source.refunds')
default_time_dimension: refunded_at
entities:
  - {name: refund_id, type: primary}
  - {name: order_id, type: foreign}
  - {name: customer_id, type: foreign}
dimensions:
  - {name: refunded_at, type: time}
measures:
  - {name: refunded, expr: amount, agg: sum}
  - {name: refund_count, expr: refund_id, agg: count}
---
kind: semantic_model
name: visits
model: ref('source.visits')
default_time_dimension: visited_at
entities:
  - {name: visit_id, type: primary}
  - {name: customer_id, type: foreign}
dimensions:
  - {name: visited_at, type: time}
  - {name: region, type: categorical}
measures:
  - {name: pages_viewed, expr: pages, agg: sum}
  - {name: visitors, expr: customer_id, agg: count_distinct}
---
kind: semantic_model
name: tiers
model: ref('source.tiers')
entities:
  - {name: customer_id, type: natural}
dimensions:
  - {name: valid_from, type: time, validity_params: {is_start: true}}
  - {name: valid_to, type: time, validity_params: {is_end: true}}
  - {name: tier, type: categorical}
---
kind: semantic_model
name: stock
model: ref('source.stock')
default_time_dimension: counted_on
entities:
  - {name: count_id, type: primary}
dimensions:
  - {name: counted_on, type: time}
  - {name: product, type: categorical}
  - {name: shelf, type: categorical}
measures:
  - name: on_hand
    expr: pieces
    agg: sum
    non_additive_dimension: {name: counted_on, window_choice: max, window_groupings: [product]}
"""

METRICS = """
kind: metric
name: revenue
type: simple
measure: gross
filter: "status <> 'refunded'"
---
kind: metric
name: wholesale
type: simple
measure: gross
filter: "segment = 'wholesale'"
---
kind: metric
name: refund_share
type: ratio
numerator: refunded
denominator: gross
---
kind: metric
name: net_share
type: ratio
numerator: net
denominator: gross
filter: "channel = 'web'"
---
kind: metric
name: growth
type: derived
expr: "(now - before) / before"
inputs: [{metric: revenue, alias: now}, {metric: revenue, alias: before, offset: 1 month}]
---
kind: metric
name: last_week
type: derived
expr: before
inputs: [{metric: gross, alias: before, offset: 1 week}]
---
kind: metric
name: kept
type: derived
expr: "1 - COALESCE(lost, 0)"
inputs: [{metric: refund_share, alias: lost}]
---
kind: metric
name: running
type: cumulative
measure: gross
---
kind: metric
name: running_average
type: cumulative
measure: average_amount
---
kind: metric
name: to_date
type: cumulative
measure: gross
grain_to_date: month
filter: "channel <> 'store'"
---
kind: metric
name: opening
type: cumulative
measure: gross
grain_to_date: month
period_agg: first
---
kind: metric
name: trailing
type: cumulative
measure: gross
window: 7 days
---
kind: metric
name: trailing_buyers
type: cumulative
measure: buyers
window: 7 days
---
kind: metric
name: trailing_two_months
type: cumulative
measure: biggest
window: 2 months
---
kind: metric
name: running_before
type: derived
expr: "now - before"
inputs: [{metric: running, alias: now}, {metric: running, alias: before, offset: 1 month}]
---
kind: metric
name: filled
type: simple
measure: gross
join_to_timespine: true
fill_nulls_with: 0
"""

SOURCES = ("orders", "customers", "refunds", "visits", "tiers", "stock")


def project_files(rows: dict[str, list[dict]]) -> dict[str, str]:
    """The files of a project over these rows."""
    files = {"seeknal/semantic/models.yml": MODELS, "seeknal/metrics/metrics.yml": METRICS}
    for name in SOURCES:
        files[f"seeknal/sources/{name}.yml"] = f"kind: source\nname: {name}\ntype: csv\ntable: data/{name}.csv\ncolumns: {TYPES[name]}\n"
        files[f"data/{name}.csv"] = _csv(rows[name], COLUMNS[name])
    return files


TYPES = {
    "orders": "{order_id: INTEGER, customer_id: INTEGER, ordered_at: TIMESTAMP, amount: DOUBLE, discount: DOUBLE}",
    "customers": "{customer_id: INTEGER, signed_up: DATE}",
    "refunds": "{refund_id: INTEGER, order_id: INTEGER, customer_id: INTEGER, refunded_at: DATE, amount: DOUBLE}",
    "visits": "{visit_id: INTEGER, customer_id: INTEGER, visited_at: TIMESTAMP, pages: INTEGER}",
    "tiers": "{customer_id: INTEGER, valid_from: DATE, valid_to: DATE}",
    "stock": "{count_id: INTEGER, counted_on: DATE, pieces: INTEGER}",
}
COLUMNS = {
    "orders": ("order_id", "customer_id", "ordered_at", "status", "channel", "group", "amount", "discount"),
    "customers": ("customer_id", "region", "segment", "signed_up"),
    "refunds": ("refund_id", "order_id", "customer_id", "refunded_at", "amount"),
    "visits": ("visit_id", "customer_id", "visited_at", "region", "pages"),
    "tiers": ("customer_id", "tier", "valid_from", "valid_to"),
    "stock": ("count_id", "counted_on", "product", "shelf", "pieces"),
}


def _csv(rows: list[dict], columns: tuple[str, ...]) -> str:
    lines = [",".join(columns)]
    lines += [",".join("" if row[c] is None else str(row[c]) for c in columns) for row in rows]
    return "\n".join(lines) + "\n"


def rows_of(seed: int) -> dict[str, list[dict]]:
    """Rows made from a seed: a winter of orders with a month without any."""
    rng = random.Random(seed)
    first = dt.date(2025, 12, 20)
    open_days = [first + dt.timedelta(days=n) for n in range(125) if (first + dt.timedelta(days=n)).month != 2]

    def maybe(value, chance=0.1):
        return None if rng.random() < chance else value

    def moment():
        return dt.datetime.combine(rng.choice(open_days), dt.time(rng.randrange(24), rng.choice([0, 30])))

    customers = [
        {
            "customer_id": n,
            "region": maybe(rng.choice(["North", "South", "O'Hare"])),
            "segment": maybe(rng.choice(["retail", "wholesale"])),
            "signed_up": first - dt.timedelta(days=rng.randrange(90)),
        }
        for n in range(1, 9)
    ]
    orders = [
        {
            "order_id": n,
            "customer_id": maybe(rng.randrange(1, 11)),
            "ordered_at": maybe(moment(), 0.05),
            "status": maybe(rng.choice(["paid", "paid", "open", "refunded"])),
            "channel": rng.choice(["web", "store"]),
            "group": rng.choice(["A", "B"]),
            "amount": maybe(float(rng.randrange(-20, 120)), 0.08),
            "discount": maybe(float(rng.randrange(0, 6)), 0.3),
        }
        for n in range(1, 70)
    ]
    refunds = [
        {
            "refund_id": n,
            "order_id": maybe(rng.randrange(1, 75)),
            "customer_id": maybe(rng.randrange(1, 11)),
            "refunded_at": maybe(moment().date(), 0.05),
            "amount": maybe(float(rng.randrange(0, 60))),
        }
        for n in range(1, 20)
    ]
    visits = [
        {
            "visit_id": n,
            "customer_id": maybe(rng.randrange(1, 11)),
            "visited_at": moment() + dt.timedelta(days=rng.randrange(30)),
            "region": maybe(rng.choice(["edge", "core"])),
            "pages": rng.randrange(1, 9),
        }
        for n in range(1, 50)
    ]
    tiers = []
    for n in range(1, 8):
        middle = first + dt.timedelta(days=rng.randrange(10, 100))
        tiers.append({"customer_id": n, "tier": "bronze", "valid_from": first, "valid_to": middle})
        tiers.append({"customer_id": n, "tier": "gold", "valid_from": middle, "valid_to": None})
    stock = []
    for product in ("tea", "pot"):
        for day in sorted(rng.sample(open_days, 12)):
            number = len(stock) + 1
            stock.append(
                {
                    "count_id": number,
                    "counted_on": day,
                    "product": product,
                    "shelf": rng.choice(["top", "low"]),
                    "pieces": rng.randrange(30),
                }
            )
    return {"orders": orders, "customers": customers, "refunds": refunds, "visits": visits, "tiers": tiers, "stock": stock}
