"""Looking at a SELECT before it runs: whether it is one, and which columns it returns."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import duckdb

from seeknal.errors import EngineError
from seeknal.nodes import ColumnSchema
from seeknal_duckdb.sql import wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from duckdb.sqltypes import DuckDBPyType

    from seeknal.nodes import Schema

_SWITCH = re.compile(
    rb'"?((?:en|dis)able_\w+|force_checkpoint|arrow_scan\w*|pandas_scan|python_\w+|\w+_external_resource\w*)', re.IGNORECASE
)

Columns = list[tuple[str, "DuckDBPyType"]]
"""Names and types of a result's columns, in order."""


def columns_of(cursor: duckdb.DuckDBPyConnection, query: str) -> Columns:
    """The columns `query` returns, found by binding it; nothing runs.

    Raises EngineError SK-SQL-010 unless it is exactly one SELECT, by itself and in the brackets in which it will run: text that
    closes them and opens others is no query.
    """
    select = wrapped(query)
    _refuse_switches(query)
    for text in (select, query):
        statements = cursor.extract_statements(text)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            hint = "a PIVOT needs its values listed: PIVOT t ON column IN (…) USING …"
            raise EngineError("SK-SQL-010", "this is not one SELECT with columns that are known before it runs", hint=hint)
    try:
        relation = cursor.sql(select)
    except duckdb.Error:
        cursor.execute("DESCRIBE " + select)  # says where, which the relation does not
        raise
    return list(zip(relation.columns, relation.types, strict=True))


def _refuse_switches(query: str) -> None:
    """Refuse functions that change how DuckDB runs, or take addresses in memory.

    DuckDB 1.5 runs them in spite of its locked configuration, and a log or profile in a forbidden place ends the process.
    """
    text = query.encode()
    if not _SWITCH.search(text):
        return
    tokens = [(offset, kind) for offset, kind in duckdb.tokenize(query) if kind != duckdb.token_type.comment]
    for (offset, kind), (following, _) in pairwise(tokens):
        found = _SWITCH.match(text, offset)
        if found and kind == duckdb.token_type.identifier and text[following : following + 1] == b"(":
            raise EngineError("SK-SQL-015", f"the function {found[1].decode()} is not allowed: it changes how DuckDB itself runs")


def schema_of(columns: Iterable[tuple[str, DuckDBPyType]]) -> Schema:
    """The columns as the core knows them."""
    return tuple(ColumnSchema(name, str(type_)) for name, type_ in columns)
