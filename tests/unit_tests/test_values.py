"""Values are compared by the type of the column they come out in, and nothing is rounded on the way."""

from __future__ import annotations

import pytest
from tests.unit_tests.conftest import of_query

from seeknal.unit_tests.matching import difference

SAME = [
    ("CAST(10.50 AS DECIMAL(18, 2))", "10.5"),
    ("CAST(10 AS DECIMAL(18, 2))", "10"),
    ("CAST(12345678901234567.89 AS DECIMAL(20, 2))", "12345678901234567.89"),
    ("CAST(0.1 AS FLOAT)", "0.1"),
    ("0.1 + 0.2::DOUBLE", "0.30000000000000004"),
    ("'nan'::DOUBLE", ".nan"),
    ("'-inf'::DOUBLE", "-.inf"),
    ("NULL::VARCHAR", "null"),
    ("''", "''"),
    ("'007'", "007"),
    ("'true'", "true"),
    ("true", "true"),
    ("170141183460469231731687303715884105727::HUGEINT", "170141183460469231731687303715884105727"),
    ("DATE '2026-01-31'", "2026-01-31"),
    ("TIMESTAMP '2026-01-31 00:00:00'", "2026-01-31"),
    ("TIMESTAMP '2026-01-31 10:00:00.123456'", "2026-01-31T10:00:00.123456"),
    ("TIMESTAMPTZ '2026-01-31 10:00:00+00'", "2026-01-31 12:00:00+02:00"),
    ("TIMESTAMP_NS '2026-01-31 10:00:00.123456789'", "2026-01-31 10:00:00.123456789"),
    ("TIME '10:00:00'", "10:00:00"),
    ("INTERVAL 3 DAYS", "3 days"),
    ("'6f1e1c7e-7a3b-4a51-9a55-6f2f0b5f8f5d'::UUID", "6f1e1c7e-7a3b-4a51-9a55-6f2f0b5f8f5d"),
    ("'\\xAA'::BLOB", "'\\xAA'"),
    ("'{\"a\":1}'::JSON", "'{\"a\":1}'"),
    ("[1, NULL, 3]", "[1, null, 3]"),
    ("[]::INTEGER[]", "[]"),
    ("{'a': 1, 'b': ['x']}", "{a: 1, b: [x]}"),
    ("{'a': 1.5::DECIMAL(9,2), 'b': NULL::DATE}", "{a: 1.5}"),
    ("[{'d': DATE '2026-01-31'}]", "[{d: 2026-01-31}]"),
    ("MAP {'a': 1}", "{a: 1}"),
    ("'a'::ENUM('a', 'b')", "a"),
]


@pytest.mark.parametrize(("sql", "written"), SAME)
def test_is_the_same(project, sql, written):
    found = of_query(project, f"SELECT {sql} AS x", "", f"[{{x: {written}}}]")
    assert (found.status, found.checks, [str(e) for e in found.errors]) == ("passed", (), [])


@pytest.mark.parametrize(
    ("sql", "written"),
    [
        ("CAST(10.50 AS DECIMAL(18, 2))", "10.51"),
        ("2", "null"),
        ("NULL::INTEGER", "0"),
        ("''", "null"),
        ("0.1 + 0.2::DOUBLE", "0.3"),
        ("TIMESTAMP_NS '2026-01-31 10:00:00.123456789'", "2026-01-31 10:00:00.123456788"),
        ("[1, 2]", "[2, 1]"),
        ("{'a': 1}", "{a: 2}"),
        ("TIMESTAMPTZ '2026-01-31 10:00:00+00'", "2026-01-31 10:00:00+02:00"),
    ],
)
def test_is_another(project, sql, written):
    assert of_query(project, f"SELECT {sql} AS x", "", f"[{{x: {written}}}]").status == "failed"


@pytest.mark.parametrize(
    ("sql", "written"),
    [
        ("2", "1.5"),
        ("CAST(1 AS DECIMAL(9, 2))", "1.001"),
        ("DATE '2026-01-31'", "2026-01-31 10:00:00"),
        ("DATE '2026-01-31'", "soon"),
        ("TIMESTAMP '2026-01-31'", "2026-01-31 10:00:00+02:00"),
        ("300::UTINYINT" if False else "3::UTINYINT", "300"),
        ("[1]", "1"),
        ("1", "[1]"),
        ("{'a': 1}", "{b: 1}"),
    ],
)
def test_what_its_column_never_holds_is_refused(project, sql, written):
    found = of_query(project, f"SELECT {sql} AS x", "", f"[{{x: {written}}}]")
    assert (found.status, [e.code for e in found.errors]) == ("invalid", ["SK-TEST-005"])
    assert found.errors[0].at.line == 3


