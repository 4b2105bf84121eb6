"""Environments on the command line: one journey, and what each command says."""

from __future__ import annotations

import duckdb
import pytest
from tests.cli.test_repl import Terminal

from seeknal.testing.other_process import this_process

ADULTS = "seeknal/adults.sql"


@pytest.fixture
def dev(shop):
    """Only those over forty, in dev."""
    shop.edit(ADULTS, "18", "40").run(environment="dev").assert_success()
    return shop


def test_journey_from_plan_to_rollback(everywhere):
    everywhere.edit(ADULTS, "18", "40")
    assert "The plan is saved" in everywhere.cli("plan", "dev").assert_success().stderr
    assert "2 built, 2 reused" in everywhere.cli("run", "--env", "dev").assert_success().stdout
    assert "Cid" in everywhere.cli("show", "adults", "--env", "dev").assert_success().stdout
    assert "Ann" in everywhere.cli("show", "adults").assert_success().stdout
    assert "removed     1" in everywhere.cli("table-diff", "adults", "--env", "prod", "--env", "dev").assert_success().stdout
    assert "would change 2 nodes (2 changed)" in everywhere.cli("promote", "dev", "--dry-run").assert_success().stdout
    assert "Promoted 'dev' to 'prod': 2 nodes (2 changed)." in everywhere.cli("promote", "dev", "--yes").assert_success().stdout
    assert "Ann" not in everywhere.cli("show", "adults").assert_success().stdout
    assert "0 built, 4 reused" in everywhere.cli("run").assert_success().stdout
    assert "'prod' went back: 2 nodes" in everywhere.cli("env", "rollback", "prod", "--yes").assert_success().stdout
    assert "Ann" in everywhere.cli("show", "adults").assert_success().stdout
    assert "'dev' is deleted" in everywhere.cli("env", "delete", "dev", "--yes").assert_success().stdout
    assert "dev" not in everywhere.cli("env", "list").assert_success().stdout


@pytest.mark.parametrize("command", [["apply", "dev"], ["env", "apply", "dev"], ["run", "--env", "dev"]])
def test_apply_is_run_in_that_environment(shop, command):
    shop.edit(ADULTS, "18", "40")
    shop.cli("env", "plan", "dev").assert_success()
    shop.edit(ADULTS, "40", "41")
    shop.cli(*command).assert_failed("SK-ENV-003", exit_code=2)
    assert "2 built, 2 reused" in shop.cli(*command, "--force").assert_success().stdout


def test_plan_as_json_names_its_base_and_says_whether_the_one_before_is_stale(shop):
    first = shop.cli("plan", "dev", "--format", "json").assert_success().json()
    assert (first["environment"], first["base"], first["stale"]) == ("dev", "prod", False)
    shop.edit(ADULTS, "18", "40")
    assert shop.cli("run", "--env", "dev", "--dry-run", "--format", "json").assert_success().json()["stale"] is True
    assert shop.cli("plan", "dev", "--format", "json").assert_success().json()["stale"] is True
    assert shop.cli("plan", "dev", "--format", "json").assert_success().json()["stale"] is False
    assert shop.cli("plan", "--format", "json").assert_success().json()["base"] is None


@pytest.mark.parametrize("command", [["promote", "dev"], ["env", "promote", "dev"], ["env", "delete", "dev"], ["env", "rollback", "prod"]])
def test_what_changes_something_is_not_done_unasked(dev, command):
    dev.open().promote("dev", "staging")
    if "rollback" in command:
        dev.open().promote("dev")
    before = dev.open().state.read().tables
    dev.cli(*command).assert_failed("SK-CLI-001", exit_code=2)
    dev.cli(*command, "--dry-run").assert_success()
    assert dev.open().state.read().tables == before


