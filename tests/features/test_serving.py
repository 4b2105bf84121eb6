"""The newest values, handed to a database by key."""

from __future__ import annotations

import sqlite3

import pytest

SERVE = "seeknal/serve.yml"
FILES = {
    "profiles.yml": "connections:\n  store: {type: sqlite, path: store.db}\n  duck: {type: duckdb, path: store.duckdb}\n",
    SERVE: """
        kind: exposure
        name: customers
        type: table
        connection: store
        inputs: [entity.customer]
        params: {table: customer_features, mode: upsert, keys: [customer_id]}
        """,
}


@pytest.fixture
def serving(history):
    for path, text in FILES.items():
        history.write(path, text)
    history.run().assert_success()
    return history


def served(folder) -> list[tuple]:
    connection = sqlite3.connect(folder.root / "store.db")
    try:
        return sorted(connection.execute("SELECT customer_id, spend__orders, spend__revenue FROM customer_features").fetchall())
    finally:
        connection.close()


def test_the_newest_values_are_served_by_key(serving):
    assert served(serving) == [(1, 2, 30.0), (2, 1, 7.5)]
    assert serving.run().assert_success().built == set()
    serving.write(
        "data/orders.csv", "customer_id,event_time,orders,revenue\n1,2026-01-09 00:00:00,3,31.5\n4,2026-01-09 00:00:00,1,1.0\n"
    ).run().assert_success()
    assert served(serving) == [(1, 3, 31.5), (2, 1, 7.5), (4, 1, 1.0)]


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        (", keys: [customer_id]", "", "SK-KEY-002", "missing key 'keys'"),
        ("keys: [customer_id]", "keys: [customer_id, customer_id]", "SK-KEY-003", "each once"),
        ("keys: [customer_id]", "keys: 5", "SK-KEY-003", "list of column names"),
        ("mode: upsert", "mode: replace", "SK-KIND-001", "'keys' are for mode upsert"),
        ("mode: upsert", "mode: merge", "SK-KEY-003", "replace, append or upsert"),
        ("connection: store", "connection: duck", "SK-KIND-001", "a duckdb connection cannot be written with mode upsert"),
    ],
)
def test_what_cannot_be_served_is_said_before_anything_runs(serving, old, new, code, words):
    outcome = serving.edit(SERVE, old, new).run().assert_failed(code, exit_code=2)
    assert words in outcome.output
    assert "seeknal/serve.yml:" in outcome.output


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT 1 AS customer_id UNION ALL SELECT 1", "2 rows share their keys: customer_id = 1"),
        ("SELECT NULL::INT AS customer_id", "a key is NULL: customer_id = NULL"),
        ("SELECT 1 AS custmer_id", "no column 'customer_id' to be found by"),
    ],
)
def test_rows_that_are_not_told_apart_are_not_written(serving, sql, words):
    serving.write("seeknal/t.sql", sql).edit(SERVE, "entity.customer", "transform.t")
    outcome = serving.run().assert_failed("SK-DATA-010", exit_code=1)
    assert words in outcome.output
    assert len(served(serving)) == 2
