"""Which queries give the same rows whenever they are asked, and which leave something open."""

from __future__ import annotations

import pytest

from seeknal.sql.analysis import analyse
from seeknal.sql.canonical import clock
from seeknal.sql.guard import parse_select
from seeknal.sql.repeatability import repeatable

DECIDED = [
    "SELECT a FROM x",
    "SELECT a FROM x ORDER BY a",
    "SELECT a FROM x ORDER BY a LIMIT 2",
    "SELECT a FROM x ORDER BY ALL LIMIT 2",
    "SELECT a FROM x ORDER BY 1 LIMIT 2 OFFSET 1",
    "SELECT a FROM x ORDER BY a FETCH FIRST 2 ROWS ONLY",
    "SELECT a FROM x UNION SELECT a FROM y ORDER BY a LIMIT 2",
    "SELECT DISTINCT a FROM x",
    "SELECT DISTINCT ON (a) a, b FROM x ORDER BY a, b",
    "SELECT DISTINCT ON (a) a, b FROM x ORDER BY b DESC",
    "SELECT DISTINCT ON (a) a, b FROM x ORDER BY 1, 2",
    "SELECT row_number() OVER (ORDER BY a) AS n FROM x",
    "SELECT row_number() OVER w AS n FROM x WINDOW w AS (ORDER BY a)",
    "SELECT row_number() OVER w AS n FROM x WINDOW v AS (PARTITION BY b ORDER BY a), w AS (v)",
    "SELECT lag(a) IGNORE NULLS OVER (PARTITION BY b ORDER BY c) AS n FROM x",
    "SELECT sum(a) OVER (PARTITION BY b) AS n FROM x",
    "SELECT rank() OVER () AS n FROM x",
    "SELECT sum(a) OVER (ORDER BY b ROWS 2 PRECEDING) AS n FROM x",
    "SELECT list(a) OVER (ORDER BY b) AS n FROM x",
    "SELECT list(a) FILTER (WHERE a > 1) OVER (ORDER BY b) AS n FROM x",
    "SELECT a FROM x QUALIFY row_number() OVER (PARTITION BY a ORDER BY b) = 1",
    "SELECT first(a ORDER BY b) AS n FROM x",
    "SELECT any_value(a ORDER BY b) AS n FROM x",
    "SELECT arbitrary(a ORDER BY b) AS n FROM x",
    "SELECT string_agg(a, ',' ORDER BY b) AS n FROM x",
    "SELECT list(DISTINCT a ORDER BY a) AS n FROM x",
    "SELECT listagg(a, ',') WITHIN GROUP (ORDER BY b) AS n FROM x",
    "SELECT array(SELECT a FROM y ORDER BY a) AS n FROM x",
    "SELECT count(*) AS n, max(a) AS m, histogram(a) AS h, quantile_cont(a, 0.5) AS q FROM x",
    "SELECT list_transform([3, 1], lambda i: i + a) AS n FROM x",
]

LEFT_OPEN = [
    "SELECT random() AS n FROM x",
    "SELECT uuid() AS n FROM x",
    "SELECT a FROM x TABLESAMPLE 10%",
    "SELECT a FROM x LIMIT 2",
    "SELECT a FROM x OFFSET 2",
    "SELECT a FROM x FETCH FIRST 2 ROWS ONLY",
    "SELECT a FROM (SELECT a FROM x LIMIT 2) ORDER BY a",
    "SELECT a FROM x ORDER BY 'a' LIMIT 2",
    "SELECT a FROM x ORDER BY NULL LIMIT 2",
    "SELECT a FROM x UNION SELECT a FROM y OFFSET 2",
    "(SELECT a FROM x ORDER BY a) LIMIT 2",
    "SELECT DISTINCT ON (a) a, b FROM x",
    "SELECT DISTINCT ON (a) a, b FROM x ORDER BY a",
    "SELECT DISTINCT ON (a) a, b FROM x ORDER BY 1",
    "SELECT DISTINCT ON (a) a AS k, b FROM x ORDER BY k",
    "SELECT DISTINCT ON (a, b) a, b, c FROM x ORDER BY b, x.a",
    "SELECT row_number() OVER () AS n FROM x",
    "SELECT row_number() OVER (ORDER BY 1) AS n FROM x",
    "SELECT row_number() OVER (ORDER BY (SELECT NULL)) AS n FROM x",
    "SELECT row_number() OVER (PARTITION BY a) AS n FROM x",
    "SELECT row_number() OVER w AS n FROM x WINDOW w AS (PARTITION BY b)",
    "SELECT ntile(2) OVER () AS n FROM x",
    "SELECT first_value(a) OVER (PARTITION BY b) AS n FROM x",
    "SELECT last_value(a) OVER () AS n FROM x",
    "SELECT nth_value(a, 2) OVER () AS n FROM x",
    "SELECT lag(a) OVER () AS n FROM x",
    "SELECT lead(a) IGNORE NULLS OVER (PARTITION BY b) AS n FROM x",
    "SELECT sum(a) OVER (ROWS 2 PRECEDING) AS n FROM x",
    "SELECT list(a) OVER (PARTITION BY b) AS n FROM x",
    "SELECT a FROM x QUALIFY row_number() OVER () = 1",
    "SELECT a FROM x QUALIFY row_number() OVER (PARTITION BY a) = 1",
    "SELECT first(a) AS n FROM x",
    "SELECT last(a) AS n FROM x",
    "SELECT any_value(a) AS n FROM x",
    "SELECT arbitrary(a) AS n FROM x",
    "SELECT arg_max(a, b) AS n FROM x",
    "SELECT min_by(a, b) AS n FROM x",
    "SELECT arg_max_null(a, b) AS n FROM x",
    "SELECT mode(a) AS n FROM x",
    "SELECT reservoir_quantile(a, 0.5) AS n FROM x",
    "SELECT approx_quantile(a, 0.5) AS n FROM x",
    "SELECT string_agg(a, ',') AS n FROM x",
    "SELECT list(a) AS n FROM x",
    "SELECT list(DISTINCT a) AS n FROM x",
    "SELECT list(a) FILTER (WHERE a > 1) AS n FROM x",
    "SELECT array_agg(a ORDER BY 1) AS n FROM x",
    "SELECT json_group_array(a) AS n FROM x",
    "SELECT array(SELECT a FROM y) AS n FROM x",
    "SELECT x.a FROM x POSITIONAL JOIN y",
    "SELECT x.a FROM x ASOF JOIN y ON x.a = y.a AND x.b >= y.d",
    "PIVOT x ON a USING first(b)",
]


@pytest.mark.parametrize("sql", DECIDED)
def test_what_a_query_says_itself_is_decided(sql: str) -> None:
    assert repeatable(parse_select(sql, "duckdb"))


@pytest.mark.parametrize("sql", LEFT_OPEN)
def test_what_a_query_does_not_say_is_left_open(sql: str) -> None:
    assert not repeatable(parse_select(sql, "duckdb"))


@pytest.mark.parametrize(
    "call", ["now()", "get_current_timestamp()", "transaction_timestamp()", "current_localtime()", "current_timestamp"]
)
def test_the_time_as_a_column_decides_no_rows_and_still_counts_as_a_clock(call: str) -> None:
    before, after = "SELECT a FROM x", f"SELECT a, {call} AS n FROM x"
    shapes = {analyse(sql, "duckdb", {"x": ["a"]}).analysis.rows_shape for sql in (before, after)}
    assert len(shapes) == 1
    assert clock(parse_select(after, "duckdb")) == "instant"
