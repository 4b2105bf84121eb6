"""`kind: feature_group`: what it says is what its rows are held to."""

from __future__ import annotations

import datetime as dt

import pytest

GROUP = "seeknal/spend.yml"


def test_a_group_has_its_keys_times_and_features(built):
    assert built.columns("feature_group.spend") == ("customer_id", "event_time", "orders", "revenue")
    assert (1, dt.datetime.fromisoformat("2026-01-05"), 2, 30.0) in built.rows("feature_group.spend")
    assert built.run().assert_success().built == set()


def test_a_group_can_say_its_query(built):
    built.edit(GROUP, "inputs: [source.orders]", "sql: SELECT *, now() AS seen FROM {{ ref('source.orders') }} WHERE orders > 1")
    built.run().assert_success()
    assert len(built.rows("spend")) == 1


def test_declared_types_are_enforced(built):
    built.edit(GROUP, "revenue: DOUBLE", "revenue: DECIMAL(10, 2)")
    built.run().assert_success()
    assert "10.00" in str(built.rows("spend"))
    built.edit(GROUP, "DECIMAL(10, 2)", "DATE")
    built.run().assert_failed(exit_code=1)


@pytest.mark.parametrize(
    ("row", "audit"),
    [
        (",2026-01-07 00:00:00,1,1.0", "keys_and_event_time_not_null"),
        ("1,,1,1.0", "keys_and_event_time_not_null"),
        ("1,2026-01-05 00:00:00,9,9.0", "one_row_per_key_and_time"),
        ("1,soon,9,9.0", "event_time_is_a_time"),
    ],
)
def test_rows_that_no_reader_could_use_are_never_published(built, row, audit):
    built.write("data/orders.csv", built.read("data/orders.csv") + row + "\n")
    outcome = built.run().assert_failed("SK-AUDIT-010", exit_code=1)
    assert audit in outcome.output
    assert len(built.rows("spend")) == 3


def test_rows_of_one_key_and_time_are_told_apart_by_their_created_time(built):
    built.write(
        "data/orders.csv", "customer_id,event_time,created,orders,revenue\n1,2026-01-01,2026-01-01,1,1\n1,2026-01-01,2026-01-02,2,2\n"
    )
    built.edit(GROUP, "ttl:", "created_time: created\nttl:")
    built.run().assert_success()
    assert built.columns("spend") == ("customer_id", "event_time", "created", "orders", "revenue")


def test_duplicates_are_accepted_where_they_are_resolved(built):
    built.write("data/orders.csv", "customer_id,event_time,orders,revenue\n1,2026-01-01,1,1\n1,2026-01-01,2,2\n")
    built.edit(GROUP, "ttl:", "duplicates: resolve\nttl:")
    built.run().assert_success()


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("ttl: 30d", "ttl: 3 months", "SK-KEY-004", "must be a duration such as 30d"),
        ("ttl: 30d", "tll: 30d", "SK-KEY-001", "did you mean 'ttl'?"),
        ("entity: customer", "", "SK-KEY-002", "missing key 'entity'"),
        ("entity: customer", "entity: {name: 1st}", "SK-KEY-004", "must not start with a digit"),
        ("entity: customer", "entity: {name: customer, join_key: id}", "SK-KEY-001", "did you mean 'join_keys'?"),
        ("event_time: event_time", "", "SK-KEY-002", "missing key 'event_time'"),
        ("revenue: DOUBLE", "revenue: DUBLE", "SK-DATA-009", "'DUBLE' is not a type"),
        ("revenue: DOUBLE", "event_time: TIMESTAMP", "SK-KEY-004", "'event_time' is said twice"),
        ("revenue: DOUBLE", "revenue: {type: DOUBLE, defualt: 1}", "SK-KEY-001", "did you mean 'default'?"),
        ("revenue: DOUBLE", "revenue: {type: DOUBLE, default: much}", "SK-KEY-004", "the default 'much' of 'revenue' is no DOUBLE"),
        ("revenue: DOUBLE", "revenue: {type: BIGINT, default: 0.5}", "SK-KEY-004", "the default 0.5 of 'revenue' is no BIGINT"),
        ("inputs: [source.orders]", "", "SK-KIND-002", "says 'sql', or has exactly one input"),
        ("inputs: [source.orders]", "inputs: [source.order]", "SK-REF-001", "did you mean 'source.orders'?"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(history, old, new, code, words):
    history.edit(GROUP, old, new)
    outcome = history.run().assert_failed(code, exit_code=2)
    assert words in outcome.output
    assert "seeknal/spend.yml:" in outcome.output


def test_a_column_that_is_not_there_is_found_where_it_is_written(built):
    built.edit(GROUP, "revenue: DOUBLE", "revenu: DOUBLE")
    outcome = built.cli("plan").assert_failed("SK-SQL-011", exit_code=2)
    assert "seeknal/spend.yml:10:3" in outcome.stderr
    assert "did you mean 'revenue'?" in outcome.stderr
    assert outcome.stderr.count("error[") == 1


def test_everything_that_is_wrong_is_said_at_once(history):
    history.edit(GROUP, "ttl: 30d", "ttl: x\nevnt: y").edit(GROUP, "revenue: DOUBLE", "revenue: {typ: DOUBLE}")
    outcome = history.cli("run").assert_exit(2)
    assert "3 errors in the project" in outcome.stderr
