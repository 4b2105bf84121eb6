"""`seeknal table-diff`, and `Project.compare` beneath it."""

from __future__ import annotations

import json
import math
import os
import shutil

import duckdb
import pytest

from seeknal.errors import NodeError, ProjectError
from seeknal.run.comparing import CompareOptions
from seeknal.state.backend import Holder
from seeknal.state.model import Change

ORDERS = """
    kind: transform
    name: orders
    audits: [{type: unique, columns: id}]
    sql: SELECT * FROM (VALUES (1, 'paid', 12.5::DOUBLE), (2, 'open', 7.25), (3, NULL, 30.0)) AS t(id, status, amount)
    """
REWRITTEN = ORDERS.replace("(1, 'paid', 12.5::DOUBLE)", "(1, 'sent', 13::DOUBLE)").replace("(3, NULL, 30.0)", "(4, NULL, 30.0)")


def tables(old: str, new: str, audits: str = "[]") -> dict[str, str]:
    """Two transforms, `old` and `new`."""
    text = "kind: transform\nname: {}\naudits: {}\nsql: {}\n"
    return {f"seeknal/{n}.yml": text.format(n, audits, json.dumps(sql)) for n, sql in (("old", old), ("new", new))}


def compared(project, old: str, new: str, *, audits: str = "[]", **options):
    """What comparing the rows of two queries finds."""
    folder = project(tables(old, new, audits))
    folder.run().assert_success()
    return folder.open().compare("old", "new", options=CompareOptions(**options))


def counts(found) -> tuple[int, int, int, int]:
    return found.removed, found.added, found.changed, found.equal


def branch(folder, name: str) -> None:
    """Make an environment that points to what prod points to now."""
    state = folder.open().state
    pointers = {k.removeprefix("prod/"): v for k, v in state.read().tables["pointers"].items() if k.startswith("prod/")}
    environment = {"created": "2026-01-01T00:00:00Z", "expires": None, "base": "prod", "plan": None}
    changes = [Change("environments", name, environment), *(Change("pointers", f"{name}/{n}", v) for n, v in pointers.items())]
    with state.lease(name, Holder("-", "here", os.getpid(), "a test", "now")) as lease:
        state.commit(changes, lease)
    state.settle()


@pytest.fixture
def orders(project):
    """Orders in two environments: `before` has what prod published first, prod what the rewritten query gives."""
    folder = project({"seeknal/orders.yml": ORDERS})
    folder.run().assert_success()
    branch(folder, "before")
    folder.write("seeknal/orders.yml", REWRITTEN).run().assert_success()
    return folder


# Which outputs


def test_two_environments(orders):
    found = orders.open().compare("orders", environments=["before", "prod"])
    assert (found.old.environment, found.new.environment) == ("before", "prod")
    assert (found.old.rows, found.new.rows, counts(found)) == (3, 3, (1, 1, 1, 1))
    turned = orders.open().compare("orders", environments=["prod", "before"])
    assert turned.changed_rows[0].values == {"status": ("sent", "paid"), "amount": (13.0, 12.5)}


def test_one_environment_is_compared_with_prod(orders):
    found = orders.open().compare("orders", environments=["before"])
    assert (found.old.environment, found.new.environment) == ("prod", "before")


@pytest.mark.parametrize("environments", [[], ["prod"]])
def test_without_environments_the_output_from_before_is_old(orders, environments):
    found = orders.open().compare("orders", environments=environments)
    pointers = orders.open().state.read().pointers
    assert (found.old.key, found.old.environment) == (pointers("before")["transform.orders"].key, None)
    assert (found.new.key, found.new.environment) == (pointers("prod")["transform.orders"].key, "prod")
    assert found.changed_rows[0].values == {"status": ("paid", "sent"), "amount": (12.5, 13.0)}


def test_an_output_that_an_audit_rejected_is_not_what_was_there_before(orders):
    orders.write("seeknal/orders.yml", REWRITTEN.replace("(4,", "(2,")).run().assert_failed("SK-AUDIT-010")
    orders.write("seeknal/orders.yml", REWRITTEN)
    found = orders.open().compare("orders")
    assert (counts(found), found.old.rows) == ((1, 1, 1, 1), 3)


