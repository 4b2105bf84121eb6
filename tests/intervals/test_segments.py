"""Outputs of many parts: rows of them are one document each."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest
from tests.intervals.conftest import at
from tests.intervals.test_windows import PARTS, amount, days, parts

from seeknal.errors import ProjectError
from seeknal.janitor import Policy
from seeknal.nodes import NodeId
from seeknal.plan.planner import Request
from seeknal.run.cleaning import janitor
from seeknal.state import portable
from seeknal.state.columns import packed
from seeknal.state.portable import export_state, parse_state
from seeknal.state.segments import Segment
from seeknal.testing.other_process import this_process

DAILY = NodeId("transform.daily")


@pytest.fixture
def shop(shop, monkeypatch):
    """Eight days, each a part: of the last node the first six are in two segments."""
    monkeypatch.setattr("seeknal.state.segments.SIZE", 3)
    shop.edit("seeknal/daily.sql", "start: 2026-01-01", "start: 2026-01-01\nbatch_size: 1")
    shop.run(now=at("2026-01-09T07:00")).assert_success()
    return shop


def tables(shop) -> dict:
    return shop.open().state.read().tables


def alone(shop) -> list[str]:
    return [k for k, v in tables(shop)["artifacts"].items() if v["node"] == DAILY and "part" in v]


def segments(shop) -> dict[str, list[str]]:
    return {k: v["parts"] for k, v in tables(shop)["segments"].items() if v["node"] == DAILY}


def restate(shop, day: int, now: str = "2026-01-09T07:00"):
    request = Request(date(2026, 1, day), date(2026, 1, day + 1), restate=frozenset({NodeId("transform.hourly")}))
    return shop.run(now=at(now), windows=request).assert_success()


def clean(shop) -> None:
    janitor(shop.open(), Policy(grace=timedelta(0), runs=0), datetime.now(UTC)).clean(this_process("janitor"))


def test_a_day_more_leaves_the_documents_of_earlier_ones(shop) -> None:
    before = segments(shop)
    assert sorted(map(len, before.values())) == [3]
    assert len(alone(shop)) == 5
    shop.run(now=at("2026-01-10T07:00")).assert_success()
    after = segments(shop)
    assert before.items() <= after.items()
    assert (len(after), len(alone(shop))) == (2, 3)
    assert days(shop) == {d: amount(d) for d in range(1, 10)}
    assert shop.run(now=at("2026-01-10T07:00")).assert_success().built == set()


def stamps(shop) -> dict[str, str]:
    """What the warehouse has of the node's relations."""
    record = json.loads((shop.root / "target/warehouse.json").read_bytes())["prod"]
    return {r.removeprefix("transform_daily"): stamp for r, stamp in record.items() if r.startswith("transform_daily")}


def published(shop) -> list[tuple]:
    with duckdb.connect(str(shop.root / "target/warehouse.duckdb"), read_only=True) as warehouse:
        return warehouse.execute("FROM prod.transform_daily ORDER BY 1").fetchall()


def test_a_day_more_is_published_without_naming_the_files_of_segments_again(shop) -> None:
    def changed(before: dict[str, str]) -> set[str]:
        return {r for r, stamp in stamps(shop).items() if before.get(r) != stamp}

    assert set(stamps(shop)) == {"", "@earlier", "@latest"}
    assert [row[1] for row in published(shop)] == [amount(d) for d in range(1, 9)]
    for day, seen in ((10, {"@earlier", "@latest"}), (11, {"@latest"})):  # the first of these days completes a segment
        before = stamps(shop)
        shop.run(now=at(f"2026-01-{day}T07:00")).assert_success()
        assert changed(before) == seen
    clean(shop)
    assert [row[1] for row in published(shop)] == [amount(d) for d in range(1, 11)]
    before = stamps(shop)
    shop.run(now=at("2026-01-12T07:00"), memory_limit="much").assert_failed("SK-SQL-012")
    assert changed(before) == set()
    shop.edit("seeknal/daily.sql", "sum(amount) AS amount", "sum(amount) AS amount, count(*) AS count")
    shop.run(now=at("2026-01-11T07:00")).assert_success()
    assert changed(before) == {"", "@earlier", "@latest"}
    assert [row[2] for row in published(shop)] == [4] * 10


