"""What is wrong with a test is said at its place, all of it at once, and with a hint."""

from __future__ import annotations

import pytest
from tests.unit_tests.conftest import only, outcomes

INPUTS = "inputs: {source.orders: [{id: 1, user_id: 1, amount: 2, day: 2026-01-01}], source.users: [{id: 1, country: ID}]}\n"
PAID = f"name: t\nnode: paid\n{INPUTS}"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("name: t\nnode: payd\nexpect: {row_count: 1}\n", [("SK-REF-001", "2:7", "did you mean 'paid'?")]),
        (f"{PAID}expect: {{rowcount: 1}}\n", [("SK-KEY-001", "4:10", "did you mean 'row_count'?")]),
        ("name: t\nnode: payd\nexpect: {rows: 1}\n", [("SK-REF-001", "2:7", None), ("SK-KEY-003", "3:16", None)]),
        (f"{PAID}expect: {{}}\n", [("SK-TEST-004", "4:1", None)]),
        (f"{PAID}expect: {{row_count: -1}}\n", [("SK-KEY-004", "4:21", None)]),
        (f"{PAID}", [("SK-KEY-002", "1:1", None)]),
        (f"{PAID}now: then\nexpect: {{row_count: 1}}\n", [("SK-KEY-004", "4:6", None)]),
        ("name: a b\nnode: paid\nexpect: {row_count: 1}\n", [("SK-KEY-004", "1:7", None)]),
        (
            "name: t\nnode: paid\ninputs:\n  source.orders: [{id: 1}]\n  totals: [{id: 1}]\nexpect: {row_count: 1}\n",
            [("SK-TEST-001", "3:1", None), ("SK-TEST-002", "5:3", "it reads source.orders, source.users")],
        ),
        (f"{PAID}expect: {{ctes: {{bigg: {{row_count: 1}}}}}}\n", [("SK-TEST-008", "4:17", "did you mean 'big'?")]),
        (f"{PAID}expect: {{ctes: {{big: {{}}}}}}\n", [("SK-TEST-004", "4:17", None)]),
        (f"{PAID}expect: {{rows: [], csv: a}}\n", [("SK-TEST-004", "4:1", None)]),
        (f"{PAID}expect: [{{id: 1, contry: ID, amount: 2, day: 2026-01-01}}]\n", [("SK-TEST-008", "4:18", None)]),
        (f"{PAID.replace('country', 'contry')}expect: {{row_count: 1}}\n", [("SK-TEST-002", "3:99", "did you mean 'country'?")]),
        (f"{PAID.replace('amount', 'amuont')}expect: {{row_count: 1}}\n", [("SK-TEST-002", "3:46", "did you mean 'amuont'?")]),
        (f"{PAID.replace('amount: 2', 'amount: [2')}expect: {{row_count: 1}}\n", [("SK-YAML-001", None, None)]),
        ("- a\n", [("SK-YAML-007", "1:1", None)]),
        ("", [("SK-YAML-008", "1:1", None)]),
        ("name: t\nnode: source.orders\nexpect: {row_count: 1}\n", [("SK-TEST-003", "2:7", None)]),
        ("name: t\nnode: totals\ninputs: {paid: []}\nexpect: {row_count: 1}\n", [("SK-TEST-004", "3:10", None)]),
        ("name: t\nnode: totals\ninputs: {paid: {rows: [], sql: SELECT 1}}\nexpect: {row_count: 1}\n", [("SK-TEST-004", "3:10", None)]),
        ("name: t\nnode: totals\ninputs: {paid: {sql: DROP TABLE x}}\nexpect: {row_count: 1}\n", [("SK-SQL-002", "3:22", None)]),
        ("name: t\nnode: totals\ninputs: {paid: {sql: SELECT * FROM x}}\nexpect: {row_count: 1}\n", [("SK-SQL-004", "3:36", None)]),
        ("name: t\nnode: totals\ninputs: {paid: {file: ../x.csv}}\nexpect: {row_count: 1}\n", [("SK-PATH-001", "3:23", None)]),
        ("name: t\nnode: totals\ninputs: {paid: {file: x.csv}}\nexpect: {row_count: 1}\n", [("SK-FILE-001", "3:23", None)]),
        ('name: t\nnode: totals\ninputs: {paid: {csv: "a,b\\n1"}}\nexpect: {row_count: 1}\n', [("SK-TEST-004", None, None)]),
        (
            "name: t\nnode: totals\ninputs: {paid: {columns: {country: WORDS}, rows: []}}\nexpect: {row_count: 1}\n",
            [("SK-DATA-009", None, None)],
        ),
        ("name: t\nnode: totals\ninputs: {paid: [{country: 1}, {country: a}]}\nexpect: {row_count: 1}\n", [("SK-TEST-005", "3:41", None)]),
        (
            "name: t\nnode: doubled\nnow: 2026-01-01\nvars: {a: 1}\ninputs: {totals: [{country: a}]}\nexpect: {row_count: 1}\n",
            [("SK-TEST-007", "3:1", None), ("SK-TEST-007", "4:1", None)],
        ),
    ],
)
def test_problems_of_a_test(shop, text, problems):
    found = only(shop, text)
    assert found.status == "invalid"
    errors = sorted(found.errors, key=lambda e: (e.at, e.code))
    assert [e.code for e in errors] == [code for code, _, _ in problems]
    for error, (_, place, hint) in zip(errors, problems, strict=True):
        assert place is None or str(error.at) == f"tests/one.yml:{place}"
        assert hint is None or error.hint == hint


def test_two_tests_of_one_name(shop):
    shop.write("tests/one.yml", f"{PAID}expect: {{row_count: 1}}\n")
    shop.write("tests/two.yml", f"{PAID.replace('name: t', 'name: T')}expect: {{row_count: 1}}\n")
    found = outcomes(shop)
    assert found["t"].status == "passed"
    assert found["T"].errors[0].code == "SK-TEST-006"


def test_a_query_that_would_change_when_it_is_rewritten(project):
    folder = project({"seeknal/q.sql": "SELECT 'ab' ~ 'a' AS x, current_date AS d"})
    assert only(folder, "name: t\nnode: q\nnow: 2026-01-01\nexpect: {row_count: 1}\n").errors[0].code == "SK-TEST-009"


def test_a_template_that_does_not_render_with_the_vars_of_a_test(shop):
    shop.edit("seeknal/paid.sql", "{{ var('least', 1) }}", "{{ var('least', 1) + 1 }}")
    found = only(shop, f"{PAID}vars: {{least: x}}\nexpect: {{row_count: 1}}\n")
    assert (found.status, [e.code for e in found.errors]) == ("invalid", ["SK-TPL-001"])
