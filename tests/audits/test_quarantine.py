"""Rows that fail are set aside and the others published: the same ones each time, however they were built."""

from __future__ import annotations

import json
import stat

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeknal.testing import ProjectMaker

NODES = """
    kind: source
    name: orders
    type: csv
    table: data/orders.csv
    columns: {id: BIGINT, amount: DOUBLE, email: VARCHAR}
    ---
    kind: transform
    name: good
    sql: SELECT * FROM {{ ref('orders') }}
    audits:
      - {type: accepted_range, column: amount, max: 10, on_failure: quarantine, max_rejected_percent: 50, description: too much}
      - {type: not_null, columns: email, on_failure: quarantine, max_rejected_percent: 50, redact: [email]}
      - {type: not_null, columns: email}
    ---
    kind: transform
    name: total
    sql: SELECT count(*) AS n FROM {{ ref('good') }}
    """
ROWS = ["1,5,a", "2,50,b", "3,7,", "4,60,", "5,,e", "6,1,f", "7,1,g"]
BAD = [(2, 50.0), (3, 7.0), (4, 60.0)]


def csv(rows):
    return "\n".join(["id,amount,email", *rows]) + "\n"


@pytest.fixture
def shop(project):
    folder = project({"seeknal/shop.yml": NODES, "data/orders.csv": csv(ROWS)})
    folder.run().assert_success()
    return folder


def warehouse(folder, query):
    with duckdb.connect(folder.root / "target/warehouse.duckdb", read_only=True) as connection:
        return connection.sql(query).fetchall()


def aside(folder, node="good"):
    found = folder.open().rows(node, rejected=True)
    return sorted(dict(zip(found.columns, row, strict=True))["id"] for row in found.rows)


def test_the_same_audit_may_also_look_at_what_is_left(project):
    nodes = NODES.replace("redact: [email]", "store_failures: false")
    folder = project({"seeknal/shop.yml": nodes, "data/orders.csv": csv(ROWS)})
    for _ in range(2):
        assert "email): 2 of 7 rows set aside" in folder.cli("run").assert_exit(0).output
    folder.write("seeknal/shop.yml", nodes.replace("50, store_failures", "1, store_failures"))
    run = folder.cli("run").assert_exit(1)
    assert "not_null(email): 2 of 7 rows set aside, more than max_rejected_percent: 1" in run.output
    assert "_run_id" not in run.output  # of store_failures: false


def test_readers_see_what_is_left(shop):
    assert [r[0] for r in sorted(shop.rows("good"))] == [1, 5, 6, 7]
    assert shop.rows("total") == [(4,)]
    assert warehouse(shop, "SELECT count(*) FROM prod.transform_good") == [(4,)]


def test_a_row_that_was_set_aside_says_why_and_stands_there_once(shop):
    run = json.loads(shop.read("target/run_results.json"))["run_id"]
    rows = warehouse(shop, "SELECT id, amount, _audit, _error, _run_id FROM prod.transform_good__rejected ORDER BY id")
    both = ("accepted_range(amount); not_null(email)", "too much; not_null(email) failed")
    assert rows == [
        (2, 50.0, "accepted_range(amount)", "too much", run),
        (3, 7.0, "not_null(email)", "not_null(email) failed", run),
        (4, 60.0, *both, run),
    ]


def test_the_node_is_partial_and_the_run_done(shop):
    done = shop.cli("run", "--full").assert_exit(0)
    assert "transform.good  partial  4 rows  3 set aside" in done.stderr
    assert "accepted_range(amount): 2 of 7 rows set aside" in done.stderr
    assert "1 partial" in done.stdout
    (found,) = (n for n in json.loads(shop.read("target/run_results.json"))["nodes"] if n["id"] == "transform.good")
    assert (found["status"], found["rows"], found["rejected_rows"]) == ("built", 4, 3)


def test_they_are_shown(shop):
    assert shop.cli("show", "good", "--rejected").assert_exit(0).stdout == shop.cli("show", "good__rejected").assert_exit(0).stdout
    assert " 2    50.0  ***    accepted_range(amount)                   too much " in shop.cli("show", "transform.good__rejected").stdout
    assert " 4    60.0 " in shop.cli("audit", "good", "--rows").assert_exit(0).stdout


