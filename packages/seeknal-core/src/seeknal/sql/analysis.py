"""What a query reads and what it makes of it: the value everything about columns is decided from.

`analyse` answers for one query from its text and the columns of what it reads; nothing else goes in, so an answer can be kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from seeknal.nodes import fold
from seeknal.sql.relations import ANY, NOWHERE, ROWS, Origin, shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seeknal.sql.expressions import NameProblem
    from seeknal.sql.relations import Origins

VERSION = 9
"""Changed whenever the same query would be analysed to another shape."""


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """A column a query returns: its name (None where only the engine can say it), how it is computed, and from what.

    `uncast` is its shape without the cast around it.
    """

    name: str | None
    shape: str
    value: Origins = NOWHERE
    filter: Origins = NOWHERE
    uncast: str = ""


@dataclass(frozen=True, slots=True)
class Analysis:
    """A query, analysed.

    `content` is a hash of what it computes, which formatting, comments, quoting, aliases and the names of CTEs play no part in. `rows_shape`
    is a hash of everything that decides which rows it returns, `rows` are the columns of its inputs that do, `order` those it is sorted by.
    Each output column's `shape` and origins come on top of those. `columns` is None where they are not known, and then each may come from
    anything. Where the analysis was not sure of anything, `opaque` says why: all columns of all inputs are read. It is `repeatable` where the same
    rows always give the same answer.
    """

    content: str
    rows_shape: str
    rows: Origins
    columns: tuple[OutputColumn, ...] | None
    order: Origins = NOWHERE
    opaque: str | None = None
    repeatable: bool = True

    @property
    def names(self) -> tuple[str | None, ...] | None:
        """The names of the columns, as far as they are known."""
        return tuple(c.name for c in self.columns) if self.columns is not None else None

    @property
    def everything(self) -> Origins:
        """Every column of an input that has a part in the result or its order."""
        return (self.rows | self.order).union(*(c.value | c.filter for c in self.columns or ()))

    def reads(self, relation: str) -> frozenset[str] | None:
        """The columns of an input that the query mentions anywhere, by their names in the input; None for all of them."""
        found = frozenset(o.column for o in self.everything if o.relation == relation and o.column != ROWS)
        return None if self.opaque is not None or ANY in found else found

    def column(self, name: str) -> OutputColumn | None:
        """The column of a name, without regard to case. Where the engine named some, it may be any of those."""
        folded = fold(name)
        for column in self.columns or ():
            if column.name is not None and fold(column.name) == folded:
                return column
        unnamed = [c for c in self.columns or () if c.name is None]
        if not unnamed and self.columns is not None:
            return None
        value = NOWHERE.union(*(c.value for c in unnamed)) if unnamed else self.rows
        return OutputColumn(name, self.content, value, NOWHERE.union(*(c.filter for c in unnamed)))

    def named(self, names: Sequence[str]) -> Analysis:
        """The same with the names the engine gave; with all columns coming from everything where it returned others."""
        if self.columns is None or len(self.columns) == len(names):
            columns = tuple(replace(c, name=n) for c, n in zip(self.columns, names, strict=True)) if self.columns is not None else None
            return replace(self, columns=columns)
        return replace(
            self,
            columns=tuple(OutputColumn(n, self.content, self.everything) for n in names),
            rows=self.everything,
            rows_shape=self.content,
        )

    def to_json(self) -> list[Any]:
        """As a plain document; each origin is written once."""
        origins = sorted(self.everything)
        number = {o: i for i, o in enumerate(origins)}

        def numbers(some: Iterable[Origin]) -> list[int]:
            return sorted(number[o] for o in some)

        columns = None
        if self.columns is not None:
            columns = [[c.name, c.shape, numbers(c.value), numbers(c.filter), c.uncast] for c in self.columns]
        return [
            self.content,
            self.rows_shape,
            [list(o) for o in origins],
            numbers(self.rows),
            columns,
            numbers(self.order),
            self.opaque,
            self.repeatable,
        ]

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> Analysis:
        """From a plain document. Raises TypeError, ValueError or IndexError for what is none."""
        content, rows_shape, listed, rows, columns, order, opaque, sure = values
        origins = [Origin(*o) for o in listed]
        texts = [content, rows_shape, *(t for o in origins for t in o), *(t for c in columns or () for t in (c[0] or "", c[1], c[4]))]
        if not all(isinstance(t, str) for t in texts) or not isinstance(sure, bool) or not isinstance(opaque, str | None):
            message = "not an analysis"
            raise TypeError(message)

        def some(numbers: Iterable[int]) -> Origins:
            return frozenset(origins[n] for n in numbers)

        read = None
        if columns is not None:
            read = tuple(OutputColumn(n, s, some(v), some(f), u) for n, s, v, f, u in columns)
        return cls(content, rows_shape, some(rows), read, some(order), opaque, sure)


@dataclass(frozen=True, slots=True)
class Analysed:
    """An analysis, and the names in the query that mean nothing or too much. With problems, the analysis is opaque."""

    analysis: Analysis
    problems: tuple[NameProblem, ...] = ()


def analyse(sql: str, dialect: str, schemas: Mapping[str, Sequence[str] | None]) -> Analysed:
    """Analyse a query that has been checked. `schemas` has the columns of each relation it may read, or None where they are not known.

    The query is one that `seeknal.sql.guard` lets pass. Never raises: what cannot be analysed is opaque.
    """
    from seeknal.sql.canonical import canonical
    from seeknal.sql.columns import Analyser
    from seeknal.sql.guard import parse_select
    from seeknal.sql.relations import OpaqueError
    from seeknal.sql.repeatability import repeatable
    from seeknal.sql.spelling import spelling

    tree = parse_select(sql, dialect)
    analyser = Analyser(schemas, dialect)
    sure = repeatable(tree)
    told = tree.meta.get("apart")
    why = f"{told} is read as something that differs from it" if told else None
    try:
        known = analyser.query(tree) if why is None else None
    except OpaqueError as error:
        why = str(error)
    except RecursionError:
        why = "the query is nested too deeply"
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:  # a tree of a form that nobody thought of
        why = f"the query is of a form that is not analysed ({type(error).__name__})"
    problems = tuple(dict.fromkeys(analyser.problems))
    if problems or why is not None or known is None:
        why = problems[0].message if problems else why or ""
        return Analysed(opaque(canonical(tree, dialect), schemas, why, repeatable=sure), problems)
    columns = None
    content = [known.order.shape, known.whole]
    if known.columns is not None:
        columns = tuple(
            OutputColumn(c.name, c.derived.shape, c.derived.value, c.derived.filter, c.uncast or c.derived.shape) for c in known.columns
        )
    if not known.is_sure:  # the engine makes names of how expressions are written
        content.append(spelling(tree, sql, dialect))
    rows = known.rows if known.columns is not None else known.everything
    return Analysed(Analysis(shape(*content), known.shape, rows, columns, known.order.origins, None, sure))


def opaque(content: str, relations: Iterable[str], reason: str, *, repeatable: bool = True) -> Analysis:
    """The analysis of what cannot be analysed: everything depends on everything."""
    every = frozenset(Origin(r, ANY) for r in relations)
    whole = shape("opaque", content)
    return Analysis(whole, whole, every, None, NOWHERE, reason, repeatable)
