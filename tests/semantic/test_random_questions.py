"""Random questions over random rows: what the compiled SQL gives is what an evaluator in plain Python gives."""

from __future__ import annotations

import datetime as dt
import os
import random

import pytest
from tests.semantic.evaluator import GRAINS, Evaluator, Leaf, Metric, trunc
from tests.semantic.world import project_files, rows_of

from seeknal.errors import ProjectError
from seeknal_semantic.compiler import Question
from seeknal_semantic.query import Asking

WORLDS = int(os.environ.get("SEEKNAL_WORLDS", "2"))
QUESTIONS = int(os.environ.get("SEEKNAL_QUESTIONS", "120"))
FIRST = int(os.environ.get("SEEKNAL_FIRST_SEED", "0"))


def both(predicate):
    """A predicate that is unknown where a value is."""
    return lambda *values: None if any(v is None for v in values) else predicate(*values)


def col(name):
    return lambda row: row[name]


def ratio(n, d):
    return None if n is None or not d else n / d


def minus(a, b):
    return None if a is None or b is None else a - b


def evaluator(rows):
    customers = {c["customer_id"]: c for c in rows["customers"]}
    orders = {o["order_id"]: o for o in rows["orders"]}

    def of_customer(name):
        return lambda r: customers.get(r["customer_id"], {}).get(name) if r["customer_id"] is not None else None

    def of_order(name):
        return lambda r: orders.get(r["order_id"], {}).get(name)

    def tier(time):
        def find(r):
            if r[time] is None:
                return None
            day = trunc("day", r[time])
            for t in rows["tiers"]:
                if t["customer_id"] == r["customer_id"] and t["valid_from"] <= day and (t["valid_to"] is None or day < t["valid_to"]):
                    return t["tier"]
            return None

        return find

    shared = {"segment": of_customer("segment"), "signed_up": of_customer("signed_up"), "customer_id": col("customer_id")}
    shared |= {"customer_id__region": of_customer("region")}
    dims = {
        "orders": {
            **shared,
            "region": of_customer("region"),
            "tier": tier("ordered_at"),
            "status": col("status"),
            "channel": col("channel"),
        }
        | {"group": col("group"), "band": lambda r: "high" if r["amount"] is not None and r["amount"] >= 50 else "low"},
        "refunds": {**shared, "region": of_customer("region"), "tier": tier("refunded_at"), "status": of_order("status")}
        | {"channel": of_order("channel"), "group": of_order("group"), "ordered_at": of_order("ordered_at")}
        | {"band": lambda r: "high" if (of_order("amount")(r) or 0) >= 50 else "low" if r["order_id"] in orders else None},
        "visits": {**shared, "region": col("region"), "tier": tier("visited_at")},
        "stock": {"product": col("product"), "shelf": col("shelf")},
        "customers": {"segment": col("segment"), "region": col("region"), "signed_up": col("signed_up"), "customer_id": col("customer_id")}
        | {"customer_id__region": col("region")},
    }
    time = {"orders": "ordered_at", "refunds": "refunded_at", "visits": "visited_at", "stock": "counted_on"}
    return Evaluator(rows, time, dims), dims


