"""Making readable what a node held before: what its query reads as `{{ this }}`, under the node's own name."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from sqlglot import exp

from seeknal.protocols import Files, Query
from seeknal.run.cutting import cut
from seeknal.run.expressions import cast_to, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from seeknal.intervals.ranges import Ranges
    from seeknal.nodes import Node, Schema
    from seeknal.protocols import Session


class Before(NamedTuple):
    """Files that a node wrote, their columns, and which of their windows still stand (None: all)."""

    paths: Sequence[Path | str]
    schema: Schema
    ranges: Ranges | None = None


def define_before(session: Session, node: Node, befores: Iterable[Before], dialect: str) -> None:
    """Make the node's name mean what it held: the columns that it declares, in their types, and no row where nothing was there."""
    if not node.this:
        return
    found: list[exp.Query] = [exp.select(*(cast_to(c, (), dialect) for c in node.this)).where(exp.false())]
    for number, before in enumerate(_together(befores)):
        name = f"{node.relation}__held_{number}"
        session.define(name, Files(tuple(before.paths)))
        if before.ranges is not None:
            query = exp.select("*").from_(table(name)).sql(dialect=dialect)
            name = f"{name}_cut"
            session.define(name, Query(cut(query, before.schema, node, before.ranges, dialect)))
        found.append(exp.select(*(cast_to(c, before.schema, dialect) for c in node.this)).from_(table(name)))
    whole = exp.union(*found, distinct=False) if len(found) > 1 else found[0]
    session.define(node.relation, Query(whole.sql(dialect=dialect)))


def _together(befores: Iterable[Before]) -> Iterable[Before]:
    """Files of the same columns, one after the other, as one relation."""
    for (schema, is_cut), some in groupby(befores, key=lambda b: (b.schema, b.ranges is not None)):
        if is_cut:
            yield from some
        else:
            yield Before([p for b in some for p in b.paths], schema)
