"""What the analysis of a query promises, held against an engine: origins are never too few, and what has one shape is one thing."""

from __future__ import annotations

import collections
import functools
import os
import random
import re
import threading
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from sqlglot import exp
from tests.properties.random_queries import NUMBERS, SCHEMAS, Maker, mutated

from seeknal.sql.analysis import Analysed, OutputColumn, analyse
from seeknal.sql.guard import SqlProblem, parse_select, tables
from seeknal.sql.relations import ANY, ROWS

FIRST, COUNT = int(os.environ.get("SEEKNAL_FIRST_SEED", "0")), int(os.environ.get("SEEKNAL_SEEDS", "5"))
QUERIES = [q.strip() for q in (Path(__file__).parent / "column_queries.sql").read_text().split(";\n") if q.strip()]
TYPES = {"x": "a INT, b INT, c INT, k INT, arr INT[]", "y": "a INT, d INT, k INT, s STRUCT(f STRUCT(g INT))"}
SECONDS = 0.3
"""For one query; what takes longer is left out."""

Rows = list[tuple[Any, ...]]


class Database:
    """The inputs in several schemas of one database: as they are, and with one thing changed in each."""

    def __init__(self) -> None:
        self.engine = duckdb.connect(config={"threads": 1})
        self.changed: list[tuple[str, str, str]] = []
        self._write("base", {t: _rows(t, 1) for t in SCHEMAS})
        self._write("base2", {t: _rows(t, 2, 9) for t in SCHEMAS})
        self._write("moved", {t: [(*r[::-1], 7) for r in _rows(t, 1)] for t in SCHEMAS}, moved=True)
        for table, columns in SCHEMAS.items():
            for column in (*columns, ROWS):
                for turn in range(2):
                    rows = {t: _rows(t, 1) for t in SCHEMAS}
                    rows[table] = _perturbed(rows[table], column, columns, random.Random(turn))
                    schema = f"p_{table}_{column or 'rows'}_{turn}"
                    self._write(schema, rows)
                    self.changed.append((schema, table, column))

    def _write(self, schema: str, tables: dict[str, Rows], *, moved: bool = False) -> None:
        self.engine.execute(f'CREATE SCHEMA "{schema}"')
        for table, rows in tables.items():
            columns = re.split(r", (?=[a-z]+ )", TYPES[table])
            columns = [*columns[::-1], "zz INT"] if moved else columns
            self.engine.execute(f'CREATE TABLE "{schema}".{table} ({", ".join(columns)})')
            marks = ", ".join("?" * len(columns))
            self.engine.executemany(f'INSERT INTO "{schema}".{table} VALUES ({marks})', [list(r) for r in rows])

    def answer(self, sql: str, schema: str = "base") -> tuple[list[str], Rows] | None:
        """The names of the columns and the rows; None where the engine refuses the query."""
        self.engine.execute(f'USE "{schema}"')
        limit = threading.Timer(SECONDS, self.engine.interrupt)
        limit.start()
        try:
            result = self.engine.execute(sql.replace("main.x", "x"))
            return [d[0] for d in result.description], result.fetchall()
        except duckdb.Error:
            return None
        finally:
            limit.cancel()


def _rows(table: str, seed: int, count: int = 8) -> Rows:
    chance = random.Random(f"{table}{seed}")

    def value(column: str) -> object:
        number = chance.randint(0, 4) if chance.random() < 0.9 else None
        if column == "arr":
            return [chance.randint(0, 3) for _ in range(chance.randint(0, 3))]
        return {"f": {"g": number}} if column == "s" else number

    return [tuple(value(c) for c in SCHEMAS[table]) for _ in range(count)]


def _perturbed(rows: Rows, column: str, columns: tuple[str, ...], chance: random.Random) -> Rows:
    if column == ROWS:
        return [r for r in rows for _ in range(chance.choice([0, 1, 1, 2]))]
    place = columns.index(column)
    found = []
    for row in rows:
        values = list(row)
        if chance.random() < 0.6:
            old = values[place]
            number = chance.randint(0, 4)
            values[place] = [number, *old[1:], 1] if isinstance(old, list) else {"f": {"g": number}} if isinstance(old, dict) else number
        found.append(tuple(values))
    return found


@functools.cache
def database() -> Database:
    return Database()


