"""Audits that look at other nodes: what comes first, what makes them run again, and what they refuse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from seeknal.testing import ProjectFolder, ProjectMaker

ORDERS = "SELECT * FROM (VALUES (1, 1), (2, 2), (3, NULL)) AS t(id, user_id)"
USERS = "SELECT * FROM (VALUES (1, 'ada'), (2, 'bob')) AS t(id, name)"
BELONGS = {"type": "relationships", "column": "user_id", "to": "transform.users", "field": "id"}


def transform(name: str, sql: str, *audits: dict[str, Any], **more: Any) -> str:
    return json.dumps({"kind": "transform", "name": name, "sql": sql, "audits": list(audits), **more})


def shop(project: ProjectMaker, *audits: dict[str, Any], orders: str = ORDERS, users: str = USERS) -> ProjectFolder:
    return project({"seeknal/a_orders.yml": transform("orders", orders, *audits), "seeknal/b_users.yml": transform("users", users)})


@pytest.mark.parametrize("to", ["transform.users", "users", "ref('users')", "{{ ref('transform.users') }}"])
def test_every_order_has_its_user(project: ProjectMaker, to: str) -> None:
    folder = shop(project, {**BELONGS, "to": to})
    assert folder.run().assert_success().built == {"transform.orders", "transform.users"}
    assert folder.run().built == set()


def test_an_order_without_its_user_is_not_published(project: ProjectMaker) -> None:
    outcome = shop(project, BELONGS, users=f"{USERS} WHERE id = 1").run()
    outcome.assert_failed("SK-AUDIT-010", exit_code=1)
    assert outcome.node("transform.orders").audits[0].message == "1 failing row, such as id = 2, user_id = 2"


def test_what_is_looked_at_comes_first_and_is_no_input(project: ProjectMaker) -> None:
    folder = shop(project, BELONGS)
    plan = [n["id"] for n in json.loads(folder.cli("plan", "--format", "json").stdout)["nodes"]]
    assert plan.index("transform.users") < plan.index("transform.orders")
    assert folder.cli("list", "+transform.orders").output.count("transform.") == 1


def test_other_rows_there_audit_again_and_build_nothing_here(project: ProjectMaker) -> None:
    folder = shop(project, BELONGS)
    folder.run().assert_success()
    folder.write("seeknal/b_users.yml", transform("users", f"{USERS} WHERE id < 2"))
    assert "audit" in folder.cli("plan").output
    outcome = folder.run().assert_failed("SK-AUDIT-010", exit_code=1)
    assert outcome.built == {"transform.users"}
    assert folder.run().assert_failed("SK-AUDIT-010", exit_code=1).built == set()
    folder.write("seeknal/b_users.yml", transform("users", USERS))
    assert folder.run().assert_success().built == set()


def test_columns_that_are_not_looked_at_audit_nothing_again(project: ProjectMaker) -> None:
    folder = shop(project, BELONGS)
    folder.run().assert_success()
    folder.write("seeknal/b_users.yml", transform("users", f"SELECT id, upper(name) AS name FROM ({USERS})"))
    outcome = folder.run().assert_success()
    assert outcome.built == {"transform.users"}
    assert outcome.node("transform.orders").reason == "unchanged"
    assert folder.cli("run").output.count("audited") == 0


def test_a_view_is_looked_at_through(project: ProjectMaker) -> None:
    folder = shop(project, BELONGS)
    folder.write("seeknal/c.yml", transform("everyone", USERS))
    folder.write("seeknal/b_users.yml", transform("users", "SELECT id, name FROM {{ ref('everyone') }}", materialized="view"))
    folder.run().assert_success()
    folder.write("seeknal/c.yml", transform("everyone", f"{USERS} WHERE id = 1"))
    folder.run().assert_failed("SK-AUDIT-010", exit_code=1)


def test_a_node_may_look_at_itself(project: ProjectMaker) -> None:
    tree = "SELECT * FROM (VALUES (1, NULL), (2, 1), (3, 7)) AS t(id, user_id)"
    outcome = shop(project, {**BELONGS, "to": "orders"}, orders=tree).run()
    assert outcome.node("transform.orders").audits[0].message == "1 failing row, such as id = 3, user_id = 7"


def test_where_leaves_the_other_node_whole_where_that_is_the_node_itself(project: ProjectMaker) -> None:
    tree = "SELECT * FROM (VALUES (1, NULL, 'old'), (2, 1, 'new'), (3, 7, 'old')) AS t(id, user_id, age)"
    shop(project, {**BELONGS, "to": "orders", "where": "age = 'new'"}, orders=tree).run().assert_success()


def test_the_rows_of_each_audit_are_shown_and_its_place(project: ProjectMaker) -> None:
    folder = shop(project, {**BELONGS, "column": "id"}, BELONGS, users=f"{USERS} WHERE id <> 2", orders="SELECT 1 AS id, 2 AS user_id")
    run = folder.cli("run").assert_exit(1)
    assert "transform.orders: relationships(user_id)\nid  user_id\n 1        2\n" in run.output
    (found,) = folder.cli("audit", "orders", "--rows", "--format", "json").assert_exit(1).json()
    assert (found["columns"], found["status"], len(found["sample"])) == (["user_id"], "fail", 1)


def test_circles_are_refused(project: ProjectMaker) -> None:
    folder = shop(project, BELONGS)
    folder.write("seeknal/b_users.yml", transform("users", "SELECT id FROM {{ ref('orders') }}"))
    outcome = folder.cli("plan")
    assert outcome.exit_code == 2
    assert "SK-GRAPH-001" in outcome.output
    assert "an audit of transform.orders reads transform.users" in outcome.output


def test_a_node_that_failed_leaves_what_looks_at_it_as_it_was(project: ProjectMaker) -> None:
    folder = shop(project, BELONGS, users="SELECT CAST('x' AS INTEGER) AS id")
    outcome = folder.cli("run", "--continue-on-error")
    assert "1 failed, 1 skipped" in outcome.output


def test_a_node_that_was_never_built_cannot_be_looked_at(project: ProjectMaker) -> None:
    outcome = shop(project, BELONGS).cli("run", "--select", "orders")
    assert outcome.exit_code == 1
    assert "audit relationships reads transform.users, which has not been built yet" in outcome.output
    assert "--select 'transform.users transform.orders'" in outcome.output


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"to": "transform.user"}, "SK-REF-001", "did you mean 'transform.users'"),
    ({"to": 7}, "SK-AUDIT-002", "to must be the name of a node"),
    ({"to": "rule.checked"}, "SK-REF-002", "is no data"),
    ({"field": "idd"}, "SK-AUDIT-004", "no column 'idd' in transform.users"),
    ({"column": "user"}, "SK-AUDIT-004", "did you mean 'user_id'"),
    ({"field": ["id", "name"]}, "SK-AUDIT-002", "as many 'field' as 'column'"),
]


@pytest.mark.parametrize(("wrong", "code", "said"), WRONG, ids=[json.dumps(w[0]) for w in WRONG])
def test_what_is_wrong_is_said_before_anything_is_built(project: ProjectMaker, wrong: dict[str, Any], code: str, said: str) -> None:
    folder = shop(project, {**BELONGS, **wrong})
    rule = {"kind": "rule", "name": "checked", "inputs": [{"ref": "transform.users"}], "audits": [{"type": "row_count", "min": 1}]}
    folder.write("seeknal/rule.yml", json.dumps(rule))
    outcome = folder.cli("plan")
    assert outcome.exit_code == 2
    assert f"error[{code}]" in outcome.output
    assert said in outcome.output
    assert "--> seeknal/a_orders.yml:1:" in outcome.output


def test_the_users_own_sql_may_look_at_other_nodes(project: ProjectMaker) -> None:
    sql = "SELECT o.id FROM __THIS__ AS o ANTI JOIN {{ ref('users') }} AS u ON o.user_id = u.id WHERE o.user_id IS NOT NULL"
    folder = shop(project, {"type": "custom_sql", "sql": sql})
    folder.run().assert_success()
    folder.write("seeknal/b_users.yml", transform("users", f"{USERS} WHERE id = 1"))
    assert (
        folder.run().assert_failed("SK-AUDIT-010", exit_code=1).node("transform.orders").audits[0].message
        == "1 failing row, such as id = 2"
    )


def test_it_may_not_look_at_what_is_no_node(project: ProjectMaker) -> None:
    outcome = shop(project, {"type": "custom_sql", "sql": "SELECT 1 FROM __THIS__, transform_user"}).cli("plan")
    assert outcome.exit_code == 2
    assert "SK-SQL-004" in outcome.output


def test_a_rule_looks_at_its_input_and_another_node(project: ProjectMaker) -> None:
    folder = shop(project, users=f"{USERS} WHERE id = 1")
    rule = {"kind": "rule", "name": "checked", "inputs": [{"ref": "transform.orders"}], "audits": [BELONGS]}
    folder.write("seeknal/rule.yml", json.dumps(rule))
    assert "1 failing row" in folder.run().assert_failed("SK-AUDIT-010", exit_code=1).output


def test_a_preview_looks_at_what_is_published(project: ProjectMaker) -> None:
    folder = shop(project, BELONGS)
    folder.run().assert_success()
    assert folder.cli("dry-run", "seeknal/a_orders.yml").exit_code == 0


def test_an_environment_audits_against_its_own_rows(project: ProjectMaker) -> None:
    folder = shop(project, BELONGS)
    folder.run().assert_success()
    folder.write("seeknal/b_users.yml", transform("users", f"{USERS} WHERE id = 1"))
    assert folder.cli("run", "--env", "dev").exit_code == 1
    folder.write("seeknal/b_users.yml", transform("users", f"{USERS} UNION ALL SELECT 3, 'cy'"))
    assert folder.cli("run", "--env", "dev").exit_code == 0
    assert folder.cli("promote", "dev", "--yes").exit_code == 0
    assert folder.run().assert_success().built == set()