def metrics_of(dims):
    amount = col("amount")
    gross = Leaf("orders", amount, "sum")
    web, refunded = (lambda r: r["channel"] == "web"), both(lambda s: s != "refunded")

    def of(leaf=gross, **changes):
        return Leaf(**{**{f: getattr(leaf, f) for f in Leaf.__dataclass_fields__}, **changes})

    revenue = of(where=(lambda r: refunded(r["status"]),))
    net = of(value=lambda r: None if r["amount"] is None else r["amount"] - (r["discount"] or 0), where=(web,))
    lost = Leaf("refunds", amount, "sum")
    customer = col("customer_id")
    running = of(cumulative=True)
    return {
        "gross": Metric((gross,)),
        "revenue": Metric((revenue,)),
        "wholesale": Metric((of(where=(lambda r: both(lambda s: s == "wholesale")(dims["orders"]["segment"](r)),)),)),
        "web_gross": Metric((of(where=(web,)),)),
        "order_count": Metric((of(value=col("order_id"), agg="count"),), counts=True),
        "average_amount": Metric((of(agg="average"),)),
        "biggest": Metric((of(agg="max"),)),
        "smallest": Metric((of(agg="min"),)),
        "buyers": Metric((of(value=customer, agg="count_distinct"),), counts=True),
        "median_amount": Metric((of(agg="0.5"),)),
        "p90_amount": Metric((of(agg="0.9"),)),
        "discounted": Metric((of(value=lambda r: None if r["discount"] is None else r["discount"] > 0, agg="sum_boolean"),)),
        "refunded": Metric((lost,)),
        "refund_count": Metric((Leaf("refunds", col("refund_id"), "count"),), counts=True),
        "pages_viewed": Metric((Leaf("visits", col("pages"), "sum"),)),
        "visitors": Metric((Leaf("visits", customer, "count_distinct"),), counts=True),
        "customer_count": Metric((Leaf("customers", customer, "count"),), counts=True),
        "on_hand": Metric((Leaf("stock", col("pieces"), "sum", latest_by="product"),)),
        "refund_share": Metric((lost, gross), ratio),
        "net_share": Metric((net, of(where=(web,))), ratio),
        "growth": Metric((revenue, of(revenue, offset=(1, "month"))), lambda a, b: ratio(minus(a, b), b)),
        "last_week": Metric((of(offset=(7, "day")),)),
        "kept": Metric((lost, gross), lambda n, d: 1 - (ratio(n, d) or 0)),
        "running": Metric((running,)),
        "running_average": Metric((of(agg="average", cumulative=True),)),
        "to_date": Metric((of(cumulative=True, to_date="month", where=(lambda r: r["channel"] != "store",)),)),
        "opening": Metric((of(cumulative=True, to_date="month", first=True),)),
        "trailing": Metric((of(cumulative=True, window=(7, "day")),)),
        "trailing_buyers": Metric((of(value=customer, agg="count_distinct", cumulative=True, window=(7, "day")),), counts=True),
        "trailing_two_months": Metric((of(agg="max", cumulative=True, window=(2, "month")),)),
        "running_before": Metric((running, of(running, offset=(1, "month"))), minus),
        "filled": Metric((of(spine=True),), lambda x: 0 if x is None else x),
    }


DIMENSIONS = ("region", "customer_id__region", "segment", "status", "channel", "group", "band", "tier", "customer_id", "product", "shelf")
TIMES = ("ordered_at", "refunded_at", "visited_at", "counted_on", "metric_time", "signed_up")
FILTERS = [
    ("region <> 'North'", ("region",), both(lambda r: r != "North")),
    ("region = 'O''Hare' OR segment = 'retail'", ("region", "segment"), lambda r, s: _either(both(lambda x: x == "O'Hare")(r), both(lambda x: x == "retail")(s))),
    ("segment IS NULL", ("segment",), lambda s: s is None),
    ("NOT segment = 'retail'", ("segment",), both(lambda s: s != "retail")),
    ("channel = 'web'", ("channel",), both(lambda c: c == "web")),
    ("status IN ('paid', 'open') AND channel LIKE 's%'", None, None),
    ("COALESCE(status, 'none') <> 'paid'", ("status",), lambda s: (s or "none") != "paid"),
    ("band = 'high'", ("band",), both(lambda b: b == "high")),
    ('"group" = \'A\'', ("group",), both(lambda g: g == "A")),
    ("tier = 'gold'", ("tier",), both(lambda t: t == "gold")),
    ("customer_id BETWEEN 2 AND 6", ("customer_id",), both(lambda c: 2 <= c <= 6)),
    ("shelf = 'top'", ("shelf",), both(lambda s: s == "top")),
]  # fmt: skip
HAVING = [
    ("gross > 50", "gross", both(lambda v: v > 50)),
    ("revenue IS NOT NULL", "revenue", lambda v: v is not None),
    ("running >= 100", "running", both(lambda v: v >= 100)),
    ("trailing > 40", "trailing", both(lambda v: v > 40)),
]  # fmt: skip


def _either(a, b):
    return True if a is True or b is True else None if a is None or b is None else False


