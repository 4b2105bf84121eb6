"""The small pieces that queries over features are put together from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def identifier(name: str) -> exp.Identifier:
    """A name, quoted."""
    return exp.to_identifier(name, quoted=True)


def column(name: str, table: str | None = None) -> exp.Column:
    """A column, of a table where it could be another's."""
    return exp.Column(this=identifier(name), table=identifier(table) if table else None)


def relation(name: str, alias: str | None = None) -> exp.Table:
    """A relation to read from."""
    return exp.Table(this=identifier(name), alias=exp.TableAlias(this=identifier(alias)) if alias else None)


def literal(value: Any) -> exp.Expr:
    """A value from YAML: text, a number, true or false, a date."""
    return exp.convert(value)


def interval(seconds: int, *, less: int = 0) -> exp.Expr:
    """A length of time, or what is left of it without `less` microseconds."""
    count, unit = (seconds * 1_000_000 - less, "MICROSECOND") if less else (seconds, "SECOND")
    return exp.Interval(this=exp.Literal.string(str(count)), unit=exp.Var(this=unit))


def ordered(value: exp.Expr, *, descending: bool = False) -> exp.Ordered:
    """A value to sort by; NULLs are last."""
    return exp.Ordered(this=value, desc=descending, nulls_first=False)


def row_number(partition: Sequence[exp.Expr], order: Iterable[exp.Expr]) -> exp.Window:
    """The place of a row among those of its partition."""
    return exp.Window(this=exp.RowNumber(), partition_by=[*partition], order=exp.Order(expressions=[*order]))


def times(value: exp.Expr, type_: str = "TIMESTAMP") -> exp.Cast:
    """A value as a time."""
    return exp.cast(value, type_)
