"""No text a user types reaches the engine: what is executed is generated from a tree of what is allowed."""

from __future__ import annotations

import shutil

import pytest
import sqlglot
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from seeknal.errors import SeeknalError
from seeknal_semantic.compiler import Question
from seeknal_semantic.expressions import Refused, parse_filter
from seeknal_semantic.query import Asking

MARK = "zq9"
PIECES = st.sampled_from(
    [
        "channel", "region", "gross", "'web'", "'it''s'", "=", "<>", "OR", "AND", "NOT", "(", ")", "--", "/*", "*/", ";", "DROP TABLE x", "SELECT 1", "?", "$1",
        ":a", "@b", "read_text('/etc/hostname')", "getenv('HOME')", "1", "1e9", "NULL", "IN", "BETWEEN", "LIKE", "CASE WHEN", "THEN", "END", "CAST(", "AS",
        "x.y", "*", "sum(amount)", "row_number() over ()", "\\", "\x00", "\u202e", "\n", "'", '"', "`", "ordered_at__month", "{{ env_var('A') }}", "EXISTS",
        "INTERVAL '1' DAY", "x -> x", "[1, 2]", "{'a': 1}", "amount", "discount", "UNION ALL", "ATTACH 'x'", "current_setting('x')", f"{MARK}()",
    ]
)  # fmt: skip
HOSTILE = st.one_of(st.text(max_size=40), st.lists(PIECES, min_size=1, max_size=9).map(" ".join))
SLOW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def asking(shop):
    return Asking(shop.open())


def compiled(asking, question):
    try:
        found = asking.compile(question)
    except SeeknalError:
        return None
    return found.sql()


def check_sql(sql):
    """One SELECT over our relations, with no function that reads anything else."""
    (tree,) = sqlglot.parse(sql, dialect="duckdb")
    assert isinstance(tree, exp.Query)
    tables = {t.name for t in tree.find_all(exp.Table)} - {c.alias for c in tree.find_all(exp.CTE)}
    assert all(t.startswith("source_") for t in tables)
    assert not any(n.comments for n in tree.walk())
    assert {f.name.lower() for f in tree.find_all(exp.Anonymous)} <= {"date_trunc"}


@SLOW
@given(text=HOSTILE)
@example(text="channel = 'web' -- and the rest")
@example(text="channel = 'web') OR (1 = 1")
@example(text="channel = 'web' OR (SELECT count(*) FROM customers) > 0")
@example(text="length(read_text('/etc/hostname')) > 0")
@example(text="channel = ?")
@example(text="'web'")
@example(text="customers.region LIKE '%'")
@example(text="channel = 'web'; DROP TABLE x")
@example(text="(" * 500 + "channel = 'web'" + ")" * 500)
def test_filters(asking, text):
    sql = compiled(asking, Question(("gross",), ("channel",), (text,)))
    if sql is not None:
        check_sql(sql)


@SLOW
@given(text=HOSTILE)
@example(text="channel, (SELECT 1) AS x")
@example(text='channel" FROM x --')
def test_dimensions_are_looked_up(asking, text):
    if compiled(asking, Question(("gross",), (text,))) is not None:
        assert text in ("", "channel", "region", "ordered_at__month")


@SLOW
@given(text=HOSTILE)
@example(text="channel; DROP TABLE x")
@example(text="-gross NULLS FIRST")
def test_order_by_is_looked_up(asking, text):
    if compiled(asking, Question(("gross",), ("channel",), (), (text,))) is not None:
        assert text in ("channel", "gross", "-channel", "-gross")


@SLOW
@given(text=HOSTILE)
def test_metrics_are_looked_up(asking, text):
    if compiled(asking, Question((text,))) is not None:
        assert text == "gross"


@SLOW
@given(text=HOSTILE, key=st.sampled_from(["metrics", "dimensions", "filters", "order_by", "limit"]))
@example(text="channel = 'web' OR (SELECT 1) = 1", key="filters")
@example(text="1; DROP TABLE x", key="limit")
def test_saved_queries_are_looked_up(asking, text, key):
    kept = {"metrics": ["gross"], "dimensions": ["channel"], key: text if key == "limit" else [text]}
    asking.catalog.saved["kept"] = kept
    sql = compiled(asking, asking.saved("kept", Question(())))
    if sql is not None:
        check_sql(sql)
        assert key == "filters" or text in ("", "gross", "-gross", "channel", "-channel", "region", "ordered_at__month")


@pytest.mark.parametrize("text", ["channel = 'web'", "gross > 10 AND region <> 'it''s -- zq9'", "channel LIKE '%;%'"])
def test_what_is_executed_is_what_was_generated(shop, text, monkeypatch):
    project = shop.open()
    shutil.rmtree(project.target / "answers", ignore_errors=True)
    ran = []
    relations = project.relations

    def watched(**options):
        found = relations(**options)
        rows = found.session.rows
        monkeypatch.setattr(found.session, "rows", lambda sql: ran.append(sql) or rows(sql))
        return found

    monkeypatch.setattr(project, "relations", watched)
    asking = Asking(project)
    question = Question(("gross",), ("channel", "region"), (text,), ("-gross",), 3)
    asking.answer(question)
    assert ran == [asking.compile(question).sql()]


@pytest.mark.parametrize("limit", [-1, True, "3", "1; DROP TABLE x", 2.5])
def test_limits_are_numbers(asking, limit):
    assert compiled(asking, Question(("gross",), (), (), (), limit)) is None


@SLOW
@given(text=st.text(max_size=30))
def test_literals_stay_literals(asking, text):
    written = "channel = '" + text.replace("'", "''") + "'"
    sql = compiled(asking, Question(("gross",), ("channel",), (written,)))
    if sql is not None:
        check_sql(sql)
        assert text in {literal.name for literal in sqlglot.parse_one(sql, dialect="duckdb").find_all(exp.Literal)}


@pytest.mark.parametrize(
    "text",
    ["sum(gross) > 1", "a IN (SELECT 1)", "a = $1", "a = :b", "* = 1", "t.a = 1", "a -- b", "a /* b */ = 1", "a = 1; b", "row_number() OVER () > 1",
     "a = 1 UNION SELECT 2", "getenv('A') = a", "a = now()", "CAST(a AS INT[]) = 1", "1 = 1", "a = current_setting('b')", "length(a)", "a + 1", ""],
)  # fmt: skip
def test_what_is_refused(text):
    with pytest.raises(Refused):
        parse_filter(text)


@pytest.mark.parametrize(
    "text",
    ["a = 1", "a IN ('x', 'y')", "NOT a LIKE 'x%'", "a BETWEEN 1 AND 2 OR b IS NULL", "CASE WHEN a > 1 THEN b ELSE c END = 'x'", "lower(a) = 'x'",
     "CAST(a AS DATE) >= DATE '2026-01-01'", "a = 'it''s -- fine /* too */'", "coalesce(a, 'x') <> 'y'", "starts_with(a, 'x')", "a"],
)  # fmt: skip
def test_what_is_allowed(text):
    assert parse_filter(text) is not None
