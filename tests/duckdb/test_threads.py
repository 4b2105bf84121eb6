"""One session serves many threads; what is in flight can be stopped, and nothing else is."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from tests.duckdb.conftest import Workshop

from seeknal.errors import EngineError
from seeknal.protocols import FileRead, Files, Query

if TYPE_CHECKING:
    from collections.abc import Callable

ENDLESS = "SELECT count(*) AS n FROM range(100000000000) AS a(i), range(100) AS b(j) WHERE i + j = -1"


def endless_stream() -> pa.RecordBatchReader:
    def produce() -> Any:
        while True:
            time.sleep(0.001)
            yield pa.record_batch({"n": [1]})

    return pa.RecordBatchReader.from_batches(pa.schema([("n", pa.int64())]), produce())


def test_everything_at_once_from_eight_threads(shop: Workshop) -> None:
    source = shop.outside / "in.csv"
    source.write_text("id,name\n" + "".join(f"{n},n{n}\n" for n in range(500)))

    def work(number: int) -> int:
        target, again = shop.inside / f"{number}.parquet", shop.inside / f"{number}-again.parquet"
        shop.session.load(FileRead("csv", (source,)), target, {})
        shop.session.define(f"t{number}", Files((target,)))
        shop.session.define("shared", Files((target,)))
        shop.session.define(f"v{number}", Query(f"SELECT id + {number} AS id FROM t{number}"))
        shop.session.ingest(shop.session.arrow(f"FROM v{number}"), again, {})
        assert shop.session.digests(Files((again,)), [["id"]])[0] == shop.session.digests(Files((again,)), [["id"]])[0]
        with pytest.raises(EngineError):
            shop.session.rows("SELECT nosuch FROM shared")
        return int(shop.session.rows(f"SELECT sum(id) FROM '{again}'").rows[0][0])

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(80)))
    assert results == [499 * 500 // 2 + 500 * number for number in range(80)]


@pytest.mark.parametrize("way", ["rows", "write", "export", "arrow", "ingest", "digest of a view"])
def test_interrupt_stops_every_kind_of_work(shop: Workshop, way: str) -> None:
    work: dict[str, Callable[[], object]] = {
        "rows": lambda: shop.session.rows(ENDLESS),
        "write": lambda: shop.write(ENDLESS),
        "export": lambda: shop.session.export(ENDLESS, shop.inside / "x.csv", "csv", {}),
        "arrow": lambda: shop.session.arrow(ENDLESS).read_all(),
        "ingest": lambda: shop.ingest(endless_stream()),
        "digest of a view": lambda: shop.session.rows(f"SELECT * FROM ({ENDLESS})", limit=1),
    }
    found: list[object] = []

    def run() -> None:
        try:
            found.append(work[way]())
        except EngineError as error:
            found.append(error.code)

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.2)
    shop.session.interrupt()
    thread.join(10)
    assert found == ["SK-RUN-130"]
    assert shop.rows("SELECT 1") == [(1,)]


def test_interrupt_comes_in_time_however_short_before(shop: Workshop) -> None:
    def run() -> None:
        with pytest.raises(EngineError):
            shop.session.rows(ENDLESS)

    for _ in range(30):
        thread = threading.Thread(target=run)
        thread.start()
        while not shop.session._locked._running:
            pass
        shop.session.interrupt()
        thread.join(10)
        assert not thread.is_alive()


def test_interrupt_does_not_wait_for_streams_that_rest(shop: Workshop) -> None:
    stream = shop.session.arrow("SELECT i FROM range(10000000) AS t(i)")
    stream.read_next_batch()
    shop.session.interrupt()
    with pytest.raises(EngineError) as caught:
        stream.read_all()
    assert caught.value.code == "SK-RUN-130"