def analysed(sql: str, schemas: dict[str, tuple[str, ...]] | None = None) -> Analysed | None:
    """None where the query is refused."""
    try:
        return analyse(sql, "duckdb", schemas or SCHEMAS)
    except SqlProblem:
        return None


def _values(answer: tuple[list[str], Rows], place: int | None = None) -> list[str]:
    return sorted(repr(r if place is None else r[place]) for r in answer[1])


def check_origins(sql: str) -> bool:
    """Change one thing of the inputs at a time: what changes in the answer must have it among its origins."""
    data, found = database(), analysed(sql)
    base = data.answer(sql)
    if base is None or found is None:
        return False
    analysis = found.analysis
    assert not found.problems, f"{sql}\n{found.problems}"
    if analysis.opaque is not None:
        return True
    named = analysis.named(base[0])
    if analysis.names is not None and len(analysis.names) == len(base[0]):
        for name, real in zip(analysis.names, base[0], strict=True):
            assert name is None or name == real, f"{sql}\n{name} is {real}"
    outputs = named.columns or [OutputColumn(n, analysis.content, named.rows) for n in base[0]]
    assert not analysis.everything or all(c.value | c.filter | named.rows for c in outputs), sql
    for schema, table, column in data.changed:
        other = data.answer(sql, schema)
        if other is None:
            continue
        where = f"{sql}\n{table}.{column}"
        origins = {(table, column), (table, ANY)}
        if column and _values(base) != _values(other):
            reads = analysis.reads(table)
            assert reads is None or column in reads, f"reads: {where}"
        if len(base[1]) != len(other[1]):
            assert origins & {tuple(o) for o in named.rows}, f"rows: {where}"
        if len(base[0]) != len(other[0]):
            assert analysis.columns is None or None in (analysis.names or ()), f"columns: {where}"
            continue
        for place, output in enumerate(outputs):
            if _values(base, place) != _values(other, place):
                assert origins & {tuple(o) for o in output.value | output.filter | named.rows}, f"{output.name}: {where}"
    return True


def check_other_columns(sql: str) -> None:
    """Add a column to each input and turn their order round: the answer is the same unless the analysis says otherwise."""
    data, found = database(), analysed(sql)
    moved = {t: (*c[::-1], "zz") for t, c in SCHEMAS.items()}
    other = analysed(sql, moved)
    assert found is not None
    assert other is not None
    before, after = found.analysis, other.analysis
    if (before.content, before.opaque) == (after.content, None) and all(before.reads(t) == after.reads(t) for t in SCHEMAS):
        one, two = data.answer(sql), data.answer(sql, "moved_back")
        if one is not None and two is not None:
            assert one[0] == two[0], sql
            assert _values(one) == _values(two), sql


class Shapes:
    """Everything analysed so far, by shape: whatever shares one must give the same."""

    def __init__(self) -> None:
        self.contents: dict[str, tuple[str, Any]] = {}
        self.columns: dict[tuple[str, str], tuple[str, Any]] = {}
        self.shared = 0

    def add(self, sql: str) -> bool:
        data, found = database(), analysed(sql)
        answers = [data.answer(sql, s) for s in ("base", "base2")]
        if found is None or None in answers or found.analysis.opaque is not None:
            return False
        assert not found.problems, f"{sql}\n{found.problems}"
        analysis = found.analysis
        given = [(list(a[0]), _values(a)) for a in answers if a is not None]
        self._same(self.contents, analysis.content, sql, given)
        settled = not re.search(r"\bROWS\b|row_number|LIMIT", sql, re.IGNORECASE)  # rows that sort alike come in any order
        if settled and analysis.columns is not None and all(a is not None and len(a[0]) == len(analysis.columns) for a in answers):
            for place, column in enumerate(analysis.columns):
                values = [_values(a, place) for a in answers if a is not None]
                self._same(self.columns, (column.shape, analysis.rows_shape), sql, values)
        return True

    def _same(self, known: dict[Any, tuple[str, Any]], key: Any, sql: str, given: Any) -> None:
        if key not in known or known[key][0] == sql:
            known[key] = (sql, given)
            return
        self.shared += 1
        assert known[key][1] == given, f"of one shape:\n{known[key][0]}\n{sql}"


shapes = Shapes()


@pytest.mark.parametrize("part", range(4))
def test_what_changes_is_among_the_origins(part: int) -> None:
    for sql in QUERIES[part::4]:
        assert check_origins(sql), sql


