"""Audits of single rows: what one row says of itself.

A row is wrong where the condition is true. Where a value is NULL nothing is said of it, but for the audits that are about NULL.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field

from seeknal.plugin import Column, Columns, Condition, Relation, RowCheck, audit, literal

_FORMATS = {
    "uuid": "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
    "email": r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+",
    "url": r"https?://[^\s/?#]+([/?#]\S*)?",
    "ipv4": r"((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)",
}


@audit
def not_null(target: Relation, *, columns: Columns) -> RowCheck:
    """No NULL in `columns`."""
    return RowCheck(" OR ".join(f"{c} IS NULL" for c in columns))


@audit
def not_empty(target: Relation, *, columns: Columns, trim: bool = True) -> RowCheck:
    """No NULL and no empty text in `columns`; with `trim`, none of white space alone."""
    empty = [f"NOT regexp_matches({_text(c)}, '\\S')" if trim else f"{_text(c)} = ''" for c in columns]
    return RowCheck(" OR ".join(f"{c} IS NULL OR {e}" for c, e in zip(columns, empty, strict=True)))


@audit
def accepted_values(target: Relation, *, column: Column, values: Annotated[list[Any], Field(min_length=1)]) -> RowCheck:
    """Every value of `column` is one of `values`; NULLs are left out."""
    listed = ", ".join(literal(v) for v in values if v is not None)
    return RowCheck(f"{column} NOT IN ({listed})" if listed else f"{column} IS NOT NULL")


@audit
def rejected_values(target: Relation, *, column: Column, values: Annotated[list[Any], Field(min_length=1)]) -> RowCheck:
    """No value of `column` is one of `values`; NULLs are left out."""
    listed = ", ".join(literal(v) for v in values if v is not None)
    return RowCheck(f"{column} IN ({listed})" if listed else "FALSE")


@audit
def accepted_range(
    target: Relation,
    *,
    column: Column,
    min: float | dt.date | dt.datetime | None = None,
    max: float | dt.date | dt.datetime | None = None,
    inclusive: bool = True,
) -> RowCheck:
    """Every value of `column` lies between `min` and `max`; NaN does not, NULLs are left out."""
    if min is None and max is None:
        message = "accepted_range needs 'min', 'max' or both"
        raise ValueError(message)
    below, above = ("<", ">") if inclusive else ("<=", ">=")
    bad = [f"{column} {below} {literal(min)}"] if min is not None else []
    bad += [f"{column} {above} {literal(max)}"] if max is not None else []
    if max is None:  # NaN is above any maximum
        bad.append(f"ltrim({_text(column)}, '-') = 'nan'")
    return RowCheck(" OR ".join(bad))


@audit
def pattern(target: Relation, *, column: Column, regex: str | None = None, like: str | None = None, negate: bool = False) -> RowCheck:
    """Every value of `column`, as text, matches `regex` or `like` as a whole; with `negate`, none does. NULLs are left out."""
    if (regex is None) == (like is None):
        message = "pattern needs either 'regex' or 'like'"
        raise ValueError(message)
    matches = (
        f"regexp_matches({_text(column)}, {literal(f'^({regex})$')})" if regex is not None else f"{_text(column)} LIKE {literal(like)}"
    )
    return RowCheck(matches if negate else f"NOT {matches}")


@audit
def length(
    target: Relation,
    *,
    column: Column,
    min: Annotated[int, Field(ge=0)] | None = None,
    max: Annotated[int, Field(ge=0)] | None = None,
) -> RowCheck:
    """Every value of `column` has at least `min` and at most `max` characters; NULLs are left out."""
    if min is None and max is None:
        message = "length needs 'min', 'max' or both"
        raise ValueError(message)
    measured = f"length({_text(column)})"
    bad = [f"{measured} < {min}"] if min is not None else []
    return RowCheck(" OR ".join([*bad, *([f"{measured} > {max}"] if max is not None else [])]))


@audit
def format(target: Relation, *, column: Column, format: Literal["uuid", "email", "url", "ipv4", "date", "json"]) -> RowCheck:
    """Every value of `column`, as text, has the form of a uuid, email, url, ipv4, date (ISO 8601) or json; NULLs are left out."""
    text = _text(column)
    if format == "json":
        return RowCheck(f"NOT json_valid({text})")
    if format == "date":
        shaped = f"regexp_matches({text}, {literal(_whole(r'[0-9]{4}-[0-9]{2}-[0-9]{2}'))})"
        return RowCheck(f"NOT {shaped} OR ({column} IS NOT NULL AND TRY_CAST({text} AS DATE) IS NULL)")
    return RowCheck(f"NOT regexp_matches({text}, {literal(_whole(_FORMATS[format]))})")


@audit
def castable(
    target: Relation,
    *,
    column: Column,
    to: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_ ]*(\([0-9]+(, ?[0-9]+)?\))?$")],
    strict: bool = True,
) -> RowCheck:
    """Every value of `column` can be cast to the type `to`; with `strict`, without losing anything on the way there and back. NULLs are left out."""
    cast = f"TRY_CAST({column} AS {to})"
    bad = f"{column} IS NOT NULL AND {cast} IS NULL"
    exact = f"CAST({cast} AS VARCHAR) <> {_text(column)} AND TRY_CAST({_text(column)} AS DECIMAL(38, 10)) IS DISTINCT FROM TRY_CAST({cast} AS DECIMAL(38, 10))"
    return RowCheck(f"({bad}) OR ({exact})" if strict else bad)


@audit
def expression(target: Relation, *, sql: Condition, null_ok: bool = False) -> RowCheck:
    """The condition `sql` is true of every row; one for which it is NULL is wrong, unless `null_ok`."""
    return RowCheck(f"NOT coalesce(({sql}), {'TRUE' if null_ok else 'FALSE'})")


@audit
def compare(target: Relation, *, column: Column, op: Literal["=", "<>", "<", "<=", ">", ">="], other: Column) -> RowCheck:
    """`column` and `other` compare as `op` says in every row; rows in which either is NULL are left out."""
    return RowCheck(f"NOT ({column} {op} {other})")


@audit
def required_if(target: Relation, *, column: Column, when: Condition) -> RowCheck:
    """`column` is not NULL in the rows for which the condition `when` holds."""
    return RowCheck(f"({when}) AND {column} IS NULL")


@audit
def equal_columns(target: Relation, *, columns: Columns) -> RowCheck:
    """All of `columns` hold the same value in every row; NULL is the same as NULL."""
    if not columns[1:]:
        message = "equal_columns needs two columns or more"
        raise ValueError(message)
    first, *others = columns
    return RowCheck(" OR ".join(f"{first} IS DISTINCT FROM {other}" for other in others))


@audit
def time_bounds(
    target: Relation,
    *,
    column: Column,
    not_before: dt.datetime | dt.date | None = None,
    not_after: dt.datetime | dt.date | Literal["now"] | None = "now",
) -> RowCheck:
    """Every value of `column` lies at or after `not_before` and at or before `not_after`, by default the time of the run; NULLs are left out."""
    bad = [f"{column} < {literal(not_before)}"] if not_before is not None else []
    if not_after is not None:
        bad.append(f"{column} > {'now()' if not_after == 'now' else literal(not_after)}")
    return RowCheck(" OR ".join(bad) or "FALSE")


def _text(column: Column) -> str:
    return f"CAST({column} AS VARCHAR)"


def _whole(pattern: str) -> str:
    return f"^({pattern})$"
