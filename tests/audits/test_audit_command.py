"""`seeknal audit`: what is published is audited as it is; nothing is built, nothing changes."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

FILES = {
    "data/orders.csv": "id,status\n1,paid\n2,open\n3,\n",
    "seeknal/shop.yml": """
        kind: source
        name: orders
        type: csv
        table: data/orders.csv
        audits: [{type: unique, columns: id}]
        ---
        kind: transform
        name: known
        sql: SELECT * FROM {{ ref('orders') }}
        audits: [{type: accepted_values, column: status, values: [paid, open]}, {type: not_null, columns: status, severity: warn}]
        ---
        kind: transform
        name: seen
        materialized: view
        sql: SELECT id FROM {{ ref('known') }}
        audits: [{type: accepted_range, column: id, min: 0}]
        ---
        kind: rule
        name: enough
        inputs: [{ref: seen}]
        audits: [{type: row_count, min: 2}]
        """,
}


@pytest.fixture
def shop(project):
    folder = project(FILES)
    folder.run().assert_success()
    return folder


def statuses(folder, *arguments, exit_code=0):
    return {(f["node"], f["type"]): f["status"] for f in folder.cli("audit", *arguments, "--format", "json").assert_exit(exit_code).json()}


ALL = {
    ("source.orders", "unique"): "pass", ("transform.known", "accepted_values"): "pass", ("transform.known", "not_null"): "warn",
    ("transform.seen", "accepted_range"): "pass", ("rule.enough", "row_count"): "pass",
}  # fmt: skip


def test_every_audit_is_run_on_what_is_published(shop):
    assert statuses(shop) == ALL


def test_a_selector_chooses_nodes(shop):
    assert set(statuses(shop, "seen", "kind:rule")) == {("transform.seen", "accepted_range"), ("rule.enough", "row_count")}
    shop.cli("audit", "nosuch").assert_exit(2)


def test_an_audit_that_was_edited_fails_without_unpublishing_anything(shop):
    before = shop.open().state.read()
    shop.edit("seeknal/shop.yml", "[paid, open]", "[paid]")
    assert statuses(shop, "known", exit_code=1)["transform.known", "accepted_values"] == "fail"
    after = shop.open().state.read()
    assert (after.tables, after.serial) == (before.tables, before.serial)
    assert shop.rows("transform.known") == [(1, "paid"), (2, "open"), (3, None)]


def test_it_takes_no_lock_and_leaves_the_plan_as_it_is(shop):
    before = shop.cli("plan", "--format", "json").json()
    with shop.open().state.lease("prod", _holder()):
        assert statuses(shop) == ALL
    assert shop.cli("plan", "--format", "json").json() == before


def _holder():
    from seeknal.testing.other_process import this_process

    return this_process("someone")


def test_another_environment(shop):
    shop.edit("seeknal/shop.yml", "SELECT * FROM {{ ref('orders') }}", "SELECT * FROM {{ ref('orders') }} WHERE status IS NOT NULL")
    assert shop.cli("run", "--env", "dev").exit_code == 0
    assert statuses(shop, "known", "--env", "dev")["transform.known", "not_null"] == "pass"
    assert statuses(shop, "known")["transform.known", "not_null"] == "warn"
    assert shop.cli("audit", "--env", "nosuch").assert_exit(2).stdout == ""


def test_an_audit_that_cannot_be_asked_fails_and_hides_no_other(shop):
    shop.edit("seeknal/shop.yml", "{type: not_null, columns: status,", "{type: not_null, columns: state,")
    shop.edit("seeknal/shop.yml", "[paid, open]", "[paid]")
    found = statuses(shop, "known", exit_code=1)
    assert found == {("transform.known", "accepted_values"): "fail", ("transform.known", "not_null"): "error"}
    assert "no column 'state'" in shop.cli("audit", "known").assert_exit(1).stderr


def test_what_was_never_built_is_no_success(project):
    done = project(FILES).cli("audit", "known").assert_exit(1)
    assert "transform.known has not been built in environment 'prod' yet" in done.stderr


def test_a_newer_output_that_failed_is_told_of_and_what_is_published_decides(shop):
    shop.write("data/orders.csv", "id,status\n1,paid\n2,pending\n")
    shop.run().assert_failed("SK-AUDIT-010")
    done = shop.cli("audit", "known", "--rows").assert_exit(0)
    assert "in the last output, which is not published" in done.stdout
    assert " 2  pending" in done.stdout


def test_json_holds_no_rows_unless_they_are_asked_for(shop):
    shop.edit("seeknal/shop.yml", "{type: unique, columns: id}", "{type: custom_sql, sql: SELECT * FROM __THIS__ WHERE id = 2}")
    assert "open" not in shop.cli("audit", "orders", "--format", "json").assert_exit(1).stdout
    assert "open" not in shop.cli("audit", "orders", "--format", "junit").assert_exit(1).stdout
    (found,) = shop.cli("audit", "orders", "--rows", "--format", "json").json()
    assert found["sample"] == [{"id": 2, "status": "open"}]


def test_junit(shop):
    shop.edit("seeknal/shop.yml", "{type: unique, columns: id}", '{type: rejected_values, column: id, values: [1], name: "a<\\x01&\\">b"}')
    root = ET.fromstring(shop.cli("audit", "--format", "junit").assert_exit(1).stdout)
    assert (root.tag, root.get("tests"), root.get("failures"), root.get("errors")) == ("testsuites", "5", "1", "0")
    assert [s.get("name") for s in root] == ["source.orders", "transform.known", "transform.seen", "rule.enough"]
    (failed,) = root.iter("failure")
    assert failed.get("message") == "1 failing row"
    assert root[0][0].get("name") == 'a<\ufffd&">b'
    assert [e.text for e in root.iter("system-out")] == ["warning: 1 failing row"]


def test_nothing_to_audit_is_said(project):
    folder = project({"seeknal/a.sql": "SELECT 1 AS a"})
    folder.run()
    assert "no audits" in folder.cli("audit").assert_exit(0).stderr


def test_audits_that_ask_the_same_are_judged_apart(project):
    folder = project({"seeknal/t.yml": "kind: transform\nname: t\nsql: SELECT 1 AS a UNION ALL SELECT NULL AS a\n"})
    folder.run().assert_success()
    hard, soft = "{type: not_null, columns: a, name: hard}", "{type: not_null, columns: a, name: soft, severity: warn}"
    folder.write("seeknal/t.yml", f"kind: transform\nname: t\nsql: SELECT 1 AS a UNION ALL SELECT NULL AS a\naudits: [{hard}, {soft}]\n")
    found = folder.cli("audit", "t", "--format", "json").assert_exit(1).json()
    assert [(f["name"], f["status"]) for f in found] == [("hard", "fail"), ("soft", "warn")]
