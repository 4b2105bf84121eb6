"""JSON and Parquet files that people made."""

from __future__ import annotations

from datetime import date

import pytest
from tests.duckdb.conftest import Workshop, types

from seeknal.errors import EngineError


def test_arrays_and_lines_of_objects_are_read(shop: Workshop) -> None:
    shop.load('[{"id": 1, "tags": ["x"]}, {"id": 2}]', "json")
    assert shop.rows() == [(1, ["x"]), (2, None)]
    shop.load('{"id": 1, "d": "2024-02-29"}\n{"id": 2}\n', "jsonl")
    assert shop.rows() == [(1, date(2024, 2, 29)), (2, None)]


def test_declared_types_are_read_from_the_text_itself(shop: Workshop) -> None:
    text = '[{"id": 12345678901234567890123, "day": "2024-02-29", "n": 1}]'
    written = shop.load(text, "json", {"ID": "HUGEINT", "day": "VARCHAR"})
    assert types(written) == ["DECIMAL(38,0)", "VARCHAR", "BIGINT"]
    assert shop.rows("SELECT id::VARCHAR, day FROM stored") == [("12345678901234567890123", "2024-02-29")]


def test_declared_key_that_no_object_has_is_null(shop: Workshop) -> None:
    assert types(shop.load('[{"id": 1}]', "json", {"note": "VARCHAR"})) == ["BIGINT", "VARCHAR"]
    assert shop.rows() == [(1, None)]


@pytest.mark.parametrize("text", ["", "[]"])
def test_file_without_objects_has_zero_rows_of_the_declared_columns(shop: Workshop, text: str) -> None:
    written = shop.load(text, "json", {"id": "BIGINT"})
    assert (written.rows, types(written)) == (0, ["BIGINT"])
    with pytest.raises(EngineError) as caught:
        shop.load(text, "json")
    assert "declare" in (caught.value.hint or "")


def test_broken_json_is_told_by_file_and_line(shop: Workshop) -> None:
    with pytest.raises(EngineError) as caught:
        shop.load('{"a": 1}\n{"a": 2}\n{"a": x}\n', "jsonl")
    assert caught.value.code == "SK-DATA-002"
    assert f"{shop.outside / 'in.jsonl'}, line 3" in caught.value.message


def test_value_of_another_type_is_told_by_line(shop: Workshop) -> None:
    lines = [f'{{"a": {n}}}' for n in range(45_000)]
    lines[39_999] = '{"a": "oops"}'
    with pytest.raises(EngineError) as caught:
        shop.load("\n".join(lines), "jsonl")
    assert "line 40000" in caught.value.message
    assert "sample_size" in (caught.value.hint or "")
    assert "ignore_errors" not in str(caught.value.hint)


def parquet(shop: Workshop, query: str) -> bytes:
    target = shop.inside / "made.parquet"
    shop.session.write(query, target, {})
    return target.read_bytes()


def test_parquet_is_copied_with_declared_types(shop: Workshop) -> None:
    content = parquet(shop, "SELECT 1 AS id, '2024-02-29' AS day")
    assert types(shop.load(content, "parquet")) == ["INTEGER", "VARCHAR"]
    assert types(shop.load(content, "parquet", {"id": "BIGINT", "day": "DATE"})) == ["BIGINT", "DATE"]


def test_value_that_cannot_take_its_declared_type_names_column_and_file(shop: Workshop) -> None:
    content = parquet(shop, "SELECT 'x' AS code")
    with pytest.raises(EngineError) as caught:
        shop.load(content, "parquet", {"code": "INTEGER"})
    assert str(shop.outside) in caught.value.message
    assert "code" in caught.value.message


@pytest.mark.parametrize("content", [b"", b"no parquet", b"PAR1 no parquet either PAR1"])
def test_other_files_are_not_taken_for_parquet(shop: Workshop, content: bytes) -> None:
    with pytest.raises(EngineError) as caught:
        shop.load(content, "parquet")
    assert caught.value.code == "SK-DATA-001"
    assert "in.parquet" in caught.value.message


def test_unknown_format_is_refused_with_the_nearest(shop: Workshop) -> None:
    with pytest.raises(EngineError) as caught:
        shop.load("x", "parket")
    assert caught.value.hint == "did you mean 'parquet'?"
