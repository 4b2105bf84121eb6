"""What each audit finds wrong in a few rows, and what it says of NULL: each both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from seeknal.errors import ProjectError

if TYPE_CHECKING:
    from seeknal.testing import AuditTester

T = """
    SELECT * FROM (VALUES
        (1, 'a',   1.5::DOUBLE,    DATE '2026-01-01', 10, 12),
        (2, 'b',   NULL,           DATE '2026-01-02', 12, 15),
        (3, NULL,  'nan'::DOUBLE,  DATE '2026-01-03', 15, 15),
        (4, '',    0.0,            NULL,              NULL, 20),
        (6, '  ',  -1.0,           DATE '2026-01-06', 14, 18)
    ) AS t(i, s, d, day, lo, hi)
"""
EMPTY = f"SELECT * FROM ({T}) WHERE false"
MAILS = "SELECT * FROM (VALUES ('a@b.co'), ('a@b'), ('@b.co'), ('a b@c.de'), (NULL), ('')) AS t(x)"
IDS = "SELECT * FROM (VALUES ('123e4567-e89b-12d3-a456-426614174000'), ('123E4567-E89B-12D3-A456-426614174000'), ('123e4567'), (NULL)) AS t(x)"
URLS = "SELECT * FROM (VALUES ('https://a.b/c?d=e'), ('http://a'), ('ftp://a.b'), ('https://'), ('https://a b'), (NULL)) AS t(x)"
HOSTS = "SELECT * FROM (VALUES ('1.2.3.4'), ('255.255.255.255'), ('256.1.1.1'), ('1.2.3'), ('01.2.3.4'), (NULL)) AS t(x)"
DAYS = "SELECT * FROM (VALUES ('2026-02-28'), ('2026-02-30'), ('2026-2-3'), ('20260228'), (NULL)) AS t(x)"
DOCUMENTS = """SELECT * FROM (VALUES ('{"a": 1}'), ('[]'), ('{a: 1}'), (''), (NULL)) AS t(x)"""
NUMBERS = "SELECT * FROM (VALUES ('1'), ('1.0'), ('1.5'), ('x'), (NULL), (' 7')) AS t(x)"
PAIRS = "SELECT * FROM (VALUES (1, 'a'), (1, 'a'), (1, 'b'), (NULL, 'a'), (NULL, 'a'), (2, NULL)) AS t(i, s)"
STEPS = "SELECT * FROM (VALUES ('x', 1, 5), ('x', 2, 5), ('x', 4, 4), ('y', 1, 1), ('y', 2, 2), ('y', NULL, 3)) AS t(g, n, v)"
RANGES = """
    SELECT * FROM (VALUES ('x', 1, 3), ('x', 3, 5), ('x', 4, 6), ('y', 1, 9), ('y', 2, 3), ('y', 9, 12), ('z', 5, 5), ('z', 7, 6), ('z', NULL, 9))
    AS t(g, lo, hi)
