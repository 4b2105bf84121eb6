"""The published JSON Schemas describe what the commands print."""

from __future__ import annotations

import json

import jsonschema
import pytest
from tests.docs.pages import ROOT

SCHEMAS = ROOT / "docs/reference/schemas"
FILES = {
    "data/orders.csv": "id,status\n1,paid\n2,open\n",
    "seeknal/shop.yml": """
        kind: source
        name: orders
        type: csv
        table: data/orders.csv
        owner: sales
        tags: [raw]
        meta: {ticket: 7}
        columns: {id: BIGINT}
        audits: [{type: unique, columns: id}, {type: accepted_values, column: status, values: [paid], severity: warn, name: known}]
        ---
        kind: transform
        name: paid
        materialized: view
        description: Paid orders.
        sql: SELECT * FROM {{ ref('orders') }} WHERE status = 'paid'
        ---
        kind: transform
        name: wrong
        sql: SELECT CAST(status AS INTEGER) AS nothing FROM {{ ref('orders') }}
        ---
        kind: transform
        name: after
        sql: SELECT * FROM {{ ref('wrong') }}
        ---
        kind: rule
        name: enough
        inputs: [{ref: orders}]
        audits: [{type: row_count, min: 3}, {type: row_count, max: 9, where: id > 0}]
        ---
        kind: exposure
        name: board
        type: dashboard
        inputs: [{ref: paid}]
        """,
}


def check(name, document):
    schema = json.loads((SCHEMAS / f"{name}.json").read_text())
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    errors = [f"{e.json_path}: {e.message}" for e in validator(schema, format_checker=validator.FORMAT_CHECKER).iter_errors(document)]
    assert errors == []


@pytest.fixture
def shop(project):
    folder = project(FILES)
    folder.cli("run", "--continue-on-error").assert_exit(3)
    return folder


def test_run_results(shop):
    check("run_results", json.loads(shop.read("target/run_results.json")))
    check("run_results", shop.cli("run", "--format", "json").json())


def test_a_run_that_was_not_selected(shop):
    check("run_results", shop.cli("run", "--select", "orders", "--format", "json").json())


def test_history(shop):
    runs = shop.cli("history", "--format", "json").json()
    check("history", runs)
    check("run", shop.cli("history", runs[0]["run_id"], "--format", "json").json())


@pytest.mark.parametrize("change", [("materialized: view", "materialized: table"), ("name: after", "name: later"), ("raw", "daily")])
def test_plan(shop, change):
    shop.edit("seeknal/shop.yml", *change)
    check("plan", shop.cli("plan", "--format", "json").json())


def test_plan_before_the_first_run(project):
    check("plan", project(FILES).cli("plan", "--select", "orders", "--format", "json").json())


def test_manifest(shop):
    check("manifest", shop.cli("parse", "--format", "json").json())
    check("manifest", json.loads(shop.read("target/manifest.json")))


def test_list(shop):
    check("list", shop.cli("list", "--format", "json").json())


@pytest.mark.parametrize("options", [[], ["--rows"]])
def test_audit(shop, options):
    shop.write("data/orders.csv", "id,status\n1,paid\n1,paid\n").cli("run", "--continue-on-error")
    shop.edit("seeknal/shop.yml", "column: status", "column: state")
    check("audit", shop.cli("audit", *options, "--format", "json").assert_exit(1).json())


def test_audit_history(shop):
    check("audit_history", shop.cli("audit", "--history", "--format", "json").assert_exit(0).json())


def test_freshness(shop):
    shop.edit("seeknal/shop.yml", "owner: sales", "freshness: {time_column: at, warn_after: 1d}")
    check("freshness", shop.cli("freshness", "--format", "json").assert_exit(1).json())
    shop.write("data/orders.csv", "id,status,at\n1,paid,2026-01-01\n").cli("run", "--continue-on-error")
    check("freshness", shop.cli("freshness", "--format", "json").assert_exit(0).json())


def test_plugins(shop):
    shop.write("plugins/broken.py", "import nothing_of_this_name")
    shop.write("plugins/twice.py", "from seeknal.plugin import audit\n\n\n@audit\ndef unique(target):\n    return []\n")
    found = shop.cli("plugins", "--format", "json").json()
    check("plugins", found)
    assert any(p["problem"] for p in found["plugins"])
    assert found["conflicts"]


def test_state_info(shop):
    check("state_info", shop.cli("state", "info", "--format", "json").json())


def test_janitor(shop):
    shop.edit("seeknal/shop.yml", "'paid'", "'open'").cli("run", "--continue-on-error")
    arguments = ["janitor", "--grace", "0h", "--keep-runs", "0", "--format", "json"]
    check("janitor", shop.cli(*arguments, "--dry-run").json())
    check("janitor", shop.cli(*arguments, "--yes").json())