def test_most_of_the_queries_are_analysed() -> None:
    opaque = [q for q in QUERIES if (found := analysed(q)) is not None and found.analysis.opaque is not None]
    assert len(opaque) <= 12, "\n".join(opaque)


@pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))
def test_what_changes_is_among_the_origins_of_random_queries(seed: int) -> None:
    maker = Maker(random.Random(seed))
    accepted = sum(check_origins(maker.query()[0]) for _ in range(25))
    assert accepted >= 8


@pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))
def test_queries_of_one_shape_give_one_answer(seed: int) -> None:
    chance = random.Random(seed + 1_000_000)
    maker = Maker(chance)
    for _ in range(12):
        sql = maker.query()[0] if chance.random() < 0.6 else chance.choice(QUERIES)
        if not shapes.add(sql):
            continue
        for _ in range(6):
            other = mutated(sql, chance)
            if other is not None:
                shapes.add(other)


def test_columns_that_are_not_read_may_come_and_go() -> None:
    data = database()
    data.engine.execute("CREATE SCHEMA IF NOT EXISTS moved_back")
    for table, columns in SCHEMAS.items():
        moved = [*re.split(r", (?=[a-z]+ )", TYPES[table])[::-1], "zz INT"]
        data.engine.execute(f"CREATE OR REPLACE TABLE moved_back.{table} ({', '.join(moved)})")
        data.engine.execute(f"INSERT INTO moved_back.{table} BY NAME SELECT {', '.join(columns)}, 7 AS zz FROM base.{table}")
    for sql in QUERIES:
        check_other_columns(sql)
    for seed in range(COUNT):
        maker = Maker(random.Random(seed + 2_000_000))
        for _ in range(10):
            sql = maker.query()[0]
            if data.answer(sql) is not None:
                check_other_columns(sql)


# What is no change


def _content(sql: str) -> str:
    found = analysed(sql)
    assert found is not None, sql
    assert not found.problems, f"{sql}\n{found.problems}"
    assert found.analysis.opaque is None, f"{sql}\n{found.analysis.opaque}"
    return found.analysis.content


def _plain_queries() -> list[str]:
    found = [q for q in QUERIES if (a := analysed(q)) is not None and a.analysis.opaque is None and not q.startswith(("PIVOT", "UNPIVOT"))]
    for seed in range(COUNT):
        maker = Maker(random.Random(seed + 3_000_000))
        found += [q for q in (maker.query()[0] for _ in range(8)) if database().answer(q) is not None]
    return found


def test_how_a_query_is_written_is_no_change() -> None:
    for sql in _plain_queries():
        content = _content(sql)
        tokens = sqlglot.tokenize(sql, dialect="duckdb")
        spread = "\n".join(sql[t.start : t.end + 1] for t in tokens)
        assert _content(f"-- first\n{spread} /* last */;") == content, sql
        keywords = "".join(
            sql[(tokens[i - 1].end + 1 if i else 0) : t.start] + _other_case(sql[t.start : t.end + 1], t.token_type.name)
            for i, t in enumerate(tokens)
        )
        assert _content(keywords) == content, keywords
        if " AS x" not in sql and "COLUMNS" not in sql and "*" not in sql:
            renamed = re.sub(r"\b([pw]\d+)_\b", r"other_\1", sql)
            assert _content(renamed) == content, renamed


def _other_case(text: str, kind: str) -> str:
    return text if kind in {"VAR", "IDENTIFIER", "STRING"} or not text.isalpha() or text in SCHEMAS or len(text) == 1 else text.swapcase()


