"""The audits every project has. Each names what is wrong, so that what is right needs no words."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from seeknal.plugin import AggregateCheck, Column, Columns, Relation, RowCheck, Sql, audit, literal


@audit
def not_null(target: Relation, *, columns: Columns) -> RowCheck:
    """No NULL in `columns`."""
    return RowCheck(" OR ".join(f"{c} IS NULL" for c in columns))


@audit
def unique(target: Relation, *, columns: Columns) -> list[str]:
    """No value stands twice in any of `columns`; NULLs are left out."""
    return [
        f"SELECT {c}, count(*) AS row_count FROM {target} WHERE {c} IS NOT NULL GROUP BY {c} HAVING count(*) > 1"  # noqa: S608 - quoted
        for c in columns
    ]


@audit
def accepted_values(target: Relation, *, column: Column, values: Annotated[list[Any], Field(min_length=1)]) -> RowCheck:
    """Every value of `column` is one of `values`; NULLs are left out."""
    listed = ", ".join(literal(v) for v in values if v is not None)
    return RowCheck(f"{column} NOT IN ({listed})" if listed else f"{column} IS NOT NULL")


@audit
def row_count(
    target: Relation,
    *,
    min: Annotated[int, Field(ge=0)] | None = None,
    max: Annotated[int, Field(ge=0)] | None = None,
) -> AggregateCheck:
    """The number of rows is at least `min` and at most `max`."""
    return AggregateCheck("count(*)", min, max)


@audit
def custom_sql(target: Relation, *, sql: Sql) -> str:
    """The query returns no rows; `__THIS__` is the output."""
    return sql
