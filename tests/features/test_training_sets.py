"""`kind: training_set` and the entity's view: nodes like any other, with versions that stay."""

from __future__ import annotations

import duckdb
import pytest

SET = "seeknal/churn.yml"
CHURN = """
kind: training_set
name: churn
spine: source.labels
as_of: asked_at
label: churned
features: [spend.orders, spend.revenue]
"""
VISITS = """
kind: feature_group
name: visits
entity: customer
event_time: seen_at
features: {orders: BIGINT, last_page: {type: VARCHAR, default: none}}
sql: SELECT 2 AS customer_id, TIMESTAMP '2026-01-01' AS seen_at, 7 AS orders, 'cart' AS last_page UNION ALL SELECT 9, TIMESTAMP '2026-01-02', 1, NULL
"""


@pytest.fixture
def churn(history):
    history.write(SET, CHURN).run().assert_success()
    return history


def test_a_training_set_is_its_spine_with_what_was_known(churn):
    assert churn.columns("churn") == ("customer_id", "asked_at", "churned", "orders", "revenue")
    rows = sorted((r[0], r[1].day, *r[2:]) for r in churn.rows("churn"))
    assert rows == [(1, 4, False, 1, 10.0), (1, 20, True, 0, None), (2, 2, False, 0, None), (3, 9, True, 0, None)]
    assert churn.run().assert_success().built == set()


def test_a_group_that_changes_changes_the_sets_that_read_it(churn):
    churn.edit("seeknal/spend.yml", "ttl: 30d", "ttl: 90d")
    assert churn.run().assert_success().built == {"training_set.churn"}
    assert (1, 20, 2) in {(r[0], r[1].day, r[3]) for r in churn.rows("churn")}
    churn.edit("seeknal/spend.yml", "ttl: 90d", "ttl: 30d")
    assert churn.run().assert_success().built == set()


def test_every_feature_of_a_group_can_be_asked_for(churn):
    churn.edit(SET, "[spend.orders, spend.revenue]", "spend.*").run().assert_success()
    assert churn.columns("churn")[-2:] == ("orders", "revenue")


def test_features_of_one_name_are_told_apart_by_full_names(churn):
    churn.write("seeknal/visits.yml", VISITS).edit(SET, "[spend.orders, spend.revenue]", "[spend.orders, visits.orders]")
    outcome = churn.run().assert_failed("SK-FEAT-002", exit_code=2)
    assert "seeknal/churn.yml:6:26" in outcome.output
    churn.edit(SET, "label:", "full_names: true\nlabel:").run().assert_success()
    assert churn.columns("churn")[-2:] == ("spend__orders", "visits__orders")


def test_an_earlier_version_can_still_be_read(churn):
    project = churn.open()
    before = project.training_data("churn").sort_by([("customer_id", "ascending"), ("asked_at", "ascending")])
    first = churn.cli("features", "describe", "churn", "--format", "json").assert_success().json()["versions"][0]
    churn.edit("seeknal/spend.yml", "ttl: 30d", "ttl: 90d").run().assert_success()
    described = churn.cli("features", "describe", "churn", "--format", "json").json()
    assert [v["current"] for v in described["versions"]].count(True) == 1
    assert len({v["version"] for v in described["versions"]}) == 2
    again = churn.open().training_data("churn", first["version"][:8])
    assert again.sort_by([("customer_id", "ascending"), ("asked_at", "ascending")]) == before
    churn.cli("features", "data", "churn", "--version", first["version"], "--output", "out/old.parquet").assert_success()
    assert duckdb.sql(f"SELECT sum(orders) FROM '{churn.root}/out/old.parquet'").fetchall() == [(1,)]
    outcome = churn.cli("features", "data", "churn", "--version", "nothing").assert_failed("SK-FEAT-005", exit_code=2)
    assert first["version"][:16] in outcome.stderr


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("spend.revenue", "spend.revenu", "SK-FEAT-001", "did you mean 'revenue'?"),
        ("spend.revenue", "spnd.revenue", "SK-REF-001", "did you mean 'feature_group.spend'?"),
        ("spend.revenue", "revenue", "SK-FEAT-001", "write group.feature"),
        ("spine: source.labels", "spine: source.label", "SK-REF-001", "did you mean 'source.labels'?"),
        ("label: churned", "lable: churned", "SK-KEY-001", "did you mean 'label'?"),
        ("as_of: asked_at", "as_of: askd_at", "SK-FEAT-004", "source.labels has no column 'askd_at' to say as of when"),
        ("label: churned", "inputs: [source.labels]", "SK-KIND-002", "under 'spine' and 'features'"),
    ],
)
def test_what_is_wrong_is_said_where_it_is_written(churn, old, new, code, words):
    churn.edit(SET, old, new)
    outcome = churn.run().assert_failed(code, exit_code=2)
    assert words in outcome.output
    assert "seeknal/churn.yml:" in outcome.output