def test_refusals_have_a_code_a_hint_and_an_exit_code(dev):
    dev.cli("promote", "dve", "--yes").assert_failed("SK-ENV-001", exit_code=2)
    dev.cli("promote", "prod", "--yes").assert_failed("SK-ENV-006", exit_code=2)
    dev.cli("promote", "dev", "../x", "--yes").assert_failed("SK-ENV-002", exit_code=2)
    dev.cli("state", "unlock", "--env", "../../x").assert_failed("SK-ENV-002", exit_code=2)
    dev.cli("env", "delete", "prod", "--yes").assert_failed("SK-ENV-005", exit_code=2)
    dev.cli("env", "rollback", "prod", "--yes").assert_failed("SK-ENV-004", exit_code=2)
    for command in (
        ["show", "adults", "--env", "x"],
        ["diff", "--env", "x"],
        ["repl", "--env", "x", "-e", "SELECT 1"],
        ["env", "show", "x"],
    ):
        assert "there are: dev, prod" in dev.cli(*command).assert_failed("SK-ENV-001", exit_code=2).stderr
    with dev.open().state.lease("dev", this_process("busy")):
        for command in (["promote", "dev", "--yes"], ["run", "--env", "dev"], ["env", "delete", "dev", "--yes"], ["plan", "dev"]):
            assert "busy" in dev.cli(*command).assert_failed("SK-LOCK-001", exit_code=4).stderr
    dev.edit(ADULTS, "40", "1").run().assert_success()
    told = dev.cli("promote", "dev", "--dry-run").assert_failed("SK-ENV-007", exit_code=2)
    assert "seeknal run --env dev" in told.stderr


def test_promotion_as_json_is_one_document(dev):
    shown = dev.cli("promote", "dev", "--dry-run", "--format", "json").assert_success().json()
    assert (shown["source"], shown["target"], shown["done"], shown["refused"]) == ("dev", "prod", False, None)
    assert [(m["id"], m["change"], m["rows_before"], m["rows_after"]) for m in shown["moves"]] == [
        ("transform.adults", "changed", 2, 1),
        ("transform.spent", "changed", 2, 1),
    ]
    assert dev.cli("promote", "dev", "--yes", "--format", "json").assert_success().json()["done"] is True
    assert dev.cli("env", "rollback", "prod", "--yes", "--format", "json").assert_success().json()["done"] is True


def test_list_and_show_tell_how_it_stands(dev):
    dev.cli("plan", "other").assert_success()
    listed = {e["name"]: e for e in dev.cli("env", "list", "--format", "json").assert_success().json()}
    assert list(listed) == ["prod", "dev", "other"]
    assert [(e["status"], e["nodes"], e["differing"]) for e in listed.values()] == [("ready", 4, 0), ("ready", 4, 2), ("planned", 0, 0)]
    assert listed["prod"]["expires"] is None
    assert listed["other"]["plan"]["summary"]["reuse"] == 4
    shown = dev.cli("env", "show", "dev", "--format", "json").assert_success().json()
    assert {p["id"] for p in shown["pointers"] if p["key"] != p["prod_key"]} == {"transform.adults", "transform.spent"}
    assert "transform.adults" in dev.cli("env", "show", "dev").assert_success().stdout
    with dev.open().state.lease("dev", this_process("busy")):
        assert "running" in dev.cli("env", "list").assert_success().stdout


def test_failed_environment_is_shown_as_such(shop):
    shop.edit(ADULTS, "id, name", "id, name, CAST(name AS INTEGER) AS wrong")
    shop.cli("run", "--env", "dev").assert_exit(1)
    shown = shop.cli("env", "show", "dev", "--format", "json").assert_success().json()
    assert (shown["status"], shown["failed"]) == ("failed", ["transform.adults", "transform.spent"])
    shop.cli("promote", "dev", "--yes").assert_failed("SK-ENV-009", exit_code=1)


def test_retry_is_about_the_environments_own_last_run(shop):
    shop.edit(ADULTS, "id, name", "id, name, CAST(name AS INTEGER) AS wrong")
    shop.cli("run", "--env", "dev").assert_exit(1)
    assert "nothing to retry" in shop.cli("run", "--retry").assert_success().stderr
    shop.edit(ADULTS, ", CAST(name AS INTEGER) AS wrong", "")
    assert "2 reused" in shop.cli("run", "--env", "dev", "--retry").assert_success().stdout


