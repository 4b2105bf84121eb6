"""Statements that make and change things, built from typed values.

Clauses stand in the order of StarRocks' grammar. Where sqlglot's dialect covers a statement, the tests hold that it parses as a real
tree; ALTER MATERIALIZED VIEW and CREATE EXTERNAL CATALOG it does not cover, and their texts are held to the documentation's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from seeknal_starrocks import failures
from seeknal_starrocks.names import check_name, double_quoted, quoted, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seeknal_starrocks.names import TableName

LONGEST_COLUMN_COMMENT, LONGEST_COMMENT = 255, 2048
KeyKind = Literal["DUPLICATE", "PRIMARY", "UNIQUE"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; `type` is a type of StarRocks."""

    name: str
    type: str
    nullable: bool = True
    comment: str | None = None

    @property
    def sql(self) -> str:
        """Its definition."""
        comment = f" COMMENT {text(cut(self.comment, LONGEST_COLUMN_COMMENT))}" if self.comment else ""
        return f"{quoted(self.name)} {self.type} {'NULL' if self.nullable else 'NOT NULL'}{comment}"


@dataclass(frozen=True, slots=True)
class Distribution:
    """How rows are spread over tablets: by a hash of columns, or at random without any. The server decides the buckets unless told."""

    columns: tuple[str, ...] = ()
    buckets: int | None = None

    @property
    def sql(self) -> str:
        """Its clause."""
        how = f"HASH ({names(self.columns)})" if self.columns else "RANDOM"
        return f"DISTRIBUTED BY {how}" + (f" BUCKETS {int(self.buckets)}" if self.buckets else "")


@dataclass(frozen=True, slots=True)
class Refresh:
    """When a materialized view is brought up to date: `ASYNC` on its own or every so often, `MANUAL` when told."""

    kind: Literal["ASYNC", "MANUAL"] = "ASYNC"
    moment: Literal["IMMEDIATE", "DEFERRED"] | None = None
    start: str | None = None
    every: tuple[int, str] | None = None

    @property
    def scheme(self) -> str:
        """What stands after REFRESH, and what ALTER can change: all but the moment of the first refresh."""
        parts: list[str] = [self.kind]
        if self.start is not None:
            parts.append(f"START ({text(self.start)})")
        if self.every is not None:
            parts.append(f"EVERY (INTERVAL {int(self.every[0])} {self.every[1]})")
        return " ".join(parts)

    @property
    def sql(self) -> str:
        """Its clause."""
        return " ".join(["REFRESH", *([self.moment] if self.moment else []), self.scheme])


@dataclass(frozen=True, slots=True)
class Table:
    """A table to be made."""

    name: TableName
    columns: tuple[Column, ...]
    key_kind: KeyKind = "DUPLICATE"
    key: tuple[str, ...] = ()
    partition_by: str | None = None
    distribution: Distribution = Distribution()
    order_by: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    comment: str | None = None

    @property
    def sql(self) -> str:
        """CREATE TABLE. Key columns come first, as the server demands."""
        for column in self.columns:
            check_name(column.name, column.name)
        first = [c for k in self.key for c in self.columns if c.name == k]
        columns = [*first, *(c for c in self.columns if c.name not in self.key)]
        parts = [f"CREATE TABLE {self.name.sql} ({', '.join(c.sql for c in columns)})"]
        if self.key:
            parts.append(f"{self.key_kind} KEY ({names(self.key)})")
        parts += [comment_clause(self.comment), f"PARTITION BY {self.partition_by}" if self.partition_by else "", self.distribution.sql]
        parts += [f"ORDER BY ({names(self.order_by)})" if self.order_by else "", properties_clause(self.properties)]
        return " ".join(p for p in parts if p)


@dataclass(frozen=True, slots=True)
class MaterializedView:
    """An asynchronous materialized view to be made. `query` is one SELECT in StarRocks' SQL."""

    name: TableName
    query: str
    refresh: Refresh = Refresh()
    partition_by: str | None = None
    distribution: Distribution | None = None
    order_by: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    comment: str | None = None

    @property
    def sql(self) -> str:
        """CREATE MATERIALIZED VIEW. There is no CREATE OR REPLACE for these."""
        parts = [f"CREATE MATERIALIZED VIEW {self.name.sql}", comment_clause(self.comment)]
        parts += [f"PARTITION BY {self.partition_by}" if self.partition_by else "", self.distribution.sql if self.distribution else ""]
        parts += [f"ORDER BY ({names(self.order_by)})" if self.order_by else "", self.refresh.sql, properties_clause(self.properties)]
        return " ".join([*(p for p in parts if p), "AS", self.query])