def test_a_restated_day_takes_its_segment_apart_and_no_other(shop) -> None:
    shop.run(now=at("2026-01-10T07:00")).assert_success()
    before, files = segments(shop), parts(shop, "daily")
    shop.write("data/orders.csv", shop.read("data/orders.csv") + "999,2026-01-02 03:20:00,1000\n")
    outcome = restate(shop, 2, "2026-01-10T07:00")
    assert outcome.reason(DAILY) == "restated: 1 day, 2026-01-02 to 2026-01-03"
    assert len(segments(shop).keys() - before.keys()) == 1
    assert len(parts(shop, "daily").keys() - files.keys()) == 1
    assert days(shop) == {d: amount(d) + (1000 if d == 2 else 0) for d in range(1, 10)}
    assert shop.run(now=at("2026-01-10T07:00")).assert_success().built == set()


def test_the_janitor_takes_what_was_restated_and_leaves_its_neighbours(shop) -> None:
    shop.write("data/orders.csv", shop.read("data/orders.csv") + "999,2026-01-02 03:20:00,1000\n")
    restate(shop, 2)
    clean(shop)
    assert (len(parts(shop, "daily")), len(segments(shop))) == (8, 1)
    assert days(shop)[2] == amount(2) + 1000
    shop.edit("seeknal/daily.sql", "sum(amount)", "2 * sum(amount)")
    shop.run(now=at("2026-01-09T07:00")).assert_success()
    clean(shop)
    assert (len(parts(shop, "daily")), len(segments(shop)), len(alone(shop))) == (8, 1, 5)
    assert days(shop)[2] == 2 * (amount(2) + 1000)


@pytest.mark.parametrize("harm", ["deleted", "cut off", "folder deleted"])
def test_a_part_of_a_segment_that_is_harmed_is_built_again_alone(shop, harm) -> None:
    (key, *_), *_ = segments(shop).values()
    (file,) = shop.root.glob(f"target/cache/transform/daily/{key}/*.parquet")
    if harm == "cut off":
        file.write_bytes(file.read_bytes()[:-10])
    else:
        file.unlink()
    if harm == "folder deleted":
        (file.parent / "artifact.json").unlink()
        file.parent.rmdir()
    before = parts(shop, "daily")
    outcome = shop.run(now=at("2026-01-09T07:00")).assert_success()
    assert outcome.reason(DAILY) == "cache missing: 1 day, 2026-01-01 to 2026-01-02"
    assert len(parts(shop, "daily").items() - before.items()) == 1
    assert days(shop) == {d: amount(d) for d in range(1, 9)}


def test_files_whose_times_changed_are_compared_by_content_once(shop) -> None:
    for file in shop.root.glob(PARTS.format("daily")):
        os.utime(file, ns=(1, 1))
    assert shop.run(now=at("2026-01-09T07:00")).assert_success().built == set()
    assert len(alone(shop)) == 8
    shop.run(now=at("2026-01-10T07:00")).assert_success()
    assert (len(alone(shop)), len(segments(shop))) == (3, 2)
    assert days(shop) == {d: amount(d) for d in range(1, 10)}


def test_an_environment_reads_parts_that_another_put_into_a_segment(shop) -> None:
    shop.run(now=at("2026-01-09T07:00"), environment="dev").assert_success()
    shop.run(now=at("2026-01-13T07:00")).assert_success()
    clean(shop)
    known = shop.open().state.read()
    found = known.artifact(known.keys("dev")[DAILY])
    assert found is not None
    assert len(found.parts) == 8
    assert shop.run(now=at("2026-01-13T07:00"), environment="dev").assert_success().built == set()