SAME = (
    ("SELECT a FROM x", 'SELECT "A" FROM "X"', "select A from X;", "SELECT x.a FROM x", "SELECT p.a FROM x p", "SELECT (a) FROM x AS q", "SELECT ((q.a)) FROM x AS q"),
    ("SELECT a + 1 AS s FROM x WHERE b > 1", "SELECT ((a) + 1) s FROM x p WHERE ((p.b) > (1))", "SELECT\n p.A + 1 AS s -- x\nFROM x AS p WHERE p.B > 1"),
    ("WITH p AS (SELECT a AS v FROM x) SELECT v FROM p", "WITH q AS (SELECT t.a v FROM x t) SELECT r.v FROM q AS r"),
    ("SELECT sum(a) AS s FROM x GROUP BY k", "SELECT SUM(p.a) AS s FROM x p GROUP BY p.k"),
    ("SELECT o.a, (SELECT max(d) FROM y WHERE y.k = o.k) AS m FROM x o", "SELECT x.a, (SELECT max(i.d) FROM y i WHERE i.k = x.k) AS m FROM x"),
    ("SELECT k, count(*) FROM x GROUP BY k", "SELECT p.k, COUNT(*) FROM x p GROUP BY p.k"),
    ("SELECT x.a, d FROM x JOIN y USING (k)", "SELECT p.a, q.d FROM x AS p JOIN y AS q USING (K)"),
    ("SELECT sum(a) OVER (PARTITION BY b) AS s FROM x", "SELECT sum(p.a) OVER (PARTITION BY p.b) AS s FROM x p"),
    ("SELECT list_transform(arr, lambda q: q + b) AS l FROM x", "SELECT list_transform(p.arr, lambda q: q + p.b) AS l FROM x p"),
    ("SELECT s.f.g AS v FROM y", "SELECT y.s.f.g AS v FROM y", "SELECT p.s.F.G AS v FROM y p"),
)  # fmt: skip


@pytest.mark.parametrize("group", SAME, ids=[g[0] for g in SAME])
def test_aliases_and_quoting_are_no_change(group: tuple[str, ...]) -> None:
    assert len({_content(q) for q in group}) == 1, group


APART = (
    ("SELECT p.a FROM x p JOIN x q ON p.k = q.b", "SELECT q.a FROM x p JOIN x q ON p.k = q.b"),
    ("SELECT a::VARCHAR ~ '1' AS m FROM x", "SELECT regexp_matches(a::VARCHAR, '1') AS m FROM x"),
    ("SELECT +a FROM x", "SELECT a FROM x"),
    ("SELECT len(arr) FROM x", "SELECT length(arr) FROM x"),
    ("SELECT a FROM ((VALUES (1), (2)) LIMIT 1) v(a)", "SELECT a FROM (VALUES (1), (2)) v(a)"),
    ("SELECT (SELECT (WITH m AS (SELECT i.a AS v) SELECT max(v) FROM m) FROM x i LIMIT 1) AS s FROM x o",
     "SELECT (WITH m AS (SELECT o.a AS v) SELECT (SELECT max(v) FROM m) FROM x i LIMIT 1) AS s FROM x o"),
    ("WITH RECURSIVE q AS (SELECT a FROM x), r AS (SELECT a FROM x UNION SELECT r.a + 1 FROM r, q WHERE r.a < 5) SELECT a FROM r",
     "WITH RECURSIVE q AS (SELECT a FROM x), r AS (SELECT a FROM x UNION SELECT q.a + 1 FROM q, r WHERE q.a < 5) SELECT a FROM r"),
    ("SELECT a FROM x WINDOW w AS (ORDER BY a) ORDER BY sum(b) OVER w", "SELECT a FROM x WINDOW w AS (ORDER BY c) ORDER BY sum(b) OVER w"),
    ('SELECT "sum(p.a)" AS v FROM (SELECT sum(p.a), sum(q.a) FROM x p, x q)', 'SELECT "sum(p.a)" AS v FROM (SELECT sum(q.a), sum(p.a) FROM x q, x p)'),
    ("SELECT s.f.g AS v FROM y", 'SELECT s."f g" AS v FROM y'),
    ("SELECT min(a) AS b, count(*) AS n FROM x HAVING b > 1", "SELECT min(a) AS b, count(*) AS b FROM x HAVING b > 1"),
    ("SELECT count(*) AS n FROM (SELECT unnest(arr) AS v FROM x)", "SELECT count(*) AS n FROM (SELECT arr AS v FROM x)"),
)  # fmt: skip


@pytest.mark.parametrize(("one", "two"), APART, ids=[a for a, _ in APART])
def test_these_are_told_apart(one: str, two: str) -> None:
    first, second = analysed(one), analysed(two)
    assert first is not None
    assert second is not None
    assert first.analysis.content != second.analysis.content


def test_which_of_two_aliases_having_means_is_left_open() -> None:
    one, two = (analyse(f"SELECT min(a) AS b, count(*) AS {n} FROM x HAVING b > 1", "duckdb", SCHEMAS).analysis for n in ("n", "b"))
    assert one.rows_shape != two.rows_shape


