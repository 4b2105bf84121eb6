"""`features list|describe|stats`: what there is, what it looks like, how far it has moved."""

from __future__ import annotations

import math

import pytest

from seeknal.features.statistics import stability

GROUP = "seeknal/spend.yml"


def rows(values: list, first: int = 0) -> str:
    lines = [f"{first + n},2026-01-01,{v},{v / 2 if isinstance(v, int) else ''}" for n, v in enumerate(values)]
    return "customer_id,event_time,orders,revenue\n" + "\n".join(lines) + "\n"


def test_features_are_listed(built):
    built.write(
        "seeknal/stock.yml",
        "kind: feature_group\nname: stock\nentity: product\nevent_time: t\nfeatures: [left]\nsql: SELECT 1 AS product_id, now() AS t, 1 AS left\n",
    )
    found = built.cli("features", "list", "--format", "json").assert_success().json()
    assert [f["feature"] for f in found] == ["spend.orders", "spend.revenue", "stock.left"]
    assert found[0] == {"feature": "spend.orders", "entity": "customer", "type": "BIGINT", "default": 0, "description": None}
    assert len(built.cli("features", "list", "--entity", "product", "--format", "json").json()) == 1
    assert "did you mean 'product'?" in built.cli("features", "list", "--entity", "produt").assert_failed("SK-FEAT-001", exit_code=2).stderr


def test_a_group_is_described(built):
    found = built.cli("features", "describe", "spend", "--format", "json").assert_success().json()
    assert (found["entity"], found["join_keys"], found["event_time"], found["ttl"]) == ("customer", ["customer_id"], "event_time", "30d")
    assert [v["current"] for v in found["versions"]] == [True]
    text = built.cli("features", "describe", "spend").assert_success().stdout
    assert "What customers spent." in text
    assert "time to live  30d" in text
    built.cli("features", "describe", "source.orders").assert_failed("SK-FEAT-001", exit_code=2)


def test_statistics_say_what_values_look_like(built):
    built.write("data/orders.csv", rows([*range(101)])).run().assert_success()
    found = built.cli("features", "stats", "spend", "--format", "json").assert_success().json()
    orders, revenue = found["columns"]
    assert (found["rows"], orders["nulls"], orders["distinct"], orders["minimum"], orders["maximum"]) == (101, 0, 101, 0, 100)
    assert orders["quantiles"] == {"p5": 5, "p25": 25, "p50": 50, "p75": 75, "p95": 95}
    assert revenue["quantiles"]["p50"] == 25
    assert [c["column"] for c in built.cli("features", "stats", "spend.orders", "--format", "json").json()["columns"]] == ["orders"]
    assert "p50" in built.cli("features", "stats", "spend").assert_success().stdout


def test_the_same_values_have_not_drifted_and_others_have(built):
    built.write("data/orders.csv", rows([*range(1000)])).run().assert_success()
    built.write("data/orders.csv", rows([*range(1000)], first=5000)).run().assert_success()
    same = built.cli("features", "stats", "spend.orders", "--against", "previous", "--format", "json").assert_success().json()
    assert same["columns"][0]["psi"] == pytest.approx(0, abs=1e-9)
    built.write("data/orders.csv", rows([n // 2 for n in range(1000)])).run().assert_success()
    halved = built.cli("features", "stats", "spend.orders", "--against", same["version"], "--format", "json").json()
    # five deciles hold a fifth each instead of a tenth, five nothing, which counts as a ten-thousandth
    share, tenth, least = 0.2, 0.1, 1e-4
    expected = 5 * (share - tenth) * math.log(share / tenth) + 5 * (least - tenth) * math.log(least / tenth)
    assert halved["columns"][0]["psi"] == pytest.approx(expected, rel=0.02)
    assert "much" in built.cli("features", "stats", "spend", "--against", "previous").assert_success().stdout


def test_what_is_new_among_other_values_is_drift(built):
    pages = "kind: transform\nname: pages\nsql: SELECT n, CASE WHEN n % 2 = 0 THEN 'a' WHEN n < 10 THEN NULL ELSE 'b' END AS page, n < 50 AS early FROM range(100) AS r(n)\n"
    built.write("seeknal/pages.yml", pages).run().assert_success()
    built.edit("seeknal/pages.yml", "'b'", "'c'").run().assert_success()
    found = built.cli("features", "stats", "transform.pages", "--against", "previous", "--format", "json").assert_success().json()
    psi = {c["column"]: c["psi"] for c in found["columns"]}
    assert psi["n"] == psi["early"] == 0
    assert psi["page"] == pytest.approx(2 * (0.45 - 1e-4) * math.log(0.45 / 1e-4))


def test_a_column_of_another_type_cannot_be_compared(built):
    built.write("seeknal/t.sql", "SELECT 1 AS a, 2 AS b").run().assert_success()
    built.write("seeknal/t.sql", "SELECT 'x' AS a, 2 AS b, 3 AS c").run().assert_success()
    found = built.cli("features", "stats", "transform.t", "--against", "previous", "--format", "json").assert_success().json()
    assert [c["psi"] for c in found["columns"]] == [None, 0, None]
    assert "not comparable" in built.cli("features", "stats", "transform.t", "--against", "previous").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["spend.ordres"], "SK-FEAT-001", "did you mean 'orders'?"),
        (["spend", "--version", "zz"], "SK-FEAT-005", "no version 'zz'"),
        (["spend", "--against", "previous"], "SK-FEAT-005", "no version before"),
        (["entity.customer"], "SK-RUN-004", "keeps no versions"),
        (["spnd"], "SK-SEL-002", "spend"),
    ],
)
def test_what_cannot_be_told_is_explained(built, arguments, code, words):
    assert words in built.cli("features", "stats", *arguments).assert_failed(code, exit_code=2).stderr


def test_no_rows_have_nothing_to_compare(built):
    assert stability({0: 5}, {}) is stability({}, {0: 5}) is None
    built.write("data/orders.csv", "customer_id,event_time,orders,revenue\n")
    built.edit(GROUP, "inputs: [source.orders]", "sql: SELECT * FROM {{ ref('source.orders') }} WHERE false").run().assert_success()
    found = built.cli("features", "stats", "spend", "--against", "previous", "--format", "json").assert_success().json()
    assert (found["rows"], [c["psi"] for c in found["columns"]]) == (0, [None, None])
