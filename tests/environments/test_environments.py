"""Environments: what they begin with, what they share, how they end; and promotion, all of it or nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from seeknal.errors import LockedError, NodeError, ProjectError, StateError
from seeknal.state.model import Change
from seeknal.testing.other_process import this_process

ADULTS = "seeknal/adults.sql"
AUDITED = """
    /* ---
    audits: [{type: row_count, min: 2}]
    --- */
    SELECT id, name FROM {{ ref('source.users') }} WHERE age >= 18
    """


def grown_up(folder, age=40):
    """Only those of at least that age, in dev."""
    folder.edit(ADULTS, "18", str(age))
    return folder.run(environment="dev").assert_success()


def keys(folder, environment):
    return folder.open().state.read().keys(environment)


def row(folder, environment):
    return folder.open().state.read().environment(environment)


def promote(folder, *names, **options):
    return folder.open().promote(*(names or ("dev",)), **options)


def names(folder, environment):
    return folder.open().rows("adults", environment=environment).rows


def change_row(folder, environment, **values):
    """As if that had come about."""
    state = folder.open().state
    document = {**state.read().tables["environments"][environment], **values}
    with state.lease(environment, this_process("test")) as lease:
        state.commit([Change("environments", environment, document)], lease)


# Beginning, sharing


def test_new_environment_is_what_prod_is_and_builds_nothing(shop):
    outcome = shop.run(environment="dev").assert_success()
    assert outcome.built == set()
    assert outcome.result.environment == "dev"
    assert keys(shop, "dev") == keys(shop, "prod")


def test_environment_builds_what_changed_and_leaves_prod_alone(everywhere):
    before = keys(everywhere, "prod")
    outcome = grown_up(everywhere)
    assert outcome.built == {"transform.adults", "transform.spent"}
    assert keys(everywhere, "prod") == before
    assert names(everywhere, "prod") == [(1, "Ann"), (3, "Cid")]
    assert names(everywhere, "dev") == [(3, "Cid")]


def test_output_of_another_environment_is_reused(shop):
    grown_up(shop)
    assert shop.run(environment="staging").assert_success().built == set()
    assert keys(shop, "staging") == keys(shop, "dev")
    assert shop.run().assert_success().built == set()
    assert keys(shop, "prod") == keys(shop, "dev")


def test_going_back_in_an_environment_is_free(shop):
    grown_up(shop)
    shop.edit(ADULTS, "40", "18")
    assert shop.run(environment="dev").assert_success().built == set()
    assert keys(shop, "dev") == keys(shop, "prod")


def test_project_that_was_never_run_in_prod_begins_with_nothing(project):
    folder = project({"seeknal/a.sql": "SELECT 1 AS a"})
    assert folder.run(environment="dev").assert_success().built == {"transform.a"}
    assert keys(folder, "prod") == {}
    assert promote(folder).done
    assert folder.rows("a") == [(1,)]
    assert folder.run().assert_success().built == set()


def test_environments_have_schemas_of_their_own_in_the_warehouse(shop):
    grown_up(shop)
    with duckdb.connect(str(shop.root / "target/warehouse.duckdb"), read_only=True) as warehouse:
        assert warehouse.execute("SELECT count(*) FROM prod.transform_adults").fetchall() == [(2,)]
        assert warehouse.execute("SELECT count(*) FROM dev.transform_adults").fetchall() == [(1,)]


def test_removed_node_leaves_the_environment_and_on_promotion_prod(shop):
    shop.delete("seeknal/spent.sql").run(environment="dev").assert_success()
    assert "transform.spent" not in keys(shop, "dev")
    assert [(m.id, m.change) for m in promote(shop).moves] == [("transform.spent", "removed")]
    assert "transform.spent" not in keys(shop, "prod")


def test_exposures_are_written_by_runs_of_prod_only(shop):
    shop.write("seeknal/report.yml", "kind: exposure\nname: report\ntype: file\nparams: {path: out/report.csv}\ninputs: [{ref: adults}]\n")
    shop.run().assert_success()
    before = shop.read("out/report.csv")
    outcome = grown_up(shop)
    assert (outcome.status("exposure.report"), outcome.reason("exposure.report")) == ("skipped", "written in prod only")
    assert shop.open().plan(environment="dev").decisions["exposure.report"].reason == "written in prod only"
    done = promote(shop)
    assert done.exposures == ("exposure.report",)
    assert shop.read("out/report.csv") == before
    assert shop.run().assert_success().built == {"exposure.report"}
    assert "Ann" not in shop.read("out/report.csv")


# Promotion


def test_promotion_swaps_every_pointer_and_builds_nothing(everywhere):
    grown_up(everywhere)
    dev = keys(everywhere, "dev")
    done = promote(everywhere)
    assert done.done
    assert [(m.id, m.change) for m in done.moves] == [("transform.adults", "changed"), ("transform.spent", "changed")]
    assert keys(everywhere, "prod") == dev
    assert names(everywhere, "prod") == [(3, "Cid")]
    assert everywhere.run().assert_success().built == set()
    with duckdb.connect(str(everywhere.root / "target/warehouse.duckdb"), read_only=True) as warehouse:
        assert warehouse.execute("FROM prod.transform_adults").fetchall() == [(3, "Cid")]


def test_promoting_again_changes_nothing(shop):
    grown_up(shop)
    promote(shop)
    before = shop.open().state.read()
    assert promote(shop).moves == ()
    assert shop.open().state.read().serial == before.serial


def test_dry_run_changes_nothing(shop):
    grown_up(shop)
    before = shop.open().state.read().tables
    shown = promote(shop, dry_run=True)
    assert (len(shown.moves), shown.done, shown.refusal) == (2, False, None)
    assert shop.open().state.read().tables == before


def test_described_nodes_move_without_their_outputs_changing(shop):
    shop.write("seeknal/adults.sql", "/* ---\nowner: ann\n--- */\n" + shop.read(ADULTS))
    assert shop.run(environment="dev").assert_success().built == set()
    assert [(m.id, m.change) for m in promote(shop).moves] == [("transform.adults", "described")]


def test_target_that_has_moved_meanwhile_is_a_conflict(everywhere):
    grown_up(everywhere)
    everywhere.edit(ADULTS, "40", "1").run().assert_success()
    before = keys(everywhere, "prod")
    with pytest.raises(
        ProjectError, match=r"has moved since 'dev' was run .*: transform\.adults, transform\.spent; nothing was promoted"
    ) as caught:
        promote(everywhere)
    assert caught.value.code == "SK-ENV-007"
    assert keys(everywhere, "prod") == before
    assert promote(everywhere, dry_run=True).refusal.code == "SK-ENV-007"
    everywhere.edit(ADULTS, ">= 1", ">= 40")
    assert everywhere.run(environment="dev").assert_success().built == set()
    assert promote(everywhere).done


def test_both_moving_to_the_same_is_no_conflict(shop):
    grown_up(shop)
    shop.run().assert_success()
    assert promote(shop).moves == ()


def test_new_data_in_prod_is_not_taken_back_by_a_promotion(shop):
    grown_up(shop)
    shop.write("data/orders.csv", "id,user_id,amount\n10,1,5.5\n13,3,7.0\n")
    shop.edit(ADULTS, "40", "18").run().assert_success()
    with pytest.raises(ProjectError, match=r"source\.orders"):
        promote(shop)


def test_failed_run_is_not_promoted(shop):
    shop.write(ADULTS, AUDITED).run().assert_success()
    before = keys(shop, "prod")
    shop.edit(ADULTS, "18", "40").run(environment="dev").assert_failed("SK-AUDIT-010")
    with pytest.raises(StateError, match=r"failed at transform\.adults, transform\.spent: nothing was promoted") as caught:
        promote(shop)
    assert (caught.value.code, caught.value.exit_code) == ("SK-ENV-009", 1)
    assert keys(shop, "prod") == before
    assert names(shop, "dev") == [(1, "Ann"), (3, "Cid")]
    shop.edit(ADULTS, "min: 2", "min: 1").run(environment="dev").assert_success()
    assert promote(shop).done


def test_run_that_was_cut_off_is_not_promoted(shop):
    grown_up(shop)
    change_row(shop, "dev", progress="running")
    with pytest.raises(StateError, match="cut off"):
        promote(shop)
    shop.run(environment="dev").assert_success()
    assert promote(shop).done


def test_audit_that_was_added_later_is_run_before_promotion(shop):
    grown_up(shop)
    shop.write(ADULTS, AUDITED.replace("18", "40"))
    with pytest.raises(NodeError, match=r"audits of transform\.adults have changed") as caught:
        promote(shop)
    assert caught.value.code == "SK-ENV-010"
    shop.run(environment="dev").assert_failed("SK-AUDIT-010")
    change_row(shop, "dev", progress="ready", failed=[])
    with pytest.raises(NodeError, match=r"transform\.adults fails its audit"):
        promote(shop)


def test_audit_that_asks_the_time_does_not_stand_in_the_way(shop):
    later = "{type: custom_sql, sql: 'SELECT 1 WHERE current_date < DATE ''2000-01-01'''}"
    shop.write(ADULTS, AUDITED.replace("{type: row_count, min: 2}", later).replace("18", "40"))
    shop.run(environment="dev").assert_success()
    assert promote(shop).done


def test_part_of_a_change_is_not_promoted(shop):
    shop.edit(ADULTS, "18", "40")
    shop.run("adults", environment="dev").assert_success()
    with pytest.raises(StateError, match=r"transform\.spent in 'dev' was made from another transform\.adults") as caught:
        promote(shop)
    assert caught.value.code == "SK-ENV-009"
    shop.run(environment="dev").assert_success()
    assert promote(shop).done


def test_selected_nodes_that_stand_alone_are_promoted(shop):
    shop.edit("seeknal/spent.sql", "sum", "max")
    shop.run("spent", environment="dev").assert_success()
    assert [m.id for m in promote(shop).moves] == ["transform.spent"]


def test_output_that_is_gone_is_not_promoted(shop):
    grown_up(shop)
    for path in shop.root.glob(f"target/cache/transform/adults/{keys(shop, 'dev')['transform.adults']}/part-*"):
        path.unlink()
    with pytest.raises(NodeError, match=r"the output of transform\.adults is missing: nothing was promoted"):
        promote(shop)
    shop.run(environment="dev").assert_success()
    assert promote(shop).done


def test_promotion_to_another_environment_and_on(shop):
    grown_up(shop)
    assert promote(shop, "dev", "staging").done
    assert keys(shop, "staging") == keys(shop, "dev")
    shop.edit(ADULTS, "40", "44")
    shop.run(environment="dev").assert_success()
    assert promote(shop, "dev", "staging").done
    assert promote(shop, "staging").done
    assert keys(shop, "prod") == keys(shop, "dev")


def test_other_target_that_has_moved_is_a_conflict(shop):
    grown_up(shop)
    promote(shop, "dev", "staging")
    shop.edit(ADULTS, "40", "44").run(environment="dev").assert_success()
    shop.edit(ADULTS, "44", "1").run(environment="staging").assert_success()
    with pytest.raises(ProjectError, match="'staging' has moved"):
        promote(shop, "dev", "staging")


def test_environment_in_use_is_neither_promoted_nor_promoted_to(everywhere):
    grown_up(everywhere)
    for environment in ("dev", "prod"):
        with everywhere.open().state.lease(environment, this_process("busy")), pytest.raises(LockedError, match="busy"):
            promote(everywhere)
    assert promote(everywhere).done


def test_something_else_than_was_agreed_to_is_not_promoted(shop):
    from seeknal.run.promotion import preview
    from seeknal.run.promotion import promote as swap

    grown_up(shop)
    agreed = preview(shop.open(), "dev")
    shop.edit(ADULTS, "40", "44").run(environment="dev").assert_success()
    with pytest.raises(ProjectError, match="moved while you were asked"):
        swap(shop.open(), "dev", expected=agreed)


# Going back


def test_rollback_goes_back_and_forth_and_builds_nothing(everywhere):
    before = keys(everywhere, "prod")
    grown_up(everywhere)
    promote(everywhere)
    after = keys(everywhere, "prod")
    shown = everywhere.open().rollback("prod", dry_run=True)
    assert [m.id for m in shown.moves] == ["transform.adults", "transform.spent"]
    assert keys(everywhere, "prod") == after
    for expected in (before, after, before):
        assert everywhere.open().rollback("prod").done
        assert keys(everywhere, "prod") == expected
    assert names(everywhere, "prod") == [(1, "Ann"), (3, "Cid")]


def test_rollback_after_a_run_restores_all_as_it_was_before_the_promotion(shop):
    shop.write("seeknal/extra.sql", "SELECT 1 AS one").run().assert_success()
    before = keys(shop, "prod")
    grown_up(shop)
    promote(shop)
    shop.write("data/orders.csv", "id,user_id,amount\n10,3,1.0\n").delete("seeknal/extra.sql").write("seeknal/more.sql", "SELECT 2 AS two")
    shop.run().assert_success()
    shop.open().rollback("prod")
    assert keys(shop, "prod") == before


def test_only_what_was_promoted_last_is_gone_back_from(shop):
    grown_up(shop)
    promote(shop)
    first = keys(shop, "prod")
    grown_up_more = shop.edit(ADULTS, "40", "44").run(environment="dev")
    grown_up_more.assert_success()
    promote(shop)
    shop.open().rollback("prod")
    assert keys(shop, "prod") == first


def test_nothing_to_go_back_to_is_said(shop):
    with pytest.raises(ProjectError, match="nothing was promoted") as caught:
        shop.open().rollback("prod")
    assert caught.value.code == "SK-ENV-004"


def test_what_was_taken_back_is_promoted_again_only_after_a_look(shop):
    grown_up(shop)
    promote(shop)
    shop.open().rollback("prod")
    with pytest.raises(ProjectError, match="'prod' has moved"):
        promote(shop)
    assert shop.run(environment="dev").assert_success().built == set()
    assert promote(shop).done


# Ending


def test_environment_lives_for_its_ttl_and_a_run_prolongs_it(project):
    folder = project({"seeknal_project.yml": "name: t\nenvironments: {ttl: 2h}\n", "seeknal/a.sql": "SELECT 1 AS a"})
    folder.run(environment="dev").assert_success()
    left = datetime.fromisoformat(row(folder, "dev").expires) - datetime.now(UTC)
    assert timedelta(hours=1, minutes=58) < left <= timedelta(hours=2)
    change_row(folder, "dev", expires="2020-01-01T00:00:00Z")
    assert row(folder, "dev").is_expired(datetime.now(UTC))
    folder.run(environment="dev").assert_success()
    assert not row(folder, "dev").is_expired(datetime.now(UTC))


def test_prod_does_not_expire(shop):
    assert row(shop, "prod").expires is None


def test_expired_environment_is_not_promoted_before_it_is_run_again(shop):
    grown_up(shop)
    change_row(shop, "dev", expires="2020-01-01T00:00:00Z")
    with pytest.raises(ProjectError, match="expired") as caught:
        promote(shop)
    assert caught.value.code == "SK-ENV-008"
    shop.run(environment="dev").assert_success()
    assert promote(shop).done


def test_deleted_environment_is_gone_and_what_others_share_stays(everywhere):
    grown_up(everywhere)
    everywhere.open().plan(environment="dev", save=True)
    assert everywhere.open().delete_environment("dev") == 4
    tables = everywhere.open().state.read().tables
    assert [k for t in ("environments", "pointers", "plans", "previous") for k in tables[t] if k.startswith("dev")] == []
    assert names(everywhere, "prod") == [(1, "Ann"), (3, "Cid")]
    with duckdb.connect(str(everywhere.root / "target/warehouse.duckdb"), read_only=True) as warehouse:
        assert warehouse.execute("SELECT DISTINCT schema_name FROM duckdb_views() WHERE NOT internal").fetchall() == [("prod",)]
    with pytest.raises(ProjectError, match="unknown environment"):
        names(everywhere, "dev")
    assert everywhere.run(environment="dev").assert_success().built == set()


def test_environment_in_use_is_not_deleted(shop):
    grown_up(shop)
    with shop.open().state.lease("dev", this_process("busy")), pytest.raises(LockedError, match="busy"):
        shop.open().delete_environment("dev")
    assert keys(shop, "dev")


def test_prod_and_unknown_environments_are_not_deleted(shop):
    with pytest.raises(ProjectError, match="prod cannot be deleted"):
        shop.open().delete_environment("prod")
    with pytest.raises(ProjectError, match="unknown environment"):
        shop.open().delete_environment("dve")


# Names


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../dev",
        "a/b",
        "/tmp/x",
        "dev\\x",
        "dév",
        "开发",
        "de v",
        "dev\n",
        "-dev",
        "7",
        "a" * 64,
        "main",
        "temp",
        "NUL",
        "com1",
        "Prod",
        "PROD",
    ],
)
def test_names_that_cannot_be_environments_are_refused_before_anything_is_written(shop, name):
    files = sorted(p for p in shop.root.rglob("*"))
    shop.run(environment=name or " ").assert_failed("SK-ENV-002", exit_code=2)
    for attempt in (
        lambda p: p.plan(environment=name or " ", save=True),
        lambda p: p.promote("prod-x", name or " "),
        lambda p: p.delete_environment(name or " "),
        lambda p: p.rollback(name or " "),
    ):
        with pytest.raises(ProjectError):
            attempt(shop.open())
    assert sorted(p for p in shop.root.rglob("*")) == files


def test_names_that_differ_by_case_only_are_refused(shop):
    grown_up(shop)
    shop.run(environment="Dev").assert_failed("SK-ENV-002", exit_code=2)
    assert "there is 'dev'" in shop.run(environment="DEV").output


@pytest.mark.parametrize("name", ["dev", "pr_17", "feature-x", "_x", "D", "a" * 63, "default", "select"])
def test_names_that_can_be_environments(shop, name):
    shop.run(environment=name).assert_success()
    assert names(shop, name) == [(1, "Ann"), (3, "Cid")]


@pytest.mark.parametrize(("source", "target"), [("prod", "prod"), ("prod", "dev"), ("dev", "dev")])
def test_promotions_that_make_no_sense_are_refused(shop, source, target):
    grown_up(shop)
    with pytest.raises(ProjectError) as caught:
        promote(shop, source, target)
    assert caught.value.code == "SK-ENV-006"


def test_unknown_environment_is_not_promoted(shop):
    grown_up(shop)
    with pytest.raises(ProjectError, match="unknown environment 'dve'") as caught:
        promote(shop, "dve")
    assert caught.value.hint == "did you mean 'dev'?"