def test_what_is_hidden_is_hidden_there_and_only_their_owner_reads_them(shop):
    assert {r[0] for r in warehouse(shop, "SELECT email FROM prod.transform_good__rejected")} == {"***", None}
    (path,) = shop.root.glob("target/cache/transform/good/*/rejected-*.parquet")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_is_built_again_for_the_same_data_and_audits(shop):
    before = shop.open().state.read().keys("prod")
    again = shop.run().assert_success()
    assert (again.built, len(again.reused)) == (set(), 3)
    assert [a.failing_rows for a in again.node("transform.good").audits] == [2, 2, 0]
    assert shop.open().state.read().keys("prod") == before
    assert shop.cli("plan", "--format", "json").json()["summary"]["build"] == 0


def test_what_is_known_survives_the_loss_of_state(shop):
    (shop.root / "target/run_state.json").unlink()
    for rest in shop.root.glob("target/run_state*"):
        rest.unlink()
    shop.cli("state", "rebuild", "--yes")
    again = shop.run().assert_success()
    assert again.built == set()
    assert [a.failing_rows for a in again.node("transform.good").audits] == [2, 2, 0]


def test_an_edited_audit_parts_the_rows_anew_and_spares_readers_whose_rows_stay(shop):
    outcome = shop.edit("seeknal/shop.yml", "max: 10", "max: 40").run().assert_success()
    assert (outcome.built, aside(shop)) == ({"transform.good"}, [2, 3, 4])
    outcome = shop.edit("seeknal/shop.yml", "max: 40", "max: 50").run().assert_success()
    assert (outcome.built, aside(shop)) == ({"transform.good", "transform.total"}, [3, 4])
    assert shop.rows("total") == [(5,)]
    back = shop.edit("seeknal/shop.yml", "max: 50", "max: 10").run().assert_success()
    assert (back.built, aside(shop)) == (set(), [2, 3, 4])


def test_the_plan_says_so_before(shop):
    shop.edit("seeknal/shop.yml", "max: 10", "max: 60")
    plan = shop.cli("plan", "--format", "json").json()
    (change,) = (c for c in plan["changes"] if c["id"] == "transform.good")
    assert change["category"] == "BREAKING"
    assert ("FILTER_CHANGED", "which rows its audits set aside") in [(e["kind"], e["detail"]) for e in change["edits"]]
    assert {n["id"]: n["action"] for n in plan["nodes"]}["transform.total"] != "reuse"


def test_an_audit_that_no_longer_sets_aside_leaves_all_rows(shop):
    shop.edit("seeknal/shop.yml", ", on_failure: quarantine, max_rejected_percent: 50, redact: [email]", ", severity: warn")
    shop.edit("seeknal/shop.yml", "  - {type: not_null, columns: email}\n", "").edit(
        "seeknal/shop.yml", ", on_failure: quarantine, max_rejected_percent: 50, description: too much", ", severity: warn"
    )
    shop.run().assert_success()
    assert shop.rows("total") == [(7,)]
    assert warehouse(shop, "SELECT count(*) FROM information_schema.tables WHERE table_name LIKE '%rejected'") == [(0,)]


def test_a_run_on_new_data_leaves_what_a_build_from_scratch_leaves(shop, project):
    rows = [*ROWS[:4], "8,3,h", "9,300,i", "10,1,j", "11,2,k"]
    shop.write("data/orders.csv", csv(rows)).run().assert_success()
    fresh = project({"seeknal/shop.yml": NODES, "data/orders.csv": csv(rows)})
    fresh.run().assert_success()
    assert sorted(shop.rows("good")) == sorted(fresh.rows("good"))
    assert aside(shop) == aside(fresh) == [2, 3, 4, 9]
    assert shop.rows("total") == fresh.rows("total")


LIMITS = [
    ("max_rejected_percent: 42.8", False), ("max_rejected_percent: 42.9", True), ("max_rejected_rows: 2", False), ("max_rejected_rows: 3", True),
    ("max_rejected_rows: 3, max_rejected_percent: 10", False), ("", False), ("severity: warn", False),
]  # fmt: skip


@pytest.mark.parametrize(("limit", "passes"), LIMITS)
def test_too_many_are_a_failure(project, limit, passes):
    audit = f"{{type: accepted_range, column: i, min: 3, on_failure: quarantine{', ' if limit else ''}{limit}}}"
    folder = project({"seeknal/t.yml": f"kind: transform\nname: t\nsql: SELECT i FROM range(7) AS r(i)\naudits: [{audit}]\n"})
    outcome = folder.run()
    assert (outcome.exit_code == 0) == passes
    found = folder.open().rows("t", rejected=True)
    assert sorted(r[0] for r in found.rows) == [0, 1, 2]