def time_filter(rng, name):
    day = dt.date(2025, 12, 25) + dt.timedelta(days=rng.randrange(110))
    grain = rng.choice([None, "month", "week"])
    shown = trunc(grain, day) if grain else day
    asked = f"{name}__{grain}" if grain else name
    sign, test = rng.choice(
        [
            (">=", lambda v: v >= shown),
            ("<", lambda v: v < shown),
            ("<=", lambda v: v <= shown),
            (">", lambda v: v > shown),
            ("=", lambda v: v == shown),
        ]
    )
    return f"{asked} {sign} '{shown}'", (asked,), both(test)


def question(rng, metrics):
    chosen = rng.sample(sorted(metrics), rng.choice([1, 1, 2, 3]))
    dimensions = rng.sample(DIMENSIONS, rng.choice([0, 1, 1, 2]))
    if rng.random() < 0.7:
        name = rng.choice([*TIMES[:5], "metric_time", "ordered_at", "ordered_at"])
        grain = rng.choice([*GRAINS, None])
        dimensions.insert(rng.randrange(len(dimensions) + 1), f"{name}__{grain}" if grain else name)
    if rng.random() < 0.08:
        dimensions.append(rng.choice(["ordered_at__month", "signed_up", "signed_up__quarter", "metric_time__week"]))
    filters = [f for f in rng.sample(FILTERS, rng.choice([0, 0, 1, 2])) if f[1] is not None]
    filters += [time_filter(rng, rng.choice(["metric_time", "ordered_at"])) for _ in range(rng.choice([0, 0, 1, 2]))]
    having = [rng.choice(HAVING)] if rng.random() < 0.15 else []
    return chosen, list(dict.fromkeys(dimensions)), filters, having


def plain(value):
    return value.date() if isinstance(value, dt.datetime) else value


def same(metric, expected, found):
    if metric.counts and not expected and not found:
        return True
    if expected is None or found is None:
        return expected is found
    return abs(expected - found) <= 1e-6 * max(1, abs(expected))


@pytest.mark.parametrize("seed", range(FIRST, FIRST + WORLDS))
def test_compiled_questions_mean_what_the_evaluator_says(project, seed):
    rows = rows_of(seed)
    folder = project(project_files(rows))
    folder.run().assert_success()
    opened = folder.open()
    model, dims = evaluator(rows)
    metrics = metrics_of(dims)
    asking = Asking(opened)
    rng = random.Random(1000 + seed)
    asked = refused = 0
    with opened.reading() as relations:
        for name in asking.catalog.models.values():
            relations.define(name.node)
        while asked < QUESTIONS:
            chosen, dimensions, filters, having = question(rng, metrics)
            texts = (*(f[0] for f in filters), *(h[0] for h in having))
            asked_for = Question(tuple(chosen), tuple(dimensions), texts)
            try:
                found = asking.compile(asked_for)
            except ProjectError:  # random words are often no question
                refused += 1
                assert refused < 200 * QUESTIONS
                continue
            asked += 1
            wanted = {n: metrics[n] for n in chosen}
            tests = [lambda values, h=h: h[2](values[h[1]]) for h in having]
            extra = {h[1]: metrics[h[1]] for h in having if h[1] not in wanted}
            expected = model.ask({**wanted, **extra}, dimensions, [f[1:] for f in filters], tests)
            if extra and dimensions:
                there = model.ask(wanted, dimensions, [f[1:] for f in filters], [])
                expected = {k: v for k, v in expected.items() if k in there}
            sql = found.sql()
            answer = relations.session.rows(sql)
            got = {tuple(map(plain, r[: len(dimensions)])): r[len(dimensions) :] for r in answer.rows}
            assert len(got) == len(answer.rows), f"{asked_for}\n{sql}"
            assert set(got) == set(expected), (
                f"{asked_for}\nmissing {set(expected) - set(got)}\nnot expected {set(got) - set(expected)}\n{sql}"
            )
            for key, values in got.items():
                for name, value in zip(chosen, values, strict=True):
                    assert same(wanted[name], expected[key][name], value), (
                        f"{asked_for}\n{key} {name}: {expected[key][name]} {value}\n{sql}"
                    )
