"""Pieces of SQL about relations and their columns, by exact name, and what columns two relations have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.nodes import fold
from seeknal.plan.types import same, widens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal.nodes import ColumnSchema, Merging, Schema

OLD, RETURNED = "old", "returned"
"""What a merge calls the rows before it, and those that it adds."""


def unified(before: Schema, after: Schema) -> tuple[list[ColumnSchema], list[str]]:
    """The columns of both, and in words what does not fit."""
    old = {fold(c.name): c for c in before}
    gone = [c.name for c in before if fold(c.name) not in {fold(a.name) for a in after}]
    problems = [f"{', '.join(gone)} no longer there"] if gone else []
    found = []
    for new in after:
        was = old.get(fold(new.name))
        if was is None or same(was.type, new.type) or widens(was.type, new.type):
            found.append(new)
        elif widens(new.type, was.type):
            found.append(was)
        else:
            problems.append(f"{new.name} was {was.type} and is {new.type}")
    return found, problems


def cast_to(wanted: ColumnSchema, schema: Sequence[ColumnSchema], dialect: str, relation: str | None = None) -> exp.Expr:
    """A column of a relation as it is wanted: NULL where the relation has none of the name."""
    own = next((c for c in schema if fold(c.name) == fold(wanted.name)), None)
    type_ = exp.DataType.build(wanted.type or "", dialect=dialect)
    if own is None:
        return exp.cast(exp.null(), type_).as_(wanted.name, quoted=True)
    value = column(own.name, relation)
    return (value if same(own.type, wanted.type) else exp.cast(value, type_)).as_(wanted.name, quoted=True)


def select_as(columns: Sequence[ColumnSchema], name: str, schema: Sequence[ColumnSchema], dialect: str) -> str:
    """The rows of a relation with these columns in place of its own."""
    return exp.select(*(cast_to(c, schema, dialect) for c in columns)).from_(table(name)).sql(dialect=dialect)


def column(name: str, relation: str | None = None) -> exp.Column:
    """A column by its exact name."""
    return exp.column(exp.to_identifier(name, quoted=True), table=relation)


def same_key(merging: Merging) -> exp.Expr:
    """Whether a row of `old` and one of `returned` have one key."""
    return exp.and_(*(exp.NullSafeEQ(this=column(k, RETURNED), expression=column(k, OLD)) for k in merging.unique_key))


def same_columns(one: Sequence[ColumnSchema], other: Sequence[ColumnSchema]) -> bool:
    """Whether two outputs have the same columns, in the same order."""
    return [(c.name, c.type) for c in one] == [(c.name, c.type) for c in other]


def table(name: str) -> exp.Table:
    """A relation by its exact name."""
    return exp.Table(this=exp.to_identifier(name, quoted=True))
