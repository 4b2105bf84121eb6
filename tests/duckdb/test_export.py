"""Files for people, with the options the formats declare."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.duckdb.conftest import Workshop

from seeknal.errors import EngineError

QUERY = "SELECT * FROM (VALUES (1, 'Ann', DATE '2024-02-29'), (2, NULL, NULL)) AS t(id, name, day) ORDER BY id"


def export(shop: Workshop, format: str, **options: Any) -> str:  # noqa: A002
    assert shop.session.export(QUERY, shop.inside / "out", format, options) == 2
    return (shop.inside / "out").read_text(encoding="utf-8")


def test_csv_has_a_header_and_takes_options(shop: Workshop) -> None:
    assert export(shop, "csv") == "id,name,day\n1,Ann,2024-02-29\n2,,\n"
    assert export(shop, "csv", delimiter=";", header=False, null="-", dateformat="%d.%m.%Y") == "1;Ann;29.02.2024\n2;-;-\n"
    assert export(shop, "csv", force_quote=["name"]).splitlines()[1] == '1,"Ann",2024-02-29'


def test_json_is_one_array_and_jsonl_one_object_a_line(shop: Workshop) -> None:
    expected = [{"id": 1, "name": "Ann", "day": "2024-02-29"}, {"id": 2, "name": None, "day": None}]
    assert json.loads(export(shop, "json")) == expected
    assert [json.loads(line) for line in export(shop, "jsonl").splitlines()] == expected


def test_parquet_is_read_back(shop: Workshop) -> None:
    shop.session.export(QUERY, shop.inside / "out.parquet", "parquet", {"compression": "snappy"})
    assert shop.rows(f"SELECT id FROM '{shop.inside}/out.parquet'") == [(1,), (2,)]


def test_unknown_option_and_format_are_refused_with_advice(shop: Workshop) -> None:
    for format_, options, hint in (("csv", {"delimter": ";"}, "delimiter"), ("excel", {}, "known"), ("parquet", {"header": True}, "known")):
        with pytest.raises(EngineError) as caught:
            shop.session.export(QUERY, shop.inside / "out", format_, options)
        assert caught.value.code == "SK-DATA-006"
        assert hint in (caught.value.hint or "")


def test_target_outside_the_writable_folders_is_refused(shop: Workshop) -> None:
    with pytest.raises(EngineError) as caught:
        shop.session.export(QUERY, shop.outside / "out.csv", "csv", {})
    assert caught.value.code == "SK-SQL-015"
