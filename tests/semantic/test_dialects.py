"""The same questions in StarRocks' dialect are read by two parsers that know it, one of which wrote none of it."""

from __future__ import annotations

import re

import pytest
import sqlglot
from sqlglot import exp

from seeknal_semantic.compiler import Question
from seeknal_semantic.query import Asking

QUESTIONS = [
    Question(("revenue", "wholesale", "order_count"), ("region", "ordered_at__month"), ("channel = 'web'",), ("-revenue",), 5),
    Question(("refund_share", "kept"), ("region",)),
    Question(("growth",), ("metric_time__month",)),
    Question(("last_week",), ("ordered_at__week",)),
    Question(("running", "trailing"), ("ordered_at__day", "region")),
    Question(
        ("trailing", "gross"), ("ordered_at__day",), ("trailing > 10", "ordered_at >= '2026-01-01'"), ("-trailing", "ordered_at__day"), 3
    ),
    Question(("running_before",), ("ordered_at__month",), ("running_before > 10",)),
    Question(("trailing",), ("ordered_at__day",), ("trailing > 10",), ("ordered_at__day",)),
    Question(("trailing_buyers",), ("ordered_at__month",), ("ordered_at >= '2026-01-01'",)),
    Question(("to_date",), ("ordered_at__month",)),
    Question(("opening",), ("ordered_at__quarter",)),
    Question(("filled",), ("ordered_at__week", "channel")),
    Question(("on_hand",), ("counted_on__month",)),
    Question(("median_amount", "p90_amount", "buyers"), ("tier",)),
    Question(("gross", "refunded", "pages_viewed"), ("metric_time__month", "customer_id__region"), ("gross > 10",)),
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: ",".join(q.metrics))
def test_starrocks_sql_parses(shop, question, caplog):
    with caplog.at_level("WARNING", logger="sqlglot"):
        sql = Asking(shop.open()).compile(question).sql("starrocks")
    assert not caplog.records  # nothing was left out on the way
    tree = sqlglot.parse_one(sql, dialect="starrocks")
    assert isinstance(tree, exp.Query)
    assert not list(tree.find_all(exp.Command))
    assert not {"FILTER", "UNNEST", "QUALIFY", "WINDOW"} & set(re.findall(r"\w+", sql))
    assert not re.search(r"NOT [\w.]+ IS NULL", sql), "people write IS NOT NULL"


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: ",".join(q.metrics))
def test_another_parser_reads_starrocks_sql(shop, question):
    linter = pytest.importorskip("sqlfluff.core").Linter(dialect="starrocks")
    compiled = Asking(shop.open()).compile(question)
    for pretty in (True, False):
        parsed = linter.parse_string(compiled.sql("starrocks", pretty=pretty) + "\n")
        assert parsed.violations == []
        assert "unparsable" not in parsed.tree.type_set()


def test_the_other_parser_refuses_what_is_no_sql():
    linter = pytest.importorskip("sqlfluff.core").Linter(dialect="starrocks")
    assert linter.parse_string("SELECT a FROM t GROUP 1\n").violations


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: ",".join(q.metrics))
def test_sql_is_the_same_each_time_and_small(shop, question):
    asking = Asking(shop.open())
    sql = asking.compile(question).sql()
    assert sql == asking.compile(question).sql()
    assert "subq" not in sql
