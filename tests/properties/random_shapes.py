"""Queries of every form of the language over one or two inputs, with the columns each of them mentions, and other ways of writing them.

In a shape `{a}` and `{b}` are inputs, `{c}` and `{d}` numbers, `{x}` and `{y}` numeric values of an input's row, and `@name` is a name of the query's
own. Every shape returns at least `id`, `k`, `v` and `u`. The answer depends on the rows of the inputs alone, whatever their order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

BASE = "id k v u"


@dataclass(frozen=True)
class Shape:
    """A form of query. `a` and `b` are the columns it mentions of its inputs: their names, or `*` for all, `*-u` for all but one.

    `+` says that their order counts.
    """

    sql: str
    a: str = BASE
    b: str | None = None


SHAPES = (
    # What a select list says
    Shape("SELECT id, k, (v + {c}) % 10007 AS v, u FROM {a}"),
    Shape("SELECT id, k, v, u, {x} * {c} % 97 AS w, u + {d} AS x FROM {a}"),
    Shape("SELECT id, k, v, {c}::BIGINT AS u FROM {a}", "id k v"),
    Shape("SELECT id, k, u AS v, v AS u FROM {a}"),
    Shape("SELECT id, k, {x} + {c} AS z, z * 2 % 10007 AS v, u FROM {a}", "id k u z"),
    Shape("SELECT id, k, CASE WHEN {x} BETWEEN {c} AND 30 THEN v ELSE id END AS v, u FROM {a}"),
    Shape("SELECT id, k, list_sum(list_transform([v, {x}], lambda q: q + {c}))::BIGINT AS v, u FROM {a}"),
    Shape("SELECT id, k, v, u, {'a': v, 'b': {x}} AS s FROM {a}"),
    Shape("SELECT id, k, v, u, [v, {x}] AS l FROM {a}"),
    Shape("SELECT @t.id, @t.k, s.a AS v, @t.s.b AS u FROM (SELECT id, k, {'a': v, 'b': {x} + {c}} AS s FROM {a}) AS @t", "id k v"),
    Shape("FROM {a} SELECT id, k, v, u WHERE v > {c}"),
    # Stars
    Shape("SELECT * FROM {a} WHERE v <> {c}", "*"),
    Shape("SELECT * FROM {a} ORDER BY v, id", "*"),
    Shape("SELECT * EXCLUDE (v), (v + {c}) % 10007 AS v FROM {a}", "*"),
    Shape("SELECT * EXCLUDE (u), {c}::BIGINT AS u FROM {a}", "*-u"),
    Shape("SELECT * REPLACE ((v + {c}) % 10007 AS v) FROM {a}", "*"),
    Shape("SELECT * REPLACE ({c}::BIGINT AS v) FROM {a}", "*-v"),
    Shape("SELECT * RENAME (v AS r{c}), (v % {d})::BIGINT AS v FROM {a}", "*"),
    Shape("SELECT @p.* FROM {a} AS @p SEMI JOIN {b} AS @q ON @p.k = @q.k AND @q.{y} > {c}", "*", "k"),
    Shape("SELECT * FROM {a} JOIN (SELECT k, count(*) AS n{c} FROM {b} GROUP BY k) AS @q USING (k)", "*", "k"),
    Shape("SELECT *, v + {c} AS w FROM (SELECT id, k, v, u FROM {a}) AS @t"),
    Shape("SELECT *, {'a': v, 'b': u} AS s FROM {a} WHERE id <> {c}", "*"),
    Shape("SELECT id, k, COLUMNS('^(v|u)$') + {c} FROM {a}", "+ id k v u"),
    Shape("SELECT id, k, COLUMNS(['v', 'u']) FROM {a} WHERE {x} <> {c}", "+ id k v u"),
    Shape("SELECT COLUMNS(lambda c: c IN ('id', 'k', 'v', 'u')) FROM {a} WHERE id <> {c}", "+ id k v u"),
    Shape("SELECT COLUMNS(* EXCLUDE (u)), u % {c} AS u FROM {a}", "*"),
    # CTEs
    Shape("WITH source_s0 AS (SELECT * FROM {a}), @x AS (SELECT * FROM source_s0) SELECT id, k, v, u FROM @x WHERE id <> {c}"),
    Shape("WITH @x AS (SELECT id, k, v, u FROM {a} WHERE v > {c}) SELECT * FROM @x UNION ALL SELECT id, k, u, v FROM @x WHERE id > {d}"),
    Shape("WITH @x AS (SELECT * FROM {a}), @y AS (SELECT *, {c} AS extra FROM @x) SELECT id, k, v, u + extra AS u FROM @y"),
    Shape("WITH @x(i, j) AS (SELECT k, max({y}) FROM {b} GROUP BY k) SELECT id, k, v, coalesce(j, {c}) AS u FROM {a} LEFT JOIN @x ON i = k", "id k v", "k"),
    Shape("WITH RECURSIVE @r AS (SELECT id, k, v, u, 0 AS n FROM {a} UNION ALL SELECT id, k, (v + {c}) % 10007, u, n + 1 FROM @r WHERE n < 2) "
          "SELECT id, k, v, u FROM @r WHERE n = 2"),
    Shape("WITH RECURSIVE @r AS (SELECT id, v FROM {a} UNION SELECT id + 1, v FROM @r WHERE id < {c}) "
          "SELECT id, 'a' AS k, v, {d}::BIGINT AS u FROM @r", "id v"),
    # Subqueries
    Shape("SELECT id, k, v, u FROM {a} AS @o WHERE EXISTS (SELECT 1 FROM {b} AS @i WHERE @i.k = @o.k AND @i.{y} > {c})", b="k"),
    Shape("SELECT id, k, v, u FROM {a} AS @o WHERE NOT EXISTS (FROM {b} AS @i WHERE @i.k = @o.k AND @i.{y} > {c})", b="*"),
    Shape("SELECT id, k, v, u FROM {a} WHERE k IN (SELECT k FROM {b} WHERE {y} > {c})", b="k"),
    Shape("SELECT id, k, (v * (SELECT count(*) FROM {b})) % 10007 + {c} AS v, u FROM {a}", b=""),
    Shape("SELECT id, k, v, (SELECT max(@i.{y}) + {c} FROM {b} AS @i WHERE @i.k = @o.k) AS u FROM {a} AS @o", "id k v", "k"),
    Shape("SELECT id, k, v, u FROM {a} WHERE v > (SELECT min({y}) FROM {b}) - {c}", b=""),
    Shape("SELECT id, k, v, u FROM {a} AS @o WHERE {x} + {c} > ALL (SELECT v FROM {b} AS @i WHERE @i.k = @o.k)", b="k v"),
    # Joins
    Shape("SELECT @p.id, @p.k, (@p.v + coalesce(@q.v, {c})) % 10007 AS v, @p.u FROM {a} AS @p "
          "LEFT JOIN (SELECT k, max(v) AS v FROM {b} GROUP BY k) AS @q USING (k)", b="k v"),
    Shape("SELECT coalesce(@p.id, {c}) AS id, k, coalesce(@p.v, @q.v) AS v, @q.u FROM (SELECT min(id) AS id, k, min(v) AS v FROM {a} GROUP BY k) AS @p "
          "FULL JOIN (SELECT k, max(v) AS v, max({y}) AS u FROM {b} GROUP BY k) AS @q USING (k)", "id k v", "k v"),
    Shape("SELECT id, k, v, mu AS u FROM {a} NATURAL JOIN (SELECT id, k, max({y}) AS mu FROM {b} GROUP BY ALL) AS @q WHERE id <> {c}", "id k v", "id k"),
    Shape("SELECT @p.id, @p.k, @p.v, (sum(@q.{x}) % 10007)::BIGINT + {c} AS u FROM {a} AS @p JOIN {a} AS @q ON @p.k = @q.k GROUP BY ALL", "id k v"),
    Shape("SELECT id, k, v, u FROM {a} AS @o ANTI JOIN {b} AS @i ON @o.k = @i.k AND @o.v = @i.{y}", b="k"),
    Shape("SELECT id, k, v, u FROM {a} SEMI JOIN (SELECT k FROM {b} WHERE {y} <> {c}) AS @i USING (k)", b="k"),
    Shape("SELECT @o.id, @o.k, @o.v, @l.u FROM {a} AS @o, LATERAL (SELECT (sum(@i.{y}) % 10007)::BIGINT AS u FROM {b} AS @i WHERE @i.k = @o.k) AS @l",
          "id k v", "k"),
    Shape("SELECT @o.id, @o.k, @l.m AS v, @o.u FROM {a} AS @o LEFT JOIN LATERAL (SELECT max(@i.{y}) + {c} AS m FROM {b} AS @i WHERE @i.k = @o.k) AS @l ON true",
          "id k u", "k"),
    Shape("SELECT id, k, v + @m.n AS v, u FROM {a} JOIN (VALUES ('a', {c}), ('b', {d})) AS @m(l, n) ON @m.l = k"),
    # Set operations
    Shape("SELECT id, k, v, u FROM {a} UNION ALL SELECT id + {c}, k, v, u FROM {b}", b=BASE),
    Shape("SELECT id, k, v, u FROM {a} UNION SELECT id, k, v, u FROM {b} WHERE v > {c}", b=BASE),
    Shape("SELECT id, k, v, u FROM {a} UNION ALL BY NAME SELECT u, id, k, v + {c} AS v FROM {b}", b=BASE),
    Shape("SELECT id, k, v, u FROM {a} UNION ALL BY NAME SELECT id, k FROM {b} WHERE id <> {c}", b="id k"),
    Shape("SELECT id, k, v, u FROM {a} INTERSECT SELECT id, k, v, u FROM {b} WHERE v <> {c}", b=BASE),
    Shape("SELECT id, k, v, u FROM {a} EXCEPT SELECT id, k, v, u FROM {b} WHERE v <> {c}", b=BASE),
    Shape("SELECT id, k, v, u FROM {a} EXCEPT ALL SELECT id, k, v, u FROM {b} WHERE v <> {c}", b=BASE),
    Shape("(SELECT id, k, v, u FROM {a} ORDER BY ALL LIMIT {c}) UNION ALL SELECT id, k, v, u FROM {b} WHERE id > {d}", b=BASE),
    # Unnesting and turning
    Shape("SELECT id, k, unnest([v, {x}]) AS v, u FROM {a}"),
    Shape("SELECT id, k, @t.e AS v, u FROM {a}, unnest([v, {x} + {c}]) AS @t(e)"),
    Shape("SELECT id, k, @t.e AS v, u FROM {a} AS @p, LATERAL unnest([@p.v, @p.u]) AS @t(e) WHERE @t.e <> {c}"),
    Shape("SELECT id, k, v + i AS v, u FROM {a}, range({c} % 3) AS @t(i)"),
    Shape('SELECT id, k, coalesce("1", 0)::BIGINT AS v, coalesce("2", {c})::BIGINT AS u FROM (SELECT id, k, v % 3 AS m, {x} AS n FROM {a}) '
          "PIVOT (sum(n) FOR m IN (1, 2) GROUP BY id, k)", "id k v"),
    Shape("SELECT id, k, e AS v, {c}::BIGINT AS u FROM (SELECT id, k, v, coalesce(u, 0) AS w FROM {a}) UNPIVOT (e FOR n IN (v, w))"),
    # Windows
    Shape("SELECT id, k, row_number() OVER (PARTITION BY k ORDER BY id, v, u) + {c} AS v, u FROM {a}"),
    Shape("SELECT id, k, (sum(v) OVER w_ % 10007)::BIGINT AS v, u FROM {a} "
          "WINDOW w_ AS (PARTITION BY k ORDER BY id, v, u ROWS BETWEEN {c} PRECEDING AND CURRENT ROW)"),
    Shape("SELECT id, k, lag(v, 1, {c}) OVER (PARTITION BY k ORDER BY id, v, u) AS v, u FROM {a}"),
    Shape("SELECT id, k, v, (sum({x}) OVER (PARTITION BY k ORDER BY id RANGE BETWEEN {c} PRECEDING AND 1 FOLLOWING) % 10007)::BIGINT AS u FROM {a}", "id k v"),
    Shape("SELECT id, k, v, u FROM {a} QUALIFY row_number() OVER (PARTITION BY k ORDER BY v, id, u) <= {c}"),
    Shape("SELECT id, k, v, u, dense_rank() OVER w_ AS w FROM {a} WINDOW w_ AS (ORDER BY {x}) QUALIFY w <= {c}", "id k v u w"),
    # Groups
    Shape("SELECT min(id) AS id, k, (sum(v) % 10007)::BIGINT AS v, max(u) AS u FROM {a} GROUP BY k HAVING count(*) < 100 + {c}"),
    Shape("SELECT min(id) AS id, k, v % {c} AS v, max({x}) AS u FROM {a} GROUP BY ALL", "id k v"),
    Shape("SELECT min(id) AS id, k, v % {c} AS v, max(u) AS u FROM {a} GROUP BY 2, 3"),
    Shape("SELECT min(id) AS id, k, count(*) FILTER (WHERE {x} > {c}) AS v, count(DISTINCT u) AS u FROM {a} GROUP BY k", "id k u"),
    Shape("SELECT min(id) AS id, coalesce(k, 'all') AS k, count(*) + {c} AS v, max(u) AS u FROM {a} GROUP BY ROLLUP (k) HAVING count(*) > 0", "id k u"),
    Shape("SELECT min(id) AS id, k, max(v) AS v, {c}::BIGINT AS u, string_agg({x}::VARCHAR, ',' ORDER BY {x}) AS g FROM {a} GROUP BY k", "id k v"),
    Shape("SELECT DISTINCT {c}::BIGINT AS id, k, 0::BIGINT AS v, {d}::BIGINT AS u FROM {a}", "k"),
    Shape("SELECT count(*) AS id, 'a' AS k, coalesce(max(v), 0) AS v, {c}::BIGINT AS u FROM {a}", "v"),
    # Order
    Shape("SELECT DISTINCT ON (k) id, k, v, u FROM {a} ORDER BY k, v, id, u"),
    Shape("SELECT id, k, v, u FROM {a} ORDER BY v DESC, id, k, u LIMIT {c}"),
    Shape("SELECT id, k, v, u FROM {a} ORDER BY 3, 1, 2, 4 LIMIT {c} OFFSET 1"),
    Shape("SELECT id, k, v, u FROM (SELECT * FROM {a} ORDER BY v, u, id, k LIMIT {c}) AS @t WHERE v IS NOT NULL"),
)  # fmt: skip
STARS = tuple(number for number, shape in enumerate(SHAPES) if shape.a.startswith("*"))

_QUOTED = re.compile(r"('[^']*'|\"[^\"]*\"|\{\{.*?\}\})")


@dataclass(frozen=True)
class Values:
    """What stands in a shape's places: relations as they are written, numbers, and of each input a numeric value and its column."""

    relations: tuple[str, str]
    numbers: tuple[int, int]
    x: tuple[str, str]
    y: tuple[str, str]