def test_an_output_that_was_published_once_its_audit_was_mended_is(project):
    text = "kind: transform\nname: n\nsql: SELECT range AS n FROM range({})\naudits: [{{type: row_count, max: {}}}]\n"
    folder = project({"seeknal/n.yml": text.format(3, 3)})
    folder.run().assert_success()
    folder.write("seeknal/n.yml", text.format(4, 3)).run().assert_failed("SK-AUDIT-010")
    folder.write("seeknal/n.yml", text.format(4, 9)).run().assert_success()
    folder.write("seeknal/n.yml", text.format(5, 9)).run().assert_success()
    assert folder.open().compare("n").old.rows == 4


def test_a_damaged_output_is_not_what_was_there_before(orders):
    old = orders.open().compare("orders").old
    shutil.rmtree(orders.root / "target/cache/transform/orders" / old.key)
    orders.cli("table-diff", "orders").assert_failed("SK-DIFF-001", exit_code=1)
    orders.cli("table-diff", "orders", "--env", "before").assert_failed("SK-RUN-007", exit_code=1)


def test_after_the_first_run_there_is_nothing_from_before(project):
    folder = project({"seeknal/orders.yml": ORDERS})
    folder.run().assert_success()
    outcome = folder.cli("table-diff", "orders").assert_failed("SK-DIFF-001", exit_code=1)
    assert "seeknal table-diff transform.orders --env ENV" in outcome.stderr


def test_two_nodes(orders):
    orders.write("seeknal/rewrite.sql", "SELECT id, status, amount FROM {{ ref('orders') }} WHERE id < 4").run().assert_success()
    found = orders.open().compare("orders", "rewrite")
    assert (found.key, counts(found)) == (("id",), (1, 0, 0, 2))
    branch(orders, "now")
    mixed = orders.open().compare("orders", "rewrite", environments=["before", "now"])
    assert (mixed.old.environment, mixed.new.environment, counts(mixed)) == ("before", "now", (1, 0, 1, 1))
    both = orders.open().compare("orders", "rewrite", environments=["now"])
    assert (both.old.environment, both.new.environment) == ("now", "now")


def test_an_unknown_environment(orders):
    outcome = orders.cli("table-diff", "orders", "--env", "prod", "--env", "befor").assert_failed("SK-ENV-001", exit_code=2)
    assert "did you mean 'before'?" in outcome.stderr
    assert "there are: before, prod" in orders.cli("table-diff", "orders", "--env", "x9").assert_failed("SK-ENV-001").stderr


def test_a_node_that_an_environment_does_not_have(orders):
    orders.write("seeknal/later.sql", "SELECT 1 AS one").run().assert_success()
    outcome = orders.cli("table-diff", "later", "--env", "before", "--env", "prod").assert_failed("SK-RUN-002", exit_code=1)
    assert "transform.later has not been built in environment 'before' yet" in outcome.stderr


def test_nothing_built_yet(project):
    project({"seeknal/orders.yml": ORDERS}).cli("table-diff", "orders").assert_failed("SK-RUN-002", exit_code=1)


def test_more_than_two_environments(orders):
    orders.cli("table-diff", "orders", *["--env", "prod"] * 3).assert_failed("SK-DIFF-006", exit_code=2)


def test_a_node_without_rows(orders):
    orders.write("seeknal/rule.yml", "kind: rule\nname: r\ninputs: [{ref: orders}]\naudits: [{type: row_count, min: 1}]\n")
    orders.run().assert_success()
    orders.cli("table-diff", "r", "--env", "before").assert_failed("SK-RUN-004", exit_code=1)