"""
HOURS = "SELECT TIMESTAMP '2026-01-01 00:30' + INTERVAL 1 HOUR * n AS at FROM (VALUES (0), (1), (4)) AS t(n)"

CASES: list[tuple[str, str, dict[str, Any], int]] = [
    ("not_empty", T, {"columns": "s"}, 3),
    ("not_empty", T, {"columns": "s", "trim": False}, 2),
    ("not_empty", T, {"columns": ["i", "s"]}, 3),
    ("not_empty", T, {"columns": "i"}, 0),
    ("not_empty", "SELECT E' \\t\\n' AS s UNION ALL SELECT 'a b'", {"columns": "s"}, 1),
    ("rejected_values", T, {"column": "s", "values": ["a", ""]}, 2),
    ("rejected_values", T, {"column": "s", "values": ["z"]}, 0),
    ("rejected_values", T, {"column": "s", "values": ["a", None]}, 1),
    ("rejected_values", T, {"column": "s", "values": [None]}, 0),
    ("accepted_range", T, {"column": "i", "min": 2, "max": 4}, 2),
    ("accepted_range", T, {"column": "i", "min": 1, "max": 6}, 0),
    ("accepted_range", T, {"column": "i", "min": 1, "max": 6, "inclusive": False}, 2),
    ("accepted_range", T, {"column": "i", "max": 5}, 1),
    ("accepted_range", T, {"column": "d", "min": -1, "max": 2}, 1),
    ("accepted_range", T, {"column": "d", "min": 0}, 2),
    ("accepted_range", T, {"column": "day", "min": "2026-01-02"}, 1),
    ("accepted_range", "SELECT -('nan'::DOUBLE) AS d", {"column": "d", "min": 0}, 1),
    ("pattern", T, {"column": "s", "regex": "[ab]"}, 2),
    ("pattern", T, {"column": "s", "regex": "a|b|"}, 1),
    ("pattern", T, {"column": "s", "regex": "[ab]", "negate": True}, 2),
    ("pattern", T, {"column": "s", "like": "_"}, 2),
    ("pattern", T, {"column": "s", "like": "_", "negate": True}, 2),
    ("pattern", T, {"column": "i", "regex": "[0-9]"}, 0),
    ("length", T, {"column": "s", "min": 1}, 1),
    ("length", T, {"column": "s", "max": 1}, 1),
    ("length", T, {"column": "s", "min": 0, "max": 2}, 0),
    ("format", MAILS, {"column": "x", "format": "email"}, 4),
    ("format", IDS, {"column": "x", "format": "uuid"}, 1),
    ("format", URLS, {"column": "x", "format": "url"}, 3),
    ("format", HOSTS, {"column": "x", "format": "ipv4"}, 3),
    ("format", DAYS, {"column": "x", "format": "date"}, 3),
    ("format", DOCUMENTS, {"column": "x", "format": "json"}, 2),
    ("castable", NUMBERS, {"column": "x", "to": "INTEGER"}, 2),
    ("castable", NUMBERS, {"column": "x", "to": "INTEGER", "strict": False}, 1),
    ("castable", NUMBERS, {"column": "x", "to": "DECIMAL(8, 2)"}, 1),
    ("castable", NUMBERS, {"column": "x", "to": "VARCHAR"}, 0),
    ("castable", DAYS, {"column": "x", "to": "DATE", "strict": False}, 2),
    ("expression", T, {"sql": "d >= 0"}, 2),
    ("expression", T, {"sql": "d >= 0", "null_ok": True}, 1),
    ("expression", T, {"sql": "i > 0"}, 0),
    ("compare", T, {"column": "lo", "op": "<", "other": "hi"}, 1),
    ("compare", T, {"column": "lo", "op": "<=", "other": "hi"}, 0),
    ("compare", T, {"column": "lo", "op": "=", "other": "hi"}, 3),
    ("required_if", T, {"column": "day", "when": "i >= 4"}, 1),
    ("required_if", T, {"column": "day", "when": "s = 'a'"}, 0),
    ("required_if", T, {"column": "day", "when": "s IS NULL"}, 0),
    ("equal_columns", T, {"columns": ["lo", "hi"]}, 4),
    ("equal_columns", T, {"columns": ["lo", "lo"]}, 0),
    ("time_bounds", T, {"column": "day", "not_before": "2026-01-02"}, 1),
    ("time_bounds", T, {"column": "day", "not_after": "2026-01-03"}, 1),
    ("time_bounds", "SELECT now() + INTERVAL 1 DAY AS day UNION ALL SELECT NULL", {"column": "day"}, 1),
    ("time_bounds", "SELECT now() - INTERVAL 1 DAY AS day", {"column": "day"}, 0),
    ("null_share", T, {"column": "s", "max": 0.2}, 0),
    ("null_share", T, {"column": "s", "max": 0.19}, 1),
    ("null_share", "SELECT CASE WHEN n > 2 THEN n END AS n FROM range(10) AS t(n)", {"column": "n", "max": 0.3}, 0),
    ("null_share", EMPTY, {"column": "s", "max": 0}, 0),
    ("distinct_count", T, {"column": "s", "min": 4, "max": 4}, 0),
    ("distinct_count", T, {"column": "s", "min": 5}, 1),
    ("distinct_count", EMPTY, {"column": "s", "max": 0}, 0),
    ("aggregate", T, {"column": "i", "fn": "sum", "min": 16, "max": 16}, 0),
    ("aggregate", T, {"column": "i", "fn": "mean", "max": 3}, 1),
    ("aggregate", T, {"column": "i", "fn": "median", "min": 3, "max": 3}, 0),
    ("aggregate", T, {"column": "i", "fn": "quantile", "q": 1, "min": 6}, 0),
    ("aggregate", T, {"column": "i", "fn": "stddev", "max": 1}, 1),
    ("aggregate", T, {"column": "i", "fn": "min", "min": 2}, 1),
    ("aggregate", EMPTY, {"column": "i", "fn": "max", "min": 0}, 1),
    ("aggregate", T, {"column": "d", "fn": "mean", "min": -9, "max": 9}, 1),
    ("aggregate", T, {"column": "d", "fn": "max", "min": 0}, 1),
    ("freshness", "SELECT now() - INTERVAL 3 HOUR AS at", {"column": "at", "max_age": "4h"}, 0),
    ("freshness", "SELECT now() - INTERVAL 3 HOUR AS at", {"column": "at", "max_age": "2h"}, 1),
    ("freshness", "SELECT NULL::TIMESTAMPTZ AS at", {"column": "at", "max_age": "2h"}, 1),
    ("freshness", "SELECT now() AS at WHERE false", {"column": "at", "max_age": "2h"}, 1),
    (
        "freshness",
        "SELECT 1 AS g, now() AS at UNION ALL SELECT 2, now() - INTERVAL 3 DAY",
        {"column": "at", "max_age": "1 d", "group_by": "g"},
        1,
    ),
    ("freshness", "SELECT 1 AS g, 2 AS h, now() AS at WHERE false", {"column": "at", "max_age": "1d", "group_by": ["g", "h"]}, 1),
    ("freshness", "SELECT 1 AS g, NULL AS h, now() AS at", {"column": "at", "max_age": "1d", "group_by": ["g", "h"]}, 0),
    ("unique_combination", PAIRS, {"columns": ["i", "s"]}, 2),
    ("unique_combination", PAIRS, {"columns": ["i", "s"], "nulls": "ignore"}, 1),
    ("unique_combination", T, {"columns": ["i"]}, 0),
    ("sequential", STEPS, {"column": "n", "group_by": "g"}, 1),
    ("sequential", STEPS, {"column": "n", "group_by": "g", "where": "g = 'y'"}, 0),
    ("sequential", T, {"column": "i"}, 1),
    ("monotonic", STEPS, {"column": "v", "order_by": "n", "group_by": "g", "where": "n IS NOT NULL"}, 1),
    ("monotonic", STEPS, {"column": "v", "order_by": "n", "group_by": "g", "where": "n IS NOT NULL", "strict": True}, 2),
    ("monotonic", T, {"column": "i", "order_by": "i", "strict": True}, 0),
    ("no_overlap", RANGES, {"lower": "lo", "upper": "hi", "partition_by": "g"}, 5),
    ("no_overlap", RANGES, {"lower": "lo", "upper": "hi", "partition_by": "g", "where": "g = 'x' AND lo < 4"}, 0),
    ("no_overlap", T, {"lower": "i", "upper": "hi", "gaps": "refused", "where": "i = 1"}, 0),
    ("no_overlap", RANGES, {"lower": "lo", "upper": "hi", "gaps": "refused", "where": "g = 'y' AND lo <> 2"}, 0),
    ("no_overlap", RANGES, {"lower": "lo", "upper": "hi", "gaps": "refused", "where": "hi IN (3, 6) AND g = 'x'"}, 1),
    ("no_gaps", T, {"column": "day"}, 2),
    ("no_gaps", T, {"column": "day", "end": "2026-01-08"}, 4),
    ("no_gaps", T, {"column": "day", "start": "2026-01-01", "end": "2026-01-03"}, 0),
    ("no_gaps", T, {"column": "day", "every": "month"}, 0),
    ("no_gaps", EMPTY, {"column": "day", "start": "2026-01-01", "end": "2026-01-03"}, 3),
    ("no_gaps", HOURS, {"column": "at", "every": "hour"}, 2),
    ("schema", T, {"columns": ["i", "S"]}, 0),
    ("schema", T, {"columns": ["i", "gone"]}, 1),
    ("schema", T, {"columns": ["i", "s"], "extra": "refused"}, 4),
    ("schema", T, {"types": {"i": "integer", "s": "INTEGER"}}, 1),
    ("schema", T, {"columns": ["i", "d", "s"], "order": True}, 1),
    ("schema", T, {"columns": ["i", "d"], "order": True}, 0),
]


USERS = "SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (NULL, 'c')) AS t(id, s)"
FLOATS = "SELECT * FROM (VALUES (1, 0.1::DOUBLE), (2, NULL), (2, NULL)) AS t(i, d)"
NEARLY = "SELECT * FROM (VALUES (1, 0.100001::DOUBLE), (2, NULL), (2, NULL)) AS t(i, d)"
BESIDE: list[tuple[str, str, str, dict[str, Any], int]] = [
    ("relationships", PAIRS, USERS, {"column": "i", "field": "id"}, 0),
    ("relationships", PAIRS, USERS, {"column": "s"}, 0),
    ("relationships", T, USERS, {"column": "i", "field": "id"}, 3),
    ("relationships", T, USERS, {"column": ["i", "s"], "field": ["ID", "s"]}, 2),
    ("relationships", EMPTY, USERS, {"column": "i", "field": "id"}, 0),
    ("relationships", PAIRS, f"{USERS} WHERE false", {"column": "i", "field": "id"}, 4),
    ("row_count_vs", T, PAIRS, {}, 1),
    ("row_count_vs", T, T, {}, 0),
    ("row_count_vs", T, PAIRS, {"tolerance": 1}, 0),
    ("row_count_vs", T, PAIRS, {"tolerance": "16%"}, 1),
    ("row_count_vs", T, PAIRS, {"tolerance": "17%"}, 0),
    ("row_count_vs", T, PAIRS, {"op": "<"}, 0),
    ("row_count_vs", T, PAIRS, {"op": ">="}, 1),
    ("row_count_vs", T, PAIRS, {"op": ">=", "tolerance": 1}, 0),
    ("row_count_vs", T, T, {"op": "<>"}, 1),
    ("row_count_vs", EMPTY, EMPTY, {}, 0),
    ("equal_to", T, T, {}, 0),
    ("equal_to", PAIRS, PAIRS, {}, 0),
    ("equal_to", PAIRS, f"SELECT DISTINCT * FROM ({PAIRS})", {}, 2),
    ("equal_to", PAIRS, f"SELECT s, i, 1 AS extra FROM ({PAIRS})", {}, 0),
    ("equal_to", PAIRS, f"SELECT i, upper(s) AS s FROM ({PAIRS})", {"columns": "i"}, 0),
    ("equal_to", PAIRS, f"SELECT i, upper(s) AS s FROM ({PAIRS})", {}, 10),
    ("equal_to", PAIRS, f"SELECT i FROM ({PAIRS})", {}, 1),
    ("equal_to", FLOATS, NEARLY, {}, 2),
    ("equal_to", FLOATS, NEARLY, {"precision": 3}, 0),
]


@pytest.mark.parametrize(("name", "sql", "other", "params", "count"), BESIDE, ids=[f"{n}-{i}" for i, (n, *_) in enumerate(BESIDE)])
def test_what_it_finds_beside_another_node(
    audits: AuditTester, name: str, sql: str, other: str, params: dict[str, Any], count: int
) -> None:
    assert audits.failing(name, query=sql, others={"transform.other": other}, to="transform.other", **params).count == count


@pytest.mark.parametrize(("name", "sql", "params", "count"), CASES, ids=[f"{n}-{i}" for i, (n, *_) in enumerate(CASES)])
def test_what_it_finds(audits: AuditTester, name: str, sql: str, params: dict[str, Any], count: int) -> None:
    assert audits.failing(name, query=sql, **params).count == count


@pytest.mark.parametrize(
    "name", ["accepted_range", "length", "pattern", "expression", "compare", "unique_combination", "sequential", "no_overlap", "no_gaps"]
)
def test_no_rows_are_right(audits: AuditTester, name: str) -> None:
    params: dict[str, dict[str, Any]] = {
        "accepted_range": {"column": "i", "min": 1}, "length": {"column": "s", "min": 1}, "pattern": {"column": "s", "regex": "x"},
        "expression": {"sql": "i > 0"}, "compare": {"column": "lo", "op": "<", "other": "hi"}, "unique_combination": {"columns": ["i"]},
        "sequential": {"column": "i"}, "no_overlap": {"lower": "lo", "upper": "hi"}, "no_gaps": {"column": "day"},
    }  # fmt: skip
    assert not audits.failing(name, query=EMPTY, **params[name])


def test_no_parameter_is_called_as_a_key_of_every_audit() -> None:
    from seeknal.audits.signature import signature_of
    from seeknal.builtins import seeknal_audits
    from seeknal.specs import AuditEntry

    assert not {(a.name, p) for a in seeknal_audits() for p in signature_of(a).parameters if p in AuditEntry.model_fields}


def test_every_audit_is_tried() -> None:
    from seeknal.builtins import seeknal_audits

    tried = (
        {name for name, *_ in CASES} | {name for name, *_ in BESIDE} | {"not_null", "unique", "accepted_values", "row_count", "custom_sql"}
    )
    assert tried == {audit.name for audit in seeknal_audits()}


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("accepted_range", {"column": "i"}, "accepted_range needs 'min', 'max' or both"),
        ("accepted_range", {"column": "i", "min": "soon"}, "min"),
        ("pattern", {"column": "s"}, "pattern needs either 'regex' or 'like'"),
        ("pattern", {"column": "s", "regex": "a", "like": "b"}, "pattern needs either 'regex' or 'like'"),
        ("length", {"column": "s"}, "length needs 'min', 'max' or both"),
        ("equal_columns", {"columns": ["lo"]}, "equal_columns needs two columns or more"),
        ("castable", {"column": "s", "to": "INT); DROP"}, "to"),
        ("format", {"column": "s", "format": "phone"}, "format"),
        ("freshness", {"column": "day", "max_age": "soon"}, "max_age"),
        ("null_share", {"column": "s", "max": 20}, "max"),
    ],
)
def test_parameters_that_make_no_sense(audits: AuditTester, name: str, params: dict[str, Any], said: str) -> None:
    with pytest.raises(ProjectError, match=said):
        audits.failing(name, query=T, **params)
