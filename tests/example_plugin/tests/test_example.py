"""What seeknal-example brings, tried as its users would."""

from __future__ import annotations

from seeknal_example.plugin import matches

ORDERS = {
    "data/web.csv": "id,amount\n1,10\n",
    "data/shop.csv": "amount,id,till\n20,2,A\n",
    "seeknal/web.yml": "kind: source\nname: web\ntype: csv\ntable: data/web.csv\n",
    "seeknal/shop.yml": "kind: source\nname: shop\ntype: csv\ntable: data/shop.csv\n",
    "seeknal/orders.yml": """
        kind: union
        name: orders
        of: [source.web, source.shop]
        """,
}


def test_values_that_do_not_match_fail(audits):
    rows = [{"email": "ann@example.org"}, {"email": "it's nobody"}, {"email": None}]
    assert audits.failing(matches, rows=rows, column="email", pattern="[^@ ]+@[^@ ]+").rows == [{"email": "it's nobody"}]


def test_pattern_is_text_and_not_sql(audits):
    assert audits.failing(matches, rows=[{"a": "it's"}], column="a", pattern=r"'\) or true --")
    assert not audits.failing(matches, rows=[{"a": "it's"}], column="a", pattern="it's")


def test_numbers_match_as_text(audits):
    assert audits.failing(matches, rows=[{"zip": 1234}, {"zip": 12345}], column="zip", pattern=r"\d{5}").count == 1


def test_projects_ask_for_the_audit_by_name(project):
    shop = project(ORDERS).write(
        "seeknal/web.yml",
        "kind: source\nname: web\ntype: csv\ntable: data/web.csv\naudits: [{type: matches, column: id, pattern: '[2-9]'}]\n",
    )
    assert "matches(id): 1 failing row" in shop.run().assert_failed("SK-AUDIT-010").output


def test_union_holds_the_rows_of_all(project):
    outcome = project(ORDERS).run().assert_success()
    assert sorted(outcome.rows("union.orders")) == [("source.shop", 2, 20, "A"), ("source.web", 1, 10, None)]


def test_union_follows_what_it_reads(project):
    shop = project(ORDERS)
    shop.run().assert_success()
    outcome = shop.edit("data/web.csv", "1,10", "1,11").run().assert_success()
    assert outcome.built == {"source.web", "union.orders"}


def test_reference_to_nothing_is_shown_where_it_stands(project):
    shop = project(ORDERS).edit("seeknal/orders.yml", "source.shop", "source.shpo")
    error = shop.run().assert_failed("SK-REF-001", exit_code=2).errors[0]
    assert (error.at.path, error.at.line, error.at.column) == ("seeknal/orders.yml", 3, 18)
    assert "source.shop" in error.hint


def test_union_of_one_is_refused(project):
    project(ORDERS).edit("seeknal/orders.yml", "source.web, ", "").run().assert_failed("SK-KEY-004", exit_code=2)
    project(ORDERS).edit("seeknal/orders.yml", "source.web", "source.shop").run().assert_failed("SK-KIND-002", exit_code=2)


def test_union_is_rendered_and_shown(project):
    shop = project(ORDERS)
    assert "union all by name" in shop.cli("render", "union.orders").assert_success().stdout.lower()
    assert shop.cli("list", "kind:union").assert_success().stdout.count("union.orders") == 1