def test_views_are_compared_by_the_query_and_the_inputs_of_their_environment(project):
    folder = project({
        "seeknal/n.sql": "SELECT range AS n FROM range(4)",
        "seeknal/doubled.sql": "/* ---\nmaterialized: view\n--- */\nWITH n AS (SELECT * FROM transform.n) SELECT n.n, 2 * n AS m FROM n",
        "seeknal/kept.sql": "/* ---\nmaterialized: view\n--- */\nSELECT d.n, m FROM {{ ref('doubled') }} d JOIN {{ ref('n') }} USING (n) WHERE m > 0",
    })  # fmt: skip
    folder.run().assert_success()
    branch(folder, "before")
    folder.edit("seeknal/n.sql", "4", "5").edit("seeknal/doubled.sql", "2 * n AS", "CASE WHEN n = 3 THEN 0 ELSE 2 * n END AS")
    folder.run().assert_success()
    found = folder.open().compare("kept", environments=["before", "prod"], options=CompareOptions(on=("n",)))
    assert ([r.row for r in found.removed_rows], [r.row for r in found.added_rows], found.equal) == (
        [{"n": 3, "m": 6}],
        [{"n": 4, "m": 8}],
        2,
    )
    assert (found.old.created_at, found.old.rows) == (None, 3)
    folder.cli("table-diff", "kept").assert_failed("SK-DIFF-001", exit_code=1)
    assert folder.open().compare("n", "kept", options=CompareOptions(on=("n",))).removed == 2


def test_nothing_is_written(orders):
    files = {p: p.stat().st_mtime_ns for p in (orders.root / "target").rglob("*") if p.is_file() and "tmp" not in p.parts}
    orders.open().compare("orders")
    assert {p: p.stat().st_mtime_ns for p in (orders.root / "target").rglob("*") if p.is_file() and "tmp" not in p.parts} == files


# Rows


def test_without_a_key_rows_are_counted_whole_with_their_copies(project):
    found = compared(
        project,
        "SELECT * FROM (VALUES (1, 'a'), (1, 'a'), (1, 'a'), (2, NULL), (3, 'c')) t(x, y)",
        "SELECT * FROM (VALUES (1, 'a'), (2, NULL), (3, 'd')) t(x, y)",
    )
    assert (found.key, counts(found)) == ((), (3, 1, 0, 2))
    assert {(r.row["x"], r.row["y"], r.copies) for r in found.removed_rows} == {(1, "a", 2), (3, "c", 1)}
    assert found.differing == {}


def test_the_columns_of_a_unique_audit_are_the_key(project):
    sql = "SELECT * FROM (VALUES (1, 10, 'a'), (2, 20, {})) t(id, day, v)"
    assert compared(project, sql.format("'b'"), sql.format("'c'"), audits="[{type: unique, columns: [id, day]}]").key == ("id", "day")
    partial = "[{type: unique, columns: id, where: id > 0}, {type: unique, columns: day}]"
    assert compared(project, sql.format("'b'"), sql.format("'c'"), audits=partial).key == ("day",)


def test_named_columns_are_the_key_instead(orders):
    found = orders.open().compare("orders", options=CompareOptions(on=("AMOUNT", "Status")))
    assert (found.key, counts(found)) == (("amount", "status"), (1, 1, 1, 1))
    assert found.changed_rows[0].key == {"amount": 30.0, "status": None}


def test_null_keys_match_each_other_and_so_does_nan(project):
    sql = "SELECT * FROM (VALUES (NULL, 'NaN'::DOUBLE, 1), (NULL, NULL, 2), (1, NULL, {})) t(a, b, v)"
    assert counts(compared(project, sql.format(3), sql.format(4), on=("a", "b"))) == (0, 0, 1, 2)


def test_a_key_that_is_not_unique_is_refused(project):
    folder = project(tables("SELECT 1 AS id", "SELECT * FROM (VALUES (1, 2), (NULL, 3), (NULL, 4)) t(id, v)"))
    folder.run().assert_success()
    outcome = folder.cli("table-diff", "old", "new", "--on", "id").assert_failed("SK-DIFF-003", exit_code=2)
    assert "id is no key of the new output: several rows have id = NULL" in outcome.stderr


def test_an_audited_key_that_is_not_unique_gives_way_to_whole_rows(project):
    """The audit leaves NULLs out."""
    sql = "SELECT * FROM (VALUES (1, 2), (NULL, 3), (NULL, {})) t(id, v)"
    folder = project(tables(sql.format(4), sql.format(5), "[{type: unique, columns: id}]"))
    folder.run().assert_success()
    outcome = folder.cli("table-diff", "old", "new", "--format", "json").assert_success()
    assert "warning: id is no key of the old output" in outcome.stderr
    document = outcome.json()
    assert (document["key"], document["rows"]) == ([], {"removed": 1, "added": 1, "changed": 0, "equal": 2})
    assert len(document["warnings"]) == 1


