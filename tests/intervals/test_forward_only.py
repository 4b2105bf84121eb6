"""Windows of an earlier query that stay: what goes with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.intervals.conftest import at
from tests.intervals.test_windows import amount, days

from seeknal.janitor import Policy
from seeknal.run.cleaning import janitor
from seeknal.testing.other_process import this_process

NOW = at("2026-01-05T07:00")


@pytest.fixture
def shop(shop):
    """Four days, each a part of its own."""
    shop.edit("seeknal/daily.sql", "start: 2026-01-01", "start: 2026-01-01\nbatch_size: 1\nforward_only: true")
    shop.run(now=NOW).assert_success()
    return shop


def invalidate(shop) -> None:
    shop.cli("invalidate", "daily", "--start", "2026-01-02", "--end", "2026-01-03").assert_success()


def clean(shop) -> None:
    janitor(shop.open(), Policy(grace=timedelta(0), runs=0), datetime.now(UTC)).clean(this_process("janitor"))


def test_a_window_that_was_marked_is_built_again_by_the_edited_query(shop) -> None:
    invalidate(shop)
    shop.edit("seeknal/daily.sql", "sum(amount)", "-sum(amount)")
    shop.run(now=NOW).assert_success()
    assert days(shop) == {d: -amount(d) if d == 2 else amount(d) for d in range(1, 5)}
    assert shop.run(now=NOW).assert_success().built == set()


def test_the_janitor_leaves_what_was_marked_where_the_edited_query_has_built_nothing_yet(shop) -> None:
    shop.edit("seeknal/daily.sql", "sum(amount)", "-sum(amount)")
    shop.run(now=NOW).assert_success()
    invalidate(shop)
    clean(shop)
    shop.run(now=NOW).assert_success()
    assert days(shop) == {d: -amount(d) if d == 2 else amount(d) for d in range(1, 5)}


def test_an_environment_keeps_its_windows_where_another_was_first_to_use_the_edited_query(shop) -> None:
    before = shop.read("seeknal/daily.sql")
    shop.edit("seeknal/daily.sql", "sum(amount)", "-sum(amount)")
    after = shop.read("seeknal/daily.sql")
    shop.run(now=at("2026-01-06T07:00"), environment="dev").assert_success()
    shop.write("seeknal/daily.sql", before)
    shop.run(now=at("2026-01-08T07:00")).assert_success()
    shop.write("seeknal/daily.sql", after)
    kept = {d: -amount(d) if d == 5 else amount(d) for d in range(1, 8)}  # day 5 is shared, as all windows of a version are
    shop.run(now=at("2026-01-08T07:00")).assert_success()
    assert days(shop) == kept
    clean(shop)
    shop.run(now=at("2026-01-09T07:00")).assert_success()
    assert days(shop) == {**kept, 8: -amount(8)}
    assert shop.run(now=at("2026-01-09T07:00")).assert_success().built == set()
