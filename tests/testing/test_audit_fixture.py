"""The fixture that tries audits on a few rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seeknal.errors import NodeError, PluginError
from seeknal.plugin import AggregateCheck, Column, Reference, ReferenceColumns, Relation, audit

if TYPE_CHECKING:
    from seeknal.testing import AuditTester


@audit
def covers(target: Relation, *, column: Column, to: Reference, fields: ReferenceColumns) -> str:
    return f"SELECT {', '.join(fields)} FROM {to} EXCEPT SELECT {column} FROM {target}"


@audit
def peeks(target: Relation, *, column: Column) -> AggregateCheck:
    return AggregateCheck(f"(SELECT max(x) FROM elsewhere) - max({column})", 0)


@audit
def torn(target: Relation, *, to: Reference, from_: Reference) -> str:
    return f"SELECT * FROM {to}, {from_}"


HERE = [{"region": 1}]
THERE = {"source.regions": [{"id": 1}, {"id": 2}]}


def test_other_nodes_have_the_rows_that_a_test_gives_them(audits: AuditTester) -> None:
    failing = audits.failing(covers, rows=HERE, others=THERE, column="region", to="source.regions", fields="ID")
    assert failing.rows == [{"id": 2}]


def test_passing_says_what_was_found(audits: AuditTester) -> None:
    assert audits.passing("unique", rows=[{"a": 1}, {"a": 2}], columns="a")
    with pytest.raises(AssertionError, match=r"1 failing row.*'row_count': 2"):
        audits.passing("unique", rows=[{"a": 1}, {"a": 1}], columns="a")


def test_a_column_that_the_other_node_does_not_have(audits: AuditTester) -> None:
    with pytest.raises(NodeError, match=r"no column 'idd' in source\.regions"):
        audits.failing(covers, rows=HERE, others=THERE, column="region", to="source.regions", fields="idd")


def test_an_aggregate_reads_nothing_else(audits: AuditTester) -> None:
    with pytest.raises(NodeError, match="its value reads elsewhere"):
        audits.failing(peeks, rows=HERE, column="region")


def test_an_audit_refers_to_one_node(audits: AuditTester) -> None:
    with pytest.raises(PluginError, match="more than one other node"):
        audits.failing(torn, rows=HERE, to="source.a", from_="source.b")
