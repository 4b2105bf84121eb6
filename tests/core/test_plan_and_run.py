"""What is built, what is not, and why; and that a plan says the same as the run that follows it."""

from __future__ import annotations

import os
import shutil
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb
import pytest
from tests.core.conftest import SHOP

if TYPE_CHECKING:
    from seeknal.testing.project import ProjectFolder, ProjectMaker

EVERYTHING = {"source.users", "source.orders", "transform.adults", "transform.spent"}


def test_the_first_run_builds_everything_and_the_second_nothing(shop: ProjectFolder) -> None:
    assert sorted(shop.rows("spent")) == [("Ann", 5.5), ("Cid", 2.0)]
    outcome = shop.run().assert_success()
    assert (outcome.built, outcome.reused) == (set(), EVERYTHING)
    assert {outcome.reason(n) for n in EVERYTHING} == {"unchanged"}


def test_a_run_with_nothing_to_do_leaves_state_and_warehouse_alone(shop: ProjectFolder) -> None:
    files = [shop.root / "target" / f for f in ("run_state.json", "warehouse.duckdb", "warehouse.json", "parsed.json")]
    before = [(f.stat().st_mtime_ns, f.stat().st_ino) for f in files]
    shop.run().assert_success()
    assert [(f.stat().st_mtime_ns, f.stat().st_ino) for f in files[1:]] == before[1:]


def test_an_edit_builds_what_it_reaches(shop: ProjectFolder) -> None:
    shop.edit("seeknal/adults.sql", ">= 18", ">= 16")
    plan = shop.open().plan()
    assert {n: d.action for n, d in plan.decisions.items()} == {
        "source.users": "reuse", "source.orders": "reuse", "transform.adults": "build", "transform.spent": "build",
    }  # fmt: skip
    assert {n: c.change for n, c in plan.changes.items()} == {"transform.adults": "modified", "transform.spent": "indirect"}
    outcome = shop.run().assert_success()
    assert outcome.built == {"transform.adults", "transform.spent"}
    assert outcome.reason("transform.adults") == "content changed"
    assert outcome.reason("transform.spent").startswith("upstream changed: transform.adults")


def test_an_edit_that_gives_the_same_rows_stops_there(shop: ProjectFolder) -> None:
    shop.edit("seeknal/adults.sql", ">= 18", ">= 20")
    outcome = shop.run().assert_success()
    assert (outcome.built, outcome.status("transform.spent")) == ({"transform.adults"}, "reused")


def test_another_order_of_the_same_rows_is_the_same_data(shop: ProjectFolder) -> None:
    shop.edit("seeknal/adults.sql", ">= 18\n", ">= 18 ORDER BY id DESC\n")
    assert shop.run().assert_success().built == {"transform.adults"}


@pytest.mark.parametrize(
    "text",
    [
        "select id, name from {{ ref('source.users') }} where age >= 18",
        "SELECT id,\n       name -- who\nFROM {{ ref('source.users') }}\n\n/* grown up */ WHERE age >= 18;",
        'SELECT id, name FROM {{ref("users")}} WHERE age >= 18',
        "{# a note #}SELECT id, name FROM {{ source('users') }} WHERE age >= 18",
        "SELECT id, name FROM source_users WHERE age >= 18",
        "{% set n = 18 %}SELECT id, name FROM {{ ref('source.users') }} WHERE age >= {{ n }}",
        "/* ---\ndescription: Those who may buy\nowner: me\ntags: [a]\nmeta: {x: 1}\n--- */\nSELECT id, name FROM {{ ref('users') }} WHERE age >= 18",
    ],
)
def test_another_way_of_writing_the_same_builds_nothing(shop: ProjectFolder, text: str) -> None:
    shop.write("seeknal/adults.sql", text)
    assert {d.action for d in shop.open().plan().decisions.values()} == {"reuse"}
    assert shop.run().assert_success().built == set()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("age >= 18", "age > 18"),
        ("age >= 18", "age >= 18 OR NULL"),
        ("SELECT id", "SELECT DISTINCT id"),
        ("SELECT id, name", "SELECT name, id"),
        ("name FROM", "name AS NAME FROM"),
        ("name FROM", "'Ann' AS name FROM"),
        ("age >= 18", "age >= 18 LIMIT 1"),
        ("FROM {{ ref('source.users') }}", "FROM {{ ref('source.users') }} TABLESAMPLE 100%"),
        ("id, name", "id, name::VARCHAR AS name"),
        ("id, name", "id::INTEGER AS id, name"),
        ("id, name", "try_cast(id AS BIGINT) AS id, name"),
    ],
)
def test_another_meaning_is_built(shop: ProjectFolder, old: str, new: str) -> None:
    shop.edit("seeknal/adults.sql", old, new)
    assert "transform.adults" in shop.run().assert_success().built


