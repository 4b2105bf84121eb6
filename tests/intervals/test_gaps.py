"""No window is left out because others, after it, are there already."""

from __future__ import annotations

from datetime import date

from tests.intervals.conftest import at
from tests.intervals.test_windows import amount, days

from seeknal.nodes import NodeId
from seeknal.plan.planner import Request


def only(day: int) -> Request:
    return Request(date(2026, 1, day), date(2026, 1, day + 1))


def test_what_another_environment_built_of_an_edited_query(shop) -> None:
    shop.run(now=at("2026-01-06T07:00")).assert_success()
    shop.edit("seeknal/daily.sql", "sum(amount)", "-sum(amount)")
    shop.run(now=at("2026-01-06T07:00"), environment="dev", windows=only(4)).assert_success()
    shop.run(now=at("2026-01-06T07:00")).assert_success()
    assert days(shop) == {d: -amount(d) for d in range(1, 6)}


def test_what_another_environment_built_ahead(shop) -> None:
    shop.run(now=at("2026-01-04T07:00")).assert_success()
    shop.run(now=at("2026-01-09T07:00"), environment="dev", windows=only(8)).assert_success()
    shop.run(now=at("2026-01-09T07:00")).assert_success()
    assert days(shop) == {d: amount(d) for d in range(1, 9)}


def test_batches_that_succeed_while_an_earlier_one_fails(shop) -> None:
    said = "batch_size: 1\nbatch_concurrency: 3\naudits: [{type: accepted_range, column: amount, min: 0}]"
    shop.edit("seeknal/daily.sql", "start: 2026-01-01", f"start: 2026-01-01\n{said}")
    good = shop.read("data/orders.csv")
    shop.write("data/orders.csv", f"{good}999,2026-01-02 03:20:00,-1000\n")
    assert shop.run(now=at("2026-01-06T07:00")).node("transform.daily").error.code == "SK-AUDIT-010"
    shop.write("data/orders.csv", f"{good}999,2026-01-02 03:20:00,1000\n")
    request = Request(restate=frozenset({NodeId("transform.hourly")}))
    shop.run(now=at("2026-01-06T07:00"), windows=request).assert_success()
    shop.run(now=at("2026-01-07T07:00")).assert_success()
    assert days(shop) == {d: amount(d) + (1000 if d == 2 else 0) for d in range(1, 7)}


def test_state_that_is_rebuilt_after_a_part_was_lost(shop) -> None:
    shop.edit("seeknal/daily.sql", "start: 2026-01-01", "start: 2026-01-01\nbatch_size: 1")
    shop.run(now=at("2026-01-06T07:00")).assert_success()
    file = min(shop.root.glob("target/cache/transform/daily/*/*.parquet"), key=lambda p: p.stat().st_mtime_ns)
    file.unlink()
    shop.cli("state", "rebuild").assert_success()
    shop.run(now=at("2026-01-06T07:00")).assert_success()
    assert days(shop) == {d: amount(d) for d in range(1, 6)}
