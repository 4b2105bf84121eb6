"""CSV files are read the same way every time, and what is wrong with them is told by file, line and column."""

from __future__ import annotations

import gzip
import random
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from tests.duckdb.conftest import Workshop, types

from seeknal.errors import EngineError
from seeknal.protocols import FileRead, Files, SessionSettings
from seeknal_duckdb.engine import DuckDBEngine


def failure(shop: Workshop, text: str | bytes, columns: dict[str, str | None] | None = None, **params: object) -> EngineError:
    """The error that loading raises, which names the file."""
    with pytest.raises(EngineError) as caught:
        shop.load(text, "csv", columns, **params)
    assert str(shop.outside / "in.csv") in caught.value.message
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_the_one_the_first_line_has_most_of(shop: Workshop, delimiter: str) -> None:
    text = '"last, first";id;note\n"Ng, Li";1;"a|b"\n'.replace(";", delimiter)
    shop.load(text)
    assert shop.session.rows("FROM stored").columns == ("last, first", "id", "note")
    assert shop.rows() == [("Ng, Li", 1, "a|b")]


def test_text_without_a_delimiter_is_one_column(shop: Workshop) -> None:
    shop.load('name\n"bob, x"\nhello; you\n')
    assert shop.rows() == [("bob, x",), ("hello; you",)]


def test_all_text_columns_still_have_a_header(shop: Workshop) -> None:
    shop.load("name,city\nAnn,Oslo\n")
    assert shop.session.rows("FROM stored").columns == ("name", "city")


def test_header_can_be_absent_and_names_given(shop: Workshop) -> None:
    shop.load("1,x\n2,y\n", header=False)
    assert shop.session.rows("FROM stored").columns == ("column0", "column1")
    shop.load("1,x\n2,y\n", names=["id", "name"])
    assert shop.session.rows("SELECT id, name FROM stored").rows == [(1, "x"), (2, "y")]


def test_quotes_line_ends_and_byte_order_marks_are_understood(shop: Workshop) -> None:
    shop.load(b'\xef\xbb\xbfa,b\r\n1,"say ""hi""\nthere"\r\n')
    assert shop.rows() == [(1, 'say "hi"\nthere')]


def test_types_are_found_and_declared_types_win(shop: Workshop) -> None:
    text = "id,zip,day,amount\n1,00123,2024-02-29,1.10\n"
    assert types(shop.load(text)) == ["BIGINT", "VARCHAR", "DATE", "DOUBLE"]
    assert types(shop.load(text, columns={"ID": "VARCHAR", "amount": "DECIMAL(9,2)", "day": None})) == [
        "VARCHAR",
        "VARCHAR",
        "DATE",
        "DECIMAL(9,2)",
    ]
    assert shop.rows() == [("1", "00123", date(2024, 2, 29), Decimal("1.10"))]


def test_numbers_of_many_digits_are_exact_when_declared(shop: Workshop) -> None:
    assert types(shop.load("id\n12345678901234567890123\n", columns={"id": "HUGEINT"})) == ["DECIMAL(38,0)"]
    assert shop.rows() == [(Decimal(12345678901234567890123),)]


def test_header_alone_keeps_declared_types(shop: Workshop) -> None:
    written = shop.load("id,day\n", columns={"id": "INTEGER", "day": "DATE"})
    assert (written.rows, types(written)) == (0, ["INTEGER", "DATE"])
    assert types(shop.load("id,day", columns={"id": "INTEGER", "day": "DATE"})) == ["INTEGER", "DATE"]


@pytest.mark.parametrize("line", [2, 3, 40_000])
def test_value_of_another_type_is_told_with_its_place(shop: Workshop, line: int) -> None:
    rows = ["id,name", *(f"{n},x" for n in range(45_000))]
    rows[line - 1] = "oops,x"
    error = failure(shop, "\n".join(rows) + "\n", columns={"id": "INTEGER"})
    assert error.code == "SK-DATA-002"
    assert f"line {line}, column 'id': 'oops' is no INTEGER" in error.message
    assert "VARCHAR" in (error.hint or "")


@pytest.mark.parametrize("row", ["1,2,3", "1"])
@pytest.mark.parametrize("line", [3, 40_000])
def test_ragged_row_is_told_and_never_changes_how_the_rest_is_read(shop: Workshop, row: str, line: int) -> None:
    rows = ["id,n", *(f"{n},{n}" for n in range(45_000))]
    rows[line - 1] = row
    error = failure(shop, "\n".join(rows) + "\n")
    assert error.code == "SK-DATA-002"
    assert f"line {line} has {row.count(',') + 1} fields where" in error.message


@pytest.mark.parametrize("line", [3, 40_000])
def test_quote_that_is_not_closed_is_told(shop: Workshop, line: int) -> None:
    rows = ["id,n", *(f'{n},"n"' for n in range(45_000))]
    rows[line - 1] = '1,"open'
    assert failure(shop, "\n".join(rows) + "\n").code == "SK-DATA-002"


def test_short_rows_are_filled_when_asked(shop: Workshop) -> None:
    shop.load("a,b,c\n1,2,3\n4,5\n", null_padding=True)
    assert shop.rows() == [(1, 2, 3), (4, 5, None)]