def written(shape: Shape, values: Values) -> str:
    """The query, with names of its own yet to be chosen."""
    places: Mapping[str, object] = {
        "{a}": values.relations[0], "{b}": values.relations[1], "{c}": values.numbers[0], "{d}": values.numbers[1],
        "{x}": values.x[0], "{y}": values.y[0],
    }  # fmt: skip
    sql = shape.sql
    for place, value in places.items():
        sql = sql.replace(place, str(value))
    return sql


def mentioned(shape: Shape, values: Values) -> tuple[str, str | None]:
    """The columns that the query mentions of each input, as a shape says it."""
    a = f"{shape.a} {values.x[1]}" if "{x}" in shape.sql and not shape.a.startswith("*") else shape.a
    b = f"{shape.b} {values.y[1]}" if shape.b is not None and "{y}" in shape.sql else shape.b
    return a, b


def spelled(sql: str, style: int) -> str:
    """The same query, written in another of many ways. Within a PIVOT quotes are left alone: it is known by how its names are written."""
    quoted = bool(style // 2 % 2) and "PIVOT" not in sql
    sql = re.sub(r"@(\w+)", lambda m: (m[1], f"{m[1]}_{style}", f'"{m[1].upper()} {style}"')[style % 3], sql)
    parts = _QUOTED.split(sql)
    parts[::2] = [_plain(p, style, quoted=quoted) for p in parts[::2]]
    return f"-- {style}\n{''.join(parts)}{' ' * (style % 4)}"


def _plain(sql: str, style: int, *, quoted: bool) -> str:
    """A part of a query without quoted text: keywords, names and white space in another form."""
    if style % 2:
        sql = re.sub(r"\b[A-Z]{2,}\b", lambda m: m[0].lower(), sql)
    if quoted:
        sql = re.sub(r"\b(id|k|v|u)\b", r'"\1"', sql)
    if style // 4 % 2:
        sql = sql.replace(" ", "\n  ").replace(",", " /* and */ ,")
    return sql
