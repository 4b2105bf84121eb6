"""Audits that run together find what they find one by one, in fewer queries."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seeknal.audits.runner import AuditRunner
from seeknal.builtins import seeknal_audits
from seeknal.errors import Location, NodeError
from seeknal.nodes import AuditSpec
from seeknal.plugin import literal
from seeknal.protocols import Query
from seeknal.testing import AuditTester

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seeknal.protocols import Rows, Session

AUDITS = {a.name: a for a in seeknal_audits()}
SPECS = [
    AuditSpec("not_null", {"columns": ["i"]}),
    AuditSpec("not_null", {"columns": ["i", "s"]}, warn_if="> 20%"),
    AuditSpec("not_null", {"columns": ["always"]}),
    AuditSpec("unique", {"columns": ["i"]}),
    AuditSpec("accepted_values", {"column": "s", "values": ["a", "b"]}, empty="warn"),
    AuditSpec("accepted_range", {"column": "i", "min": 0, "max": 2}, error_if="> 1"),
    AuditSpec("expression", {"sql": "d > i"}),
    AuditSpec("row_count", {"min": 2}),
    AuditSpec("null_share", {"column": "s", "max": 0.2}),
    AuditSpec("distinct_count", {"column": "s", "min": 2}),
    AuditSpec("aggregate", {"column": "i", "fn": "mean", "max": 1}),
    AuditSpec("aggregate", {"column": "d", "fn": "median", "min": 0}),
    AuditSpec("custom_sql", {"sql": "SELECT i FROM __THIS__ WHERE i > 1"}, empty="error"),
]
WHERES = (None, "i > 0", "s = 'a' OR d IS NULL", "FALSE")

VALUES = st.tuples(
    st.none() | st.integers(-1, 3),
    st.none() | st.sampled_from(["a", "b", "c"]),
    st.none() | st.sampled_from([0.5, 2.5, float("nan")]),
)
CHOSEN = st.lists(st.tuples(st.sampled_from(SPECS), st.sampled_from(WHERES)), min_size=1, max_size=12)


class Counting:
    """A session that counts the queries for rows."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.queries: list[str] = []

    def rows(self, query: str, limit: int | None = None) -> Rows:
        self.queries.append(query)
        return self._session.rows(query, limit)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counting]:
    tester = AuditTester(tmp_path_factory.mktemp("scan"))
    yield Counting(tester._opened())
    tester.close()


def define(session: Any, rows: Sequence[tuple[Any, Any, Any]]) -> None:
    listed = [f"({', '.join('NULL' if v is None else literal(str(v)) for v in row)}, 1)" for row in rows]
    values = ", ".join([*listed, "('0', 'x', '0', 1)"])
    sql = f"SELECT i::INTEGER AS i, s::VARCHAR AS s, d::DOUBLE AS d, always FROM (VALUES {values}) AS t(i, s, d, always) WHERE s IS DISTINCT FROM 'x'"
    session.define("t", Query(sql))


def found(session: Any, specs: list[AuditSpec], *, stored: bool) -> list[tuple[Any, ...]]:
    schema = session.describe("SELECT * FROM t")
    audited = AuditRunner(session, "duckdb", AUDITS, stored=stored).run(specs, "t", schema)
    return [(o.type, o.columns, o.severity, o.passed, o.failing_rows, o.message) for o in (a.outcome for a in audited)]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(VALUES, max_size=8), chosen=CHOSEN, stored=st.booleans())
def test_together_they_find_what_they_find_alone(session: Counting, rows: list[Any], chosen: list[Any], stored: bool) -> None:
    define(session, rows)
    specs = [replace(spec, where=where) for spec, where in chosen]
    alone = [found(session, [spec], stored=False)[0] for spec in specs]
    assert found(session, specs, stored=stored) == alone


def test_what_one_pass_can_answer_is_one_query(session: Counting) -> None:
    define(session, [(1, "a", 0.5), (2, None, 2.5)])
    alone = {"unique", "custom_sql"}
    specs = [replace(s, where=w) for s in SPECS if s.type not in alone for w in WHERES]
    session.queries.clear()
    found(session, specs, stored=False)
    assert len(session.queries) == 1 + len(WHERES) - 1, "one, and one for each where of an aggregate"


def test_columns_without_nulls_are_not_looked_at_again(session: Counting) -> None:
    define(session, [(1, "a", 0.5), (2, None, 2.5)])
    session.queries.clear()
    assert [o[4] for o in found(session, [SPECS[0], SPECS[1], SPECS[2]], stored=True)] == [0, 1, 0]
    assert len(session.queries) == 2


def test_one_that_cannot_run_is_named_among_many(session: Counting) -> None:
    define(session, [(1, "a", 0.5)])
    places = {part: Location("t.yml", line) for line, part in enumerate(("", "sql", "where"), 1)}
    wrong = AuditSpec("expression", {"sql": "CAST(s AS INTEGER) > 0"}, places=places)
    for spec, named, line in (
        (wrong, "expression could not run: ", 2),
        (replace(wrong, name="positive", where="i > 0"), "expression 'positive' could not run: ", 2),
        (replace(wrong, where="i > 'many'"), "expression could not run: .*'many'", 3),
        (AuditSpec("not_null", {"columns": ["s"]}, where="d > 'many'", places=places), "not_null could not run: .*'many'", 3),
        (AuditSpec("accepted_range", {"column": "i", "min": "many"}, places=places), "accepted_range could not run: .*'many'", 1),
    ):
        with pytest.raises(NodeError, match=named) as caught:
            found(session, [SPECS[0], spec, SPECS[4]], stored=False)
        assert caught.value.at == Location("t.yml", line)


def test_rows_that_where_leaves_out_are_not_looked_at(session: Counting) -> None:
    define(session, [(1, "a", 0.5), (2, "7", 0.5)])
    spec = AuditSpec("expression", {"sql": "CAST(s AS INTEGER) > 0"}, where="s = '7'")
    assert found(session, [SPECS[0], spec], stored=False)[1][4] == 0
    wrong = replace(spec, params={"sql": "CAST(s AS INTEGER) > 7"})
    (query,) = AuditRunner(session, "duckdb", AUDITS).failing(wrong, "t", session.describe("SELECT * FROM t"))
    assert [row[1] for row in session.rows(query.sql("duckdb")).rows] == ["7"], "nor when they are fetched"
