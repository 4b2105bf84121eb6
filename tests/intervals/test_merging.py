"""Nodes whose rows are merged by key into those before."""

from __future__ import annotations

import pytest

NODE = """
    kind: source
    name: changes
    type: csv
    table: data/changes.csv
    ---
    kind: transform
    name: users
    materialized: incremental
    unique_key: [id]
    deleted_when: op = 'D'
    sql: SELECT * FROM {{ ref('source.changes') }}
    ---
    kind: transform
    name: counted
    sql: SELECT count(*) AS n FROM {{ ref('users') }}
"""


@pytest.fixture
def users(project):
    folder = project({"data/changes.csv": "id,name,op\n1,Ann,I\n2,Bob,I\n3,Cid,I\n", "seeknal/users.yml": NODE})
    folder.run().assert_success()
    return folder


def changed(folder, *lines: str, head: str = "id,name,op") -> None:
    folder.write("data/changes.csv", "\n".join([head, *lines, ""]))
    folder.run().assert_success()


def test_rows_take_the_place_of_those_with_their_key(users) -> None:
    changed(users, "2,Bea,U", "4,Dan,I", "3,,D")
    assert sorted(users.rows("users")) == [(1, "Ann", "I"), (2, "Bea", "U"), (4, "Dan", "I")]
    assert users.rows("counted") == [(3,)]
    assert users.run().assert_success().built == set()
    changed(users, "2,Bob,U")
    assert sorted(users.rows("users")) == [(1, "Ann", "I"), (2, "Bob", "U"), (4, "Dan", "I")]


def test_the_same_answer_again_changes_nothing(users) -> None:
    changed(users, "2,Bea,U")
    changed(users, "2,Bea,U", "")
    assert sorted(users.rows("users")) == [(1, "Ann", "I"), (2, "Bea", "U"), (3, "Cid", "I")]


def test_an_edit_is_merged_and_full_begins_anew(users) -> None:
    changed(users, "4,Dan,I")
    users.edit(
        "seeknal/users.yml",
        "SELECT * FROM {{ ref('source.changes') }}",
        "SELECT id, upper(name) AS name, op FROM {{ ref('source.changes') }}",
    )
    assert users.run().assert_success().reason("transform.users") == "content changed"
    assert sorted(users.rows("users")) == [(1, "Ann", "I"), (2, "Bob", "I"), (3, "Cid", "I"), (4, "DAN", "I")]
    users.run(full=True).assert_success()
    assert users.rows("users") == [(4, "DAN", "I")]


def test_added_columns_and_wider_types_are_taken_up(users) -> None:
    changed(users, "4,Dan,I,7.5", head="id,name,op,score")
    assert sorted(users.rows("users")) == [(1, "Ann", "I", None), (2, "Bob", "I", None), (3, "Cid", "I", None), (4, "Dan", "I", 7.5)]


@pytest.mark.parametrize(
    ("head", "line", "code", "says"),
    [
        ("id,op", "1,I", "SK-INC-004", "name no longer there"),
        ("id,name,op", "x,Ann,I", "SK-INC-004", "id was BIGINT and is VARCHAR"),
        ("name,op", "Ann,I", "SK-INC-002", "unique_key 'id'"),
    ],
)
def test_other_changes_of_columns_are_refused(users, head, line, code, says) -> None:
    users.write("data/changes.csv", f"{head}\n{line}\n")
    error = users.run().node("transform.users").error
    assert error.code == code
    assert says in error.message
    assert len(users.rows("users")) == 3


def test_two_rows_of_one_key_are_refused(users) -> None:
    users.write("data/changes.csv", "id,name,op\n1,Ann,I\n1,Amy,U\n")
    error = users.run().node("transform.users").error
    assert (error.code, "such as 1" in error.message) == ("SK-INC-003", True)


def test_an_environment_goes_on_from_what_prod_has(users) -> None:
    users.write("data/changes.csv", "id,name,op\n4,Dan,I\n")
    users.run(environment="dev").assert_success()
    assert len(users.rows("users")) == 3
    assert users.run().assert_success().built == set()
    assert len(users.rows("users")) == 4


def test_what_is_lost_is_not_begun_anew_unasked(users) -> None:
    for file in users.root.glob("target/cache/transform/users/*/*.parquet"):
        file.unlink()
    users.write("data/changes.csv", "id,name,op\n4,Dan,I\n")
    assert users.run().node("transform.users").error.code == "SK-INC-005"
    users.run(full=True).assert_success()
    assert users.rows("users") == [(4, "Dan", "I")]


@pytest.mark.parametrize("how", ["incremental", "scd2"])
def test_a_condition_that_does_not_fit_the_rows_is_named(project, how) -> None:
    said = f"materialized: {how}\nunique_key: [a]\ndeleted_when: op = 'D'"
    error = project({"seeknal/a.sql": f"/* ---\n{said}\n--- */\nSELECT 1 AS a"}).run().node("transform.a").error
    assert (error.code, error.message.partition(":")[0]) == ("SK-SQL-011", "deleted_when of transform.a")


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("materialized: incremental", "says nothing"),
        ("unique_key: [a]", "materialized: incremental"),
        ("deleted_when: a", "materialized: incremental"),
        ("materialized: incremental\nunique_key: [a]\nschedule: '@daily'\ntime_column: a", "either"),
        ("materialized: incremental\nunique_key: [a]\ndeleted_when: a in (select 1)", "not allowed"),
    ],
)
def test_what_is_refused(project, said, says) -> None:
    folder = project({"seeknal/a.sql": f"/* ---\n{said}\n--- */\nSELECT 1 AS a"})
    assert says in folder.cli("parse").assert_exit(2).stderr
