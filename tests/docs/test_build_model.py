"""The build model page says which queries are opaque, and which are not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seeknal.sql.analysis import analyse

PAGE = (Path(__file__).parents[2] / "docs/explanation/build-model.md").read_text(encoding="utf-8")
SCHEMAS = {"x": ["a", "b", "c"], "y": ["a", "d"], "u": None}
OPAQUE = re.findall(r"^\| `(SELECT .*?)` \|", PAGE.split("### What is opaque")[1].split("\n## ")[0], re.MULTILINE)
ALIKE = [
    ("SELECT a, sum(b) AS s FROM x GROUP BY a", 'select t.a, SUM(("t"."b")) s -- a sum\nFROM x AS t GROUP BY 1'),
    ("WITH p AS (SELECT a FROM x) SELECT a FROM p", "WITH q AS (SELECT a FROM x) SELECT a FROM q"),
]


def _analysis(sql):
    return analyse(sql, "duckdb", SCHEMAS).analysis


@pytest.mark.parametrize("sql", OPAQUE)
def test_queries_said_to_be_opaque_are(sql):
    found = _analysis(sql)
    assert found.opaque
    assert found.reads("x") is None


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT DISTINCT a FROM x",
        "SELECT a FROM x UNION SELECT a FROM y",
        "SELECT a FROM x EXCEPT SELECT a FROM y",
        "SELECT a FROM x INTERSECT SELECT a FROM y",
        "SELECT a, b FROM (SELECT * FROM x)",
        "SELECT sum(b) OVER (PARTITION BY a) AS s FROM x",
    ],
)
def test_queries_said_to_be_analysed_column_by_column_are(sql):
    found = _analysis(sql)
    assert found.opaque is None
    assert found.reads("x") <= {"a", "b"}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT d FROM y CROSS JOIN (PIVOT x ON a USING sum(b))",
        "SELECT d FROM y CROSS JOIN (UNPIVOT x ON a, b INTO NAME n VALUE v)",
        "SELECT d FROM y CROSS JOIN x TABLESAMPLE 10%",
        "SELECT d FROM y CROSS JOIN (SELECT * FROM x UNION ALL SELECT * FROM u)",
        "WITH RECURSIVE r AS (SELECT a, b, c FROM x UNION ALL SELECT a + b + c, b, c FROM r WHERE a < 9) SELECT a FROM r",
    ],
)
def test_relations_said_to_be_coarse_are(sql):
    found = _analysis(sql)
    assert found.opaque is None
    assert found.reads("x") == {"a", "b", "c"}
    assert "y" not in sql.split() or found.reads("y") == {"d"}


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_spellings_said_to_be_alike_are(one, other):
    assert _analysis(one).content == _analysis(other).content


def test_a_sum_turned_round_is_another():
    assert _analysis("SELECT a + b AS s FROM x").content != _analysis("SELECT b + a AS s FROM x").content


@pytest.mark.parametrize(
    "sql", ["SELECT random() AS r FROM x", "SELECT any_value(a) AS v FROM x", "SELECT a FROM x LIMIT 2", "SELECT list(a) AS v FROM x"]
)
def test_what_is_left_to_chance_is_known(sql):
    assert not _analysis(sql).repeatable