def test_windows_of_an_earlier_query_keep_their_segments(shop) -> None:
    shop.edit("seeknal/daily.sql", "batch_size: 1", "batch_size: 1\nforward_only: true")
    shop.run(now=at("2026-01-09T07:00")).assert_success()
    before = segments(shop)
    shop.edit("seeknal/daily.sql", "sum(amount)", "-sum(amount)")
    shop.run(now=at("2026-01-12T07:00")).assert_success()
    assert before.items() <= segments(shop).items()
    assert days(shop) == {d: amount(d) if d < 9 else -amount(d) if d < 11 else None for d in range(1, 11)}
    assert shop.run(now=at("2026-01-12T07:00")).assert_success().built == set()
    shop.edit("seeknal/daily.sql", "AS amount", "AS amount, count(*) AS hours")
    shop.run(now=at("2026-01-13T07:00")).assert_success()
    assert [row[2] for row in shop.rows("daily") if row[0].day < 10] == [None] * 9


def test_state_is_rebuilt_exported_and_read_back_with_its_segments(shop) -> None:
    before = tables(shop)
    shop.cli("state", "rebuild").assert_success()
    assert tables(shop) == before
    exported, _ = export_state(shop.open().state, "test")
    assert parse_state(exported, "state.json").snapshot.outputs.keys() == shop.open().state.read().outputs.keys()
    elsewhere = json.loads(exported)
    for segment in elsewhere["tables"]["segments"].values():
        segment["parts"][0] = "../../x"
    elsewhere["digest"] = portable._digest(elsewhere["tables"])
    with pytest.raises(ProjectError, match="cannot be read"):
        parse_state(json.dumps(elsewhere).encode(), "state.json")
    shop.cli("migrate-state", "--from", "file", "--to", "sqlite").assert_success()
    shop.write("seeknal_project.yml", "name: test\nversion: 1\nstate: {backend: sqlite}\n")
    assert shop.run(now=at("2026-01-09T07:00")).assert_success().built == set()
    shop.run(now=at("2026-01-10T07:00")).assert_success()
    assert days(shop) == {d: amount(d) for d in range(1, 10)}


def test_a_part_that_is_written_again_under_its_key_is_published_again(shop) -> None:
    shop.edit("seeknal/daily.sql", "sum(amount) AS amount", "sum(amount) AS amount, random() AS number")
    shop.run(now=at("2026-01-09T07:00")).assert_success()
    outputs = shop.open().state.read().outputs
    (*_, (_, last)) = sorted((v["part"]["ranges"], k) for k, v in outputs.items() if v["node"] == DAILY and "part" in v)
    (file,) = shop.root.glob(f"target/cache/transform/daily/{last}/*.parquet")
    file.unlink()
    shop.cli("state", "rebuild").assert_success()
    shop.run(now=at("2026-01-09T07:00")).assert_success()
    with duckdb.connect(str(shop.root / "target/warehouse.duckdb"), read_only=True) as warehouse:
        assert len(warehouse.execute("FROM prod.transform_daily").fetchall()) == 8


def test_documents_come_out_of_columns_as_they_were(shop) -> None:
    plain = {k: tables(shop)["artifacts"][k] for k in alone(shop)}
    first, second, third, *_ = plain
    odd = {**plain, first: {**plain[first], "rejected": {"rows": 1}}, second: {**plain[second], "files": []}}
    odd[third] = {**plain[third], "digests": {"*": "a", "rows *": "b"}, "part": {**plain[third]["part"], "ranges": [[0, 1], [2, 3]]}}
    shared = {"node": DAILY, "version": plain[first]["part"]["version"], "schema": plain[first]["schema"]}
    for documents, others in ((plain, 0), (odd, 3)):
        document = {**shared, "rows": 0, "serial": 1, "ranges": [], "parts": list(documents), **packed(documents, shared)}
        assert len(document["others"]) == others
        assert Segment("key", document).documents() == documents
