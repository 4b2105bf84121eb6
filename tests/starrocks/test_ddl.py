"""Statements: real trees in sqlglot's dialect where it covers them, and golden texts where not."""

import pytest
import sqlglot
from sqlglot import exp

from seeknal_starrocks import ddl
from seeknal_starrocks.ddl import Column, Distribution, MaterializedView, Refresh, Table
from seeknal_starrocks.exposures import check_table, check_view, refresh_of
from seeknal_starrocks.names import TableName

NAME = TableName("t`x", "d")
OTHER = TableName("o", "d")
HOSTILE = 'it\'s "so" \\ ; -- x\n`'

PARSED = [
    Table(NAME, (Column("a`b", "BIGINT", nullable=False, comment=HOSTILE), Column("b", "ARRAY<STRUCT<`x` INT>>")), "PRIMARY", ("a`b",)).sql,
    Table(
        NAME,
        (Column("a", "DATE"),),
        key=("a",),
        partition_by="date_trunc('day', `a`)",
        distribution=Distribution(("a",), 3),
        order_by=("a",),
    ).sql,
    Table(NAME, (Column("a", "LARGEINT"),), "UNIQUE", ("a",), properties={"replication_num": "1"}, comment=HOSTILE).sql,
    MaterializedView(
        NAME, "SELECT 1 AS a", Refresh(moment="DEFERRED", start="2026-01-01 00:00:00", every=(5, "MINUTE")), comment=HOSTILE
    ).sql,
    MaterializedView(NAME, "SELECT a FROM t", Refresh("MANUAL"), "(`a`)", Distribution(("a",), 2), ("a",), {"a": "b"}).sql,
    ddl.create_view(NAME, "SELECT 1 AS a", HOSTILE),
    ddl.create_view(NAME, "SELECT 1 AS a", replace=True),
    ddl.create_like(NAME, OTHER),
    ddl.drop_table(NAME),
    ddl.drop_materialized_view(NAME),
    ddl.swap_tables(NAME, OTHER),
    ddl.refresh_view(NAME),
    ddl.refresh_external_table(TableName("t", "d", "c")),
    ddl.insert_select(NAME, ["a", "b`c"], OTHER, overwrite=True),
    ddl.insert_select(NAME, ["a"], OTHER),
]


@pytest.mark.parametrize("statement", PARSED)
def test_statements_are_real_trees_that_mean_the_same_again(statement):
    (tree,) = sqlglot.parse(statement, dialect="starrocks")
    assert not isinstance(tree, exp.Command)
    again = sqlglot.parse_one(tree.sql(dialect="starrocks"), dialect="starrocks")
    assert again == tree


def test_hostile_text_stays_text():
    tree = sqlglot.parse_one(PARSED[2], dialect="starrocks")
    assert (
        [p for p in tree.find_all(exp.SchemaCommentProperty) if p.this.this == HOSTILE]
        or HOSTILE in [o.args["comment"].this for o in tree.find_all(exp.IndexConstraintOption)]
        or HOSTILE in [str(n.this) for n in tree.find_all(exp.Literal)]
    )


# What the dialect does not cover, as the documentation of StarRocks 3.3 has it -------------------------------------------

GOLDEN = [
    (ddl.swap_materialized_views(OTHER, TableName("n", "d")), "ALTER MATERIALIZED VIEW `d`.`o` SWAP WITH `n`"),
    (ddl.alter_refresh(OTHER, Refresh(every=(1, "DAY"))), "ALTER MATERIALIZED VIEW `d`.`o` REFRESH ASYNC EVERY (INTERVAL 1 DAY)"),
    (
        ddl.alter_properties(OTHER, {"session.insert_timeout": "3600"}),
        'ALTER MATERIALIZED VIEW `d`.`o` SET ("session.insert_timeout" = "3600")',
    ),
    (ddl.insert_select(OTHER, ["a"], NAME, label="l1"), "INSERT INTO `d`.`o` WITH LABEL `l1` (`a`) SELECT `a` FROM `d`.`t``x`"),
    (
        ddl.create_catalog("lake", {"type": "iceberg", "aws.s3.secret_key": 'a"\\b'}, "It's", exists=True),
        'CREATE EXTERNAL CATALOG IF NOT EXISTS `lake`\nCOMMENT "It\'s"\nPROPERTIES (\n    "type" = "iceberg",\n    "aws.s3.secret_key" = "a\\"\\\\b"\n)',
    ),
]


@pytest.mark.parametrize(("statement", "golden"), GOLDEN)
def test_golden_texts(statement, golden):
    assert statement == golden


