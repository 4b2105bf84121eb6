"""DuckDB's errors arrive as ours, and point into the query that was handed in."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.duckdb.conftest import Workshop

from seeknal.errors import EngineError
from seeknal.protocols import Query, SessionSettings
from seeknal_duckdb.engine import DuckDBEngine

LONG = " + ".join("1" for _ in range(100))

PLACES = [
    ("SELECT nosuch FROM range(3)", "SK-SQL-011", 1, 8),
    ("SELECT 1 AS a,\n   nosuch\nFROM range(3)", "SK-SQL-011", 2, 4),
    ("SELECT nofunction(1)", "SK-SQL-011", 1, 8),
    ("SELECT 1\nFROM nosuch", "SK-SQL-011", 2, 6),
    ("SELEC 1", "SK-SQL-010", 1, 7),
    ("SELECT 1 +\n  2 +", "SK-SQL-010", 2, 6),
    ("SELECT (1", "SK-SQL-010", 1, 10),
    (f"SELECT {LONG} + nosuch + {LONG} AS x FROM range(1)", "SK-SQL-011", 1, 8 + len(LONG) + 3),
    ("SELECT '日本 é', nosuch FROM range(1)", "SK-SQL-011", 1, 16),
    ("SELECT 'é日本'\n , nosuch FROM range(1)", "SK-SQL-011", 2, 4),
    ("SELECT 'x'::INTEGER", "SK-SQL-012", 1, 11),
]


@pytest.mark.parametrize(("query", "code", "line", "column"), PLACES)
def test_place_is_within_the_query(shop: Workshop, query: str, code: str, line: int, column: int) -> None:
    for call in (shop.session.rows, shop.write):
        with pytest.raises(EngineError) as caught:
            call(query)
        assert (caught.value.code, caught.value.line, caught.value.column) == (code, line, column)


def test_message_is_one_sentence_without_the_block_that_shows_the_line(shop: Workshop) -> None:
    with pytest.raises(EngineError) as caught:
        shop.rows("SELECT amont FROM (SELECT 1 AS amount)")
    assert "LINE" not in caught.value.message
    assert "\n" not in caught.value.message
    assert "Error:" not in caught.value.message
    assert "amount" in (caught.value.hint or "")


def test_hints_do_not_offer_duckdbs_own_tables(shop: Workshop) -> None:
    with pytest.raises(EngineError) as caught:
        shop.rows("SELECT * FROM nope")
    assert caught.value.hint is None


def test_failure_inside_a_view_claims_no_place_in_the_query(shop: Workshop) -> None:
    shop.session.define("broken", Query("SELECT\n\n\n   s::INTEGER AS i FROM (SELECT 'x' AS s)"))
    with pytest.raises(EngineError) as caught:
        shop.rows("SELECT\n  i FROM broken")
    assert caught.value.code == "SK-SQL-012"
    assert caught.value.line is None


def test_what_users_raise_themselves_is_shown_as_it_is(shop: Workshop) -> None:
    with pytest.raises(EngineError) as caught:
        shop.rows("SELECT error('no such country') FROM range(1)")
    assert caught.value.message == "no such country"


def test_out_of_memory_says_what_to_raise(tmp_path: Path) -> None:
    session = DuckDBEngine().open(SessionSettings(tmp_path / "scratch", memory_limit="20MB", threads=1))
    with pytest.raises(EngineError) as caught:
        session.rows("SELECT len(list(i)) FROM range(20000000) AS t(i)")
    assert caught.value.code == "SK-SQL-013"
    assert "memory_limit" in (caught.value.hint or "")
    assert "SET " not in caught.value.message, "DuckDB's advice cannot be followed here"
    session.close()


def test_pivot_without_its_values_is_refused_with_advice(shop: Workshop) -> None:
    with pytest.raises(EngineError) as caught:
        shop.write("PIVOT (SELECT 1 AS a, 2 AS b) ON a USING sum(b)")
    assert caught.value.code == "SK-SQL-010"
    assert "IN (" in (caught.value.hint or "")
    assert shop.write("PIVOT (SELECT 1 AS a, 2 AS b) ON a IN (1) USING sum(b)").rows == 1


def test_settings_duckdb_does_not_take_are_told(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        DuckDBEngine().open(SessionSettings(tmp_path, memory_limit="plenty"))
    assert "Memory" in caught.value.message