def test_prompt_and_diff_are_about_the_environment_that_is_named(dev):
    asked = ["repl", "-e", "SELECT count(*) AS n FROM transform.adults", "--format", "json"]
    assert dev.cli(*asked).assert_success().json() == [{"n": 2}]
    assert dev.cli(*asked, "--env", "dev").assert_success().json() == [{"n": 1}]
    assert "transform.adults" in dev.cli("diff").assert_success().stdout
    assert dev.cli("diff", "--env", "dev").assert_success().stdout == ""


def test_what_is_not_built_in_an_environment_is_said_with_its_name(dev):
    dev.write("seeknal/more.sql", "SELECT 1 AS a").run().assert_success()
    told = dev.cli("show", "more", "--env", "dev").assert_failed("SK-RUN-002")
    assert "seeknal run --env dev --select '+transform.more'" in told.stderr


def test_rejected_rows_are_those_of_the_environment(shop):
    shop.write(ADULTS, "/* ---\naudits: [{type: row_count, min: 2}]\n--- */\n" + shop.read(ADULTS).replace("18", "40"))
    shop.cli("run", "--env", "dev").assert_exit(1)
    assert "Cid" in shop.cli("show", "adults", "--env", "dev", "--rejected").assert_success().stdout


def test_every_environments_outputs_are_verified(dev):
    key = dev.open().state.read().keys("dev")["transform.adults"]
    next(dev.root.glob(f"target/cache/transform/adults/{key}/part-*")).unlink()
    assert "transform.adults: missing" in dev.cli("state", "verify").assert_exit(1).stderr


@pytest.mark.parametrize(
    "command", [["run", "--env", ""], ["plan", ""], ["apply", ""], ["promote", "", "--yes"], ["promote", "dev", "", "--yes"]]
)
def test_empty_name_is_not_taken_for_prod(dev, command):
    """As it comes from `--env "$ENV"` where the variable is not set."""
    before = dev.open().state.read().tables
    dev.cli(*command).assert_failed(exit_code=2)
    assert dev.open().state.read().tables == before


@pytest.mark.parametrize(("answer", "code", "shown"), [("n", 1, "nothing was changed"), ("y", 0, "Promoted 'dev' to 'prod'")])
def test_on_a_terminal_a_promotion_is_asked_about(dev, answer, code, shown):
    before = dev.open().state.read().keys("prod")
    terminal = Terminal(dev.root, "promote", "dev")
    try:
        terminal.wait_for("Promote 'dev' to 'prod'? [y/N]")
        terminal.type(answer + "\r")
        terminal.wait_for(shown)
        assert terminal.exit_code() == code
    finally:
        terminal.close()
    assert (dev.open().state.read().keys("prod") == before) is (code != 0)


def test_warehouse_that_cannot_be_written_does_not_hide_that_prod_has_moved(dev):
    warehouse = dev.root / "target/warehouse.duckdb"
    warehouse.unlink()
    warehouse.mkdir()
    told = dev.cli("promote", "dev", "--yes").assert_failed(exit_code=1)
    assert "'prod' has moved, but the warehouse could not be brought in step" in told.stderr
    assert "Ann" not in dev.cli("show", "adults").assert_success().stdout
    warehouse.rmdir()
    dev.cli("run").assert_success()
    assert warehouse.is_file()


def test_damaged_warehouse_is_set_aside_by_a_promotion(dev):
    warehouse = dev.root / "target/warehouse.duckdb"
    warehouse.write_bytes(b"not a database")
    dev.cli("promote", "dev", "--yes").assert_success()
    assert warehouse.with_name("warehouse.duckdb.damaged").read_bytes() == b"not a database"
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM prod.transform_adults").fetchone() == (1,)


def test_rebuilding_the_state_waits_for_no_environment(dev):
    with dev.open().state.lease("dev", this_process("busy")):
        assert "busy" in dev.cli("state", "rebuild").assert_failed("SK-LOCK-001", exit_code=4).stderr
    dev.cli("state", "rebuild").assert_success()
    assert "0 built, 4 reused" in dev.cli("run", "--env", "dev").assert_success().stdout


def test_history_names_the_environment_of_a_run(dev):
    assert "dev" in dev.cli("history").assert_success().stdout.splitlines()[1]
