"""Sets of views, planned as a whole."""

import time
from dataclasses import replace

import pytest

from seeknal_starrocks import serving
from seeknal_starrocks.ddl import Distribution, Refresh
from seeknal_starrocks.serving import Definition
from seeknal_starrocks.views import Views

EVERY = Refresh(every=(5, "MINUTE"))
REVENUE = Definition(
    "mv_revenue", "SELECT region, sum(amount) AS revenue FROM orders GROUP BY region", EVERY, distribution=Distribution(("region",))
)
ORDERS = Definition("mv_orders", "SELECT region, count(*) AS orders FROM orders GROUP BY region", EVERY)
RATIO = Definition(
    "average_order",
    "SELECT r.region, r.revenue / o.orders AS average_order FROM mv_revenue AS r JOIN mv_orders AS o ON r.region = o.region",
    reads=("mv_revenue", "mv_orders"),
    comment="Revenue an order",
)
ALL = (RATIO, REVENUE, ORDERS)


@pytest.fixture
def views(driver, run):
    run("CREATE TABLE orders (id INT, region VARCHAR(20), amount INT)", "INSERT INTO orders VALUES (1, 'a', 10), (2, 'b', 20), (3, 'a', 5)")
    with driver.connected() as connection:
        yield Views(driver.login, connection)


def deploy(views, definitions, **options):
    steps = serving.plan(definitions, "analytics", serving.found_in(views, "analytics"), "shop", **options)
    serving.apply(views, steps)
    return {s.name: s.action for s in steps}


def test_views_are_made_after_what_they_read_and_left_alone_from_then_on(views, driver, standin):
    assert deploy(views, ALL) == {"mv_revenue": "create", "mv_orders": "create", "average_order": "create"}
    assert sorted(r["average_order"] for r in driver.read("SELECT * FROM average_order").read_all().to_pylist()) == [7.5, 20.0]
    standin.statements.clear()
    assert set(deploy(views, ALL).values()) == {"leave"}
    assert not [s for s in standin.statements if s.startswith(("CREATE", "DROP", "ALTER"))]


def test_a_changed_definition_is_dropped_and_created_with_what_reads_it(views):
    deploy(views, ALL)
    changed = replace(REVENUE, refresh=Refresh(every=(9, "MINUTE")))
    assert deploy(views, (RATIO, changed, ORDERS)) == {"mv_revenue": "replace", "mv_orders": "leave", "average_order": "replace"}


def test_nothing_is_dropped_for_a_query_that_the_server_would_refuse(views, standin, fails):
    deploy(views, ALL)
    with fails("SK-SR-001", "nosuch", "EXPLAIN"):
        deploy(views, (RATIO, replace(REVENUE, query="SELECT nosuch FROM orders"), ORDERS))
    assert {n[1] for n, _ in standin.relations() if n[0] == "analytics"} == {"orders", "mv_revenue", "mv_orders", "average_order"}


def test_only_marked_views_are_pruned(views, run, standin):
    deploy(views, ALL)
    run("CREATE VIEW theirs AS SELECT 1 AS a")
    assert deploy(views, (REVENUE,), prune=True) == {"mv_revenue": "leave", "average_order": "drop", "mv_orders": "drop"}
    assert {n[1] for n, _ in standin.relations() if n[0] == "analytics"} == {"orders", "mv_revenue", "theirs"}


def test_what_exposures_and_other_projects_made_is_theirs(views, run, fails):
    run("CREATE VIEW exposed COMMENT 'seeknal:0123456789abcdef' AS SELECT 1 AS a")
    run("CREATE VIEW mv_orders COMMENT 'seeknal:other:0123456789abcdef' AS SELECT 1 AS a")
    assert deploy(views, (REVENUE,), prune=True) == {"mv_revenue": "create"}
    with fails("SK-SR-002", "mv_orders"):
        deploy(views, (ORDERS,))


def test_a_name_of_somebody_else_stops_everything_before_anything_is_done(views, run, standin, fails):
    run("CREATE VIEW mv_orders AS SELECT 1 AS a")
    standin.statements.clear()
    with fails("SK-SR-002", "mv_orders"):
        deploy(views, ALL)
    assert not [s for s in standin.statements if s.startswith(("CREATE", "DROP"))]


def test_a_refused_statement_is_named_and_the_next_time_goes_on(views, standin, fails):
    standin.refuse["mv_orders` COMMENT"] = (1064, "no resources")
    with fails("SK-SR-001", "no resources", "mv_orders"):
        deploy(views, ALL)
    standin.refuse.clear()
    assert deploy(views, ALL) == {"mv_revenue": "leave", "mv_orders": "create", "average_order": "create"}


def test_circles_are_refused(views, fails):
    with fails("SK-CONN-009", "circle"):
        deploy(views, (Definition("a", "SELECT 1 AS a", reads=("b",)), Definition("b", "SELECT 1 AS a", reads=("a",))))


def test_two_hundred_views_are_planned_in_two_questions_and_a_second(views, standin):
    many = [replace(REVENUE, name=f"mv_{n}") for n in range(200)]
    standin.statements.clear()
    begun = time.process_time()
    steps = serving.plan(many, "analytics", serving.found_in(views, "analytics"), "shop")
    assert len(steps) == 200
    assert len(standin.statements) == 2
    assert time.process_time() - begun < 1