def test_a_label_that_the_spine_lacks_fails_the_set(churn):
    churn.edit(SET, "label: churned", "label: chrned")
    assert f"{SET}:5:8" in churn.run().assert_failed("SK-FEAT-004").output


def test_a_key_that_the_spine_lacks_is_said_in_words_of_the_project(churn):
    churn.edit(SET, "spine: source.labels", "spine: transform.asked")
    churn.write("seeknal/asked.sql", "SELECT customer_id AS customer, asked_at, churned FROM {{ ref('source.labels') }}")
    found = churn.cli("plan").assert_failed("SK-FEAT-004", exit_code=2).stderr
    assert "transform.asked has no column 'customer_id', a key of 'spend'" in found
    assert f"{SET}:3:8" in found
    assert "spine." not in found


def test_a_spine_whose_key_is_text_is_refused_as_soon_as_its_type_is_known(churn):
    churn.edit(SET, "spine: source.labels", "spine: transform.asked")
    churn.write(
        "seeknal/asked.sql",
        "SELECT CAST(customer_id AS VARCHAR) AS customer_id, CAST(asked_at AS VARCHAR) AS asked_at FROM {{ ref('source.labels') }}",
    )
    found = churn.cli("plan").assert_failed("SK-FEAT-004", exit_code=2).stderr
    assert "'customer_id' is VARCHAR in transform.asked, and BIGINT in feature_group.spend" in found
    assert "'asked_at' of transform.asked is VARCHAR, not a time" in found
    assert "transform.asked has no column 'churned' to be learned" in found
    assert f"{SET}:3:8" in found
    churn.edit(SET, "spine: transform.asked", "spine: source.labels")
    churn.write("data/labels.csv", churn.read("data/labels.csv") + "x,2026-01-01 00:00:00,true\n")
    outcome = churn.run().assert_failed("SK-FEAT-004", exit_code=1)  # only the new data says so
    assert f"{SET}:3:8" in outcome.output
    churn.write("data/labels.csv", churn.read("data/labels.csv").replace("\nx,", "\n7,"))
    churn.run().assert_success()


def test_columns_of_two_groups_that_would_be_one_of_the_entity_are_refused_with_both_places(churn):
    churn.write("seeknal/sp.yml", VISITS.replace("name: visits", "name: sp").replace("seen_at", "x").replace("orders", "end__orders"))
    churn.write("seeknal/other.yml", VISITS.replace("name: visits", "name: sp__end"))
    outcome = churn.run().assert_failed("SK-FEAT-002", exit_code=2)
    assert (
        "'orders' of feature_group.sp__end and 'end__orders' of feature_group.sp would both be column 'sp__end__orders'" in outcome.output
    )
    assert "seeknal/other.yml:1:1" in outcome.output
    assert "seeknal/sp.yml:1:1" in outcome.output


def test_groups_of_an_entity_whose_keys_are_text_here_and_numbers_there_are_refused(churn):
    churn.write("seeknal/visits.yml", VISITS.replace("2 AS customer_id", "'c2' AS customer_id").replace("SELECT 9", "SELECT 'c9'"))
    outcome = churn.run().assert_failed("SK-FEAT-003", exit_code=2)
    assert "'customer_id' is VARCHAR in feature_group.visits, and BIGINT in feature_group.spend" in outcome.output
    assert "seeknal/visits.yml:1:1" in outcome.output


def test_a_group_that_is_wrong_is_told_once(churn):
    churn.edit("seeknal/spend.yml", "ttl: 30d", "ttl: x")
    assert len(churn.run().assert_failed("SK-KEY-004", exit_code=2).errors) == 1


def test_a_spine_with_a_column_of_a_features_name_is_refused(churn):
    churn.edit("data/labels.csv", "churned", "churned,ORDERS").edit("data/labels.csv", "false", "false,9").edit(
        "data/labels.csv", "true", "true,9"
    )
    assert "the spine has a column 'orders' already" in churn.run().assert_failed("SK-FEAT-002").output
    churn.edit(SET, "label:", "full_names: true\nlabel:").run().assert_success()
    assert churn.columns("churn")[-3:] == ("ORDERS", "spend__orders", "spend__revenue")