@pytest.mark.parametrize("options", [["--on", "id"], [], ["--on", "id", "--limit", "0", "--columns", "status"]])
def test_table_diff(shop, options):
    shop.write("data/orders.csv", "id,status,more\n1,sent,x\n3,paid,\n").cli("run", "--continue-on-error")
    check("table_diff", shop.cli("table-diff", "orders", *options, "--format", "json").json())
    check("table_diff", shop.cli("table-diff", "orders", "paid", *options, "--format", "json").json())


@pytest.mark.parametrize("name", ["orders.id", "paid", "paid.status", "after", "board"])
@pytest.mark.parametrize("options", [[], ["--all"], ["--upstream"], ["--downstream", "--all"]])
def test_lineage(shop, name, options):
    check("lineage", shop.cli("lineage", name, *options, "--format", "json").json())


@pytest.mark.parametrize("name", ["orders.id", "paid", "paid.status", "board"])
def test_impact(shop, name):
    check("impact", shop.cli("impact", name, "--format", "json").json())


def test_features(project):
    group = "kind: feature_group\nname: g\nentity: e\nevent_time: t\nttl: 1d\nfeatures: [{name: f, type: DOUBLE, default: 0}, s]\n"
    group += "sql: SELECT n AS e_id, TIMESTAMP '2026-01-01' AS t, n / 0 AS f, 'x' AS s FROM range(3) AS r(n)\n"
    training = "---\nkind: training_set\nname: learned\nspine: feature_group.g\nas_of: t\nfeatures: [g.*]\nlabel: s\nfull_names: true\n"
    folder = project({"seeknal/g.yml": group + training})
    folder.run().assert_success()
    folder.edit("seeknal/g.yml", "n / 0", "n").run().assert_success()
    check("features_list", folder.cli("features", "list", "--format", "json").json())
    for name in ["g", "learned"]:
        check("features_describe", folder.cli("features", "describe", name, "--format", "json").json())
        check("features_stats", folder.cli("features", "stats", name, "--against", "previous", "--format", "json").json())


def test_events(shop):
    lines = shop.cli("run", "--full", "--continue-on-error", "--log-format", "json").stderr.splitlines()
    documents = [json.loads(line) for line in lines if line.startswith("{")]
    assert len(documents) == 6
    for document in documents:
        check("event", document)


def test_unit_tests(shop):
    given = "node: paid\ninputs: {orders: [{id: 1, status: paid}, {id: 2, status: open}]}\n"
    shop.write(
        "tests/a.yml",
        f"name: a\n{given}expect: [{{id: 1, status: paid}}]\n---\nname: b\n{given}expect: [{{id: 2, status: paid}}, {{id: 9, status: x}}]\n",
    )
    shop.write("tests/b.yml", "name: c\nnode: nothing\nexpect: {row_count: 1}\n").write("tests/c.yml", "a: [")
    shop.write("tests/d.yml", "name: d\nnode: wrong\ninputs: {orders: [{status: x}]}\nexpect: {row_count: 1, rows: []}\n")
    found = shop.cli("test", "--format", "json").json()
    assert {t["status"] for t in found["tests"]} == {"passed", "failed", "error", "invalid"}
    check("test", found)


def test_every_schema_is_linked_from_a_page():
    pages = "".join(p.read_text(encoding="utf-8") for p in ROOT.glob("docs/reference/*.md"))
    assert [p.name for p in SCHEMAS.glob("*.json") if f"schemas/{p.name}" not in pages] == []


def test_environments(project):
    folder = project({"seeknal/a.sql": "SELECT 1 AS a", "seeknal/b.sql": "SELECT a AS b FROM {{ ref('a') }}", "seeknal/v.yml": VIEW})
    check("environments", folder.cli("env", "list", "--format", "json").json())
    folder.cli("run").assert_success()
    folder.edit("seeknal/b.sql", "a AS b", "a + 1 AS b").write("seeknal/more.sql", "SELECT 1 AS one")
    for command in ("plan dev", "run --env dev", "plan dev", "plan other"):
        folder.cli(*command.split()).assert_success()
    check("plan", folder.cli("plan", "dev", "--format", "json").json())
    check("environments", folder.cli("env", "list", "--format", "json").json())
    for name in ("prod", "dev"):
        check("environment", folder.cli("env", "show", name, "--format", "json").json())
    check("promotion", folder.cli("promote", "dev", "--dry-run", "--format", "json").json())
    check("promotion", folder.cli("promote", "dev", "--yes", "--format", "json").json())
    check("rollback", folder.cli("env", "rollback", "prod", "--dry-run", "--format", "json").json())
    check("rollback", folder.cli("env", "rollback", "prod", "--yes", "--format", "json").json())
    refused = folder.cli("promote", "dev", "--dry-run", "--format", "json").assert_failed("SK-ENV-007")
    check("promotion", refused.json())
    assert refused.json()["refused"]["code"] == "SK-ENV-007"


VIEW = "kind: transform\nname: v\nmaterialized: view\nsql: SELECT b FROM {{ ref('b') }}\n"
