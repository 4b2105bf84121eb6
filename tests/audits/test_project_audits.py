"""Audits that a project writes once: for many nodes by a selector, or as a query with parameters in a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from seeknal.testing import ProjectFolder, ProjectMaker

AT_LEAST = """/* ---
description: No value below a floor.
parameters:
  column: column
  floor: {type: number, default: 0}
--- */
SELECT * FROM __THIS__ WHERE {{ column }} < {{ floor }}
"""


def transform(name: str, *audits: Any, sql: str = "SELECT -1 AS amount, 'it''s' AS s", **more: Any) -> str:
    return json.dumps({"kind": "transform", "name": name, "sql": sql, "audits": list(audits), **more})


def settings(*audits: dict[str, Any]) -> str:
    return json.dumps({"name": "shop", "audits": {"default_severity": "warn", "apply": list(audits)}})


def with_file(project: ProjectMaker, *audits: Any, file: str = AT_LEAST, **more: str) -> ProjectFolder:
    return project({"audits/at_least.sql": file, "seeknal/a.yml": transform("a", *audits), **more})


def labels(folder: ProjectFolder, node: str = "transform.a") -> list[str]:
    return [f"{a.label}: {a.message}" for a in folder.run().node(node).audits]


# For many nodes


@pytest.mark.parametrize("form", ["mapping", "list"])
def test_what_a_selector_names_is_audited(project: ProjectMaker, form: str) -> None:
    entry = {"select": "tag:money", "type": "accepted_range", "column": "amount", "min": 0, "severity": "warn"}
    text = json.dumps({"name": "shop", "audits": [entry] if form == "list" else {"apply": [entry]}})
    folder = project(
        {
            "seeknal_project.yml": text,
            "seeknal/a.yml": transform("a", tags=["money"]),
            "seeknal/b.yml": transform("b"),
            "seeknal/rule.yml": json.dumps(
                {"kind": "rule", "name": "r", "tags": ["money"], "inputs": ["a"], "audits": [{"type": "row_count"}]}
            ),
        }
    )
    outcome = folder.run().assert_success()
    assert [a.label for a in outcome.node("transform.a").audits] == ["accepted_range(amount)"]
    assert not outcome.node("transform.b").audits
    assert [a.type for a in outcome.node("rule.r").audits] == ["row_count"]


def test_taking_one_back_takes_it_from_all(project: ProjectMaker) -> None:
    entry = {"select": "kind:transform", "type": "not_null", "columns": "amount"}
    folder = project({"seeknal_project.yml": settings(entry), "seeknal/a.yml": transform("a")})
    assert labels(folder) == ["not_null(amount): passed"]
    folder.write("seeknal_project.yml", settings())
    assert labels(folder) == []


def test_a_node_that_has_it_already_has_it_once(project: ProjectMaker) -> None:
    entry = {"select": "transform.*", "type": "not_null", "columns": ["amount"]}
    folder = project({"seeknal_project.yml": settings(entry), "seeknal/a.yml": transform("a", {"type": "not_null", "columns": "amount"})})
    assert labels(folder) == ["not_null(amount): passed"]


WRONG_EVERYWHERE: list[tuple[dict[str, Any], str, str]] = [
    ({"type": "not_nul", "columns": "amount"}, "SK-PLUGIN-001", "did you mean 'not_null'"),
    ({"type": "not_null", "column": "amount"}, "SK-AUDIT-001", "did you mean 'columns'"),
    ({"type": "not_null", "columns": "amont"}, "SK-AUDIT-004", "did you mean 'amount'"),
    ({"type": "not_null"}, "SK-AUDIT-002", "needs 'columns'"),
    ({"select": "tga:x", "type": "row_count"}, "SK-KEY-004", "unknown selector method 'tga:'"),
    ({"select": "+a", "type": "row_count"}, "SK-KEY-004", "upstream or downstream"),
    ({"select": "state:new", "type": "row_count"}, "SK-KEY-004", "unknown selector method 'state:'"),
    ({"select": "transform.c", "type": "row_count"}, "SK-REF-001", "unknown node 'transform.c'"),
]


@pytest.mark.parametrize(("entry", "code", "said"), WRONG_EVERYWHERE, ids=[json.dumps(w[0]) for w in WRONG_EVERYWHERE])
def test_what_is_wrong_in_one_is_said_once(project: ProjectMaker, entry: dict[str, Any], code: str, said: str) -> None:
    text = settings({"select": "*", **entry})
    outcome = project({"seeknal_project.yml": text, "seeknal/a.yml": transform("a"), "seeknal/b.yml": transform("b")}).cli("plan")
    assert outcome.exit_code == 2
    assert f"error[{code}]" in outcome.output
    assert said in outcome.output
    assert "--> seeknal_project.yml:1:" in outcome.output
    assert outcome.output.count(f"error[{code}]") == 1 or code == "SK-AUDIT-004"


# In a file of its own


def test_it_is_asked_for_by_the_name_of_its_file(project: ProjectMaker) -> None:
    folder = with_file(project, {"type": "at_least", "column": "AMOUNT", "severity": "warn"})
    assert labels(folder) == ['at_least(AMOUNT): 1 failing row, such as amount = -1, s = "it\'s"']


def test_a_default_can_be_said_otherwise(project: ProjectMaker) -> None:
    assert labels(with_file(project, {"type": "at_least", "column": "amount", "floor": -5})) == ["at_least(amount): passed"]


def test_it_can_stand_under_a_column_and_in_the_settings(project: ProjectMaker) -> None:
    folder = with_file(project)
    folder.write("seeknal/a.yml", json.dumps({
        "kind": "transform", "name": "a", "sql": "SELECT 1 AS amount, 2 AS tax", "columns": [{"name": "amount", "audits": ["at_least"]}],
    }))  # fmt: skip
    folder.write("seeknal_project.yml", settings({"select": "a", "type": "at_least", "column": "tax"}))
    assert labels(folder) == ["at_least(amount): passed", "at_least(tax): passed"]


def test_editing_the_file_audits_again(project: ProjectMaker) -> None:
    folder = with_file(project, {"type": "at_least", "column": "amount", "severity": "warn"})
    assert "1 failing row" in labels(folder)[0]
    folder.write("audits/at_least.sql", AT_LEAST.replace("<", ">"))
    assert labels(folder) == ["at_least(amount): passed"]


KINDS: list[tuple[str, Any, str, int]] = [
    ("text", "it's", "s = {{ p }}", 1),
    ("text", "x' OR 'a' = 'a", "s = {{ p }}", 0),
    ("text", "strict", "{% if p == 'strict' %} TRUE {% else %} FALSE {% endif %}", 1),
    ("number", -1, "amount = {{ p }}", 1),
    ("boolean", True, "{{ p }}", 1),
    ("list", ["it's", "b"], "s IN {{ p }}", 1),
    ("list", [1, 2], "amount IN {{ p }}", 0),
    ("column", "s", "{{ p }} IS NOT NULL", 1),
    ("columns", ["s", "amount"], "({{ p }}) IS NOT NULL", 1),
    ("columns", ["s", "amount"], "{% for c in p %}{{ c }} IS NULL OR {% endfor %} FALSE", 0),
    ("condition", "amount < 0 OR s = 'b'", "NOT {{ p }}", 0),
    ("name", "amount", "{{ p }} < 0", 1),
    ("node", "b", "EXISTS (SELECT 1 FROM {{ p }} WHERE amount = -1)", 1),
]


@pytest.mark.parametrize(("type_", "value", "condition", "count"), KINDS, ids=[f"{k[0]}-{n}" for n, k in enumerate(KINDS)])
def test_parameters_are_written_as_what_they_are(project: ProjectMaker, type_: str, value: Any, condition: str, count: int) -> None:
    file = f"/* ---\nparameters: {{p: {type_}}}\n--- */\nSELECT * FROM __THIS__ WHERE {condition}\n"
    folder = project(
        {
            "audits/mine.sql": file,
            "seeknal/a.yml": transform("a", {"type": "mine", "p": value, "severity": "warn"}),
            "seeknal/b.yml": transform("b"),
        }
    )
    outcome = folder.run().assert_success()
    assert outcome.node("transform.a").audits[0].failing_rows == count


WRONG: list[tuple[dict[str, Any], str, str, str]] = [
    ({"colum": "amount"}, "SK-AUDIT-001", "did you mean 'column'", "seeknal/a.yml:1:"),
    ({}, "SK-AUDIT-002", "audit at_least needs 'column'", "seeknal/a.yml:1:"),
    ({"column": "amount", "floor": "low"}, "SK-AUDIT-002", "floor", "seeknal/a.yml:1:"),
    ({"column": "amont"}, "SK-AUDIT-004", "did you mean 'amount'", "seeknal/a.yml:1:"),
    ({"type": "at_leats", "column": "amount"}, "SK-PLUGIN-001", "did you mean 'at_least'", "seeknal/a.yml:1:"),
]


@pytest.mark.parametrize(("wrong", "code", "said", "place"), WRONG, ids=[json.dumps(w[0]) for w in WRONG])
def test_what_is_wrong_where_it_is_asked_for(project: ProjectMaker, wrong: dict[str, Any], code: str, said: str, place: str) -> None:
    outcome = with_file(project, {"type": "at_least", **wrong}).cli("plan")
    assert outcome.exit_code == 2
    for text in (f"error[{code}]", said, f"--> {place}"):
        assert text in outcome.output


FILES: list[tuple[str, str, str, str]] = [
    (AT_LEAST.replace("SELECT *", "DELETE"), "SK-SQL-002", "found DELETE", "audits/at_least.sql:7:1"),
    (AT_LEAST.replace("FROM __THIS__", "FROM transform_b"), "SK-SQL-004", "an audit reads __THIS__", "audits/at_least.sql:7:15"),
    (AT_LEAST.replace("FROM __THIS__", "FROM read_csv('x')"), "SK-SQL-003", "read_csv", "audits/at_least.sql:7:"),
    (AT_LEAST.replace("{{ floor }}", "{{ flor }}"), "SK-TPL-001", "flor", "audits/at_least.sql:7:"),
    (AT_LEAST.replace("column: column", "column: colum"), "SK-KEY-003", "'columns'", "audits/at_least.sql:4:"),
    (AT_LEAST.replace("column: column", "ref: column"), "SK-AUDIT-005", "cannot be called 'ref'", "audits/at_least.sql:4:"),
    (AT_LEAST.replace("parameters", "params"), "SK-KEY-001", "known keys: description, parameters", "audits/at_least.sql:3:"),
]


@pytest.mark.parametrize(("file", "code", "said", "place"), FILES, ids=[f[1] + str(n) for n, f in enumerate(FILES)])
def test_what_is_wrong_in_the_file_is_said_there(project: ProjectMaker, file: str, code: str, said: str, place: str) -> None:
    outcome = with_file(project, {"type": "at_least", "column": "amount"}, file=file).cli("plan")
    assert outcome.exit_code == 2
    for text in (f"error[{code}]", said, f"--> {place}", "1 error in the project"):
        assert text in outcome.output


@pytest.mark.parametrize(
    ("file", "said"), [("audits/unique.sql", "there is an audit 'unique' already"), ("audits/a-b.sql", "cannot be the name")]
)
def test_names_that_files_cannot_have(project: ProjectMaker, file: str, said: str) -> None:
    outcome = project({file: "SELECT 1 FROM __THIS__", "seeknal/a.yml": transform("a")}).cli("plan")
    assert outcome.exit_code == 2
    assert said in outcome.output
