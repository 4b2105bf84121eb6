"""Answers what one pass over a relation can answer, in as few queries as possible: how many rows are wrong, and what aggregates amount to.

Which rows are NULL in a column is asked first and alone where the relation is stored: files know how many NULLs they hold, so that asking costs nothing
where there are none. Everything else goes into one query, whatever rows each is about, but for aggregates of some of the rows: those have one for each `where`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from seeknal.errors import NodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from seeknal.nodes import AuditSpec

    Ask = Callable[[exp.Query, AuditSpec], Sequence[Any]]


@dataclass(frozen=True)
class Measure:
    """What one audit wants to know of the rows that `where` keeps: how many are `bad`, what `value` amounts to, or only how many there are."""

    spec: AuditSpec
    where: exp.Expr | None = None
    bad: exp.Expr | None = None
    value: exp.Expr | None = None


@dataclass(frozen=True)
class Answer:
    """What came of a measure, how many rows it is about, and its share of the time."""

    value: Any
    rows: int
    seconds: float


def measured(measures: Sequence[Measure], relation: str, ask: Ask, *, stored: bool) -> list[Answer]:
    """An answer to each measure, in their order. `ask` runs a query that returns one row; it raises NodeError where that fails."""
    table = exp.Table(this=exp.to_identifier(relation, quoted=True))
    found: dict[int, Answer] = _without_nulls(measures, table, ask) if stored else {}
    for group, where in _groups(measures, found):
        try:
            found |= _asked(measures, group, where, table, ask)
        except NodeError:
            if len(group) == 1:
                raise
            for number in group:  # so that the one that fails is named
                found |= _asked(measures, [number], where, table, ask)
    return [found[n] for n in range(len(measures))]


def _groups(measures: Sequence[Measure], found: dict[int, Answer]) -> Iterator[tuple[list[int], exp.Expr | None]]:
    """What goes into one query: the numbers of measures, and the rows that it is about."""
    left = [n for n in range(len(measures)) if n not in found]
    some = [n for n in left if measures[n].value is not None and measures[n].where is not None]
    rest = [n for n in left if n not in some]
    if rest:
        yield rest, None
    for where in dict.fromkeys(measures[n].where for n in some):
        yield [n for n in some if measures[n].where == where], where


def _asked(
    measures: Sequence[Measure],
    group: Sequence[int],
    where: exp.Expr | None,
    table: exp.Table,
    ask: Ask,
) -> dict[int, Answer]:
    conditions = list(dict.fromkeys(measures[n].where for n in group))
    counts = [_count(None if where is not None else condition, None).as_(f"n{i}") for i, condition in enumerate(conditions)]
    wanted = [_expression(measures[n]).as_(f"c{n}") for n in group if measures[n].bad is not None or measures[n].value is not None]
    query = exp.select(*counts, *wanted).from_(table.copy())
    if where is not None:
        query = query.where(where.copy())
    begun = time.perf_counter()
    row = iter(ask(query, measures[group[0]].spec))
    seconds = (time.perf_counter() - begun) / len(group)
    rows = {condition: int(next(row)) for condition in conditions}
    asks = {n: measures[n].bad is not None or measures[n].value is not None for n in group}
    return {n: Answer(next(row) if asks[n] else None, rows[measures[n].where], seconds) for n in group}


def _expression(measure: Measure) -> exp.Expr:
    return measure.value.copy() if measure.value is not None else _count(measure.where, measure.bad)


def _count(where: exp.Expr | None, bad: exp.Expr | None) -> exp.Expr:
    """How many rows there are for which these are true. `bad` is asked only of the rows that `where` keeps."""
    counted: exp.Expr | None = None
    for condition in (bad, where):
        if condition is not None:
            counted = exp.case().when(condition.copy(), counted or exp.Literal.number(1))
    return exp.Count(this=counted if counted is not None else exp.Star())


def _without_nulls(measures: Sequence[Measure], table: exp.Table, ask: Ask) -> dict[int, Answer]:
    """The answers to measures that ask for NULLs in columns that have none."""
    asked = {n: columns for n, m in enumerate(measures) if m.where is None and m.bad is not None and (columns := _null_columns(m.bad))}
    if not asked:
        return {}
    columns = list(dict.fromkeys(c for listed in asked.values() for c in listed))
    query = exp.select(exp.Count(this=exp.Star()).as_("n"), *(exp.Count(this=c.copy()).as_(f"c{i}") for i, c in enumerate(columns)))
    begun = time.perf_counter()
    rows, *filled = ask(query.from_(table.copy()), measures[next(iter(asked))].spec)
    seconds = (time.perf_counter() - begun) / len(asked)
    full = {c for c, count in zip(columns, filled, strict=True) if count == rows}
    return {n: Answer(0, int(rows), seconds) for n, listed in asked.items() if full.issuperset(listed)}


def _null_columns(bad: exp.Expr) -> list[exp.Expr]:
    """The columns of a condition that is nothing but `a IS NULL OR b IS NULL …`; none for any other."""
    found: list[exp.Expr] = []
    for part in bad.flatten() if isinstance(bad, exp.Or) else [bad]:
        if not (isinstance(part, exp.Is) and isinstance(part.this, exp.Column) and isinstance(part.expression, exp.Null)):
            return []
        found.append(part.this)
    return found