def test_comments_are_cut_to_what_the_server_takes():
    assert (
        len(
            sqlglot.parse_one(ddl.create_view(NAME, "SELECT 1 AS a", "x" * 5000), dialect="starrocks")
            .find(exp.SchemaCommentProperty)
            .this.this
        )
        == 2048
    )
    assert "…" in Column("a", "INT", comment="x" * 300).sql


# Refresh, partitions, params ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (None, "REFRESH ASYNC"),
        ("ASYNC", "REFRESH ASYNC"),
        ("manual", "REFRESH MANUAL"),
        ("DEFERRED MANUAL", "REFRESH DEFERRED MANUAL"),
        ("EVERY(INTERVAL 5 MINUTE)", "REFRESH ASYNC EVERY (INTERVAL 5 MINUTE)"),
        (
            "IMMEDIATE ASYNC START('2026-01-01 00:00:00') EVERY (INTERVAL 1 DAY)",
            "REFRESH IMMEDIATE ASYNC START ('2026-01-01 00:00:00') EVERY (INTERVAL 1 DAY)",
        ),
        ({"every": "10 minutes", "deferred": True}, "REFRESH DEFERRED ASYNC EVERY (INTERVAL 10 MINUTE)"),
        ("every 2 hours", "REFRESH ASYNC EVERY (INTERVAL 2 HOUR)"),
    ],
)
def test_refresh_is_understood(written, meant):
    assert refresh_of(written).sql == meant


@pytest.mark.parametrize(
    "written", ["SOMETIMES", "EVERY(INTERVAL 5 FORTNIGHT)", "MANUAL EVERY(INTERVAL 5 MINUTE)", "ASYNC; DROP TABLE t", {"evry": 1}]
)
def test_refresh_that_is_not_understood_is_refused(written):
    with pytest.raises(ValueError, match=r"refresh|schedule"):
        refresh_of(written)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"mode": "merge"}, "'mode' must be replace or append"),
        ({"key": "a", "primary_key": "b"}, "one key"),
        ({"types": {"a": "NOSUCH TYPE"}}, "'types'"),
        ({"types": {"a": "INT NOT NULL"}}, "'types'"),
        ({"types": {"a": "INT, b INT"}}, "'types'"),
        ({"types": {"a": "INT); DROP TABLE t"}}, "'types'"),
        ({"types": ["INT"]}, "'types'"),
        ({"primary_key": "a", "distributed_by": "RANDOM"}, "not RANDOM"),
        ({"partition_by": "date_trunc('day', (SELECT 1))"}, "'partition_by'"),
        ({"partition_by": "1; drop table x"}, "'partition_by'"),
        ({"partition_by": "sleep(5)"}, "'partition_by'"),
        ({"buckets": 0}, "'buckets'"),
        ({"properties": {"a": {}}}, "'properties'"),
        ({"table": "a.b.c.d"}, "'table'"),
        ({"order_by": [1]}, "'order_by'"),
        ({"partition_by": []}, "'partition_by'"),
        ({"mode": "merge", "buckets": 0, "types": {"a": "NOSUCH TYPE"}}, "'mode' must be replace or append.*'types'.*'buckets'"),
    ],
)
def test_params_that_cannot_be_are_refused(params, words):
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        check_table("t", params, True)


@pytest.mark.parametrize(
    ("params", "has_input", "words"),
    [
        ({}, False, "say either"),
        ({"sql": "SELECT 1"}, True, "say either"),
        ({"sql": "DROP TABLE t"}, False, "one SELECT"),
        ({"sql": "SELECT ("}, False, "cannot be read"),
    ],
)
def test_a_view_needs_one_query_or_one_input(params, has_input, words):
    with pytest.raises(ValueError, match=words):
        check_view("v", params, has_input)


def test_types_and_partitions_are_written_anew_from_what_was_understood():
    found = check_table("t", {"types": {"a": "map<int, array<string>>  /* x */"}, "partition_by": "DATE_TRUNC('DAY', a)"}, True)
    assert found["types"] == {"a": "MAP<INT, ARRAY<STRING>>"}
    assert found["partition_by"] == "DATE_TRUNC('day', `a`)"  # some versions cannot read a table that is partitioned by 'DAY'


def test_what_ends_the_query_of_a_view_is_left_out():
    assert check_view("v", {"sql": "SELECT 1 AS a ;; -- done"}, False)["sql"] == "SELECT 1 AS a"


def test_the_older_spelling_of_views_is_understood():
    assert check_view("v", {"mv_name": "mv", "query": "SELECT 1 AS a;"}, False)["sql"] == "SELECT 1 AS a"
    assert check_view("v", {"mv_name": "mv", "query": "SELECT 1 AS a;"}, False)["name"] == "mv"
