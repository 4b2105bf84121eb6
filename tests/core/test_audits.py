"""What the five built-in audits find, what becomes of an output that fails them, and when they are run again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

if TYPE_CHECKING:
    from seeknal.testing.outcomes import Outcome
    from seeknal.testing.project import ProjectFolder, ProjectMaker

ROWS = "SELECT * FROM (VALUES (1, 'a', 1.5), (2, 'b', NULL), (2, NULL, 'nan'::DOUBLE), (NULL, 'b', 0.0), (NULL, '', -1.0)) AS t(i, s, d)"


def audited(project: ProjectMaker, audits: list[dict[str, Any]], sql: str = ROWS) -> ProjectFolder:
    return project({"seeknal/t.yml": json.dumps({"kind": "transform", "name": "t", "sql": sql, "audits": audits})})


def found(project: ProjectMaker, audit: dict[str, Any], sql: str = ROWS) -> tuple[int, str]:
    """How many rows one audit finds wrong, and what it says."""
    outcome = audited(project, [{"severity": "warn", **audit}], sql).run().assert_success()
    (only,) = outcome.node("transform.t").audits
    return only.failing_rows, only.message


@pytest.mark.parametrize(
    ("audit", "count"),
    [
        ({"type": "not_null", "columns": ["i"]}, 2),
        ({"type": "not_null", "columns": "i"}, 2),
        ({"type": "not_null", "columns": ["i", "s"]}, 3),
        ({"type": "not_null", "columns": ["I"]}, 2),
        ({"type": "not_null", "columns": ["i"], "where": "s = 'b'"}, 1),
        ({"type": "not_null", "columns": ["i"], "where": "s IS NULL"}, 0),
        ({"type": "unique", "columns": ["i"]}, 1),
        ({"type": "unique", "columns": ["s"]}, 1),
        ({"type": "unique", "columns": ["i", "s"]}, 2),
        ({"type": "unique", "columns": ["d"]}, 0),
        ({"type": "unique", "columns": ["i"], "where": "s IS NOT NULL"}, 0),
        ({"type": "accepted_values", "column": "s", "values": ["a", "b"]}, 1),
        ({"type": "accepted_values", "column": "s", "values": ["a", ""]}, 2),
        ({"type": "accepted_values", "columns": ["s"], "values": ["a", "b", ""]}, 0),
        ({"type": "accepted_values", "column": "i", "values": [1]}, 2),
        ({"type": "accepted_values", "column": "i", "values": [1, None]}, 2),
        ({"type": "accepted_values", "column": "i", "values": [None]}, 3),
        ({"type": "accepted_values", "column": "s", "values": ["it's"]}, 4),
        ({"type": "accepted_values", "column": "s", "values": ["a"], "where": "i = 2 OR i IS NULL"}, 3),
        ({"type": "row_count", "min": 5, "max": 5}, 0),
        ({"type": "row_count", "min": 6}, 1),
        ({"type": "row_count", "max": 4}, 1),
        ({"type": "row_count", "min": 2, "where": "i = 2"}, 0),
        ({"type": "row_count", "min": 3, "where": "i = 2"}, 1),
        ({"type": "custom_sql", "sql": "SELECT * FROM __THIS__ WHERE d < 0"}, 1),
        ({"type": "custom_sql", "sql": "SELECT * FROM __THIS__ WHERE d < 0 -- negative"}, 1),
        ({"type": "custom_sql", "sql": "SELECT * FROM __THIS__ WHERE d < 0;"}, 1),
        ({"type": "custom_sql", "sql": "WITH x AS (SELECT i FROM __this__) SELECT i FROM x GROUP BY i HAVING count(*) > 1"}, 2),
        ({"type": "custom_sql", "sql": "SELECT a.i FROM __THIS__ a JOIN __THIS__ b ON a.s = b.s AND a.d < b.d"}, 0),
        ({"type": "custom_sql", "sql": "SELECT '__THIS__' AS x FROM __THIS__ WHERE s = '__THIS__'"}, 0),
        ({"type": "custom_sql", "sql": "SELECT * FROM __THIS__", "where": "i = 2"}, 2),
        ({"type": "custom_sql", "sql": "SELECT max(i) FROM __THIS__ HAVING max(i) > 5"}, 0),
    ],
)
def test_what_each_audit_finds(project: ProjectMaker, audit: dict[str, Any], count: int) -> None:
    assert found(project, audit)[0] == count


@pytest.mark.parametrize(
    ("audit", "passes"),
    [
        ({"type": "not_null", "columns": ["i"]}, True),
        ({"type": "unique", "columns": ["i"]}, True),
        ({"type": "accepted_values", "column": "s", "values": ["a"]}, True),
        ({"type": "row_count", "min": 1}, False),
        ({"type": "row_count", "min": 0}, True),
        ({"type": "custom_sql", "sql": "SELECT * FROM __THIS__"}, True),
        ({"type": "custom_sql", "sql": "SELECT count(*) FROM __THIS__ HAVING count(*) = 0"}, False),
    ],
)
def test_no_rows_have_nothing_wrong_unless_their_number_is(project: ProjectMaker, audit: dict[str, Any], passes: bool) -> None:
    assert (found(project, audit, ROWS + " WHERE false")[0] == 0) is passes


@pytest.mark.parametrize(
    ("audit", "message"),
    [
        ({"type": "not_null", "columns": ["i"]}, "2 failing rows"),
        ({"type": "not_null", "columns": ["i"], "where": "s = 'b'"}, "1 failing row"),
        ({"type": "row_count", "min": 1000}, "count(*) is 5, expected at least 1,000"),
        ({"type": "row_count", "max": 2}, "count(*) is 5, expected at most 2"),
        ({"type": "unique", "columns": ["i"]}, "1 failing row, such as i = 2, row_count = 2"),
    ],
)
def test_messages_say_how_much_is_wrong(project: ProjectMaker, audit: dict[str, Any], message: str) -> None:
    assert found(project, audit)[1] == message


def test_columns_with_odd_names_are_quoted(project: ProjectMaker) -> None:
    sql = """SELECT 1 AS "select", NULL AS "a b", 2 AS "x""y" """
    for column, count in (("select", 0), ("a b", 1), ('x"y', 0)):
        assert found(project, {"type": "not_null", "columns": [column]}, sql)[0] == count
        found(project, {"type": "unique", "columns": [column]}, sql)
        found(project, {"type": "accepted_values", "column": column, "values": [1, 2]}, sql)


# What becomes of the output


def _warehouse(folder: ProjectFolder, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(folder.root / "target/warehouse.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


FILES = {
    "data/n.csv": "n\n1\n2\n",
    "seeknal/n.yml": "kind: source\nname: n\ntype: csv\ntable: data/n.csv\naudits:\n  - type: not_null\n    columns: [n]\n",
    "seeknal/t.yml": "kind: transform\nname: t\nsql: SELECT n * 2 AS n FROM {{ ref('n') }}\naudits:\n  - type: row_count\n    max: 2\n",
    "seeknal/after.sql": "SELECT sum(n) AS n FROM {{ ref('t') }}",
    "seeknal/out.yml": "kind: exposure\nname: out\ntype: file\ninputs: [{ref: transform.t}]\nparams: {path: out/t.csv}\n",
}


@pytest.fixture
def checked(project: ProjectMaker) -> ProjectFolder:
    folder = project(FILES)
    folder.run().assert_success()
    return folder


def _fails(outcome: Outcome) -> None:
    outcome.assert_failed("SK-AUDIT-010", exit_code=1)
    assert outcome.failed == {"transform.t"}
    assert {"transform.after", "exposure.out"} <= outcome.skipped


def test_bad_rows_are_seen_nowhere(checked: ProjectFolder) -> None:
    checked.write("data/n.csv", "n\n1\n2\n3\n")
    _fails(checked.run())
    assert checked.rows("t") == [(2,), (4,)]
    assert checked.rows("after") == [(6,)]
    assert _warehouse(checked, "SELECT * FROM prod.transform_t") == [(2,), (4,)]
    assert checked.read("out/t.csv") == "n\n2\n4\n"
    assert checked.open().rows("t", rejected=True).rows == [(2,), (4,), (6,)]
    assert "seeknal show transform.t --rejected" in checked.run().output
    assert "seeknal/t.yml:5" in checked.run().output


def test_an_audit_that_failed_fails_again_without_building(checked: ProjectFolder) -> None:
    checked.write("data/n.csv", "n\n1\n2\n3\n")
    _fails(checked.run())
    parts = sorted((checked.root / "target/cache").rglob("*.parquet"))
    for _ in range(2):
        again = checked.run()
        _fails(again)
        assert again.built == set()
        assert again.reason("transform.t") == "audit failed on this data before"
    assert sorted((checked.root / "target/cache").rglob("*.parquet")) == parts
    assert checked.cli("run").assert_failed(exit_code=1).output.count("SK-AUDIT-010") == 1


def test_the_same_failure_is_remembered_when_state_is_rebuilt_from_scratch(checked: ProjectFolder) -> None:
    checked.write("data/n.csv", "n\n1\n2\n3\n")
    _fails(checked.run())
    for path in (checked.root / "target").glob("run_state*"):
        path.unlink()
    _fails(checked.run())


def test_good_data_again_is_published_again(checked: ProjectFolder) -> None:
    checked.write("data/n.csv", "n\n1\n2\n3\n")
    _fails(checked.run())
    checked.write("data/n.csv", "n\n1\n5\n")
    outcome = checked.run().assert_success()
    assert {"transform.t", "transform.after", "exposure.out"} <= outcome.built
    assert checked.rows("after") == [(12,)]


def test_an_edited_audit_is_run_on_what_exists(checked: ProjectFolder) -> None:
    checked.edit("seeknal/t.yml", "max: 2", "max: 1")
    outcome = checked.run()
    _fails(outcome)
    assert outcome.built == set()
    assert checked.rows("t") == [(2,), (4,)]
    checked.edit("seeknal/t.yml", "max: 1", "max: 3")
    again = checked.run().assert_success()
    assert again.built == set()
    assert [a.passed for a in again.node("transform.t").audits] == [True]


def test_a_removed_audit_holds_nothing_back(checked: ProjectFolder) -> None:
    checked.write("data/n.csv", "n\n1\n2\n3\n")
    _fails(checked.run())
    checked.write("seeknal/t.yml", FILES["seeknal/t.yml"].partition("audits:")[0])
    assert checked.run().assert_success().status("transform.t") == "reused"
    assert checked.rows("after") == [(12,)]


def test_severity_is_not_part_of_what_is_checked(checked: ProjectFolder) -> None:
    checked.write("data/n.csv", "n\n1\n2\n3\n")
    _fails(checked.run())
    checked.edit("seeknal/t.yml", "max: 2", "max: 2\n    severity: warn")
    outcome = checked.run().assert_success()
    assert outcome.status("transform.t") == "reused"
    assert [(a.severity, a.passed) for a in outcome.node("transform.t").audits] == [("warn", False)]
    assert checked.rows("after") == [(12,)]
    checked.edit("seeknal/t.yml", "severity: warn", "severity: error")
    _fails(checked.run())


def test_the_default_severity_is_the_projects(project: ProjectMaker) -> None:
    folder = project({**FILES, "seeknal_project.yml": "name: x\naudits: {default_severity: warn}\n", "data/n.csv": "n\n1\n2\n3\n"})
    outcome = folder.run().assert_success()
    assert [a.passed for a in outcome.node("transform.t").audits] == [False]


def test_audits_of_sources_hold_bad_data_back_too(checked: ProjectFolder) -> None:
    checked.write("data/n.csv", 'n\n1\n""\n7\n')
    outcome = checked.run().assert_failed("SK-AUDIT-010")
    assert outcome.failed == {"source.n"}
    assert checked.rows("n") == [(1,), (2,)]


def test_output_that_is_built_again_under_its_key_is_checked_again(project: ProjectMaker) -> None:
    code = """
        import pyarrow as pa
        from pathlib import Path
        from seeknal import transform

        @transform(inputs=["transform.one"], audits=[{"type": "row_count", "max": 2}])
        def t(one):
            return pa.table({"n": list(range(int(Path(__file__).with_name("n.txt").read_text())))})
        """
    folder = project({"seeknal/one.sql": "SELECT 1 AS n", "seeknal/t.py": code, "seeknal/n.txt": "2"})
    folder.run().assert_success()
    folder.write("seeknal/n.txt", "3")
    folder.run("transform.t", full=True).assert_failed("SK-AUDIT-010")
    folder.write("seeknal/n.txt", "1")
    folder.run("transform.t", full=True).assert_success()
    assert folder.rows("transform.t") == [(0,)]


@pytest.mark.parametrize("kind", ["view", "table"])
def test_audits_of_views_count_as_much(project: ProjectMaker, kind: str) -> None:
    files = {**FILES, "seeknal/t.yml": FILES["seeknal/t.yml"] + f"materialized: {kind}\n"}
    folder = project(files)
    folder.run().assert_success()
    folder.write("data/n.csv", "n\n1\n2\n3\n")
    _fails(folder.run())
    again = folder.run()
    _fails(again)
    assert again.built == set()
    assert folder.rows("after") == [(6,)]


# Time


@pytest.mark.parametrize(
    "audit",
    [
        {"type": "custom_sql", "sql": "SELECT * FROM __THIS__ WHERE t > now()"},
        {"type": "custom_sql", "sql": "SELECT * FROM __THIS__", "where": "t > current_timestamp"},
        {"type": "not_null", "columns": ["n"], "where": "t > now()"},
        {"type": "row_count", "max": 0, "where": "t > current_date"},
    ],
)
def test_an_audit_that_asks_for_the_time_is_run_in_every_run(project: ProjectMaker, audit: dict[str, Any]) -> None:
    folder = audited(project, [audit], "SELECT NULL AS n, TIMESTAMPTZ '2020-01-01' AS t")
    folder.run().assert_success()
    assert not folder.open().state.read().tables["audits"]
    again = folder.run().assert_success()
    assert (again.built, len(again.node("transform.t").audits)) == (set(), 1)


def test_an_audit_that_does_not_is_remembered(project: ProjectMaker) -> None:
    folder = audited(project, [{"type": "not_null", "columns": ["i"], "where": "i = 1"}])
    folder.run().assert_success()
    assert len(folder.open().state.read().tables["audits"]) == 1


@pytest.mark.parametrize("mode", ["file", "table"])
def test_what_was_handed_out_is_not_handed_out_again_for_its_audits_sake(project: ProjectMaker, mode: str) -> None:
    audits = "audits:\n  - {type: row_count, min: 1}\n  - {type: row_count, max: 9, where: 'n > epoch(now()) * 0'}\n"
    head = "kind: exposure\nname: out\ninputs: [{ref: transform.a}]\n"
    if mode == "table":
        out = head + "type: table\nconnection: db\nparams: {table: t, mode: append}\n"
    else:
        out = head + "type: file\nparams: {path: out/a.csv}\n"
    profiles = "connections:\n  db: {type: sqlite, path: out.db}\n"
    folder = project({"profiles.yml": profiles, "seeknal/a.sql": "SELECT 1 AS n", "seeknal/out.yml": out + audits})
    folder.run().assert_success()
    assert folder.run().assert_success().built == set()
    folder.edit("seeknal/out.yml", "min: 1", "min: 0")
    assert folder.run().assert_success().built == set()
    if mode == "table":
        import sqlite3

        with sqlite3.connect(folder.root / "out.db") as connection:
            assert connection.execute("SELECT count(*) FROM t").fetchall() == [(1,)]
    folder.edit("seeknal/out.yml", "min: 0", "min: 5")
    folder.run().assert_failed("SK-AUDIT-010")


# What is wrong with an audit itself


@pytest.mark.parametrize(
    ("audit", "code", "place", "words"),
    [
        ("type: not_nul\n    columns: [i]", "SK-PLUGIN-001", "t.yml:5:11", "did you mean 'not_null'?"),
        ("type: not_null", "SK-AUDIT-002", "t.yml:5", "columns"),
        ("type: not_null\n    columns: []", "SK-AUDIT-002", "t.yml:6", "columns"),
        ("type: not_null\n    columns: [1]", "SK-AUDIT-002", "t.yml:6", "column"),
        ("type: not_null\n    column: [i]", "SK-AUDIT-001", "t.yml:6:5", "did you mean 'columns'?"),
        ("type: accepted_values\n    column: i\n    values: []", "SK-AUDIT-002", "t.yml:7", "values"),
        ("type: accepted_values\n    column: i", "SK-AUDIT-002", "t.yml:5", "values"),
        ("type: row_count\n    min: -1", "SK-AUDIT-002", "t.yml:6", "0 or more"),
        ("type: row_count\n    min: many", "SK-AUDIT-002", "t.yml:6", "min"),
        ("type: row_count\n    min: 1.5", "SK-AUDIT-002", "t.yml:6", "min"),
        ("type: custom_sql\n    sql: DELETE FROM __THIS__", "SK-SQL-002", "t.yml:6:10", "DELETE"),
        ("type: custom_sql\n    sql: SELECT * FROM other", "SK-SQL-004", "t.yml:6:24", "__THIS__"),
        ("type: custom_sql\n    sql: |\n      SELECT *\n      FROM 'x.csv'", "SK-SQL", "t.yml:8:12", ""),
        ("type: custom_sql\n    sql: SELEC 1", "SK-SQL", "t.yml:6", ""),
        ("type: not_null\n    columns: [i]\n    where: (SELECT 1) = 1", "SK-SQL-005", "t.yml:7", "where"),
        ("type: not_null\n    columns: [i]\n    where: sum(i) > 1", "SK-SQL-005", "t.yml:7", "where"),
        ("type: not_null\n    columns: [i]\n    where: i > 1; DROP TABLE x", "SK-SQL", "t.yml:7", "where"),
        ("type: not_null\n    columns: [i]\n    where: row_number() OVER () > 1", "SK-SQL-005", "t.yml:7", "where"),
        ("type: not_null\n    columns: [i]\n    where: i > 1 -- x", "SK-SQL-005", "t.yml:7", "where"),
        ("type: not_null\n    columns: [i]\n    severity: fatal", "SK-KEY", "t.yml:7:15", "warn"),
    ],
)
def test_a_wrong_audit_is_refused_before_anything_runs(project: ProjectMaker, audit: str, code: str, place: str, words: str) -> None:
    folder = project({"seeknal/t.yml": f"kind: transform\nname: t\nsql: SELECT 1 AS i\naudits:\n  - {audit}\n"})
    outcome = folder.run().assert_failed(exit_code=2)
    assert f"[{code}" in outcome.output
    assert place in outcome.output
    assert words in outcome.output
    assert not (folder.root / "target/cache").exists()


@pytest.mark.parametrize(
    "audit",
    ["{type: not_null, columns: [amont]}", "{type: unique, columns: [amont]}", "{type: accepted_values, column: amont, values: [1]}",
     "{type: not_null, columns: [amount, amont]}"],
)  # fmt: skip
def test_an_unknown_column_is_said_at_its_line_with_a_suggestion(project: ProjectMaker, audit: str) -> None:
    outcome = project({"seeknal/t.yml": f"kind: transform\nname: t\nsql: SELECT 1 AS amount\naudits:\n  - {audit}\n"}).run()
    outcome.assert_failed("SK-AUDIT-004", exit_code=2)
    assert "seeknal/t.yml:5:" in outcome.output
    assert "did you mean 'amount'?" in outcome.output


def test_an_audit_whose_sql_fails_when_it_runs_fails_the_node(project: ProjectMaker) -> None:
    outcome = audited(project, [{"type": "custom_sql", "sql": "SELECT nothing FROM __THIS__"}]).run()
    outcome.assert_failed("SK-AUDIT-003", exit_code=1)
    assert "nothing" in outcome.output


def test_audits_of_a_column_stand_with_the_column(project: ProjectMaker) -> None:
    folder = project({"seeknal/t.yml": "kind: transform\nname: t\nsql: SELECT NULL AS i, 'c' AS s\ncolumns:\n  - name: i\n    audits: [not_null, unique]\n  - name: s\n    audits:\n      - {type: accepted_values, values: [a, b], severity: warn}\n"})  # fmt: skip
    outcome = folder.run().assert_failed("SK-AUDIT-010")
    assert {(a.type, a.columns, a.passed) for a in outcome.node("transform.t").audits} == {
        ("not_null", ("i",), False), ("unique", ("i",), True), ("accepted_values", ("s",), False),
    }  # fmt: skip
    assert "seeknal/t.yml:6" in outcome.output


# Rules


def test_a_rule_checks_its_input_and_holds_nothing_else_back(checked: ProjectFolder) -> None:
    checked.write("seeknal/ok.yml", "kind: rule\nname: ok\ninputs: [{ref: transform.t}]\naudits:\n  - {type: row_count, min: 3}\n")
    outcome = checked.run().assert_failed("SK-AUDIT-010", exit_code=1)
    assert (outcome.failed, outcome.skipped) == ({"rule.ok"}, set())
    assert checked.run().failed == {"rule.ok"}
    checked.edit("seeknal/ok.yml", "min: 3", "min: 2")
    checked.run().assert_success()
    assert checked.run().assert_success().built == set()


def test_results_are_kept_with_the_run(checked: ProjectFolder) -> None:
    results = {n["id"]: n for n in json.loads(checked.read("target/run_results.json"))["nodes"]}
    (only,) = results["transform.t"]["audits"]
    assert {k: only[k] for k in ("type", "columns", "severity", "passed", "failing_rows", "message")} == {
        "type": "row_count", "columns": [], "severity": "error", "passed": True, "failing_rows": 0, "message": "passed",
    }  # fmt: skip
    assert "2 audits passed" in checked.cli("run").assert_success().stdout


def test_rows_that_a_view_let_through_unaudited_are_not_read(project: ProjectMaker) -> None:
    """The view is published, and its audit failed on what it reads now: who reads it alone would read just those rows."""
    view = {
        "kind": "transform",
        "name": "v",
        "materialized": "view",
        "sql": "SELECT * FROM {{ ref('source.s') }}",
        "audits": [{"type": "not_null", "columns": "i"}],
    }
    folder = project(
        {
            "data/s.csv": "i\n1\n",
            "seeknal/s.yml": "kind: source\nname: s\ntype: csv\ntable: data/s.csv\n",
            "seeknal/v.yml": json.dumps(view),
            "seeknal/r.sql": "SELECT count(*) AS n FROM {{ ref('transform.v') }}\n",
        }
    )
    folder.run().assert_success()
    folder.write("data/s.csv", 'i\n1\n""\n')
    folder.run().assert_failed("SK-AUDIT-010", exit_code=1)
    assert folder.open().plan(selected=frozenset({"transform.r"})).decisions["transform.r"].action == "skip"
    folder.run("r").assert_failed("SK-RUN-009", exit_code=1)
    assert folder.rows("r") == [(1,)]
    folder.write("data/s.csv", "i\n1\n2\n")
    folder.run("s").assert_success()
    folder.run("r").assert_failed("SK-RUN-009", exit_code=1)
    folder.run("v r").assert_success()
    assert folder.rows("r") == [(2,)]


def test_an_example_of_a_failing_row_is_told_in_plain_words(project):
    folder = project({"seeknal/a.sql": "SELECT DATE '2026-01-03' AS day, 1.5 AS amount, 'x' AS name"})
    folder.write("seeknal/a.yml", "kind: rule\nname: none\ninputs: [a]\naudits: [{type: custom_sql, sql: SELECT * FROM __THIS__}]\n")
    assert "such as day = 2026-01-03, amount = 1.5, name = 'x'" in folder.run().assert_failed("SK-AUDIT-010").output