def test_too_many_publish_nothing_and_running_again_does_not_help(shop):
    shop.write("data/orders.csv", csv([*ROWS, "8,99,x", "9,98,y", "10,97,z", "11,96,z"])).run().assert_failed("SK-AUDIT-010")
    assert shop.rows("total") == [(4,)]
    again = shop.cli("run").assert_exit(1)
    assert "audit failed on this data before" in again.stderr
    assert aside(shop) == [2, 3, 4, 8, 9, 10, 11]
    assert shop.rows("total") == [(4,)]
    assert warehouse(shop, "SELECT count(*) FROM prod.transform_good__rejected") == [(3,)]


def test_another_limit_judges_anew_what_was_found_and_builds_nothing(shop):
    shop.edit(
        "seeknal/shop.yml",
        "max: 10, on_failure: quarantine, max_rejected_percent: 50",
        "max: 10, on_failure: quarantine, max_rejected_rows: 1",
    )
    assert shop.run().assert_failed("SK-AUDIT-010").built == set()
    shop.edit("seeknal/shop.yml", "max_rejected_rows: 1", "max_rejected_rows: 2")
    assert shop.run().assert_success().built == set()


def test_sources_set_rows_aside_too_also_those_that_only_reading_tells_of(project):
    folder = project(
        {
            "seeknal_project.yml": "name: test\nversion: 1\n",
            "profiles.yml": "connections:\n  shop: {type: sqlite, path: shop.db}\n",
            "seeknal/s.yml": """
            kind: source
            name: s
            type: sqlite
            connection: shop
            table: numbers
            refresh: always
            audits: [{type: accepted_range, column: n, min: 0, on_failure: quarantine, max_rejected_percent: 90}]
            """,
        }
    )
    numbers(folder, [1, 2, -3])
    folder.run().assert_success()
    assert (folder.rows("s"), [r[0] for r in folder.open().rows("s", rejected=True).rows]) == ([(1,), (2,)], [-3])
    assert folder.run().assert_success().built == set()
    numbers(folder, [1, 2, -3, -4])
    folder.run().assert_success()
    assert sorted(r[0] for r in folder.open().rows("s", rejected=True).rows) == [-4, -3]
    assert folder.rows("s") == [(1,), (2,)]


def numbers(folder, values):
    import sqlite3

    with sqlite3.connect(folder.root / "shop.db") as connection:
        connection.execute("DROP TABLE IF EXISTS numbers")
        connection.execute("CREATE TABLE numbers (n INTEGER)")
        connection.executemany("INSERT INTO numbers VALUES (?)", [(v,) for v in values])
    connection.close()


def test_environments_share_them_and_promotion_publishes_them(shop):
    shop.edit("seeknal/shop.yml", "max: 10", "max: 55").run(environment="dev").assert_success()
    assert warehouse(shop, "SELECT id FROM dev.transform_good__rejected ORDER BY id") == [(3,), (4,)]
    assert warehouse(shop, "SELECT id FROM prod.transform_good__rejected ORDER BY id") == [(2,), (3,), (4,)]
    shop.cli("promote", "dev", "--yes").assert_exit(0)
    assert warehouse(shop, "SELECT id FROM prod.transform_good__rejected ORDER BY id") == [(3,), (4,)]
    assert shop.rows("total") == [(5,)]
    shop.cli("env", "rollback", "prod", "--yes").assert_exit(0)
    assert warehouse(shop, "SELECT id FROM prod.transform_good__rejected ORDER BY id") == [(2,), (3,), (4,)]


def test_rows_that_were_set_aside_and_are_lost_or_damaged_are_made_again(shop):
    (path,) = shop.root.glob("target/cache/transform/good/*/rejected-*.parquet")
    path.unlink()
    assert shop.run().assert_success().built == {"transform.good"}
    (path,) = shop.root.glob("target/cache/transform/good/*/rejected-*.parquet")
    path.write_bytes(path.read_bytes()[:-8] + b"damaged!")
    assert "transform.good" in shop.run().assert_success().built
    assert aside(shop) == [2, 3, 4]


def test_the_janitor_leaves_them_while_they_are_of_use(shop):
    shop.cli("janitor", "--grace", "0h", "--keep-runs", "0", "--yes").assert_exit(0)
    assert aside(shop) == [2, 3, 4]
    shop.cli("state", "verify").assert_exit(0)


