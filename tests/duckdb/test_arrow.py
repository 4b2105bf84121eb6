"""Arrow data comes in as it is or is refused, and goes out as a stream."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.duckdb.conftest import Workshop, types

from seeknal.errors import EngineError

TAKEN: list[tuple[pa.DataType, Any, str]] = [
    (pa.int64(), -1, "BIGINT"),
    (pa.uint64(), 2**64 - 1, "UBIGINT"),
    (pa.float16(), 1.5, "FLOAT"),
    (pa.decimal128(38, 2), Decimal("1.25"), "DECIMAL(38,2)"),
    (pa.decimal256(20, 2), Decimal("1.25"), "DECIMAL(20,2)"),
    (pa.date64(), date(2024, 2, 29), "DATE"),
    (pa.time64("ns"), None, "TIME"),
    (pa.timestamp("s"), datetime.fromisoformat("2024-02-29"), "TIMESTAMP"),
    (pa.timestamp("ns"), 1, "TIMESTAMP_NS"),
    (pa.timestamp("us", "Europe/Berlin"), datetime(2024, 2, 29, tzinfo=UTC), "TIMESTAMP WITH TIME ZONE"),
    (pa.timestamp("ns", "UTC"), datetime(2024, 2, 29, tzinfo=UTC), "TIMESTAMP WITH TIME ZONE"),
    (pa.dictionary(pa.int8(), pa.string()), "x", "VARCHAR"),
    (pa.large_string(), "x", "VARCHAR"),
    (pa.string_view(), "x", "VARCHAR"),
    (pa.binary(3), b"abc", "BLOB"),
    (pa.null(), None, "INTEGER"),
    (pa.list_(pa.decimal256(9, 1), 2), [Decimal("1.5"), None], "DECIMAL(9,1)[]"),
    (pa.struct([("d", pa.date64())]), {"d": date(2024, 2, 29)}, "STRUCT(d DATE)"),
    (pa.map_(pa.string(), pa.int32()), [("k", 1)], "MAP(VARCHAR, INTEGER)"),
    (pa.bool_(), True, "BOOLEAN"),
]

REFUSED: list[tuple[pa.DataType, Any]] = [
    (pa.decimal256(50, 0), Decimal(1)),
    (pa.duration("us"), 1),
    (pa.month_day_nano_interval(), (1, 2, 3)),
    (pa.struct([]), {}),
    (pa.timestamp("ns", "UTC"), 1),
    (pa.time64("ns"), 1),
]


@pytest.mark.parametrize(("type_", "value", "stored"), TAKEN, ids=lambda v: str(v) if isinstance(v, pa.DataType) else "")
def test_arrow_types_are_stored_with_their_values(shop: Workshop, type_: pa.DataType, value: Any, stored: str) -> None:
    table = pa.table({"x": pa.array([value, None], type_)})
    assert types(shop.ingest(table)) == [stored]
    assert shop.rows("SELECT x IS NULL FROM stored") == [(value is None,), (True,)]
    if stored not in {"TIMESTAMP_NS", "MAP(VARCHAR, INTEGER)"} and value is not None:
        assert shop.rows("SELECT x FROM stored LIMIT 1") == [(value,)]


@pytest.mark.parametrize(("type_", "value"), REFUSED, ids=lambda v: str(v) if isinstance(v, pa.DataType) else "")
def test_arrow_types_that_would_lose_something_are_refused(shop: Workshop, type_: pa.DataType, value: Any) -> None:
    with pytest.raises(EngineError):
        shop.ingest(pa.table({"x": pa.array([value], type_)}))


def test_frames_of_other_libraries_are_taken_without_their_index(shop: Workshop) -> None:
    shop.ingest(pl.DataFrame({"a": [1, None], "c": pl.Series(["x", "y"], dtype=pl.Categorical), "d": [date(2024, 2, 29)] * 2}))
    assert shop.rows() == [(1, "x", date(2024, 2, 29)), (None, "y", date(2024, 2, 29))]
    shop.ingest(pd.DataFrame({"a": [1, 2], "s": ["x", None]}, index=pd.Index(["p", "q"], name="key")))
    assert shop.session.rows("FROM stored").columns == ("a", "s")
    assert shop.rows() == [(1, "x"), (2, None)]


@pytest.mark.parametrize("names", [["a", "a"], ["a", "A"], [""], []])
def test_columns_sql_cannot_tell_apart_are_refused(shop: Workshop, names: list[str]) -> None:
    with pytest.raises(EngineError) as caught:
        shop.ingest(pa.table([pa.array([1]) for _ in names], names=names))
    assert caught.value.code == "SK-DATA-004"


@pytest.mark.parametrize("data", [[1], pd.DataFrame({"a": [1, "x"]})])
def test_what_is_no_arrow_data_is_refused(shop: Workshop, data: Any) -> None:
    with pytest.raises(EngineError) as caught:
        shop.ingest(data)
    assert caught.value.code == "SK-DATA-001"


REASON = "the upstream service went away"


def batches(count: int, *, fail_at: int | None = None) -> pa.RecordBatchReader:
    def produce() -> Any:
        for number in range(count):
            if number == fail_at:
                raise ValueError(REASON)
            yield pa.record_batch({"n": pa.array(range(number * 1000, number * 1000 + 1000))})

    return pa.RecordBatchReader.from_batches(pa.schema([("n", pa.int64())]), produce())


def test_stream_is_stored_batch_by_batch_and_in_order(shop: Workshop) -> None:
    assert shop.ingest(batches(300)).rows == 300_000
    assert shop.rows("SELECT n FROM stored LIMIT 2 OFFSET 150000") == [(150000,), (150001,)]


def test_stream_that_fails_tells_why_and_keeps_the_cause(shop: Workshop) -> None:
    with pytest.raises(EngineError) as caught:
        shop.ingest(batches(10, fail_at=5))
    assert REASON in caught.value.message
    assert "Traceback" not in caught.value.message
    assert isinstance(caught.value.__cause__, ValueError)


def test_metadata_of_ingested_data_is_ours_alone(shop: Workshop) -> None:
    target = shop.inside / "frame.parquet"
    shop.session.ingest(pd.DataFrame({"a": [1]}), target, {"seeknal.key": "k"})
    assert pq.read_metadata(target).metadata[b"seeknal.key"] == b"k"
    assert b"pandas" not in pq.read_metadata(target).metadata


def test_stream_out_can_be_fed_in_again(shop: Workshop) -> None:
    shop.session.write("SELECT i FROM range(500000) AS t(i)", shop.inside / "many.parquet", {})
    stream = shop.session.arrow(f"FROM '{shop.inside}/many.parquet'")
    assert shop.ingest(stream).rows == 500_000


def test_stream_is_read_in_another_thread(shop: Workshop) -> None:
    stream = shop.session.arrow("SELECT i FROM range(500000) AS t(i)")
    found: list[int] = []
    reader = threading.Thread(target=lambda: found.append(pa.table(stream).num_rows))
    reader.start()
    reader.join()
    assert found == [500_000]


def test_failure_half_way_through_a_stream_is_an_engine_error(shop: Workshop) -> None:
    stream = shop.session.arrow("SELECT CASE WHEN i = 1900000 THEN error('too far') END FROM range(2000000) AS t(i)")
    with pytest.raises(EngineError, match="too far"):
        stream.read_all()
    assert shop.rows("SELECT 1") == [(1,)]


def test_stream_that_nobody_reads_gives_its_cursor_back(shop: Workshop) -> None:
    stream = shop.session.arrow("SELECT i FROM range(10000000) AS t(i)")
    stream.read_next_batch()
    assert len(shop.session._locked._running) == 1
    del stream
    assert len(shop.session._locked._running) == 0