def test_going_back_is_free(shop: ProjectFolder) -> None:
    shop.edit("seeknal/adults.sql", ">= 18", ">= 16")
    shop.run().assert_success()
    shop.edit("seeknal/adults.sql", ">= 16", ">= 18")
    assert {d.action for d in shop.open().plan().decisions.values()} == {"reuse"}
    assert shop.run().assert_success().built == set()
    assert sorted(shop.rows("spent")) == [("Ann", 5.5), ("Cid", 2.0)]
    with duckdb.connect(str(shop.root / "target/warehouse.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM prod.transform_adults").fetchall() == [(2,)]


def test_data_that_went_back_is_free_too(shop: ProjectFolder) -> None:
    before = shop.read("data/users.csv")
    shop.write("data/users.csv", before + "4,Dan,50\n")
    assert shop.run().assert_success().reason("source.users") == "source data changed"
    shop.write("data/users.csv", before)
    assert shop.run().assert_success().built == set()


def test_a_touched_file_is_the_same_file(shop: ProjectFolder) -> None:
    for path in shop.root.rglob("*"):
        if path.is_file() and "target" not in path.parts:
            os.utime(path, ns=(1, 1_600_000_000_000_000_000))
    assert shop.run().assert_success().built == set()


@pytest.mark.parametrize("keeps_times", [True, False])
def test_a_copied_or_moved_project_builds_nothing_and_its_views_work(shop: ProjectFolder, keeps_times: bool) -> None:
    moved = shop.root.with_name("elsewhere")
    if keeps_times:
        shop.root.rename(moved)
    else:
        shutil.copytree(shop.root, moved, copy_function=shutil.copyfile)
        shutil.rmtree(shop.root)
    shop.root = moved
    assert shop.run().assert_success().built == set()
    with duckdb.connect(str(moved / "target/warehouse.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM prod.transform_spent").fetchall() == [(2,)]


def test_a_copied_project_is_read_through_only_once(shop: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = shop.root.with_name("elsewhere")
    shutil.copytree(shop.root, moved, copy_function=shutil.copyfile)
    shop.root = moved
    shop.run().assert_success()
    read: list[str] = []
    from seeknal import artifacts

    original = artifacts.hash_file
    monkeypatch.setattr(artifacts, "hash_file", lambda path: read.append(path.name) or original(path))
    shop.run().assert_success()
    assert read == []


def test_a_new_reader_of_an_output_nobody_read_before(shop: ProjectFolder) -> None:
    shop.write("seeknal/count.sql", "SELECT count(*) AS n FROM {{ ref('spent') }}")
    outcome = shop.run().assert_success()
    assert outcome.built == {"transform.count"}
    assert outcome.reason("transform.count") == "new"
    assert shop.run().assert_success().built == set()


def test_a_removed_node_leaves_the_warehouse(shop: ProjectFolder) -> None:
    shop.delete("seeknal/spent.sql")
    assert shop.open().plan().removed == ("transform.spent",)
    shop.run().assert_success()
    assert _views(shop) == {"source_users", "source_orders", "transform_adults"}
    assert shop.open().plan().removed == ()


def test_a_renamed_node_is_a_new_one(shop: ProjectFolder) -> None:
    (shop.root / "seeknal/spent.sql").rename(shop.root / "seeknal/SPENT.sql")
    assert shop.run().assert_success().built <= {"transform.SPENT"}
    assert _views(shop) == {"source_users", "source_orders", "transform_adults", "transform_SPENT"}
    assert len(shop.rows("transform.SPENT")) == 2


def test_a_disabled_node_is_gone_and_comes_back_for_free(shop: ProjectFolder) -> None:
    text = shop.read("seeknal/spent.sql")
    shop.write("seeknal/spent.sql", "/* ---\nenabled: false\n--- */\n" + text)
    shop.run().assert_success()
    assert "transform_spent" not in _views(shop)
    shop.write("seeknal/spent.sql", text)
    assert shop.run().assert_success().built == set()
    assert "transform_spent" in _views(shop)


# Views


def test_a_view_is_inlined_and_follows_its_inputs(shop: ProjectFolder) -> None:
    shop.write("seeknal/adults.sql", "/* ---\nmaterialized: view\n--- */\n" + shop.read("seeknal/adults.sql"))
    shop.run().assert_success()
    assert not list((shop.root / "target/cache/transform").glob("adults/*/*.parquet")) or sorted(shop.rows("adults")) == [
        (1, "Ann"),
        (3, "Cid"),
    ]
    shop.write("data/users.csv", shop.read("data/users.csv") + "2,Eve,60\n")
    outcome = shop.run().assert_success()
    assert {"source.users", "transform.spent"} <= outcome.built
    assert ("Eve", 9.0) in shop.rows("spent")
    with duckdb.connect(str(shop.root / "target/warehouse.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM prod.transform_adults").fetchall() == [(3,)]


def test_a_table_that_becomes_a_view_needs_its_files_no_more(shop: ProjectFolder) -> None:
    shop.write("seeknal/adults.sql", "/* ---\nmaterialized: view\n--- */\n" + shop.read("seeknal/adults.sql"))
    shop.run().assert_success()
    shutil.rmtree(shop.root / "target/cache/transform/adults")
    shop.run().assert_success()
    assert len(shop.rows("adults")) == 2
    with duckdb.connect(str(shop.root / "target/warehouse.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM prod.transform_adults").fetchall() == [(2,)]


def test_views_of_views_of_views_are_read_from_the_warehouse(project: ProjectMaker) -> None:
    view = "/* ---\nmaterialized: view\n--- */\n"
    files = {"seeknal/a.sql": "SELECT 1 AS n"}
    for before, name in zip("abcd", "bcde", strict=True):
        files[f"seeknal/{name}.sql"] = f"{view}SELECT n + 1 AS n FROM {{{{ ref('{before}') }}}}"
    folder = project(files)
    folder.run().assert_success()
    assert folder.rows("e") == [(5,)]
    with duckdb.connect(str(folder.root / "target/warehouse.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT n FROM prod.transform_e").fetchall() == [(5,)]


# What outputs hold


def test_zero_rows_keep_their_columns(shop: ProjectFolder) -> None:
    shop.edit("seeknal/adults.sql", ">= 18", ">= 180")
    shop.run().assert_success()
    assert (shop.columns("adults"), shop.rows("adults"), shop.rows("spent")) == (("id", "name"), [], [])


def test_declared_types_are_what_the_output_has(project: ProjectMaker) -> None:
    sql = "/* ---\ncolumns: {n: VARCHAR, d: 'DECIMAL(10,2)'}\n--- */\nSELECT 1 AS n, 1.5 AS d, DATE '2026-01-31' AS day"
    folder = project({"seeknal/a.sql": sql})
    folder.run().assert_success()
    artifact = folder.open().state.read().artifact(folder.open().state.read().pointers("prod")["transform.a"].key)
    assert [(c.name, c.type) for c in artifact.schema] == [("n", "VARCHAR"), ("d", "DECIMAL(10,2)"), ("day", "DATE")]


def test_a_declared_type_that_values_do_not_fit_fails_the_node(project: ProjectMaker) -> None:
    folder = project({"seeknal/a.sql": "/* ---\ncolumns: {n: INTEGER}\n--- */\nSELECT 'x' AS n"})
    outcome = folder.run().assert_failed(exit_code=1)
    assert "seeknal/a.sql" in outcome.output
    assert "x" in outcome.output


def test_a_declared_column_that_is_not_there_fails_the_node_with_a_suggestion(project: ProjectMaker) -> None:
    folder = project({"seeknal/a.sql": "/* ---\ncolumns: {amont: INTEGER}\n--- */\nSELECT 1 AS amount"})
    outcome = folder.run().assert_failed("SK-DATA-005", exit_code=1)
    assert "did you mean 'amount'?" in outcome.output


def test_a_change_of_a_declared_type_builds_the_node(shop: ProjectFolder) -> None:
    shop.write("seeknal/adults.sql", "/* ---\ncolumns: {id: VARCHAR}\n--- */\nSELECT id, name FROM {{ ref('users') }} WHERE age >= 18")
    shop.edit("seeknal/spent.sql", "= a.id", "= a.id::BIGINT")
    shop.run().assert_success()
    assert sorted(shop.rows("adults")) == [("1", "Ann"), ("3", "Cid")]


def test_big_sums_are_exact(project: ProjectMaker) -> None:
    folder = project({"seeknal/a.sql": "SELECT sum(x) AS n FROM (VALUES (9223372036854775807), (9223372036854775807)) AS t(x)"})
    folder.run().assert_success()
    assert str(folder.rows("a")[0][0]) == "18446744073709551614"


def test_a_number_too_big_for_parquet_is_refused_not_rounded(project: ProjectMaker) -> None:
    folder = project({"seeknal/a.sql": "SELECT 170141183460469231731687303715884105727::HUGEINT AS n"})
    outcome = folder.run()
    if outcome.exit_code == 0:
        assert str(folder.rows("a")[0][0]) == "170141183460469231731687303715884105727"
    else:
        outcome.assert_failed("SK-DATA-004", exit_code=1)


# Clocks


def _instant(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 1, day, hour, tzinfo=UTC)


@pytest.mark.parametrize("expression", ["current_date", "today()", "age(TIMESTAMP '2020-01-01')", "CURRENT_DATE + 1"])
def test_a_query_that_asks_for_the_day_is_built_once_a_day(project: ProjectMaker, expression: str) -> None:
    folder = project({"seeknal/a.sql": f"SELECT ({expression})::VARCHAR AS d"})
    folder.run(now=_instant(1, 5)).assert_success()
    assert folder.run(now=_instant(1, 23)).assert_success().built == set()
    assert folder.run(now=_instant(2)).assert_success().built == {"transform.a"}


@pytest.mark.parametrize(
    "expression",
    ["now()", "current_timestamp", "get_current_timestamp()", "localtimestamp", "transaction_timestamp()", "current_time", "localtime",
     "date_trunc('hour', now())", "(SELECT max(t) FROM (SELECT now() AS t))", "current_localtimestamp()", "NOW()", "get_current_time()"],
)  # fmt: skip
def test_a_query_that_asks_for_the_time_is_built_in_every_run_and_says_why(project: ProjectMaker, expression: str) -> None:
    folder = project({"seeknal/a.sql": f"SELECT ({expression})::VARCHAR AS t"})
    folder.run().assert_success()
    decision = folder.open().plan().decisions["transform.a"]
    assert decision.action == "build"
    assert "time" in decision.reason
    assert "var" in decision.reason
    assert folder.run().assert_success().built == {"transform.a"}


@pytest.mark.parametrize("expression", ["random()", "uuid()", "gen_random_uuid()"])
def test_chance_alone_builds_nothing(project: ProjectMaker, expression: str) -> None:
    folder = project({"seeknal/a.sql": f"SELECT {expression} AS x"})
    folder.run().assert_success()
    assert folder.run().assert_success().built == set()


def test_a_view_that_asks_for_the_time_reaches_its_readers(project: ProjectMaker) -> None:
    folder = project(
        {"seeknal/a.sql": "/* ---\nmaterialized: view\n--- */\nSELECT current_date AS d", "seeknal/b.sql": "SELECT d FROM {{ ref('a') }}"}
    )
    folder.run(now=_instant(1)).assert_success()
    assert folder.run(now=_instant(1)).assert_success().built == set()
    assert "transform.b" in folder.run(now=_instant(2)).assert_success().built


# Choosing


def test_full_builds_what_is_selected_although_nothing_changed(shop: ProjectFolder) -> None:
    outcome = shop.run("adults", full=True).assert_success()
    assert outcome.built == {"transform.adults"}
    assert outcome.reason("transform.adults") == "forced (--full)"
    assert shop.run(full=True).assert_success().built == EVERYTHING


def test_only_what_is_selected_is_built_and_the_rest_stays_what_it_is(shop: ProjectFolder) -> None:
    shop.edit("seeknal/adults.sql", ">= 18", ">= 16")
    shop.write("data/orders.csv", shop.read("data/orders.csv") + "13,1,1.0\n")
    outcome = shop.run("spent").assert_success()
    assert outcome.built == set()
    assert outcome.skipped == EVERYTHING - {"transform.spent"}
    assert shop.run("adults spent").assert_success().built == {"transform.adults", "transform.spent"}
    assert sorted(shop.rows("spent")) == [("Ann", 5.5), ("Bob", 9.0), ("Cid", 2.0)]
    assert shop.run().assert_success().built == {"source.orders", "transform.spent"}


def test_a_selected_node_whose_inputs_were_never_built_says_how_to_build_them(project: ProjectMaker) -> None:
    outcome = project(SHOP).run("spent").assert_failed("SK-RUN-002", exit_code=1)
    assert "seeknal run --select '+transform.spent'" in outcome.output


@pytest.mark.parametrize("what", ["missing", "damaged"])
def test_a_selected_node_never_reads_an_input_that_is_not_whole(shop: ProjectFolder, what: str) -> None:
    part = next((shop.root / "target/cache/transform/adults").rglob("*.parquet"))
    if what == "missing":
        part.unlink()
    else:
        _other_rows(part)
    outcome = shop.run("spent", full=True).assert_failed("SK-RUN-007", exit_code=1)
    assert "transform.adults" in outcome.output
    assert "seeknal run --select 'transform.adults'" in outcome.output
    shop.run("adults spent").assert_success()
    assert sorted(shop.rows("spent")) == [("Ann", 5.5), ("Cid", 2.0)]


def test_exclude_leaves_nodes_out(shop: ProjectFolder) -> None:
    assert shop.run(exclude="spent+", full=True).assert_success().skipped == {"transform.spent"}


def test_nodes_of_a_list_are_chosen_by_name(shop: ProjectFolder) -> None:
    shop.cli("run", "--nodes", "adults, transform.spent", "--full").assert_success()
    results = shop.cli("run", "--nodes", "adults,source.users", "--full", "--format", "json").assert_success().json()
    assert {n["id"] for n in results["nodes"] if n["status"] == "built"} == {"transform.adults", "source.users"}
    shop.cli("run", "--nodes", "adult").assert_failed("SK-SEL-002", exit_code=2)


# Outputs that are not what they were


def _other_rows(part) -> None:
    """Another valid Parquet file in the place of this one."""
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT id, 'Mallory' AS name FROM '{part}') TO '{part}.other' (FORMAT parquet)")
    part.with_name(part.name + ".other").replace(part)


@pytest.mark.parametrize("node", ["source/users", "transform/adults", "transform/spent"])
@pytest.mark.parametrize("damage", ["deleted", "folder deleted", "truncated", "one bit", "other file", "emptied"])
def test_an_output_that_is_not_what_was_written_is_built_again(shop: ProjectFolder, node: str, damage: str) -> None:
    part = next((shop.root / "target/cache" / node).rglob("*.parquet"))
    if damage == "deleted":
        part.unlink()
    elif damage == "folder deleted":
        shutil.rmtree(part.parent)
    elif damage == "truncated":
        os.truncate(part, part.stat().st_size - 1)
    elif damage == "emptied":
        part.write_bytes(b"")
    elif damage == "one bit":
        data = bytearray(part.read_bytes())
        data[len(data) // 3] ^= 4
        part.write_bytes(data)
    else:
        part.write_bytes(next((shop.root / "target/cache/source/orders").rglob("*.parquet")).read_bytes())
    id_ = node.replace("/", ".")
    reason = "cache missing" if "deleted" in damage else "cache corrupted"
    decision = shop.open().plan().decisions[id_]
    assert (decision.action, decision.reason) == ("build", reason)
    outcome = shop.run().assert_success()
    assert (outcome.built, outcome.reason(id_)) == ({id_}, reason)
    assert sorted(shop.rows("spent")) == [("Ann", 5.5), ("Cid", 2.0)]
    with duckdb.connect(str(shop.root / "target/warehouse.duckdb"), read_only=True) as connection:
        connection.execute(f"SELECT * FROM prod.{id_.replace('.', '_')}").fetchall()
    assert shop.run().assert_success().built == set()


def test_two_nodes_of_the_same_logic_and_data_may_share_but_never_mix(project: ProjectMaker) -> None:
    files = {f"seeknal/{n}.sql": "SELECT 1 AS n" for n in "abcd"}
    folder = project(files)
    folder.run().assert_success()
    for part in list((folder.root / "target/cache").rglob("*.parquet")):
        part.write_bytes(b"x" * part.stat().st_size)
    folder.run().assert_success()
    for part in list((folder.root / "target/cache").rglob("part-*.parquet"))[:2]:
        part.unlink()
    folder.run().assert_success()
    assert [folder.rows(n) for n in "abcd"] == [[(1,)]] * 4
    folder.delete("seeknal/a.sql")
    shutil.rmtree(folder.root / "target/cache/transform/a")
    folder.run().assert_success()
    assert [folder.rows(n) for n in "bcd"] == [[(1,)]] * 3
    assert folder.run().assert_success().built == set()


@pytest.mark.parametrize("workers", [1, 4])
def test_setting_a_damaged_output_aside_spares_what_was_built_again_meanwhile(project: ProjectMaker, workers: int) -> None:
    twins = {f"seeknal/{n}.sql": "SELECT 1 AS n" for n in "abcdef"}
    folder = project({**twins, **{f"seeknal/reads_{n}.sql": f"SELECT n FROM {{{{ ref('{n}') }}}} -- {n}" for n in "abcdef"}})
    folder.run("a").assert_success()
    folder.run().assert_success()
    for part in (folder.root / "target/cache").rglob("*.parquet"):
        part.write_bytes(b"x" * part.stat().st_size)
    folder.run(workers=workers).assert_success()
    with duckdb.connect(str(folder.root / "target/warehouse.duckdb"), read_only=True) as connection:
        for view in sorted(_views(folder)):
            assert connection.execute(f"SELECT n FROM prod.{view}").fetchall() == [(1,)]
    assert folder.run().assert_success().built == set()


def test_target_can_be_deleted_at_any_time(shop: ProjectFolder) -> None:
    shutil.rmtree(shop.root / "target")
    assert shop.run().assert_success().built == EVERYTHING
    assert len(shop.rows("spent")) == 2


# Failing


def test_a_failure_stops_what_has_not_started(shop: ProjectFolder) -> None:
    shop.edit("seeknal/adults.sql", "id, name", "error('no')::BIGINT AS id, name")
    outcome = shop.run().assert_failed(exit_code=1)
    assert (outcome.failed, outcome.skipped) == ({"transform.adults"}, {"transform.spent"})
    assert outcome.reason("transform.spent") == "upstream failed: transform.adults"
    assert sorted(shop.rows("spent")) == [("Ann", 5.5), ("Cid", 2.0)]


def test_with_continue_on_error_the_rest_is_built_and_the_exit_code_says_so(shop: ProjectFolder) -> None:
    shop.edit("seeknal/adults.sql", "id, name", "error('no')::BIGINT AS id, name")
    shop.write("seeknal/z.sql", "SELECT count(*) AS n FROM {{ ref('orders') }}")
    done = shop.cli("run", "--continue-on-error").assert_exit(3)
    assert "transform.adults" in done.stderr
    assert shop.rows("z") == [(3,)]
    assert shop.run(continue_on_error=True).exit_code == 3


def test_everything_failing_is_no_partial_success(project: ProjectMaker) -> None:
    folder = project({"seeknal/a.sql": "SELECT error('no') AS n", "seeknal/b.sql": "SELECT * FROM {{ ref('a') }}"})
    assert folder.run(continue_on_error=True).exit_code == 1


def test_retry_builds_what_failed_and_what_waited_for_it(shop: ProjectFolder) -> None:
    shop.write("seeknal/z.sql", "SELECT count(*) AS n FROM {{ ref('orders') }}")
    shop.edit("seeknal/adults.sql", "id, name", "error('no')::BIGINT AS id, name")
    assert shop.run(continue_on_error=True).exit_code == 3
    shop.edit("seeknal/adults.sql", "error('no')::BIGINT AS id", "id + 0 AS id")
    results = shop.cli("run", "--retry", "--format", "json").assert_success().json()
    worked = {n["id"] for n in results["nodes"] if n["reason"] != "not selected"}
    assert worked == {"transform.adults", "transform.spent"}
    nothing = shop.cli("run", "--retry").assert_success()
    assert "nothing to retry" in nothing.stderr


def test_retry_leaves_alone_what_the_last_run_was_not_asked_for(shop: ProjectFolder) -> None:
    shop.write("data/orders.csv", shop.read("data/orders.csv") + "13,1,1.0\n")
    shop.run("adults").assert_success()
    assert "nothing to retry" in shop.cli("run", "--retry").assert_success().stderr
    assert "source.orders" in shop.run().assert_success().built


def test_a_dry_run_prints_the_plan_and_touches_nothing(project: ProjectMaker) -> None:
    folder = project(SHOP)
    done = folder.cli("run", "--dry-run").assert_success()
    assert "transform.spent" in done.output
    assert not (folder.root / "target/cache").exists()
    assert not (folder.root / "target/run_state.json").exists()


def test_reading_commands_write_nothing_that_is_compared_against(shop: ProjectFolder) -> None:
    shop.edit("seeknal/adults.sql", ">= 18", ">= 16")
    state = (shop.root / "target/run_state.json").read_bytes()
    for command in (
        ["plan"],
        ["list"],
        ["show", "spent"],
        ["render", "spent"],
        ["history"],
        ["state", "info"],
        ["parse"],
        ["run", "--dry-run"],
    ):
        shop.cli(*command).assert_success()
    assert (shop.root / "target/run_state.json").read_bytes() == state
    assert shop.run().assert_success().built == {"transform.adults", "transform.spent"}


def test_many_independent_nodes_run_side_by_side_and_all_finish(project: ProjectMaker) -> None:
    files = {f"seeknal/n{i}.sql": f"SELECT range AS n FROM range({i})" for i in range(40)}
    files["seeknal/all.sql"] = (
        "SELECT count(*) AS n FROM (" + " UNION ALL ".join(f"SELECT n FROM {{{{ ref('n{i}') }}}}" for i in range(40)) + ")"
    )
    folder = project(files)
    folder.run(workers=8).assert_success()
    assert folder.rows("all") == [(sum(range(40)),)]


def test_a_file_that_is_written_to_twice_within_one_tick_is_noticed(project: ProjectMaker) -> None:
    folder = project({**SHOP})
    for age in (20, 30, 40, 15):
        folder.write("data/users.csv", f"id,name,age\n1,Ann,{age}\n")
        folder.run().assert_success()
        assert folder.rows("users") == [(1, "Ann", age)]
    folder.write("seeknal/adults.sql", "SELECT id, name, 1 AS x FROM {{ ref('users') }}")
    for x in (2, 3, 4):
        folder.edit("seeknal/adults.sql", f"{x - 1} AS x", f"{x} AS x")
        folder.run("+adults").assert_success()
        assert folder.rows("adults") == [(1, "Ann", x)]


def _views(folder: ProjectFolder) -> set[str]:
    with duckdb.connect(str(folder.root / "target/warehouse.duckdb"), read_only=True) as connection:
        return {r[0] for r in connection.execute("SELECT view_name FROM duckdb_views() WHERE schema_name = 'prod'").fetchall()}


def test_no_output_that_is_not_whole_is_shown(shop: ProjectFolder) -> None:
    _other_rows(next((shop.root / "target/cache/transform/adults").rglob("*.parquet")))
    shop.cli("show", "adults").assert_failed("SK-RUN-007", exit_code=1)


def test_a_reader_that_has_the_warehouse_open_reads_on(shop: ProjectFolder) -> None:
    with duckdb.connect(str(shop.root / "target/warehouse.duckdb"), read_only=True) as connection:
        shop.edit("seeknal/adults.sql", ">= 18", ">= 16")
        shop.run().assert_success()
        assert connection.execute("SELECT count(*) FROM prod.transform_adults").fetchall() == [(2,)]
    time.sleep(0)
    assert len(shop.rows("adults")) == 3