@pytest.mark.parametrize(
    "content",
    [b"a,b\n1,\xff\xfe\n", random.Random(1).randbytes(5000), b"PK\x03\x04" + bytes(500), b"a,b\n" + b"1,x\n" * 30_000 + b"2,\xe9\n"],
    ids=["late", "noise", "zip", "very late"],
)
def test_other_than_utf8_text_is_refused_by_name(shop: Workshop, content: bytes) -> None:
    assert failure(shop, content).code in {"SK-DATA-001", "SK-DATA-002"}


def test_encodings_are_read_when_said(shop: Workshop) -> None:
    for encoding in ("latin-1", "utf-16"):
        shop.load("a,b\n1,é\n".encode(encoding), encoding=encoding)
        assert shop.rows() == [(1, "é")]
    assert failure(shop, "a\n1\n", encoding="klingon").code == "SK-DATA-001"


def test_empty_file_is_refused(shop: Workshop) -> None:
    assert "empty" in failure(shop, "").message


def test_compressed_files_are_read(shop: Workshop) -> None:
    path = shop.outside / "in.csv.gz"
    path.write_bytes(gzip.compress(b"a;b\n1;x\n"))
    shop.load_files([path], "csv")
    assert shop.rows() == [(1, "x")]


def test_several_files_are_one_relation_and_must_agree(shop: Workshop) -> None:
    paths = [shop.outside / name for name in ("1.csv", "2.csv", "it's [3]*?.csv")]
    for number, path in enumerate(paths):
        path.write_text(f"id,name\n{number},x\n")
    assert shop.load_files(paths, "csv").rows == 3
    paths[1].write_text("id,title\n1,x\n")
    with pytest.raises(EngineError) as caught:
        shop.load_files(paths, "csv")
    assert caught.value.code == "SK-DATA-001"
    assert "union_by_name" in (caught.value.hint or "")
    assert shop.load_files(paths, "csv", union_by_name=True).rows == 3


@pytest.mark.parametrize(
    ("name", "hint"), [("delimeter", "delimiter"), ("ignore_errors", "dropped"), ("types", "columns:"), ("zzz", "known")]
)
def test_unknown_parameter_is_refused_with_advice(shop: Workshop, name: str, hint: str) -> None:
    with pytest.raises(EngineError) as caught:
        shop.load("a\n1\n", **{name: 1})
    assert caught.value.code == "SK-DATA-006"
    assert hint in (caught.value.hint or "")


def test_one_parameter_under_two_names_is_refused(shop: Workshop) -> None:
    with pytest.raises(EngineError, match="same parameter"):
        shop.load("a\n1\n", delimiter=",", delim=";")


def test_missing_file_and_no_file_are_told(shop: Workshop) -> None:
    for paths in ([shop.outside / "nosuch.csv"], [shop.outside], []):
        with pytest.raises(EngineError) as caught:
            shop.load_files(paths, "csv")
        assert caught.value.code == "SK-DATA-003"


def test_missing_declared_column_suggests_the_nearest(shop: Workshop) -> None:
    error = failure(shop, "customer_id,name\n1,x\n", columns={"custmer_id": "INTEGER", "name": None})
    assert error.code == "SK-DATA-005"
    assert error.hint == "did you mean 'customer_id'?"


def test_unknown_declared_type_is_told(shop: Workshop) -> None:
    with pytest.raises(EngineError) as caught:
        shop.load("a\n1\n", columns={"a": "NUMBR"})
    assert caught.value.code == "SK-DATA-009"
    assert "NUMBR" in caught.value.message


def test_lines_longer_than_usual_are_read_when_asked(shop: Workshop) -> None:
    text = "id,note\n1," + "x" * 12_000_000 + "\n"
    with pytest.raises(EngineError):
        shop.load(text)
    shop.load(text, max_line_size=20_000_000)
    assert shop.rows("SELECT id, len(note) FROM stored") == [(1, 12_000_000)]


@pytest.mark.slow
def test_file_several_times_the_memory_limit_streams_through(tmp_path: Path, shop: Workshop) -> None:
    path = shop.outside / "large.csv"
    rows = 3_000_000
    shop.session.export(
        f"SELECT i AS id, 'customer ' || i AS name, hash(i) AS h, repeat(md5(i::VARCHAR), 2) AS m FROM range({rows}) AS t(i)",
        shop.inside / "large.csv",
        "csv",
        {},
    )
    (shop.inside / "large.csv").rename(path)
    assert path.stat().st_size > 300_000_000
    session = DuckDBEngine().open(SessionSettings(tmp_path / "scratch2", (shop.inside,), (shop.inside,), memory_limit="100MB", threads=2))
    assert session.load(FileRead("csv", (path,)), shop.inside / "large.parquet", {}).rows == rows
    assert session.rows(f"SELECT count(*), sum(id) FROM '{shop.inside}/large.parquet'").rows == [(rows, rows * (rows - 1) // 2)]
    assert session.digests(Files((shop.inside / "large.parquet",)), [["id", "m"]])[0]
    session.close()
