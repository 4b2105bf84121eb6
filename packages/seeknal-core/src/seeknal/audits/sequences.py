"""Audits of rows in order: what follows what."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

from seeknal.plugin import Column, Columns, Relation, audit, literal


@audit
def sequential(target: Relation, *, column: Column, interval: float = 1, group_by: Columns | None = None) -> str:
    """Each value of `column` is `interval` more than the one before it, in each group of `group_by`; NULLs are left out."""
    before = _before(column, group_by, column)
    rows = f"SELECT *, {before} AS previous FROM {target} WHERE {column} IS NOT NULL"
    return f"SELECT * FROM ({rows}) AS t WHERE {column} - previous <> {literal(interval)}"


@audit
def monotonic(target: Relation, *, column: Column, order_by: Columns, group_by: Columns | None = None, strict: bool = False) -> str:
    """`column` never decreases in the order of `order_by`; with `strict`, it always increases. NULLs are left out."""
    before = _before(column, group_by, ", ".join(order_by))
    rows = f"SELECT *, {before} AS previous FROM {target} WHERE {column} IS NOT NULL"
    return f"SELECT * FROM ({rows}) AS t WHERE {column} {'<=' if strict else '<'} previous"


@audit
def no_overlap(
    target: Relation, *, lower: Column, upper: Column, partition_by: Columns | None = None, gaps: Literal["allowed", "refused"] = "allowed"
) -> str:
    """The ranges from `lower` up to `upper` do not overlap, within each group of `partition_by`; with `gaps: refused` each begins where one ends.

    A range that is empty, turned round, or has a NULL for an end is wrong.
    """
    window = f"({_partition(partition_by)}ORDER BY {lower}, {upper} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    rows = f"SELECT *, max({upper}) OVER {window} AS reached FROM {target}"
    follows = f"{lower} <> reached" if gaps == "refused" else f"{lower} < reached"
    return f"SELECT * FROM ({rows}) AS t WHERE {lower} IS NULL OR {upper} IS NULL OR {lower} >= {upper} OR {follows}"


@audit
def no_gaps(
    target: Relation,
    *,
    column: Column,
    every: Literal["hour", "day", "week", "month", "year"] = "day",
    start: Annotated[dt.datetime | dt.date | None, Field()] = None,
    end: Annotated[dt.datetime | dt.date | None, Field()] = None,
    group_by: Columns | None = None,
) -> str:
    """Every period between the first and the last value of `column` has a row; `start` and `end` (included) move those bounds. NULLs are left out."""
    groups = ", ".join(group_by or ())
    selected, grouped = (f"{groups}, ", f" GROUP BY {groups}") if groups else ("", "")
    period = f"date_trunc('{every}', CAST({column} AS TIMESTAMP))"
    first = f"date_trunc('{every}', CAST({literal(start)} AS TIMESTAMP))" if start is not None else f"min({period})"
    last = f"date_trunc('{every}', CAST({literal(end)} AS TIMESTAMP))" if end is not None else f"max({period})"
    among = "" if start is not None and end is not None and not groups else f" FROM {target}{grouped}"  # so that no rows miss all periods
    wanted = f"SELECT {selected}unnest(generate_series({first}, {last}, INTERVAL 1 {every})) AS missing{among}"
    return f"{wanted} EXCEPT SELECT {selected}{period} FROM {target}"


def _before(column: str, group_by: Columns | None, order: str) -> str:
    return f"lag({column}) OVER ({_partition(group_by)}ORDER BY {order})"


def _partition(columns: Columns | None) -> str:
    return f"PARTITION BY {', '.join(columns)} " if columns else ""
