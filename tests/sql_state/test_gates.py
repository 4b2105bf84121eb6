"""What fails an audit of severity error is published nowhere, wherever the state is kept and however it is tried again."""

from __future__ import annotations

import duckdb
import pytest

NODES = """
    kind: source
    name: n
    type: csv
    table: data/n.csv
    ---
    kind: transform
    name: stored
    sql: SELECT * FROM {{ ref('n') }}
    audits: [{type: accepted_range, column: n, max: 10}]
    ---
    kind: transform
    name: seen
    materialized: view
    sql: SELECT n * 2 AS n FROM {{ ref('n') }}
    audits: [{type: accepted_range, column: n, max: 20}]
    ---
    kind: transform
    name: parted
    sql: SELECT * FROM {{ ref('n') }}
    audits: [{type: accepted_range, column: n, max: 10, on_failure: quarantine, max_rejected_rows: 1}]
    ---
    kind: rule
    name: few
    inputs: [{ref: n}]
    audits: [{type: row_count, max: 3}]
    """
CHECKED = ("stored", "seen", "parted")
TRIES = (["run"], ["run", "--full"], ["run", "--retry"], ["run", "--select", "stored seen parted few"], ["run", "--continue-on-error"])


@pytest.fixture
def shop(project, where):
    folder = project({"seeknal/n.yml": NODES, "data/n.csv": "n\n1\n2\n11\n"})
    folder.write("data/n.csv", "n\n1\n2\n")
    folder.cli("run", env=where).assert_exit(0)
    return folder


def published(folder, where, environment="prod"):
    with duckdb.connect(folder.root / "target/warehouse.duckdb", read_only=True) as connection:
        return {n: sorted(r[0] for r in connection.sql(f"SELECT n FROM {environment}.transform_{n}").fetchall()) for n in CHECKED}


GOOD = {"stored": [1, 2], "seen": [2, 4], "parted": [1, 2]}


def test_running_again_never_gets_round_an_audit(shop, where):
    shop.write("data/n.csv", "n\n1\n2\n11\n12\n")
    for arguments in TRIES:
        done = shop.cli(*arguments, "--format", "json", env=where)
        assert done.exit_code in (1, 3), str(done)
    found = {n["id"]: n["status"] for n in done.json()["nodes"]}
    assert [found[n] for n in ("transform.stored", "transform.seen", "transform.parted", "rule.few")] == ["failed"] * 4
    assert published(shop, where)["stored"] == GOOD["stored"]
    assert published(shop, where)["parted"] == GOOD["parted"]
    assert shop.cli("audit", "--format", "json", env=where).exit_code == 1  # the source's rows are there, and a view reads them
    shop.write("data/n.csv", "n\n1\n2\n")
    shop.cli("run", env=where).assert_exit(0)
    assert published(shop, where) == GOOD


def test_what_fails_in_an_environment_is_not_promoted(shop, where):
    shop.write("data/n.csv", "n\n1\n2\n11\n12\n")
    shop.cli("run", "--env", "dev", "--continue-on-error", env=where).assert_exit(3)
    shop.cli("promote", "dev", "--yes", env=where).assert_failed("SK-ENV-009", exit_code=1)
    assert published(shop, where) == GOOD


def test_an_audit_that_was_made_stricter_keeps_what_was_run_before_from_being_promoted(shop, where):
    shop.write("data/n.csv", "n\n1\n3\n")
    shop.cli("run", "--env", "dev", env=where).assert_exit(0)
    shop.edit("seeknal/n.yml", "max: 10}]", "max: 2}]")
    shop.cli("promote", "dev", "--yes", env=where).assert_failed("SK-ENV-010", exit_code=1)
    assert published(shop, where) == GOOD


def test_warnings_and_rows_set_aside_are_promoted(shop, where):
    shop.edit("seeknal/n.yml", "max: 10}]", "max: 10, error_if: '> 5', warn_if: '> 0'}]").edit(
        "seeknal/n.yml", "max: 20}]", "max: 20, severity: warn}]"
    )
    shop.write("data/n.csv", "n\n1\n2\n11\n")
    shop.cli("run", "--env", "dev", env=where).assert_exit(0)
    shop.cli("promote", "dev", "--yes", env=where).assert_exit(0)
    assert published(shop, where) == {"stored": [1, 2, 11], "seen": [2, 4, 22], "parted": [1, 2]}