def test_empty_outputs(project):
    empty = "SELECT 1 AS id, 2 AS v WHERE false"
    assert counts(compared(project, empty, empty)) == (0, 0, 0, 0)
    found = compared(project, empty, "SELECT 1 AS id, 2 AS v", on=("id",))
    assert (counts(found), found.old.rows, found.new.rows, found.percent("v")) == ((0, 1, 0, 0), 0, 1, 0.0)


def test_nothing_but_the_key(project):
    assert counts(compared(project, "SELECT range AS id FROM range(3)", "SELECT range + 1 AS id FROM range(3)", on=("id",))) == (1, 1, 0, 2)


def test_many_rows_are_sampled(project):
    found = compared(
        project,
        "SELECT range AS id, 0 AS v FROM range(50)",
        "SELECT n + 20 AS id, CASE WHEN n < 25 THEN 1 ELSE 0 END AS v FROM range(50) AS r(n)",
        on=("id",), limit=3,
    )  # fmt: skip
    assert counts(found) == (20, 20, 25, 5)
    assert found.percent("v") == 83.33
    assert [r.key["id"] for r in found.changed_rows] == [20, 21, 22]
    assert [r.row["id"] for r in found.removed_rows] == [0, 1, 2]
    assert [r.row["id"] for r in found.added_rows] == [50, 51, 52]


def test_no_sample(project):
    found = compared(project, "SELECT 1 AS id", "SELECT 2 AS id", limit=0)
    assert (counts(found), found.removed_rows, found.added_rows) == ((1, 1, 0, 0), (), ())


# Columns and values


def test_columns_of_one_side_and_columns_of_another_type(project):
    found = compared(project, "SELECT 1 AS id, 2 AS gone, 3 AS Kept", "SELECT 1 AS ID, 3::DOUBLE AS KEPT, 'x' AS came", on=("Id",))
    assert [(c.name, c.type) for c in found.columns_removed] == [("gone", "INTEGER")]
    assert [(c.name, c.type) for c in found.columns_added] == [("came", "VARCHAR")]
    assert [(c.name, c.old, c.new) for c in found.columns_retyped] == [("Kept", "INTEGER", "DOUBLE")]
    assert (found.key, found.compared, counts(found), found.differs) == (("id",), ("id", "Kept"), (0, 0, 0, 1), True)


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("1", "1::DECIMAL(9,2)", True),
        ("0.5::DECIMAL(3,2)", "0.5::DOUBLE", True),
        ("'1'", "1", True),
        ("'01'", "1", False),
        ("'x'", "1", False),
        ("DATE '2026-01-02'", "TIMESTAMP '2026-01-02 00:00:00'", True),
        ("TIME '01:02:03'", "TIMESTAMP '2026-01-02 01:02:03'", False),
        ("true", "'true'", True),
        ("{'a': 1::INTEGER}", "{'a': 1::BIGINT}", True),
        ("NULL::VARCHAR", "NULL::DATE", True),
        ("['a', NULL]", "['a', NULL]", True),
        ("[{'a': 'NaN'::DOUBLE}]", "[{'a': 'NaN'::DOUBLE}]", True),
        ("[{'a': 1}]", "[{'a': NULL::INTEGER}]", False),
        ("map {'k': [1]}", "map {'k': [1, 2]}", False),
        ("'NaN'::DOUBLE", "'NaN'::DOUBLE", True),
        ("0.0::DOUBLE", "-0.0::DOUBLE", True),
        ("NULL", "''", False),
        ("9007199254740993", "9007199254740992", False),
    ],
)
def test_what_is_equal(project, old, new, same):
    files = tables(f"SELECT 1 AS id, {old} AS v", f"SELECT 1 AS id, {new} AS v")
    folder = project(files)
    folder.run().assert_success()
    opened = folder.open()
    assert counts(opened.compare("old", "new", options=CompareOptions(on=("id",)))) == (0, 0, int(not same), int(same))
    assert counts(opened.compare("old", "new")) == (int(not same), int(not same), 0, int(same))