def test_renaming_an_output_keeps_its_shape() -> None:
    one, two = (analyse(f"SELECT a + 1 AS {n}, b FROM x WHERE c > 1", "duckdb", SCHEMAS).analysis for n in ("p", "q"))
    assert one.content != two.content
    assert one.columns is not None
    assert two.columns is not None
    assert [c.shape for c in one.columns] == [c.shape for c in two.columns]


def test_one_thing_said_of_what_is_read_by_an_unknown_star() -> None:
    found = analyse("SELECT * FROM (PIVOT x ON b USING sum(a) GROUP BY k)", "duckdb", {**SCHEMAS, "unread": None}).analysis
    assert found.opaque is None
    assert found.columns is None
    assert found.reads("unread") == frozenset()
    assert found.reads("y") == frozenset()
    assert found.reads("x") == frozenset(SCHEMAS["x"])


def test_a_name_may_be_the_outer_querys_where_the_inner_relation_is_not_known() -> None:
    found = analyse("SELECT (SELECT max(v + b) FROM u) AS m FROM x", "duckdb", {**SCHEMAS, "u": None}).analysis
    assert found.opaque is None
    assert found.reads("x") == frozenset({"b"})
    assert found.reads("u") is None


PIVOTS = (
    "PIVOT x ON b USING sum(a)",
    "UNPIVOT x ON a, b INTO NAME n VALUE v",
    "WITH p AS (PIVOT x ON b USING sum(a)) SELECT * FROM p",
    "SELECT * FROM (PIVOT x ON b USING sum(a) GROUP BY k) p",
)


@pytest.mark.parametrize("sql", PIVOTS)
def test_a_pivot_reads_and_no_more(sql: str) -> None:
    assert [u.name for u in tables(parse_select(sql, "duckdb")) if u.name != "p"] == ["x"]
    for other in (
        "read_csv('x.csv')",
        "query('DROP TABLE x')",
        "(DELETE FROM x RETURNING *)",
        "(SELECT getenv('HOME') AS b)",
        "(SELECT * FROM a.b.c)",
    ):
        with pytest.raises(SqlProblem):
            parse_select(re.sub(r"\bx\b", lambda _, other=other: other, sql), "duckdb")
    with pytest.raises(SqlProblem):
        parse_select(f"{sql}; DROP TABLE x", "duckdb")


def test_columns_of_a_subquery_are_its_own() -> None:
    assert analyse("SELECT (SELECT max(COLUMNS('^d$')) FROM y) AS m, a FROM x", "duckdb", SCHEMAS).analysis.reads("y") == frozenset({"d"})
    found = analyse("SELECT (SELECT d FROM y GROUP BY d, COLUMNS('^k$') LIMIT 1) AS m FROM x", "duckdb", SCHEMAS)
    assert found.analysis.opaque is not None


# Names that mean nothing


def test_every_wrong_name_is_said_with_its_place() -> None:
    sql = 'SELECT p.amout, "b d", nothing.a, k FROM x p JOIN y ON p.k = y.k WHERE dd > 1'
    problems = analyse(sql, "duckdb", SCHEMAS).problems
    assert [sql[p.offset :].split(maxsplit=1)[0].rstrip(",") for p in problems] == ["p.amout", '"b', "nothing.a", "k", "dd"]
    hints = {p.message: p.hint for p in problems}
    assert hints["column 'k' is in several relations"] == "write p.k or y.k"
    assert hints["unknown column 'nothing.a'"] == "p and y have a column of that name"
    assert hints["unknown column 'dd'"] == "did you mean 'd'?"


def test_a_wrong_name_is_said_once_and_where_else_it_is() -> None:
    problems = analyse("SELECT d::VARCHAR AS v FROM x", "duckdb", SCHEMAS).problems
    assert [(p.message, p.hint) for p in problems] == [("unknown column 'd'", "y has a column of that name, and is not read here")]


def test_numbers_are_columns() -> None:
    assert all(set(NUMBERS[t]) <= set(SCHEMAS[t]) for t in SCHEMAS)
    assert not collections.Counter(QUERIES).most_common(1)[0][1] > 1
    assert isinstance(sqlglot.parse_one(QUERIES[0], dialect="duckdb"), exp.Query)