def create_view(name: TableName, query: str, comment: str | None = None, *, replace: bool = False) -> str:
    """CREATE [OR REPLACE] VIEW."""
    return " ".join(p for p in (f"CREATE {'OR REPLACE ' if replace else ''}VIEW {name.sql}", comment_clause(comment), "AS", query) if p)


def create_catalog(name: str, properties: Mapping[str, str], comment: str | None = None, *, exists: bool = False) -> str:
    """CREATE EXTERNAL CATALOG, a property a line."""
    lines = ",\n".join(f"    {double_quoted(k)} = {double_quoted(v)}" for k, v in properties.items())
    said = f"\nCOMMENT {double_quoted(comment)}" if comment else ""
    return f"CREATE EXTERNAL CATALOG {'IF NOT EXISTS ' if exists else ''}{quoted(name)}{said}\nPROPERTIES (\n{lines}\n)"


def create_like(name: TableName, other: TableName) -> str:
    """CREATE TABLE … LIKE."""
    return f"CREATE TABLE {name.sql} LIKE {other.sql}"


def drop_table(name: TableName) -> str:
    """DROP TABLE IF EXISTS."""
    return f"DROP TABLE IF EXISTS {name.sql}"


def drop_materialized_view(name: TableName) -> str:
    """DROP MATERIALIZED VIEW IF EXISTS."""
    return f"DROP MATERIALIZED VIEW IF EXISTS {name.sql}"


def swap_tables(one: TableName, other: TableName) -> str:
    """Exchange two tables, in one step."""
    return f"ALTER TABLE {one.sql} SWAP WITH {quoted(other.name)}"


def swap_materialized_views(one: TableName, other: TableName) -> str:
    """Exchange two materialized views, in one step."""
    return f"ALTER MATERIALIZED VIEW {one.sql} SWAP WITH {quoted(other.name)}"


def alter_refresh(name: TableName, refresh: Refresh) -> str:
    """Change when a materialized view is refreshed."""
    return f"ALTER MATERIALIZED VIEW {name.sql} REFRESH {refresh.scheme}"


def alter_properties(name: TableName, properties: Mapping[str, str]) -> str:
    """Change properties of a materialized view."""
    return f"ALTER MATERIALIZED VIEW {name.sql} SET ({_pairs(properties)})"


def refresh_view(name: TableName) -> str:
    """Begin a refresh; the answer is the id to ask after."""
    return f"REFRESH MATERIALIZED VIEW {name.sql}"


def refresh_external_table(name: TableName) -> str:
    """Have the metadata of a table of an external catalog looked up anew, so that what reads it next sees what is there."""
    return f"REFRESH EXTERNAL TABLE {name.sql}"


def insert_select(
    target: TableName, columns: Iterable[str], source: TableName, *, overwrite: bool = False, label: str | None = None
) -> str:
    """INSERT INTO or OVERWRITE from another table, columns by name; a label is accepted once."""
    listed = names(columns)
    how = f"INSERT {'OVERWRITE' if overwrite else 'INTO'} {target.sql}"
    return f"{how}{f' WITH LABEL {quoted(label)}' if label else ''} ({listed}) SELECT {listed} FROM {source.sql}"


def files(path: str, properties: Mapping[str, str]) -> str:
    """The table function that reads Parquet files."""
    return f"FILES({_pairs({'path': path, 'format': 'parquet', **properties})})"


def names(columns: Iterable[str]) -> str:
    """Columns' names, quoted, with commas."""
    return ", ".join(quoted(c) for c in columns)


def comment_clause(comment: str | None) -> str:
    """A comment, cut to what a table's may have."""
    return f"COMMENT {text(cut(comment, LONGEST_COMMENT))}" if comment else ""


def properties_clause(properties: Mapping[str, str]) -> str:
    """PROPERTIES (…), or nothing."""
    return f"PROPERTIES ({_pairs(properties)})" if properties else ""


def cut(comment: str | None, longest: int) -> str:
    """A comment that is not too long."""
    comment = comment or ""
    return comment if len(comment) <= longest else comment[: longest - 1] + "…"


def _pairs(properties: Mapping[str, str]) -> str:
    if not properties:
        raise failures.unusable("there are no properties to set")
    return ", ".join(f"{double_quoted(k)} = {double_quoted(v)}" for k, v in properties.items())