@pytest.mark.parametrize(
    ("old", "new", "tolerance", "same"),
    [
        ("1.0::DOUBLE", "1.0000000001::DOUBLE", 1e-9, True),
        ("1.0::DOUBLE", "1.00000001::DOUBLE", 1e-9, False),
        ("1e-12::DOUBLE", "3e-12::DOUBLE", 1e-9, True),
        ("1e15::DOUBLE", "1e15::DOUBLE + 100", 1e-9, True),
        ("0.1::FLOAT", "0.1::DOUBLE", 1e-6, True),
        ("0.1::FLOAT", "0.1::DOUBLE", 0, False),
        ("1", "1.0001::DOUBLE", 1e-3, True),
        ("'NaN'::DOUBLE", "1.0::DOUBLE", 1.0, False),
        ("'NaN'::DOUBLE", "'NaN'::DOUBLE", 1.0, True),
        ("'Infinity'::DOUBLE", "1.0::DOUBLE", 1.0, False),
        ("'Infinity'::DOUBLE", "'-Infinity'::DOUBLE", 1.0, False),
        ("'Infinity'::DOUBLE", "'Infinity'::DOUBLE", 1.0, True),
        ("NULL::DOUBLE", "0.0::DOUBLE", 1.0, False),
        ("1", "2", 10, False),
        ("1.10::DECIMAL(9,2)", "1.11::DECIMAL(9,2)", 10, False),
        ("'1'", "1.0::DOUBLE", 10, False),
    ],
)
def test_floats_within_the_tolerance_are_equal(project, old, new, tolerance, same):
    found = compared(project, f"SELECT 1 AS id, {old} AS v", f"SELECT 1 AS id, {new} AS v", on=("id",), tolerance=tolerance)
    assert counts(found) == (0, 0, int(not same), int(same))


def test_values_that_the_engine_cannot_bring_together_can_be_left_out(project):
    folder = project(tables("SELECT 1 AS id, 0.5::DECIMAL(38,37) AS v", "SELECT 1 AS id, 100000000000 AS v"))
    folder.run().assert_success()
    outcome = folder.cli("table-diff", "old", "new").assert_failed("SK-SQL-012", exit_code=1)
    assert "--exclude-columns v" in outcome.stderr
    folder.cli("table-diff", "old", "new", "--exclude-columns", "v", "--fail").assert_success()


def test_files_read_in_place_that_have_changed_are_not_read_as_what_they_were(project):
    text = "kind: source\nname: s\ntype: parquet\ntable: data/s.parquet\nparams: {}\ncache: false\n"
    folder = project({"seeknal/s.yml": text})
    (folder.root / "data").mkdir()
    duckdb.sql("SELECT 1 AS a").write_parquet(str(folder.root / "data/s.parquet"))
    folder.run().assert_success()
    branch(folder, "before")
    duckdb.sql("SELECT range AS a FROM range(99)").write_parquet(str(folder.root / "data/s.parquet"))
    folder.run().assert_success()
    outcome = folder.cli("table-diff", "s", "--env", "before", "--env", "prod").assert_failed("SK-RUN-007", exit_code=1)
    assert "has changed since it was last built" in outcome.stderr
    folder.cli("table-diff", "s").assert_failed("SK-DIFF-001", exit_code=1)
    assert folder.open().compare("s", environments=["prod", "prod"]).equal == 99


def test_a_tolerance_needs_a_key(project):
    folder = project(tables("SELECT 1.0 AS v", "SELECT 1.0 AS v"))
    folder.run().assert_success()
    folder.cli("table-diff", "old", "new", "--tolerance", "0.1").assert_failed("SK-DIFF-005", exit_code=2)
    folder.cli("table-diff", "old", "new", "--tolerance", "nan").assert_exit(2)
    folder.cli("table-diff", "old", "new", "--tolerance=-1").assert_exit(2)


def test_only_some_columns(orders):
    opened = orders.open()
    assert opened.compare("orders", options=CompareOptions(columns=("Status",))).differing == {"status": 1}
    found = opened.compare("orders", options=CompareOptions(exclude=("status", "AMOUNT")))
    assert (found.compared, found.key, counts(found)) == (("id",), ("id",), (1, 1, 0, 2))
    found = opened.compare("orders", options=CompareOptions(on=("id",), columns=("amount", "status"), exclude=("status",)))
    assert found.differing == {"amount": 1}


