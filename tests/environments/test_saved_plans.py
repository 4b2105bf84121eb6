"""Plans of environments: saved, run as they were, and refused once they no longer hold."""

from __future__ import annotations

import pytest

from seeknal.errors import LockedError
from seeknal.testing.other_process import this_process

ADULTS = "seeknal/adults.sql"


def plan(folder, environment="dev", *, save=True, **options):
    return folder.open().plan(environment=environment, save=save, **options)


def saved(folder):
    return set(folder.open().state.read().tables["plans"])


def test_plan_of_a_new_environment_compares_with_prod(shop):
    shop.edit(ADULTS, "18", "40")
    found = plan(shop)
    assert (found.environment, found.base, found.stale) == ("dev", "prod", ())
    assert {n for n, d in found.decisions.items() if d.action == "build"} == {"transform.adults", "transform.spent"}
    assert shop.open().state.read().environments() == ["prod"], "a plan makes no environment"


def test_plan_of_an_environment_compares_with_what_it_holds(shop):
    shop.edit(ADULTS, "18", "40").run(environment="dev").assert_success()
    assert plan(shop).changes == {}
    assert set(plan(shop, "prod", save=False).changes) == {"transform.adults", "transform.spent"}


def test_saved_plan_is_run_once(everywhere):
    everywhere.edit(ADULTS, "18", "40")
    plan(everywhere)
    assert saved(everywhere) == {"dev"}
    assert everywhere.run(environment="dev").assert_success().built == {"transform.adults", "transform.spent"}
    assert saved(everywhere) == set()
    assert everywhere.open().state.read().environment("dev").plan
    assert everywhere.run(environment="dev").assert_success().built == set()


def test_saved_selection_is_run(shop):
    shop.edit(ADULTS, "18", "40").edit("seeknal/spent.sql", "sum", "max")
    plan(shop, selected=frozenset(["transform.adults"]))
    outcome = shop.run(environment="dev").assert_success()
    assert (outcome.built, outcome.reason("transform.spent")) == ({"transform.adults"}, "not selected")


def test_selection_of_its_own_leaves_the_saved_plan_alone(shop):
    shop.edit(ADULTS, "18", "40")
    plan(shop)
    assert shop.run("spent", environment="dev").assert_success().built == set()
    assert saved(shop) == {"dev"}


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (lambda s: s.edit(ADULTS, "40", "41"), "the project changed: transform.adults"),
        (lambda s: s.write("seeknal/more.sql", "SELECT 1 AS a"), "the project changed: transform.more"),
        (lambda s: s.delete("seeknal/spent.sql"), "the project changed: transform.spent"),
        (lambda s: s.write(ADULTS, "/* ---\nowner: ann\n--- */\n" + s.read(ADULTS)), "the project changed: transform.adults"),
        (lambda s: s.write("data/users.csv", "id,name,age\n1,Ann,50\n").run("users"), "'prod' has moved: source.users"),
        (lambda s: s.run("adults", environment="dev"), "'dev' has moved: transform.adults"),
    ],
)
def test_plan_that_no_longer_holds_is_refused_with_what_moved(shop, what, said):
    shop.edit(ADULTS, "18", "40")
    plan(shop)
    what(shop)
    outcome = shop.run(environment="dev").assert_failed("SK-ENV-003", exit_code=2)
    assert said in outcome.output
    assert any(said in text for text in plan(shop, save=False).stale)
    assert shop.run(environment="dev", force=True).assert_success()


def test_formatting_and_comments_leave_a_plan_as_it_is(shop):
    shop.edit(ADULTS, "18", "40")
    plan(shop)
    shop.edit(ADULTS, "SELECT id", "-- those who may buy\nselect   id")
    assert plan(shop, save=False).stale == ()
    shop.run(environment="dev").assert_success()


def test_new_data_of_a_source_leaves_a_plan_as_it_is(shop):
    plan(shop)
    shop.write("data/users.csv", "id,name,age\n1,Ann,50\n")
    assert "source.users" in shop.run(environment="dev").assert_success().built


def test_planning_again_replaces_the_stale_plan_and_says_so(shop):
    plan(shop)
    shop.edit(ADULTS, "18", "40")
    assert plan(shop).stale == ("the project changed: transform.adults, transform.spent",)
    assert plan(shop).stale == ()
    shop.run(environment="dev").assert_success()


def test_run_that_names_no_environment_heeds_no_plan(shop):
    plan(shop, "prod")
    shop.edit(ADULTS, "18", "40")
    shop.run(environment="prod").assert_failed("SK-ENV-003")
    shop.run().assert_success()


def test_plan_is_not_saved_while_a_run_is_at_it(everywhere):
    with everywhere.open().state.lease("dev", this_process("busy")):
        with pytest.raises(LockedError, match="busy"):
            plan(everywhere)
        assert plan(everywhere, save=False).counts["build"] == 0


def test_plan_for_another_time_is_not_saved_and_says_so(shop):
    assert "The plan is not saved" in shop.cli("plan", "dev", "--now", "2026-01-01").assert_success().stderr
    assert not shop.open().state.read().tables["plans"]


def test_output_that_exists_and_is_not_published_is_no_nothing_to_do(shop):
    shop.edit(ADULTS, "18", "40").run(environment="dev").assert_success()
    shown = shop.cli("plan").assert_success().stdout
    assert "= publish    transform.adults  (content changed; its output exists)" in shown
    assert shown.endswith("Plan for 4 nodes: 0 to build, 0 may build, 2 up to date, 2 to publish.\n")
    assert "Nothing to do" in shop.cli("plan", "dev").assert_success().stdout