@pytest.mark.parametrize(
    ("inputs", "types"),
    [
        ("[{x: 1}]", "BIGINT"),
        ("[{x: 9223372036854775808}]", "HUGEINT"),
        ("[{x: 1}, {x: 1.5}]", "DOUBLE"),
        ("[{x: null}, {x: true}]", "BOOLEAN"),
        ("[{x: 2026-01-31}]", "DATE"),
        ("[{x: 2026-01-31}, {x: 2026-01-31 10:00:00}]", "TIMESTAMP"),
        ("[{x: 2026-01-31 10:00:00Z}]", "TIMESTAMP WITH TIME ZONE"),
        ("[{x: '2026-01-31'}]", "VARCHAR"),
        ("[{x: [1, 2.5]}]", "DOUBLE[]"),
        ("[{x: {a: 1, b: z}}, {x: {c: true}}]", "STRUCT(a BIGINT, b VARCHAR, c BOOLEAN)"),
        ("{columns: {x: 'DECIMAL(9, 2)'}, rows: [{x: 1}]}", "DECIMAL(9,2)"),
        ("{columns: {x: DATE}, rows: []}", "DATE"),
        ('{csv: "x\\n007\\n"}', "VARCHAR"),
        ('{csv: "x\\n7\\n\\n"}', "BIGINT"),
        ('{csv: "x,y\\n2026-01-31,1\\n,2\\n"}', "DATE"),
        ("{sql: SELECT 1::TINYINT AS x}", "TINYINT"),
        ("{sql: SELECT 1 AS x, columns: {x: VARCHAR}}", "VARCHAR"),
    ],
)
def test_inputs_have_the_types_their_values_say(project, inputs, types):
    found = of_query(project, "SELECT x FROM source_orders", inputs, f"{{columns: {{x: '{types}'}}}}")
    assert (found.status, found.checks, [str(e) for e in found.errors]) == ("passed", (), [])


def test_tolerance(project):
    sql = "SELECT 0.1 + 0.2::DOUBLE AS x, 5 AS y"
    assert of_query(project, sql, "", "{tolerance: 0.001, rows: [{x: 0.3, y: 5}]}").status == "passed"
    assert of_query(project, sql, "", "{tolerance: {X: 0.001}, rows: [{x: 0.3, y: 5}]}").status == "passed"
    assert of_query(project, sql, "", "{tolerance: {x: 0.001}, rows: [{x: 0.3, y: 6}]}").status == "failed"
    assert of_query(project, sql, "", "{tolerance: {x: 0.001}, rows: [{x: 0.4, y: 5}]}").status == "failed"


def test_names_in_any_case_and_with_spaces(project):
    found = of_query(project, 'SELECT "Net amount" AS "My x", ID FROM source_orders', '[{"net Amount": 1, id: 2}]', '[{"my X": 1, Id: 2}]')
    assert found.status == "passed"


def test_texts_of_all_sorts(project):
    text = '"it\'s \\"a\\"; -- \\n{{ b }}\\t\\u00e9 😀"'
    assert of_query(project, "SELECT id FROM source_orders", f"[{{id: {text}}}]", f"[{{id: {text}}}]").status == "passed"


def test_many_rows_are_compared_one_by_one():
    rows = [(i, i % 7) for i in range(20_000)]
    found = difference(["a", "b"], rows, [*rows[1:], (20_000, 1)], {})
    assert (found.missing, found.unexpected) == (((0, 0),), ((20_000, 1),))


def test_the_nearest_rows_are_paired():
    found = difference(["id", "a", "b"], [(1, "x", 1), (2, "x", 2)], [(2, "x", 3), (1, "y", 1)], {})
    assert [(d.expected[0], d.actual[0], d.columns) for d in found.differing] == [(1, 1, ("a",)), (2, 2, ("b",))]
