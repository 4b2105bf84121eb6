"""Excel workbooks are read row by row, typed by what their columns hold."""

from __future__ import annotations

import sys
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from tests.duckdb.conftest import Workshop, types

from seeknal.errors import EngineError

EARLY, MIDNIGHT = datetime.fromisoformat("2024-02-29 01:02:03"), datetime.fromisoformat("2024-03-01")


def book(shop: Workshop, *rows: list[Any], name: str = "in.xlsx", **sheets: list[list[Any]]) -> Any:
    """A workbook whose first sheet has these rows."""
    workbook = openpyxl.Workbook()
    for row in rows:
        workbook.active.append(row)
    for title, content in sheets.items():
        sheet = workbook.create_sheet(title)
        for row in content:
            sheet.append(row)
    workbook.save(shop.outside / name)
    return shop.outside / name


def load(shop: Workshop, *rows: list[Any], columns: dict[str, str | None] | None = None, **params: Any) -> Any:
    return shop.load_files([book(shop, *rows)], "excel", columns, **params)


def failure(shop: Workshop, *rows: list[Any], **params: Any) -> EngineError:
    with pytest.raises(EngineError) as caught:
        load(shop, *rows, **params)
    return caught.value


def test_columns_have_the_type_of_their_values(shop: Workshop) -> None:
    written = load(
        shop,
        ["i", "f", "d", "ts", "t", "b", "s", "mixed", "none"],
        [1, 1.5, date(2024, 2, 29), EARLY, time(4, 5), True, "x", 1, None],
        [2, 2, date(2024, 3, 1), MIDNIGHT, None, False, "", "y", None],
    )
    assert types(written) == ["BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "TIME", "BOOLEAN", "VARCHAR", "VARCHAR", "VARCHAR"]
    assert shop.rows("SELECT i, f, d, ts, t, b, mixed FROM stored") == [
        (1, 1.5, date(2024, 2, 29), EARLY, time(4, 5), True, "1"),
        (2, 2.0, date(2024, 3, 1), MIDNIGHT, None, False, "y"),
    ]


def test_declared_types_win(shop: Workshop) -> None:
    assert types(load(shop, ["zip", "amount"], [123, 1.1], columns={"ZIP": "VARCHAR", "amount": "DECIMAL(9,2)"})) == [
        "VARCHAR",
        "DECIMAL(9,2)",
    ]
    assert shop.rows() == [("123", Decimal("1.10"))]


def test_header_alone_keeps_declared_types(shop: Workshop) -> None:
    written = load(shop, ["id", "day"], columns={"id": "BIGINT", "day": "DATE"})
    assert (written.rows, types(written)) == (0, ["BIGINT", "DATE"])


def test_rows_without_values_are_left_out(shop: Workshop) -> None:
    load(shop, [None, None], ["id", "name"], [1, "x"], [None, None], [2, None])
    assert shop.rows() == [(1, "x"), (2, None)]


def test_many_rows_are_read_in_batches(shop: Workshop) -> None:
    assert load(shop, ["id"], *([n] for n in range(20_000))).rows == 20_000
    assert shop.rows("SELECT sum(id) FROM stored") == [(Decimal(199990000),)]


def test_sheet_and_range_are_chosen(shop: Workshop) -> None:
    path = book(shop, ["first"], [1], Second=[["a", "b", "c"], [1, 2, 3], [4, 5, 6]])
    shop.load_files([path], "excel", sheet="Second", range="B1:C2")
    assert shop.session.rows("FROM stored").columns == ("b", "c")
    assert shop.rows() == [(2, 3)]
    for params, hint in (({"sheet": "Secnd"}, "Second"), ({"range": "nonsense!"}, "A3:F100")):
        with pytest.raises(EngineError) as caught:
            shop.load_files([path], "excel", **params)
        assert hint in (caught.value.hint or "")


def test_sheet_without_header_has_numbered_columns(shop: Workshop) -> None:
    load(shop, [1, "x"], [2, "y"], header=False)
    assert shop.session.rows("FROM stored").columns == ("column1", "column2")


def test_several_workbooks_are_one_relation_and_must_agree(shop: Workshop) -> None:
    one, two = book(shop, ["id"], [1], name="1.xlsx"), book(shop, ["id"], [2.5], name="2.xlsx")
    assert types(shop.load_files([one, two], "excel")) == ["DOUBLE"]
    book(shop, ["other"], [2], name="2.xlsx")
    with pytest.raises(EngineError) as caught:
        shop.load_files([one, two], "excel")
    assert caught.value.code == "SK-DATA-001"


def test_formula_that_was_never_worked_out_is_no_empty_cell(shop: Workshop) -> None:
    error = failure(shop, ["total"], ["=1+1"])
    assert error.code == "SK-DATA-002"
    assert "save it" in (error.hint or "")


def test_error_values_are_told_by_cell_unless_declared_as_text(shop: Workshop) -> None:
    error = failure(shop, ["id", "rate"], [1, 2], [2, "#N/A"])
    assert error.code == "SK-DATA-002"
    assert "row 3, column 'rate': the value is #N/A" in error.message
    load(shop, ["id", "rate"], [1, 2], [2, "#N/A"], columns={"rate": "VARCHAR"})
    assert shop.rows("SELECT rate FROM stored") == [("2",), ("#N/A",)]


def test_other_files_are_refused_by_name(shop: Workshop) -> None:
    for name in ("in.xlsx", "in.xls", "in.csv"):
        (shop.outside / name).write_text("a,b\n")
        with pytest.raises(EngineError) as caught:
            shop.load_files([shop.outside / name], "excel")
        assert caught.value.code == "SK-DATA-001"
        assert name in caught.value.message


def test_empty_sheet_is_refused(shop: Workshop) -> None:
    assert "empty" in failure(shop).message


def test_missing_openpyxl_says_what_to_install(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    (shop.outside / "in.xlsx").write_text("")
    with pytest.raises(EngineError) as caught:
        shop.load_files([shop.outside / "in.xlsx"], "excel")
    assert caught.value.code == "SK-PLUGIN-010"
    assert "seeknal-duckdb[excel]" in (caught.value.hint or "")