REFUSED = [
    ("materialized: view", "{type: not_null, columns: a, on_failure: quarantine}", "stores no rows"),
    ("", "{type: unique, columns: a, on_failure: quarantine}", "does not look at each row by itself"),
    ("", "{type: row_count, min: 1, on_failure: quarantine}", "does not look at each row by itself"),
    ("", "{type: custom_sql, sql: SELECT * FROM __THIS__, on_failure: quarantine}", "does not look at each row by itself"),
    ("", "{type: time_bounds, column: a, on_failure: quarantine}", "asks for the time or for chance"),
    ("", "{type: expression, sql: random() < 2, on_failure: quarantine}", "asks for the time or for chance"),
    ("", "{type: not_null, columns: a, max_rejected_rows: 3}", "needs on_failure: quarantine"),
    ("", "{type: not_null, columns: a, on_failure: quarantine, mostly: 0.9}", "in place of warn_if, error_if and mostly"),
    ("", "{type: not_null, columns: a, on_failure: ignore}", "quarantine"),
    ("", "{type: not_null, columns: a, on_failure: quarantine, max_rejected_percent: 101}", "100"),
]


@pytest.mark.parametrize(("key", "audit", "message"), REFUSED)
def test_what_cannot_be_parted_is_refused_before_anything_is_touched(project, key, audit, message):
    folder = project({"seeknal/t.yml": f"kind: transform\nname: t\nsql: SELECT DATE '2026-01-01' AS a\n{key}\naudits: [{audit}]\n"})
    done = folder.cli("run").assert_exit(2)
    assert message in done.stderr
    assert "seeknal/t.yml:" in done.stderr
    assert not (folder.root / "target/cache").exists()


def test_names_that_would_stand_twice_and_rows_that_others_decide_on_are_refused(project):
    audits = "audits: [{type: not_null, columns: a, on_failure: quarantine}]"
    folder = project(
        {
            "seeknal/t.yml": f"kind: transform\nname: t\nsql: SELECT 1 AS a\n{audits}\n---\nkind: transform\nname: T__rejected\nsql: SELECT 1 AS a\n"
        }
    )
    assert "are called transform_t__rejected" in folder.cli("parse").assert_exit(2).stderr
    folder.write("seeknal/t.yml", f"kind: transform\nname: t\nsql: SELECT 1 AS a, 2 AS _Audit\n{audits}\n")
    assert "has a column _audit" in folder.cli("run").assert_failed("SK-AUDIT-006").stderr
    orphans = "audits: [{type: relationships, column: a, to: u, on_failure: quarantine}]"
    folder.write(
        "seeknal/t.yml", f"kind: transform\nname: t\nsql: SELECT 1 AS a\n{orphans}\n---\nkind: transform\nname: u\nsql: SELECT 2 AS a\n"
    )
    refused = folder.cli("parse").assert_failed("SK-AUDIT-006", exit_code=2).stderr
    assert "would set aside depend on transform.u" in refused
    assert "join transform.u in the query" in refused


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.none() | st.integers(-3, 3), st.none() | st.sampled_from(["x", "y", ""])), max_size=12), st.integers(-3, 3))
def test_every_row_is_either_published_or_set_aside(tmp_path_factory, rows, least):
    listed = ", ".join(f"({'NULL' if a is None else a}, {'NULL' if b is None else repr(b)})" for a, b in [*rows, (None, None)])
    text = {
        "kind": "transform", "name": "t", "sql": f"SELECT * FROM (VALUES {listed}) AS v(a, b)", "columns": {"a": "INTEGER", "b": "VARCHAR"},
        "audits": [
            {"type": "accepted_range", "column": "a", "min": least, "on_failure": "quarantine", "max_rejected_percent": 100, "where": "b <> 'y'"},
            {"type": "not_empty", "columns": "b", "on_failure": "quarantine", "max_rejected_percent": 100},
        ],
    }  # fmt: skip
    folder = ProjectMaker(tmp_path_factory.mktemp("parted"))({"seeknal/t.yml": json.dumps(text)})
    folder.run().assert_success()

    def is_bad(a, b):
        return b in (None, "") or (b != "y" and a is not None and a < least)

    every = [*rows, (None, None)]
    assert sorted(folder.rows("t"), key=repr) == sorted((r for r in every if not is_bad(*r)), key=repr)
    assert sorted((r[:2] for r in folder.open().rows("t", rejected=True).rows), key=repr) == sorted(
        (r for r in every if is_bad(*r)), key=repr
    )
