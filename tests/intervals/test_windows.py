"""Nodes that are built window by window."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from tests.intervals.conftest import FILES, at
from tests.intervals.test_histories import cut_off

from seeknal.janitor import Policy
from seeknal.nodes import NodeId
from seeknal.plan.planner import Request
from seeknal.run.cleaning import janitor
from seeknal.state import segments
from seeknal.testing.other_process import this_process

PARTS = "target/cache/transform/{}/*/*.parquet"


def parts(folder, node: str) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in folder.root.glob(PARTS.format(node))}


def days(folder) -> dict[int, int]:
    return {day.day: amount for day, amount in folder.rows("daily")}


def amount(day: int) -> int:
    return sum(day * n + 1 for n in range(4))


def test_only_windows_that_are_due_and_missing_are_built(shop) -> None:
    shop.run(now=at("2026-01-05T07:00")).assert_success()
    assert days(shop) == {d: amount(d) for d in range(1, 5)}
    before = parts(shop, "daily")
    assert shop.run(now=at("2026-01-05T07:10")).assert_success().built == set()
    outcome = shop.run(now=at("2026-01-06T07:00")).assert_success()
    assert outcome.built == {"transform.hourly", "transform.daily", "transform.total"}
    assert outcome.reason("transform.daily") == "interval due: 1 day, 2026-01-05 to 2026-01-06"
    assert days(shop) == {d: amount(d) for d in range(1, 6)}
    assert before.items() <= parts(shop, "daily").items()
    assert shop.rows("total") == [(sum(amount(d) for d in range(1, 6)), 5)]


def test_a_window_is_due_at_the_first_tick_after_its_end(shop) -> None:
    shop.run(now=at("2026-01-05T05:59")).assert_success()
    assert max(days(shop)) == 3
    assert shop.run(now=at("2026-01-05T06:00")).assert_success().reason("transform.daily").startswith("interval due: 1 day")


def test_the_plan_says_what_the_run_does(shop) -> None:
    shop.run(now=at("2026-01-05T07:00")).assert_success()
    document = shop.cli("plan", "--now", "2026-01-07T07:00", "--format", "json").assert_success().json()
    found = {n["id"]: (n["action"], n["intervals"]) for n in document["nodes"]}
    assert found["transform.daily"] == ("build", [["2026-01-05T00:00:00Z", "2026-01-07T00:00:00Z"]])
    assert found["transform.hourly"] == ("build", [["2026-01-05T07:00:00Z", "2026-01-07T07:00:00Z"]])
    assert found["source.orders"] == ("reuse", [])


def test_rows_outside_the_window_are_cut_whatever_the_query_returns(project) -> None:
    folder = project({**FILES, "seeknal/hourly.sql": """
        /* ---
        schedule: "0 0 * * *"
        time_column: created_at
        start: 2026-01-02
        end: 2026-01-04
        --- */
        SELECT * FROM {{ ref('source.orders') }};
    """, "seeknal/daily.sql": "SELECT 1 AS amount"})  # fmt: skip
    folder.run(now=at("2026-01-09")).assert_success()
    found = [created for _, created, _ in folder.rows("hourly")]
    assert (min(found), max(found)) == (datetime.fromisoformat("2026-01-02T00:15"), datetime.fromisoformat("2026-01-03T18:15"))


def test_without_a_start_the_first_window_is_that_of_the_first_row(shop) -> None:
    shop.edit("seeknal/hourly.sql", "start: 2026-01-01\n", "").edit("seeknal/daily.sql", "start: 2026-01-01\n", "")
    shop.run(now=at("2026-01-03T07:00")).assert_success()
    assert days(shop) == {1: amount(1), 2: amount(2)}
    assert shop.run(now=at("2026-01-03T07:00")).assert_success().built == set()


def test_the_first_window_is_looked_for_until_there_is_one(shop) -> None:
    shop.edit("seeknal/hourly.sql", "start: 2026-01-01\n", "").edit("seeknal/daily.sql", "start: 2026-01-01\n", "")
    shop.run(now=at("2026-01-01T05:00")).assert_success()
    assert shop.run(now=at("2026-01-01T05:30")).assert_success().built == set()
    assert days(shop) == {}
    shop.run(now=at("2026-01-02T07:00")).assert_success()
    assert days(shop) == {1: amount(1)}


def test_no_rows_are_an_output_too(shop) -> None:
    shop.write("data/orders.csv", "id,created_at,amount\n1,2026-01-01 00:15:00,5\n")
    shop.edit("seeknal/hourly.sql", "start: 2026-01-01", "start: 2026-03-01").edit("seeknal/daily.sql", "start: 2026-01-01\n", "")
    shop.run(now=at("2026-01-03T07:00")).assert_success()
    assert shop.rows("hourly") == shop.rows("daily") == []
    assert shop.run(now=at("2026-01-03T07:00")).assert_success().built == set()


def test_gaps_wait_for_a_backfill(shop) -> None:
    shop.run(now=at("2026-01-10T07:00"), windows=Request(start=date(2026, 1, 5))).assert_success()
    assert set(days(shop)) == {5, 6, 7, 8, 9}
    assert shop.run(now=at("2026-01-10T07:00")).assert_success().built == set()
    shop.run(now=at("2026-01-10T07:00"), windows=Request(end=date(2026, 1, 3), backfill=True)).assert_success()
    assert set(days(shop)) == {1, 2, 5, 6, 7, 8, 9}
    shop.run(now=at("2026-01-10T07:00"), windows=Request(backfill=True)).assert_success()
    assert days(shop) == {d: amount(d) for d in range(1, 10)}


def test_batches_are_parts_of_their_own(shop) -> None:
    shop.edit("seeknal/daily.sql", "start: 2026-01-01", "start: 2026-01-01\nbatch_size: 2\nbatch_concurrency: 3")
    shop.run(now=at("2026-01-08T07:00")).assert_success()
    assert len(parts(shop, "daily")) == 4
    assert days(shop) == {d: amount(d) for d in range(1, 8)}


def test_lookback_builds_earlier_windows_again(shop) -> None:
    shop.edit("seeknal/hourly.sql", "start: 2026-01-01", "start: 2026-01-01\nlookback: 2 days")
    shop.run(now=at("2026-01-04T07:00")).assert_success()
    shop.write("data/orders.csv", FILES["data/orders.csv"] + "999,2026-01-01 03:00:00,1000\n998,2026-01-03 03:00:00,500\n")
    assert shop.run(now=at("2026-01-04T07:00")).assert_success().built == {"source.orders"}
    shop.run(now=at("2026-01-05T07:00")).assert_success()
    assert days(shop) == {1: amount(1), 2: amount(2), 3: amount(3) + 500, 4: amount(4)}


def test_what_is_restated_reaches_the_windows_it_touches(shop) -> None:
    shop.run(now=at("2026-01-08T07:00")).assert_success()
    shop.write("data/orders.csv", FILES["data/orders.csv"] + "999,2026-01-03 03:20:00,1000\n")
    request = Request(datetime.fromisoformat("2026-01-03T03:00"), datetime.fromisoformat("2026-01-03T04:00"),
                      restate=frozenset({NodeId("transform.hourly")}))  # fmt: skip
    outcome = shop.run(now=at("2026-01-08T07:00"), windows=request).assert_success()
    assert outcome.reason("transform.hourly") == "restated: 1 hour, 2026-01-03T03:00:00Z to 2026-01-03T04:00:00Z"
    assert outcome.reason("transform.daily") == "restated: 1 day, 2026-01-03 to 2026-01-04"
    assert days(shop) == {d: amount(d) + (1000 if d == 3 else 0) for d in range(1, 8)}
    assert shop.run(now=at("2026-01-08T07:00")).assert_success().built == set()


def test_a_window_that_is_restated_to_the_same_rows_reaches_nothing(shop) -> None:
    shop.edit("seeknal/hourly.sql", "start: 2026-01-01", "start: 2026-01-01\nbatch_size: 1")
    shop.run(now=at("2026-01-03T07:00")).assert_success()
    request = Request(datetime.fromisoformat("2026-01-02T06:00"), datetime.fromisoformat("2026-01-02T07:00"),
                      restate=frozenset({NodeId("transform.hourly")}))  # fmt: skip
    assert shop.run(now=at("2026-01-03T07:00"), windows=request).assert_success().built == {"transform.hourly"}


def test_a_logic_change_builds_all_windows_and_going_back_none(shop) -> None:
    shop.run(now=at("2026-01-05T07:00")).assert_success()
    shop.edit("seeknal/hourly.sql", "sum(amount)", "2 * sum(amount)")
    outcome = shop.run(now=at("2026-01-05T07:00")).assert_success()
    assert outcome.built == {"transform.hourly", "transform.daily", "transform.total"}
    assert outcome.reason("transform.hourly") == "content changed"
    assert outcome.reason("transform.daily") == "upstream changed: transform.hourly [amount]"
    assert days(shop) == {d: 2 * amount(d) for d in range(1, 5)}
    shop.edit("seeknal/hourly.sql", "2 * sum(amount)", "sum(amount)")
    assert shop.run(now=at("2026-01-05T07:00")).assert_success().built == set()
    assert days(shop) == {d: amount(d) for d in range(1, 5)}


def test_forward_only_keeps_history(shop) -> None:
    shop.edit("seeknal/daily.sql", "start: 2026-01-01", "start: 2026-01-01\nforward_only: true")
    shop.run(now=at("2026-01-05T07:00")).assert_success()
    shop.edit("seeknal/daily.sql", "sum(amount)", "-sum(amount)")
    shop.run(now=at("2026-01-05T07:00")).assert_success()
    assert days(shop) == {d: amount(d) for d in range(1, 5)}
    shop.run(now=at("2026-01-07T07:00")).assert_success()
    assert days(shop) == {d: amount(d) if d < 5 else -amount(d) for d in range(1, 7)}


def forward(shop, *edits: tuple[str, str]) -> None:
    shop.edit("seeknal/daily.sql", "start: 2026-01-01", "start: 2026-01-01\nforward_only: true\nbatch_size: 1")
    shop.run(now=at("2026-01-05T07:00")).assert_success()
    for old, new in edits:
        shop.edit("seeknal/daily.sql", old, new)


def test_forward_only_takes_up_a_column_that_is_new_and_a_wider_type(shop) -> None:
    forward(shop, ("sum(amount) AS amount", "CAST(sum(amount) AS SMALLINT) AS amount"))
    shop.run(now=at("2026-01-05T07:00"), full=True).assert_success()
    shop.edit("seeknal/daily.sql", "CAST(sum(amount) AS SMALLINT) AS amount", "count(*) AS hours, CAST(sum(amount) AS BIGINT) AS amount")
    shop.write("seeknal/reads.sql", "SELECT sum(hours) AS hours, sum(amount) AS amount, count(*) AS days FROM {{ ref('daily') }}")
    before = sum(amount(d) for d in range(1, 5))
    shop.run(now=at("2026-01-05T07:00")).assert_success()
    assert shop.rows("reads") == [(None, before, 4)]
    shop.run(now=at("2026-01-07T07:00")).assert_success()
    assert shop.rows("reads") == [(8, before + amount(5) + amount(6), 6)]
    assert shop.run(now=at("2026-01-07T07:00")).assert_success().built == set()
    shop.run(now=at("2026-01-07T07:00"), full=True).assert_success()
    assert shop.rows("reads") == [(24, sum(amount(d) for d in range(1, 7)), 6)]


@pytest.mark.parametrize(
    ("new", "says"),
    [("sum(amount) AS total", "total"), ("CAST(sum(amount) AS VARCHAR) AS amount", "amount VARCHAR")],
)
def test_forward_only_refuses_other_changes_of_columns(shop, new, says) -> None:
    forward(shop, ("sum(amount) AS amount", new))
    shop.edit("seeknal/total.sql", "sum(amount) AS amount, ", "")
    error = shop.run(now=at("2026-01-07T07:00")).node("transform.daily").error
    assert error.code == "SK-INT-005"
    assert says in error.message
    assert "--full" in error.hint
    assert len(shop.rows("daily")) == 4


def test_where_columns_are_made_to_fit_a_kill_is_made_up_for(shop, monkeypatch) -> None:
    monkeypatch.setattr(segments, "SIZE", 2)
    forward(shop, ("sum(amount) AS amount", "count(*) AS hours, sum(amount) AS amount"))
    for after in range(6):
        cut_off(shop, monkeypatch, after, now=at("2026-01-07T07:00"))
    shop.run(now=at("2026-01-07T07:00")).assert_success()
    assert sorted((d.day, n) for d, n, _ in shop.rows("daily")) == [*((d, None) for d in range(1, 5)), (5, 4), (6, 4)]


def test_windows_that_depend_on_the_past_are_built_in_order(shop) -> None:
    shop.edit("seeknal/daily.sql", "start: 2026-01-01", "start: 2026-01-01\ndepends_on_past: true\nbatch_size: 1")
    shop.run(now=at("2026-01-05T07:00")).assert_success()
    request = Request(date(2026, 1, 2), date(2026, 1, 3), restate=frozenset({NodeId("transform.daily")}))
    reason = shop.run(now=at("2026-01-05T07:00"), windows=request).assert_success().reason("transform.daily")
    assert reason == "restated: 3 days, 2026-01-02 to 2026-01-05"


def test_environments_share_finished_windows(shop) -> None:
    shop.run(now=at("2026-01-05T07:00")).assert_success()
    shop.run(now=at("2026-01-07T07:00"), environment="dev").assert_success()
    assert max(days(shop)) == 4
    outcome = shop.run(now=at("2026-01-07T07:00")).assert_success()
    assert outcome.built == set()
    assert max(days(shop)) == 6


def test_an_edit_in_an_environment_leaves_the_windows_of_others(shop) -> None:
    shop.run(now=at("2026-01-05T07:00")).assert_success()
    shop.edit("seeknal/hourly.sql", "sum(amount)", "2 * sum(amount)")
    shop.run(now=at("2026-01-05T07:00"), environment="dev").assert_success()
    assert days(shop) == {d: amount(d) for d in range(1, 5)}
    shop.cli("promote", "dev", "--yes").assert_success()
    assert days(shop) == {d: 2 * amount(d) for d in range(1, 5)}
    shop.cli("env", "rollback", "prod", "--yes").assert_success()
    assert days(shop) == {d: amount(d) for d in range(1, 5)}


def test_a_window_whose_file_is_damaged_is_built_again(shop) -> None:
    shop.edit("seeknal/daily.sql", "start: 2026-01-01", "start: 2026-01-01\nbatch_size: 1")
    shop.run(now=at("2026-01-05T07:00")).assert_success()
    first = min(shop.root.glob(PARTS.format("daily")))
    first.unlink()
    outcome = shop.run(now=at("2026-01-05T07:00")).assert_success()
    assert outcome.reason("transform.daily").startswith("cache missing: 1 day")
    assert days(shop) == {d: amount(d) for d in range(1, 5)}


def test_a_window_that_fails_its_audit_is_not_published_and_tried_again(shop) -> None:
    shop.edit(
        "seeknal/daily.sql",
        "start: 2026-01-01",
        "start: 2026-01-01\naudits:\n  - {type: custom_sql, sql: 'SELECT * FROM __THIS__ WHERE amount > 34'}",
    )
    assert amount(5) == 34
    shop.run(now=at("2026-01-06T07:00")).assert_success()
    outcome = shop.run(now=at("2026-01-07T07:00"))
    assert outcome.status("transform.daily") == "failed"
    assert max(days(shop)) == 5
    shop.edit("seeknal/daily.sql", "amount > 34", "amount > 100")
    shop.run(now=at("2026-01-07T07:00")).assert_success()
    assert days(shop) == {d: amount(d) for d in range(1, 7)}


def test_a_python_node_is_given_its_window(shop) -> None:
    shop.write("seeknal/slow.py", """
        import pyarrow as pa
        import pyarrow.compute as pc
        from seeknal import transform

        @transform(name="slow", inputs=["transform.daily"], schedule="0 6 * * *", time_column="day", start="2026-01-01", batch_size=1)
        def slow(daily, start_ts, end_ts):
            assert (end_ts - start_ts).days == 1
            return daily.append_column("built_for", pa.array([start_ts] * len(daily)))
    """)  # fmt: skip
    shop.run(now=at("2026-01-05T07:00")).assert_success()
    assert [(d.day, s.day, a) for d, a, s in shop.rows("slow")] == [(d, d, amount(d)) for d in range(1, 5)]
    assert shop.run(now=at("2026-01-06T07:00")).assert_success().reason("transform.slow").startswith("interval due: 1 day")


@pytest.mark.parametrize(
    ("column", "code", "says"),
    [("nothing", "SK-INT-004", "not in the output"), ("amount", "SK-INT-004", "says no time")],
)
def test_a_time_column_that_is_none(shop, column, code, says) -> None:
    shop.edit("seeknal/daily.sql", "time_column: day", f"time_column: {column}")
    error = shop.run(now=at("2026-01-05T07:00")).node("transform.daily").error
    assert error.code == code
    assert says in error.message


@pytest.mark.parametrize(
    ("said", "code", "says"),
    [
        ("schedule: '0 6 * * *'", "SK-INT-001", "'schedule' needs 'time_column'"),
        ("time_column: day", "SK-INT-001", "'time_column' needs 'schedule'"),
        ("lookback: 2", "SK-INT-001", "needs 'schedule'"),
        ("schedule: 'x'\ntime_column: day", "SK-INT-002", "five fields"),
        ("schedule: '0 6 * * *'\ntime_column: day\ntimezone: Europe/Berln", "SK-INT-002", "Europe/Berlin"),
        ("schedule: '0 6 * * *'\ntime_column: day\ninterval: dayly", "SK-INT-002", "day"),
        ("schedule: '0 6 * * *'\ntime_column: day\nstart: 2026-01-02\nend: 2026-01-02", "SK-INT-002", "not after"),
        ("schedule: '0 6 * * *'\ntime_column: day\nmaterialized: view", "SK-INT-001", "view"),
        ("schedule: '0 6 * * *'\ntime_column: day\nbatch_size: 0", "SK-KEY-004", "batch_size"),
        ("description: none", "SK-INT-003", "start_ts"),
    ],
)
def test_what_is_refused_before_anything_runs(project, said, code, says) -> None:
    template = "{{ start_ts }}" if "none" in said else "DATE '2026-01-01'"
    folder = project({"seeknal/a.sql": f"/* ---\n{said}\n--- */\nSELECT {template} AS day"})
    outcome = folder.cli("run")
    assert outcome.exit_code == 2
    assert code in outcome.stderr
    assert says in outcome.stderr
    assert "seeknal/a.sql:" in outcome.stderr
    assert not (folder.root / "target").exists()


def test_a_query_is_shown_with_start_and_end(shop) -> None:
    assert "created_at >= TIMESTAMP 'start_ts' AND created_at < 'end_ts'" in shop.cli("render", "hourly").assert_success().stdout
    assert "1000-01-01" not in shop.cli("plan", "--sql").assert_success().stdout


def test_windows_are_found_again_when_state_is_lost(shop) -> None:
    shop.run(now=at("2026-01-05T07:00")).assert_success()
    before = parts(shop, "hourly") | parts(shop, "daily")
    for file in shop.root.glob("target/run_state*"):
        file.unlink()
    outcome = shop.run(now=at("2026-01-05T07:00")).assert_success()
    assert outcome.reason("transform.daily") == "windows that state had lost"
    assert before == parts(shop, "hourly") | parts(shop, "daily")
    assert days(shop) == {d: amount(d) for d in range(1, 5)}
    assert shop.run(now=at("2026-01-05T07:00")).assert_success().built == set()


def test_state_that_is_rebuilt_knows_the_windows(shop) -> None:
    shop.run(now=at("2026-01-05T07:00")).assert_success()
    shop.cli("state", "rebuild").assert_success()
    assert days(shop) == {d: amount(d) for d in range(1, 5)}
    assert shop.run(now=at("2026-01-05T07:00")).assert_success().built == set()
    exported = shop.cli("state", "export", "-").assert_success().stdout
    shop.write("state.json", exported)
    shop.cli("state", "import", "state.json", "--dry-run").assert_success()
    shop.cli("state", "verify").assert_success()


def test_the_janitor_leaves_what_is_published_and_takes_what_is_not(shop) -> None:
    shop.run(now=at("2026-01-05T07:00")).assert_success()
    shop.run(now=at("2026-01-06T07:00")).assert_success()
    kept = parts(shop, "daily")
    shop.edit("seeknal/daily.sql", "sum(amount)", "2 * sum(amount)")
    shop.run(now=at("2026-01-06T07:00")).assert_success()
    shop.edit("seeknal/daily.sql", "2 * sum(amount)", "sum(amount)")
    shop.run(now=at("2026-01-06T07:00")).assert_success()
    janitor(shop.open(), Policy(grace=timedelta(0), runs=0), datetime.now(UTC)).clean(this_process("janitor"))
    assert parts(shop, "daily").keys() == kept.keys()
    assert days(shop) == {d: amount(d) for d in range(1, 6)}
    assert shop.run(now=at("2026-01-06T07:00")).assert_success().built == set()


def test_a_full_run_builds_all_windows(shop) -> None:
    shop.run(now=at("2026-01-05T07:00")).assert_success()
    outcome = shop.run(now=at("2026-01-05T07:00"), full=True).assert_success()
    assert outcome.reason("transform.daily") == "forced (--full)"
    assert days(shop) == {d: amount(d) for d in range(1, 5)}


def test_columns_stay_those_of_the_other_windows(shop) -> None:
    shop.write("seeknal/odd.py", """
        import pyarrow as pa
        from seeknal import transform

        @transform(name="odd", inputs=["transform.daily"], schedule="0 6 * * *", time_column="day", start="2026-01-01")
        def odd(daily, start_ts):
            return daily if start_ts.day == 1 else daily.append_column("more", pa.array([1] * len(daily)))
    """)  # fmt: skip
    shop.run(now=at("2026-01-05T07:00")).assert_success()
    error = shop.run(now=at("2026-01-06T07:00")).node("transform.odd").error
    assert error.code == "SK-INT-005"
    assert "more BIGINT" in error.message


def test_what_is_restated_reaches_through_views(shop) -> None:
    shop.write("seeknal/seen.yml", "kind: transform\nname: seen\nmaterialized: view\nsql: SELECT * FROM {{ ref('hourly') }}\n")
    shop.edit("seeknal/daily.sql", "ref('transform.hourly')", "ref('seen')")
    shop.run(now=at("2026-01-05T07:00")).assert_success()
    shop.write("data/orders.csv", FILES["data/orders.csv"] + "999,2026-01-03 03:20:00,1000\n")
    request = Request(date(2026, 1, 3), date(2026, 1, 4), restate=frozenset({NodeId("transform.hourly")}))
    outcome = shop.run(now=at("2026-01-05T07:00"), windows=request).assert_success()
    assert outcome.reason("transform.daily") == "restated: 1 day, 2026-01-03 to 2026-01-04"
    assert days(shop) == {d: amount(d) + (1000 if d == 3 else 0) for d in range(1, 5)}


@pytest.mark.parametrize("column", ["ts::TIMESTAMP", "ts::TIMESTAMP::TIMESTAMPTZ", "CAST(ts::TIMESTAMP + INTERVAL 7 HOUR AS DATE)"])
def test_local_days_hold_what_happened_in_them(project, column) -> None:
    lines = "".join(f"{n},2026-01-01T{n:02d}:30:00\n" for n in range(24))
    folder = project({
        "data/e.csv": "id,ts\n" + lines,
        "seeknal/e.yml": "kind: source\nname: e\ntype: csv\ntable: data/e.csv\n",
        "seeknal/d.sql": f"""
            /* ---
            schedule: "0 0 * * *"
            timezone: Asia/Jakarta
            time_column: at_time
            start: 2026-01-01
            --- */
            SELECT id, {column} AS at_time FROM {{{{ ref('source.e') }}}}
        """,
    })  # fmt: skip
    folder.run(now=at("2026-01-01T17:00")).assert_success()
    assert [r[0] for r in sorted(folder.rows("d"))] == list(range(17)), "the day ends at 17:00 UTC"
    folder.run(now=at("2026-01-02T17:00")).assert_success()
    assert [r[0] for r in sorted(folder.rows("d"))] == list(range(24))


@pytest.mark.parametrize(("redact", "aside"), [("", {-2}), ("redact: [created_at], ", {-2, -3})])
def test_rows_that_were_set_aside_stay_with_the_windows_that_are_not_built_again(project, redact, aside) -> None:
    lines = "".join(f"{d},2026-01-0{abs(d)} 05:00:00\n" for d in (1, -2, -3, 4))
    folder = project({"data/orders.csv": "id,created_at\n" + lines, "seeknal/orders.yml": FILES["seeknal/orders.yml"], "seeknal/good.sql": f"""
        /* ---
        schedule: "@daily"
        time_column: created_at
        start: 2026-01-01
        audits: [{{type: accepted_range, column: id, min: 0, {redact}on_failure: quarantine, max_rejected_percent: 60}}]
        --- */
        SELECT * FROM {{{{ ref('source.orders') }}}}
    """})  # fmt: skip
    folder.run(now=at("2026-01-05")).assert_success()
    folder.write("data/orders.csv", "id,created_at\n" + lines.replace("-3", "3"))
    request = Request(date(2026, 1, 3), date(2026, 1, 4), restate=frozenset({NodeId("transform.good")}))
    folder.run(now=at("2026-01-05"), windows=request).assert_success()
    assert {row[0] for row in folder.rows("good")} == {1, 3, 4}
    found = folder.cli("show", "good", "--rejected", "--format", "json").assert_success().json()
    assert {row["id"] for row in found} == aside
    (files,) = {tuple(oct(p.stat().st_mode)[-3:] for p in folder.root.glob("target/cache/transform/good/*/rejected-*"))}
    assert set(files) == {"600"}


def test_columns_that_nodes_name_are_looked_for_before_anything_is_built(project):
    windowed = "name: a\nschedule: '@daily'\ntime_column: dayy\nstart: 2026-01-01\nsql: SELECT DATE '2026-01-02' AS day\n"
    merged = "name: b\nmaterialized: incremental\nunique_key: [idd]\nsql: SELECT 1 AS id\n"
    kept = "name: c\nmaterialized: scd2\nunique_key: [id]\nupdated_at: at\nsql: SELECT 1 AS id\n"
    folder = project({"seeknal/all.yml": "---\n".join(f"kind: transform\n{one}" for one in (windowed, merged, kept))})
    for command in ("plan", "run"):
        told = folder.cli(command).assert_failed(exit_code=2).stderr
        for said in ("time_column 'dayy'", "did you mean 'day'?", "unique_key 'idd'", "updated_at 'at'"):
            assert said in told
    assert not (folder.root / "target/cache").exists()
