"""What SQL in audits is refused before it reaches the engine, however it is spelled."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from seeknal.testing import ProjectMaker

QUERIES = """
SELECT * FROM __THIS__; DROP TABLE x
SELECT * FROM read_text('/etc/passwd')
SELECT * FROM '/etc/passwd'
SELECT * FROM "data/x.csv"
SELECT * FROM "read_csv"('x')
SELECT * FROM main.read_csv('x')
SELECT * FROM __THIS__ WHERE id IN (SELECT content FROM read_blob('/etc/passwd'))
SELECT * FROM range(3), read_csv('x')
SELECT * FROM generate_series(1, getenv('x')::int)
SELECT * FROM glob('*')
SELECT * FROM read_json_auto('x')
SELECT * FROM read_xlsx('x')
SELECT getenv('HOME') FROM __THIS__
SELECT main.getenv('X') FROM __THIS__
SELECT system.main.getenv('X') FROM __THIS__
SELECT 'HOME'.getenv() FROM __THIS__
SELECT try(getenv('X')) FROM __THIS__
SELECT list_transform([1], lambda x: getenv('A')) FROM __THIS__
SELECT current_setting('temp_directory') FROM __THIS__
SELECT getvariable('x') FROM __THIS__
SELECT nextval('s') FROM __THIS__
SELECT * FROM query('DROP TABLE x')
SELECT * FROM query_table('x')
SELECT * FROM json_execute_serialized_sql('x')
SELECT * FROM duckdb_secrets()
SELECT * FROM which_secret('s3://x', 's3')
SELECT * FROM pragma_table_info('x')
SELECT * FROM information_schema.tables
SELECT * FROM pg_catalog.pg_tables
SELECT * FROM sqlite_master
SELECT * FROM memory.main.other
SELECT * FROM "other"
FROM other
TABLE other
SELECT * FROM __THIS__ UNION ALL SELECT * FROM other
SELECT * FROM __THIS__ POSITIONAL JOIN other
SELECT * FROM __THIS__ ANTI JOIN other USING (id)
SELECT * FROM __THIS__, LATERAL (SELECT * FROM other)
SELECT (SELECT max(id) FROM other) FROM __THIS__
SELECT (FROM other) FROM __THIS__
SELECT [x FOR x IN (SELECT id FROM other)] FROM __THIS__
SELECT * FROM __THIS__ WHERE id IN (TABLE other)
SELECT * FROM __THIS__ ORDER BY (SELECT 1 FROM other)
SELECT * FROM __THIS__ LIMIT (SELECT count(*) FROM other)
SELECT * FROM __THIS__ WINDOW w AS (ORDER BY (SELECT id FROM other))
SELECT * FROM __THIS__ QUALIFY row_number() OVER (ORDER BY (SELECT 1 FROM other)) = 1
SELECT * FROM (PIVOT other ON a USING sum(b))
SELECT * FROM UNNEST((SELECT list(id) FROM other))
WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT id FROM other) SELECT * FROM r
WITH a AS MATERIALIZED (SELECT * FROM other) SELECT * FROM a
WITH x AS (DELETE FROM __THIS__ RETURNING *) SELECT * FROM x
WITH __THIS__ AS (SELECT 1 AS id WHERE FALSE) SELECT * FROM __THIS__
WITH transform_a AS (SELECT 1 AS id WHERE FALSE) SELECT * FROM __THIS__
WITH "TRANSFORM_A" AS (SELECT 1 AS id WHERE FALSE) SELECT * FROM __THIS__
SELECT * FROM (WITH __this__ AS (SELECT 1 AS id WHERE FALSE) SELECT * FROM __THIS__)
SELECT * FROM transform_a
SELECT * INTO x FROM __THIS__
SELECT * FROM __THIS__ FOR UPDATE
SELECT * FROM __THIS__ WHERE $1
SELECT * FROM __THIS__ WHERE ?
COPY __THIS__ TO 'x.csv'
ATTACH 'x.db'
INSTALL httpfs
LOAD httpfs
SET threads = 1
PRAGMA version
CALL pragma_version()
EXPLAIN ANALYZE SELECT * FROM __THIS__
DESCRIBE __THIS__
SUMMARIZE __THIS__
SHOW TABLES
EXPORT DATABASE 'x'
CREATE MACRO f() AS 1
MERGE INTO x USING y ON true WHEN MATCHED THEN DELETE
""".strip().splitlines()

CONDITIONS = """
1=1; DROP TABLE x
id IN (SELECT 1)
EXISTS (SELECT 1)
(FROM other) > 0
id = (VALUES (1))
list_sum([1]) > (TABLE other)
CASE WHEN (SELECT 1) THEN TRUE END
read_text('/etc/passwd') IS NOT NULL
getenv('HOME') = 'x'
system.main.getenv('x') = 'y'
current_setting('x') = 'a'
nextval('x') > 0
id > 0) OR (1=1
1=1) UNION SELECT * FROM information_schema.tables --
x'; DROP TABLE y; --
id > 0 -- x
id > 0 /* x */
id > 0, 1=1
id > 0 GROUP BY id
id > 0 ORDER BY id
id > 0 UNION SELECT 1
TRUE LIMIT 1
id > 0 RETURNING *
id > 0 INTO x
id AS x
id = ?
id = $x
COLUMNS(*) > 0
* > 0
UNNEST([true])
count(*) > 0
count_star() > 1
max(id) > 1
product(id) > 1
sumkahan(id) > 1
reservoir_quantile(id, 0.5) > 1
histogram(id) IS NULL
string_agg(id, ',') = 'x'
sum(id) FILTER (WHERE id > 1) > 0
row_number() OVER () = 1
row_number() > 1
lag(id) > 1
""".strip().splitlines()


def refused(project: ProjectMaker, audits: list[dict[str, Any]]) -> list[str]:
    """The audits that were not refused, all of them asked for at once."""
    lines = ["kind: transform", "name: a", "sql: SELECT 1 AS id", "audits:", *(f"  - {json.dumps(a)}" for a in audits)]
    outcome = project({"seeknal/a.yml": "\n".join(lines), "seeknal/b.yml": "kind: transform\nname: b\nsql: SELECT 2 AS id\n"}).cli("plan")
    assert outcome.exit_code == 2
    assert not (outcome.root / "target").exists()
    return [json.dumps(a) for number, a in enumerate(audits, 5) if f"--> seeknal/a.yml:{number}:" not in outcome.output]


def test_queries(project: ProjectMaker) -> None:
    assert refused(project, [{"type": "custom_sql", "sql": q} for q in QUERIES]) == []


@pytest.mark.parametrize("audit", [{"type": "not_null", "columns": "id"}, {"type": "custom_sql", "sql": "FROM __THIS__"}])
def test_where(project: ProjectMaker, audit: dict[str, Any]) -> None:
    assert refused(project, [{**audit, "where": c} for c in CONDITIONS]) == []


def test_conditions_of_audits(project: ProjectMaker) -> None:
    asked = [{"type": "expression", "sql": c} for c in CONDITIONS] + [
        {"type": "required_if", "column": "id", "when": c} for c in CONDITIONS
    ]
    assert refused(project, asked) == []


def test_values_are_values(project: ProjectMaker) -> None:
    """Text that would be SQL is only text, whatever the audit."""
    evil = "x') OR TRUE; DROP TABLE t; --"
    audits = [
        {"type": "rejected_values", "column": "s", "values": [evil, "')"]},
        {"type": "pattern", "column": "s", "like": evil, "negate": True},
        {"type": "pattern", "column": "s", "regex": "['\"]+", "negate": True},
        {"type": "time_bounds", "column": "t", "not_after": "2999-01-01"},
    ]
    sql = "SELECT 'plain' AS s, TIMESTAMP '2026-01-01' AS t"
    outcome = project({"seeknal/a.yml": json.dumps({"kind": "transform", "name": "a", "sql": sql, "audits": audits})}).run()
    assert [a.failing_rows for a in outcome.assert_success().node("transform.a").audits] == [0, 0, 0, 0]


def test_columns_with_odd_names_are_quoted(project: ProjectMaker) -> None:
    name = 'a"; DROP TABLE t; --'
    quoted = '"' + name.replace('"', '""') + '"'
    audits = [
        {"type": "not_null", "columns": name},
        {"type": "unique", "columns": name},
        {"type": "aggregate", "column": name, "fn": "max", "max": 1},
        {"type": "equal_to", "to": "transform.b"},
        {"type": "relationships", "column": name, "to": "transform.b"},
    ]
    nodes = [{"kind": "transform", "name": n, "sql": f"SELECT 1 AS {quoted}"} for n in ("a", "b")]
    folder = project({"seeknal/a.yml": json.dumps({**nodes[0], "audits": audits}), "seeknal/b.yml": json.dumps(nodes[1])})
    assert [a.failing_rows for a in folder.run().assert_success().node("transform.a").audits] == [0] * 5
