"""SQL written in another dialect means here what it means there, or is refused; and `render --target` says it in any other."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlglot import parse_one
from tests.core.conftest import SHOP

from seeknal.nodes import SqlLogic
from seeknal.sql.guard import parse_select
from seeknal.sql.transpile import Untranslatable, dialects, known_dialect, transpile

if TYPE_CHECKING:
    from seeknal.testing.project import ProjectFolder, ProjectMaker

FACTS = {
    "data/facts.csv": "a,b,x,s,n,d,t\n7,2,7.5,ann,,2026-01-31,2026-01-31 10:20:30\n-7,2,-7.5,bob,z,2026-02-01,2026-02-01 23:59:59\n",
    "seeknal/facts.yml": "kind: source\nname: facts\ntype: csv\ntable: data/facts.csv\n",
}

NO_SELECT = ("dax", "prql")
"""What sqlglot knows that has no SELECT."""


def node(sql: str, dialect: str, name: str = "answer") -> str:
    lines = "\n".join(f"  {line}" for line in sql.splitlines())
    return f"kind: transform\nname: {name}\ndialect: {dialect}\nsql: |\n{lines}\n"


def answer(project: ProjectMaker, sql: str, dialect: str) -> list[tuple[Any, ...]]:
    """The rows of a query over the two facts, the first of them first."""
    folder = project({**FACTS, "seeknal/answer.yml": node(sql, dialect)})
    folder.run().assert_success()
    return folder.rows("answer")


def of_first(project: ProjectMaker, expressions: str, dialect: str) -> tuple[Any, ...]:
    return answer(project, f"SELECT {named(expressions, dialect)} FROM {{{{ ref('facts') }}}} WHERE a = 7", dialect)[0]


def of_second(project: ProjectMaker, expressions: str, dialect: str) -> tuple[Any, ...]:
    return answer(project, f"SELECT {named(expressions, dialect)} FROM {{{{ ref('facts') }}}} WHERE a = -7", dialect)[0]


def named(expressions: str, dialect: str) -> str:
    """Every expression with a name of its own."""
    found = parse_one(f"SELECT {expressions}", dialect=dialect).selects
    return ", ".join(f"{e.sql(dialect=dialect)} AS c{i}" for i, e in enumerate(found))


@pytest.mark.parametrize(
    ("dialect", "expressions", "values"),
    [
        ("bigquery", "SAFE_DIVIDE(a, b), SAFE_DIVIDE(a, 0), a / b, DIV(a, b), MOD(a, b)", (3.5, None, 3.5, 3, 1)),
        ("bigquery", "CONCAT(s, n), s || n, IFNULL(n, 'none'), IF(a > 0, 'up', 'down')", (None, None, "none", "up")),
        ("bigquery", "`a`, \"double\", 'it\\'s'", (7, "double", "it's")),
        ("bigquery", "CAST(DATE_TRUNC(d, MONTH) AS DATE), DATE_ADD(d, INTERVAL 1 MONTH)", (date(2026, 1, 1), date(2026, 2, 28))),
        ("bigquery", "DATE_DIFF(DATE '2026-02-01', d, MONTH), DATE_DIFF(DATE '2026-02-01', d, DAY)", (1, 1)),
        ("bigquery", "EXTRACT(DAYOFWEEK FROM d), FORMAT_DATE('%Y/%m', d), SAFE_CAST(s AS INT64)", (7, "2026/01", None)),
        ("bigquery", "[10, 20][OFFSET(0)], [10, 20][ORDINAL(1)], REGEXP_CONTAINS(s, r'^a')", (10, 10, True)),
        ("snowflake", "IFF(a > 0, 'up', 'down'), NVL(n, 'none'), NVL2(n, 1, 2), ZEROIFNULL(a)", ("up", "none", 2, 7)),
        ("snowflake", "a / b, DIV0(a, 0), s || n, CONCAT(s, n), DECODE(a, 7, 'seven', 'other')", (3.5, 0.0, None, None, "seven")),
        ("snowflake", "DATEDIFF(month, d, DATE '2026-02-01'), DAYOFWEEK(d), DAYOFWEEKISO(d)", (1, 6, 6)),
        ("snowflake", "DATEADD(day, 1, d)::DATE, DATE_TRUNC('month', d)::DATE", (date(2026, 2, 1), date(2026, 1, 1))),
        ("spark", "a / b, a div b, nvl(n, 'none'), concat(s, n), `s`", (3.5, 3, "none", None, "ann")),
        ("spark", "date_add(d, 1), datediff(DATE '2026-02-01', d), trunc(d, 'MM')", (date(2026, 2, 1), 1, date(2026, 1, 1))),
        ("spark", "dayofweek(d), weekday(d), timestampdiff(MONTH, d, DATE '2026-02-01')", (7, 5, 0)),
        ("spark", "array(10, 20)[0], size(array(10, 20)), date_format(t, 'yyyy-MM')", (10, 2, "2026-01")),
        ("postgres", "a / b, x / b, a::float / b, 7 / 2, a / b / b", (3, 3.75, 3.5, 3, 1)),
        ("postgres", "(a + 1) / (b + 1), a / b * 1.5, sum(a) OVER () / 2", (2, Decimal("4.5"), 3)),
        ("postgres", "s || n, concat(s, n), s ~ '^a', s ILIKE 'ANN', 2 ^ 3", (None, "ann", True, True, 8.0)),
        ("postgres", "extract(dow from d), extract(isodow from d), to_char(d, 'YYYY-MM'), d - DATE '2026-01-01'", (6, 6, "2026-01", 30)),
        ("mysql", "a / b, a DIV b, x DIV b, a / 0, 7 / 2", (3.5, 3, 3, None, 3.5)),
        ("mysql", "CONCAT(s, n), CONCAT_WS('-', s, n), IFNULL(n, 'none'), IF(a > 0, 1, 2), \"text\"", (None, "ann", "none", 1, "text")),
        ("mysql", "TIMESTAMPDIFF(MONTH, d, DATE '2026-02-01'), DATEDIFF(DATE '2026-02-01', d)", (0, 1)),
        (
            "mysql",
            "DAYOFWEEK(d), WEEKDAY(d), DATE_FORMAT(t, '%Y-%m'), DATE(DATE_ADD(d, INTERVAL 1 DAY))",
            (7, 5, "2026-01", date(2026, 2, 1)),
        ),
        ("sqlite", "a / b, x / b, a / 0, 7 / 2, ifnull(n, 'none')", (3, 3.75, None, 3, "none")),
        ("trino", "a / b, date_diff('month', d, DATE '2026-02-01'), day_of_week(d)", (3, 0, 6)),
        ("redshift", "a / b, NVL(n, 'none'), DATEDIFF(month, d, '2026-02-01'::date)", (3, "none", 1)),
        ("tsql", "a / b, ISNULL(n, 'none'), LEN(s), [s]", (3, "none", 3, "ann")),
    ],
)
def test_expressions_mean_what_they_mean_there(project: ProjectMaker, dialect: str, expressions: str, values: tuple[Any, ...]) -> None:
    found = of_first(project, expressions, dialect)
    assert found == values
    assert [type(f) is float for f in found] == [type(v) is float for v in values]  # 3 is not 3.0


@pytest.mark.parametrize(
    ("dialect", "expressions", "values"),
    [
        ("postgres", "a / b, x / b, a % b, extract(dow from d)", (-3, -3.75, -1, 0)),
        ("mysql", "a DIV b, x DIV b, DAYOFWEEK(d), WEEKDAY(d), CONCAT(s, n)", (-3, -3, 1, 6, "bobz")),
        ("bigquery", "DIV(a, b), EXTRACT(DAYOFWEEK FROM d)", (-3, 1)),
        ("spark", "a div b, dayofweek(d), weekday(d)", (-3, 1, 6)),
        ("snowflake", "DAYOFWEEK(d), DAYOFWEEKISO(d)", (0, 7)),
        ("trino", "extract(DOW FROM d), day_of_week(d), a / b", (7, 7, -3)),
    ],
)
def test_negative_numbers_and_sundays(project: ProjectMaker, dialect: str, expressions: str, values: tuple[Any, ...]) -> None:
    assert of_second(project, expressions, dialect) == values


@pytest.mark.parametrize(
    ("dialect", "sql", "rows"),
    [
        ("bigquery", "SELECT STRING_AGG(s, ',' ORDER BY s DESC) AS c FROM `source.facts`", [("bob,ann",)]),
        ("bigquery", "SELECT f.s FROM `source`.`facts` AS f CROSS JOIN UNNEST([1, 2]) AS i WHERE i = 2 ORDER BY 1", [("ann",), ("bob",)]),
        ("bigquery", "SELECT * EXCEPT (a, b, x, n, d, t) FROM source.facts ORDER BY s", [("ann",), ("bob",)]),
        ("snowflake", "SELECT LISTAGG(s, '|') WITHIN GROUP (ORDER BY s DESC) AS c FROM source.facts", [("bob|ann",)]),
        ("snowflake", "SELECT s FROM source.facts QUALIFY ROW_NUMBER() OVER (ORDER BY a) = 1", [("bob",)]),
        ("mysql", "SELECT GROUP_CONCAT(s ORDER BY s DESC SEPARATOR '|') AS c FROM `source`.`facts`", [("bob|ann",)]),
        ("mysql", "SELECT facts.s FROM source.facts ORDER BY n LIMIT 1", [("ann",)]),  # NULL first
        (
            "spark",
            "SELECT s, i FROM source.facts LATERAL VIEW explode(array(1, 2)) e AS i WHERE s = 'ann' ORDER BY i",
            [("ann", 1), ("ann", 2)],
        ),
        ("spark", "SELECT s FROM source.facts ORDER BY n LIMIT 1", [("ann",)]),
        ("postgres", "SELECT s FROM source.facts ORDER BY n LIMIT 1", [("bob",)]),  # NULL last
        ("postgres", "SELECT DISTINCT ON (b) s FROM source.facts ORDER BY b, a", [("bob",)]),
        ("tsql", "SELECT TOP 1 [s] FROM [source].[facts] ORDER BY a DESC", [("ann",)]),
        ("postgres", "WITH facts AS (SELECT a / 2 AS h FROM source.facts) SELECT max(h) AS h FROM facts", [(3,)]),
    ],
)
def test_queries_mean_what_they_mean_there(project: ProjectMaker, dialect: str, sql: str, rows: list[tuple[Any, ...]]) -> None:
    assert answer(project, sql, dialect) == rows


def test_what_runs_is_in_the_engines_dialect(project: ProjectMaker) -> None:
    folder = project({**FACTS, "seeknal/answer.yml": node("SELECT IFF(facts.a > 0, 1, 0) AS up FROM source.facts", "Snowflake")})
    found = folder.open().nodes["transform.answer"]
    assert isinstance(found.logic, SqlLogic)
    assert (found.logic.dialect, found.logic.written, found.inputs) == ("duckdb", "snowflake", ("source.facts",))
    assert found.logic.sql == "SELECT CASE WHEN facts.a > 0 THEN 1 ELSE 0 END AS up FROM source_facts AS facts"


def test_the_engines_own_dialect_may_be_named(shop: ProjectFolder) -> None:
    shop.write("seeknal/adults.sql", "/* ---\ndialect: duckdb\n--- */\nSELECT id, name FROM {{ ref('source.users') }} WHERE age >= 18")
    assert shop.run().assert_success().built == set()


def test_a_sql_file_names_its_dialect_in_front(project: ProjectMaker) -> None:
    folder = project(
        {**FACTS, "seeknal/answer.sql": "/* ---\ndialect: mysql\n--- */\nSELECT `s` FROM {{ ref('facts') }} WHERE a DIV 2 = 3\n"}
    )
    folder.run().assert_success()
    assert folder.rows("answer") == [("ann",)]


def test_a_view_and_its_reader_may_be_in_two_dialects(project: ProjectMaker) -> None:
    view = node("SELECT a / b AS h FROM source.facts", "postgres", "halves") + "materialized: view\n"
    reader = node("SELECT SAFE_DIVIDE(MAX(h), 2) AS c FROM {{ ref('halves') }}", "bigquery")
    folder = project({**FACTS, "seeknal/halves.yml": view, "seeknal/answer.yml": reader})
    folder.run().assert_success()
    assert folder.rows("answer") == [(1.5,)]


# What makes a node build again


def test_the_same_query_in_another_dialect_builds_nothing(shop: ProjectFolder) -> None:
    shop.write("seeknal/adults.sql", "/* ---\ndialect: mysql\n--- */\nselect id,\n name from source_users -- a note\nwhere age >= 18")
    assert shop.run().assert_success().built == set()
    shop.edit("seeknal/adults.sql", "mysql", "starrocks")
    assert shop.run().assert_success().built == set()


def test_the_same_text_in_another_dialect_is_another_query(project: ProjectMaker) -> None:
    folder = project({**FACTS, "seeknal/answer.yml": node("SELECT a / b AS c FROM source.facts WHERE a = 7", "mysql")})
    folder.run().assert_success()
    assert folder.rows("answer") == [(3.5,)]
    folder.edit("seeknal/answer.yml", "mysql", "postgres")
    assert folder.run().assert_success().built == {"transform.answer"}
    assert folder.rows("answer") == [(3,)]


def test_a_project_read_again_from_the_cache_is_the_same(project: ProjectMaker) -> None:
    folder = project({**FACTS, "seeknal/answer.yml": node("SELECT a / b AS c FROM source.facts", "postgres")})
    folder.run().assert_success()
    first, second = (folder.open().nodes["transform.answer"] for _ in range(2))
    assert first == second
    assert folder.run().assert_success().built == set()


def test_asking_for_the_time_is_noticed(project: ProjectMaker) -> None:
    folder = project({**FACTS, "seeknal/answer.yml": node("SELECT GETDATE() AS c", "tsql")})
    logic = folder.open().nodes["transform.answer"].logic
    assert isinstance(logic, SqlLogic)
    assert logic.clock == "instant"


# What is refused


@pytest.mark.parametrize(
    ("word", "hint"),
    [("mysq", "did you mean 'mysql'?"), ("postgresql", "did you mean 'postgres'?"), ("zzz", "known are: "), ("mysql, version=5", "mysql")],
)
def test_a_dialect_that_does_not_exist(project: ProjectMaker, word: str, hint: str) -> None:
    folder = project({"seeknal/a.yml": f"kind: transform\nname: a\ndialect: {word}\nsql: SELECT 1 AS a\n"})
    outcome = folder.run().assert_failed("SK-SQL-007", exit_code=2)
    assert f"unknown SQL dialect '{word}'\n  --> seeknal/a.yml:3:10" in outcome.output
    assert hint in outcome.output


def test_a_construct_that_the_engine_has_no_words_for_is_named_at_its_place(project: ProjectMaker) -> None:
    sql = "SELECT s,\n  TO_CHAR(d, 'YYYY') AS year\nFROM {{ ref('facts') }}"
    folder = project({**FACTS, "seeknal/answer.yml": node(sql, "snowflake")})
    outcome = folder.run().assert_failed("SK-SQL-006", exit_code=2)
    assert "TO_CHAR(d, 'YYYY') cannot be said in duckdb" in outcome.output
    assert "seeknal/answer.yml:6:5" in outcome.output


def test_all_such_constructs_are_reported_together(project: ProjectMaker) -> None:
    sql = "SELECT TO_CHAR(d, 'YYYY') AS y,\n  TO_CHAR(t, 'MM') AS m\nFROM source.facts"
    folder = project({**FACTS, "seeknal/answer.yml": node(sql, "snowflake")})
    found = folder.run().assert_failed("SK-SQL-006").errors
    assert [(e.at.line, e.at.column) for e in found if e.at] == [(5, 10), (6, 5)]


def test_weekdays_that_depend_on_settings_are_refused(project: ProjectMaker) -> None:
    folder = project({**FACTS, "seeknal/answer.yml": node("SELECT DATEPART(weekday, d) AS c FROM source.facts", "tsql")})
    assert "count the days of the week differently" in folder.run().assert_failed("SK-SQL-006").output


@pytest.mark.parametrize(
    ("dialect", "sql", "code", "place"),
    [
        ("mysql", "DELETE FROM source.facts", "SK-SQL-002", "5:3"),
        ("tsql", "SELECT a INTO copy FROM source.facts", "SK-SQL-002", "5:17"),
        ("postgres", "SELECT s FROM source.facts FOR UPDATE", "SK-SQL-002", "5:"),
        ("postgres", "SELECT s\nFROM pg_read_file('/etc/passwd')", "SK-SQL-003", "6:8"),
        ("mysql", "SELECT LOAD_FILE('/etc/passwd') AS c", "SK-SQL-003", "5:10"),
        ("bigquery", "SELECT 1 AS c FROM `source.fact`", "SK-REF-001", "5:22"),
        ("bigquery", "SELECT 1 AS c FROM `data/facts.csv`", "SK-REF-001", "5:22"),
        ("mysql", "SELECT 1 AS c FROM `data/facts.csv`", "SK-SQL-003", "5:22"),
        ("snowflake", "SELECT 1 AS c FROM a.b.c", "SK-SQL-004", "5:22"),
        ("mysql", "SELECT `a FROM source.facts", "SK-SQL-001", "5:"),
        ("spark", "SELECT a FROM source.facts; SELECT 2", "SK-SQL-002", "5:31"),
        ("bigquery", "SELECT read_csv('x') AS c", "SK-SQL-003", "5:10"),
        ("snowflake", "SELECT $1 AS c FROM source.facts", "SK-SQL-002", "5:"),
    ],
)
def test_what_sql_may_not_do_it_may_not_do_in_any_dialect(project: ProjectMaker, dialect: str, sql: str, code: str, place: str) -> None:
    folder = project({**FACTS, "seeknal/answer.yml": node(sql, dialect)})
    outcome = folder.run().assert_failed(code, exit_code=2)
    assert f"seeknal/answer.yml:{place}" in outcome.output


def test_what_the_engine_does_not_know_fails_at_its_place(project: ProjectMaker) -> None:
    sql = "SELECT s,\n  IFF(missing > 1, 'up', 'down') AS c\nFROM {{ ref('facts') }}"
    folder = project({**FACTS, "seeknal/answer.yml": node(sql, "snowflake")})
    outcome = folder.run().assert_failed("SK-SQL-011")
    assert "missing" in outcome.output
    assert "seeknal/answer.yml:6:9" in outcome.output


def test_a_failure_is_at_the_word_that_the_engine_names_where_it_stands_once(project: ProjectMaker) -> None:
    sql = "SELECT s,\n  CAST(s AS INT64) AS c\nFROM {{ ref('facts') }}"
    folder = project({**FACTS, "seeknal/answer.yml": node(sql, "bigquery")})
    assert "seeknal/answer.yml:6:5" in folder.run().assert_failed("SK-SQL-012").output


def test_otherwise_a_failure_is_at_the_beginning_of_the_query(project: ProjectMaker) -> None:
    sql = "SELECT s,\n  CAST(s AS INT64) AS c, CAST(a AS INT64) AS e\nFROM {{ ref('facts') }}"
    folder = project({**FACTS, "seeknal/answer.yml": node(sql, "bigquery")})
    assert "seeknal/answer.yml:5:3" in folder.run().assert_failed("SK-SQL-012").output


# render --target


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("mysql", "SELECT\n  id,\n  `order`\nFROM source_users\n"),
        ("bigquery", "SELECT\n  id,\n  `order`\nFROM source_users\n"),
        ("TSQL", "SELECT\n  id,\n  [order]\nFROM source_users\n"),
        ("duckdb", 'SELECT\n  id,\n  "order"\nFROM source_users\n'),
    ],
)
def test_render_says_it_in_another_dialect(project: ProjectMaker, target: str, text: str) -> None:
    folder = project({**SHOP, "seeknal/a.sql": "SELECT id, \"order\" FROM {{ ref('users') }} -- a note\n"})
    assert folder.cli("render", "a", "--target", target).assert_success().stdout == text


def test_render_lays_out_what_was_translated(project: ProjectMaker) -> None:
    folder = project({**FACTS, "seeknal/answer.yml": node("SELECT `a` DIV 2 AS c FROM source.facts", "mysql")})
    assert folder.cli("render", "answer").assert_success().stdout == (
        'SELECT\n  CAST(TRUNC("a" // 2) AS BIGINT) AS c\nFROM source_facts AS facts\n'
    )


def test_render_to_a_dialect_that_does_not_exist(shop: ProjectFolder) -> None:
    outcome = shop.cli("render", "adults", "--target", "snowflak").assert_failed("SK-SQL-007", exit_code=2)
    assert "did you mean 'snowflake'?" in outcome.stderr
    assert outcome.stdout == ""


def test_render_refuses_what_the_target_has_no_words_for(shop: ProjectFolder) -> None:
    shop.write(
        "seeknal/adults.sql", "SELECT id,\n  date_diff('month', DATE '2026-01-01', DATE '2026-02-01') AS c\nFROM {{ ref('users') }}\n"
    )
    outcome = shop.cli("render", "adults", "--target", "mysql").assert_failed("SK-SQL-006", exit_code=2)
    assert "seeknal/adults.sql:2:3" in outcome.stderr
    assert "cannot be said in mysql: duckdb counts the borders crossed here, mysql whole units" in outcome.stderr
    assert outcome.stdout == ""


def test_render_names_every_such_construct(shop: ProjectFolder) -> None:
    shop.write("seeknal/adults.sql", "SELECT date_sub('month', a, b) AS c,\n  weekday(a) AS d\nFROM {{ ref('users') }}\n")
    outcome = shop.cli("render", "adults", "--target", "oracle").assert_failed("SK-SQL-006", exit_code=2)
    assert [p in outcome.stderr for p in ("adults.sql:1:8", "adults.sql:2:3", "2 errors")] == [True, True, True]


def test_a_query_comes_back_as_it_was(project: ProjectMaker) -> None:
    sql = "SELECT\n  DAYOFWEEK(d) AS a,\n  WEEKDAY(d) AS b,\n  TIMESTAMPDIFF(MONTH, d, t) AS c\nFROM source.facts AS facts"
    folder = project({**FACTS, "seeknal/answer.yml": node(sql, "mysql")})
    folder.run().assert_success()
    back = folder.cli("render", "answer", "--target", "mysql").assert_success().stdout
    folder.write("seeknal/again.yml", node(back.replace("source_facts", "source.facts"), "mysql", "again"))
    folder.run().assert_success()
    assert folder.rows("again") == folder.rows("answer")


# Every dialect


@pytest.mark.parametrize("dialect", [d for d in dialects() if d not in NO_SELECT])
def test_every_dialect_is_known_and_has_words_for_a_plain_query(dialect: str) -> None:
    assert known_dialect(dialect.upper()) == dialect
    tree = parse_select("SELECT a, b FROM t WHERE b > 1", "duckdb")
    assert transpile(tree, "", "duckdb", dialect).startswith("SELECT a, b FROM")


def test_a_tree_that_cannot_be_written_at_all_is_refused() -> None:
    tree = parse_select("SELECT TS_OR_DS_ADD(d, 1, DAY, TIMESTAMP) FROM t", "sqlite")
    with pytest.raises(Untranslatable, match="cannot be said in duckdb"):
        transpile(tree, "", "sqlite", "duckdb")


@pytest.mark.parametrize("dialect", NO_SELECT)
def test_a_language_without_select_has_no_words_for_it(dialect: str) -> None:
    with pytest.raises(Untranslatable, match="the outcome would not be"):
        transpile(parse_select("SELECT a FROM t", "duckdb"), "", "duckdb", dialect)