def test_unwanted_columns_are_no_difference(project):
    found = compared(project, "SELECT 1 AS id, 2 AS v, 3 AS gone", "SELECT 1 AS id, '3' AS v", exclude=("v", "gone"))
    assert (found.differs, found.compared) == (False, ("id",))


@pytest.mark.parametrize("option", ["--on", "--columns", "--exclude-columns"])
def test_an_unknown_column(orders, option):
    outcome = orders.cli("table-diff", "orders", option, "id,statu").assert_failed("SK-DIFF-002", exit_code=2)
    assert "did you mean 'status'?" in outcome.stderr


def test_nothing_in_common(project):
    with pytest.raises(NodeError) as caught:
        compared(project, "SELECT 1 AS a", "SELECT 1 AS b")
    assert caught.value.code == "SK-DIFF-004"
    with pytest.raises(ProjectError) as refused:
        compared(project, "SELECT 1 AS a", "SELECT 1 AS b", on=("a",))
    assert refused.value.code == "SK-DIFF-002"


def test_names_that_need_quotes(project):
    sql = 'SELECT 1 AS "the ""id""", {} AS "select", 2 AS "present", 3 AS k0'
    found = compared(project, sql.format(1), sql.format(2), on=('the "id"',))
    assert (found.differing, counts(found)) == ({"select": 1, "present": 0, "k0": 0}, (0, 0, 1, 0))


# What is printed


def test_text(orders):
    outcome = orders.cli("table-diff", "orders", "--env", "before", "--env", "prod").assert_success()
    words = [line.split() for line in outcome.stdout.splitlines()]
    assert ["old", "transform.orders", "before", "3"] in [w[:4] for w in words]
    assert ["new", "transform.orders", "prod", "3"] in [w[:4] for w in words]
    assert [w[0] for w in words if w[1:] == ["1"]] == ["removed", "added", "changed", "equal"]
    assert ["amount", "1", "50.00", "%"] in words
    assert ["1", "status", "paid", "→", "sent"] in words
    assert ["4", "NULL", "30.0"] in words


def test_copies_are_shown(project):
    folder = project(tables("SELECT 1 AS v FROM range(3)", "SELECT 2 AS v"))
    folder.run().assert_success()
    outcome = folder.cli("table-diff", "old", "new").assert_success()
    assert "rows, compared whole" in outcome.stdout
    assert "changed" not in outcome.stdout
    assert "(copies)" in outcome.stdout


def test_json_is_one_document_without_numbers_that_are_none(project):
    sql = "SELECT 1 AS id, {} AS v, 'Infinity'::DOUBLE AS i, map {{DATE '2026-01-02': 1}} AS m, {{'a': [1.5::DOUBLE, 'NaN'::DOUBLE]}} AS s"
    folder = project(tables(sql.format("'NaN'::DOUBLE"), sql.format("1.5::DOUBLE") + " UNION ALL SELECT 2, 0, 0, map {}, NULL"))
    folder.run().assert_success()
    text = folder.cli("table-diff", "old", "new", "--on", "id", "--format", "json").assert_success().stdout
    document = json.loads(text, parse_constant=pytest.fail)
    assert document["samples"]["changed"] == [{"key": {"id": 1}, "columns": {"v": {"old": "NaN", "new": 1.5}}}]
    assert document["columns"]["differing"][0] == {"name": "v", "rows": 1, "percent": 100.0}
    assert document["samples"]["added"][0]["row"]["id"] == 2


def test_exit_codes(orders):
    orders.cli("table-diff", "orders").assert_exit(0)
    orders.cli("table-diff", "orders", "--fail").assert_exit(1)
    orders.cli("table-diff", "orders", "--fail", "--env", "prod", "--env", "prod").assert_exit(0)


def test_the_output_is_what_is_in_the_files(orders):
    """The comparison agrees with a reading of the files by hand."""
    found = orders.open().compare("orders")
    folders = [orders.root / "target/cache/transform/orders" / s.key for s in (found.old, found.new)]
    old, new = (set(duckdb.sql(f"FROM '{f}/*.parquet'").fetchall()) for f in folders)
    assert len(old & new) == found.equal
    assert math.isclose(found.percent("amount"), 50.0)