def test_a_version_that_its_audits_rejected_is_told_apart(churn):
    churn.edit("seeknal/spend.yml", "ttl: 30d", "ttl: 90d").edit(SET, "label:", "audits: [{type: row_count, min: 99}]\nlabel:")
    churn.run().assert_failed("SK-AUDIT-010")
    versions = churn.cli("features", "describe", "churn", "--format", "json").assert_success().json()["versions"]
    assert [(v["current"], v["rejected"]) for v in versions] == [(False, True), (True, False)]
    assert "rejected by its audits" in churn.cli("features", "describe", "churn").stdout
    churn.edit("seeknal/spend.yml", "ttl: 90d", "ttl: 80d").edit(SET, "min: 99", "min: 1").run().assert_success()
    found = churn.cli("features", "stats", "churn", "--against", "previous", "--format", "json").assert_success().json()
    assert found["against"] == versions[1]["version"]


def test_every_version_outlives_the_janitor(churn):
    first = churn.cli("features", "describe", "churn", "--format", "json").json()["versions"][0]["version"]
    rows = churn.open().training_data("churn").num_rows
    churn.edit("seeknal/spend.yml", "ttl: 30d", "ttl: 90d").run().assert_success()
    clean = ("janitor", "--grace", "0h", "--keep-runs", "0", "--yes")
    churn.cli(*clean).assert_success()
    assert churn.open().training_data("churn", first).num_rows == rows
    churn.write("seeknal_project.yml", "name: shop\njanitor: {keep_training_sets: false}\n").cli(*clean).assert_success()
    churn.cli("features", "data", "churn", "--version", first).assert_failed("SK-FEAT-005", exit_code=2)


# Entities


def test_an_entity_is_one_view_of_the_newest_values_of_all_its_groups(churn):
    churn.write("seeknal/visits.yml", VISITS).run().assert_success()
    assert churn.columns("entity.customer") == (
        "customer_id", "spend__event_time", "spend__orders", "spend__revenue", "visits__seen_at", "visits__orders", "visits__last_page",
    )  # fmt: skip
    rows = sorted((r[0], r[2], r[3], r[5], r[6]) for r in churn.rows("entity.customer"))
    assert rows == [(1, 2, 30.0, None, "none"), (2, 1, 7.5, 7, "cart"), (9, 0, None, 1, "none")]
    with duckdb.connect(str(churn.root / "target/warehouse.duckdb"), read_only=True) as warehouse:
        assert warehouse.sql("SELECT count(*) FROM prod.entity_customer").fetchall() == [(3,)]
    assert churn.run().assert_success().built == set()


def test_an_entity_has_lineage(churn):
    found = churn.cli("lineage", "entity.customer.spend__revenue", "--format", "json", "--all").assert_success().json()
    assert {"node": "source.orders", "column": "revenue", "kind": "value"} in found["upstream"]


def test_other_nodes_can_read_an_entity(churn):
    churn.write("seeknal/top.sql", "SELECT customer_id FROM {{ ref('entity.customer') }} WHERE spend__orders > 1").run().assert_success()
    assert churn.rows("transform.top") == [(1,)]
    churn.edit("seeknal/spend.yml", "entity: customer", "entity: {name: client, join_keys: customer_id}")
    assert "unknown node 'entity.customer'" in churn.run().assert_failed("SK-REF-001", exit_code=2).output


def test_an_entity_goes_with_its_last_group(churn):
    churn.delete(SET).delete("seeknal/spend.yml").run().assert_success()
    assert "entity.customer" not in churn.open().nodes
    with duckdb.connect(str(churn.root / "target/warehouse.duckdb"), read_only=True) as warehouse:
        assert warehouse.sql("SELECT * FROM duckdb_views() WHERE view_name LIKE 'entity%'").fetchall() == []


@pytest.mark.parametrize("entity", ["{name: customer, join_keys: [id]}", "Customer"])
def test_groups_of_an_entity_agree_about_it(churn, entity):
    churn.write("seeknal/visits.yml", VISITS.replace("entity: customer", f"entity: {entity}"))
    outcome = churn.run().assert_failed("SK-FEAT-003", exit_code=2)
    assert "seeknal/visits.yml:1:1" in outcome.output or "seeknal/visits.yml:2:1" in outcome.output
