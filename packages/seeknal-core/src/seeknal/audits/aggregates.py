"""Audits of one value: what a column or a relation amounts to as a whole."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from seeknal.plugin import AggregateCheck, Column, Columns, Relation, audit, literal

Bound = Annotated[int, Field(ge=0)] | None


@audit
def row_count(target: Relation, *, min: Bound = None, max: Bound = None) -> AggregateCheck:
    """The number of rows is at least `min` and at most `max`."""
    return AggregateCheck("count(*)", min, max)


@audit
def null_share(target: Relation, *, column: Column, max: Annotated[float, Field(ge=0, le=1)]) -> AggregateCheck:
    """At most this share (0 to 1) of the rows has NULL in `column`; no rows have none."""
    return AggregateCheck(f"coalesce((count(*) - count({column})) / nullif(CAST(count(*) AS DOUBLE), 0), 0)", None, max)


@audit
def distinct_count(target: Relation, *, column: Column, min: Bound = None, max: Bound = None) -> AggregateCheck:
    """`column` has at least `min` and at most `max` different values; NULLs are left out."""
    return AggregateCheck(f"count(DISTINCT {column})", min, max)


@audit
def aggregate(
    target: Relation,
    *,
    column: Column,
    fn: Literal["min", "max", "mean", "sum", "stddev", "median", "quantile"],
    min: float | None = None,
    max: float | None = None,
    q: Annotated[float, Field(ge=0, le=1)] = 0.5,
) -> AggregateCheck:
    """An aggregate of `column` lies between `min` and `max`, and is neither NULL nor NaN. NULLs in the column are left out; `q` is for quantile."""
    value = {
        "mean": f"avg({column})",
        "stddev": f"stddev_samp({column})",
        "median": f"quantile_cont({column}, 0.5)",
        "quantile": f"quantile_cont({column}, {literal(q)})",
    }.get(fn, f"{fn}({column})")
    return AggregateCheck(value, min, max)


@audit
def freshness(
    target: Relation, *, column: Column, max_age: Annotated[str, Field(pattern=r"^[0-9]+ ?(s|m|h|d|w)$")], group_by: Columns | None = None
) -> str:
    """The newest value of `column` is at most `max_age` old (such as `36h` or `2d`), in each group where `group_by` says so. No rows are too old."""
    units = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week"}
    groups = ", ".join(group_by or ())
    selected = f"{groups}, " if groups else ""
    grouped = f" GROUP BY GROUPING SETS (({groups}), ())" if groups else ""  # without rows there is no group, but for that of all
    oldest = f"now() - INTERVAL {literal(max_age[:-1].strip())} {units[max_age[-1]]}"
    newest = f"max({column})"
    meant = f"(count(*) = 0 OR grouping({groups}) = 0) AND " if groups else ""
    return f"SELECT {selected}{newest} AS newest FROM {target}{grouped} HAVING {meant}({newest} IS NULL OR {newest} < {oldest})"
