"""Reading a query: what it would return, asking for it so that it arrives whole, and streaming it in batches of bounded size."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pymysql
import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import SqlglotError, TokenError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from seeknal.nodes import fold
from seeknal_drivers.mysql import rows
from seeknal_drivers.queries import trimmed
from seeknal_starrocks import failures, wire
from seeknal_starrocks.decoding import ResultColumn
from seeknal_starrocks.names import DIALECT, quoted
from seeknal_starrocks.statements import changes
from seeknal_starrocks.types import parsed, state_of

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from seeknal_drivers.mysql.connecting import Connection
    from seeknal_starrocks.settings import Login

_BEGINS = {TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN, TokenType.VALUES}


def one_select(query: str) -> str:
    """The query without what ends it. Raises ConnectionFailed (SK-CONN-004) for anything but one SELECT.

    A front end runs every statement of a text that has several, and knows no read-only transactions.
    """
    hint = "a source only reads: write one SELECT"
    query = trimmed(query, DIALECT)
    try:
        tokens = sqlglot.tokenize(query, read=DIALECT)
    except TokenError:
        raise failures.query_failed("its quotes or comments do not end", hint) from None
    if not tokens or tokens[0].token_type not in _BEGINS or any(t.token_type == TokenType.SEMICOLON for t in tokens):
        raise failures.query_failed("it is not one SELECT", hint)
    if (word := changes(tokens)) is not None:
        raise failures.query_failed(f"it is no SELECT, but {word}", hint)
    return query


def describe(connection: Connection, query: str) -> list[ResultColumn]:
    """The columns a query would return. Raises pymysql.Error, ConnectionFailed."""
    columns = rows.describe(connection, query, ResultColumn)
    if any(c.is_ambiguous for c in columns):
        types = declared_types(connection, query)
        columns = [c.known(*types.get(fold(c.name), (None, None))) for c in columns]
    return columns


def declared_types(connection: Connection, query: str) -> dict[str, tuple[exp.DataType | None, str | None]]:
    """The StarRocks types of a query's columns, by folded name, as far as they follow from those of the tables it reads."""
    try:
        tree = sqlglot.parse_one(query, dialect=DIALECT)
        ctes = {fold(c.alias_or_name) for c in tree.find_all(exp.CTE)}
        schema: dict[str, Any] = {}
        states: dict[str, str] = {}
        for table in tree.find_all(exp.Table):
            if not table.db and fold(table.name) in ctes:
                continue
            for name, written in _described(connection, table):
                state = state_of(written)
                if state is not None:
                    states[fold(name)] = state
                type_ = parsed(written) if state is None else None
                schema.setdefault(table.name, {})[name] = type_.sql(dialect=DIALECT) if type_ is not None else "VARCHAR"
        for table in list(tree.find_all(exp.Table)):
            table.set("db", None)
            table.set("catalog", None)
        known = annotate_types(
            qualify(tree, schema=schema, dialect=DIALECT, quote_identifiers=False, validate_qualify_columns=False),
            schema=schema,
            dialect=DIALECT,
        )
        found: dict[str, tuple[exp.DataType | None, str | None]] = {}
        for selected in known.selects if isinstance(known, exp.Query) else []:
            type_, source = selected.type, selected.unalias()
            state = states.get(fold(source.name)) if isinstance(source, exp.Column) else None
            usable = isinstance(type_, exp.DataType) and type_.this not in (exp.DataType.Type.UNKNOWN, exp.DataType.Type.NULL)
            found[fold(selected.alias_or_name)] = (type_ if usable else None, state)
    except (SqlglotError, pymysql.Error, ValueError):
        return {}  # the wire's own types will do
    return found


def _described(connection: Connection, table: exp.Table) -> list[tuple[str, str]]:
    name = exp.Table(this=table.this, db=table.args.get("db"), catalog=table.args.get("catalog")).sql(dialect=DIALECT, identify=True)
    return [(str(row[0]), str(row[1])) for row in wire.rows(connection, "DESC " + name)]


def asking(query: str, columns: Sequence[ResultColumn]) -> str:
    """The query with FLOAT asked for as DOUBLE, which is sent with all its digits, and nested values as JSON, which quotes what it must."""
    wanted = []
    for column in columns:
        name = quoted(column.name)
        type_ = column.type
        if type_ == pa.float32():
            wanted.append(f"CAST({name} AS DOUBLE) AS {name}")
        elif pa.types.is_list(type_) and not pa.types.is_map(type_):
            wanted.append(f"CAST({name} AS JSON) AS {name}")
        elif pa.types.is_nested(type_):
            wanted.append(f"to_json({name}) AS {name}")
        else:
            wanted.append(name)
    if wanted == [quoted(c.name) for c in columns]:
        return query
    return f"SELECT {', '.join(wanted)} FROM ({query}\n) AS q"


def batches(login: Login, connection: Connection, query: str, columns: Sequence[ResultColumn]) -> Generator[pa.RecordBatch]:
    """The rows of a query, as they arrive. Raises ConnectionFailed."""
    return rows.batches(connection, asking(query, columns), columns, partial(wire.explain, login))
