"""What the analysis of a query knows of a relation: its columns, where each comes from, and what decides its rows."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from seeknal.nodes import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

ANY = "*"
"""In place of a column's name: some column of the relation, it is not known which."""

ROWS = ""
"""In place of a column's name: the rows themselves, how many there are."""


class Origin(NamedTuple):
    """A column of an input, by the input's relation name and the column's name, `ANY` of them, or its `ROWS`."""

    relation: str
    column: str


Origins = frozenset[Origin]
NOWHERE: Origins = frozenset()


class OpaqueError(Exception):
    """The analysis cannot be sure; the message says of what."""


@dataclass(frozen=True, slots=True)
class Derived:
    """A value of a row: the input columns it is computed from, and a hash of how.

    `value` are those it is computed from, `filter` those that only decide which rows it is computed over, or in which order.
    """

    value: Origins = NOWHERE
    filter: Origins = NOWHERE
    shape: str = ""

    @property
    def origins(self) -> Origins:
        """Every input column that has a part in it."""
        return self.value | self.filter


@dataclass(frozen=True, slots=True)
class RelationColumn:
    """A column of a relation. `name` is None where only the engine can say what it calls it; `label` is the text it goes by then.

    `uncast` is the shape of its value before the cast around it, where there is one. One that `spreads` is as many columns as the struct it
    unnests has fields, or the relation its star stands for has columns.
    """

    name: str | None
    derived: Derived
    label: str = ""
    uncast: str = ""
    spreads: bool = False


@dataclass(frozen=True)
class Known:
    """A relation in scope.

    `columns` is None where they are not known; then any name may be one, and each is `any_column`. `rows` are the input columns that
    decide which rows there are, `shape` is a hash of everything that does. `order` is what sorts them, where nothing is cut off.
    """

    columns: tuple[RelationColumn, ...] | None
    rows: Origins
    shape: str
    any_column: Derived = Derived()
    order: Derived = Derived()

    @property
    def settled(self) -> Known:
        """The relation as others read it: its order, which nothing promises but much relies on, is one of the things about its rows."""
        found = self.spread_out if any(c.spreads for c in self.columns or ()) else self
        if not found.order.shape:
            return found
        return replace(found, rows=found.rows | found.order.origins, shape=shape(found.shape, found.order.shape), order=Derived())

    @property
    def spread_out(self) -> Known:
        """The same, with columns of which it is not known which and how many there are."""
        listed = self.columns or ()
        names = [part for c in listed for part in (("named", c.name) if c.name is not None else ("labelled", c.label))]
        return replace(self, columns=None, any_column=merged((c.derived for c in listed), "spread", *names))

    @functools.cached_property
    def is_sure(self) -> bool:
        """Whether every column's name is known."""
        return self.columns is not None and all(c.name is not None for c in self.columns)

    def find(self, name: str) -> Derived | None:
        """The column a name means. One that no column is known by may be any of those that the engine named."""
        folded = fold(name)
        if self.columns is None:
            return replace(self.any_column, shape=shape("any", self.any_column.shape, folded))
        found = self.exact(folded)
        if found is not None:
            return found.derived
        unnamed = [c for c in self.columns if c.name is None]
        return merged((c.derived for c in unnamed), "unnamed", folded, *(c.label for c in unnamed)) if unnamed else None

    def exact(self, folded: str) -> RelationColumn | None:
        """The column that is known by a name, which is given without its case."""
        return self.by_name.get(folded)

    @functools.cached_property
    def by_name(self) -> dict[str, RelationColumn]:
        """The columns whose names are known by those, without their case; of several of one name the first."""
        found: dict[str, RelationColumn] = {}
        for column in self.columns or ():
            if column.name is not None:
                found.setdefault(fold(column.name), column)
        return found

    def named(self, names: Sequence[str]) -> Known:
        """The same relation with its first columns renamed, as `AS t(a, b)` does. Of several that share a name, the later get another."""
        if self.columns is None:
            return replace(self, any_column=replace(self.any_column, shape=shape(self.any_column.shape, *names))) if names else self
        renamed = [replace(c, name=n, label="") for n, c in zip(names, self.columns, strict=False)]
        columns = _distinct((*renamed, *self.columns[len(renamed) :]))
        return self if columns == self.columns else replace(self, columns=columns)

    @property
    def everything(self) -> Origins:
        """Every input column that has any part in it."""
        columns = [self.any_column] if self.columns is None else [c.derived for c in self.columns]
        return self.rows.union(*(c.origins for c in columns))

    @property
    def whole(self) -> str:
        """A hash of everything about it: its rows, and its columns with their names."""
        if self.columns is None:
            return shape("whole", self.shape, self.any_column.shape)
        parts = [part for c in self.columns for part in (f"name {c.name}" if c.name is not None else f"label {c.label}", c.derived.shape)]
        return shape("whole", self.shape, *parts)


class Deferred:
    """A CTE. It is analysed when something reads it: the engine too takes no notice of what is in one that nothing does."""

    def __init__(self, analyse: Callable[[], Known]) -> None:
        self._analyse = analyse

    @functools.cached_property
    def known(self) -> Known:
        """What is known of it. Raises OpaqueError."""
        return self._analyse()


def merged(parts: Iterable[Derived], *extra: str) -> Derived:
    """A value that may come from any of these, or from all of them together."""
    listed = list(parts)
    value = NOWHERE.union(*(p.value for p in listed))
    return Derived(value, NOWHERE.union(*(p.filter for p in listed)), shape("merged", *extra, *(p.shape for p in listed)))


def coarse(relations: Iterable[Known], *extra: str) -> Known:
    """A relation of which only this is known: everything in it depends on everything in those it is made of."""
    listed = list(relations)
    everything = NOWHERE.union(*(r.everything for r in listed))
    whole = shape("coarse", *extra, *(r.whole for r in listed))
    return Known(None, everything, whole, Derived(everything, everything, whole))


def _distinct(columns: tuple[RelationColumn, ...]) -> tuple[RelationColumn, ...]:
    """A second `a` is `a_1`, as the engine calls it."""
    if len({fold(c.name) for c in columns if c.name is not None}) == sum(c.name is not None for c in columns):
        return columns
    taken: dict[str, int] = {}
    found = []
    for column in columns:
        name = column.name
        if name is not None and fold(name) in taken:
            folded = fold(name)
            while f"{folded}_{taken[folded]}" in taken:
                taken[folded] += 1
            name = f"{name}_{taken[folded]}"
        if name is not None:
            taken[fold(name)] = 1
        found.append(replace(column, name=name))
    return tuple(found)


def shape(*parts: str) -> str:
    """A hash of texts, whose ends count."""
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()


def input_relation(name: str, columns: Iterable[str] | None) -> Known:
    """An input of the query, its columns known or not."""
    rows = frozenset({Origin(name, ROWS)})
    if columns is None:
        origin = frozenset({Origin(name, ANY)})
        return Known(None, rows, shape("input", name), Derived(origin, NOWHERE, shape("input", name, ANY)))
    known = tuple(RelationColumn(c, Derived(frozenset({Origin(name, c)}), NOWHERE, shape("column", name, fold(c)))) for c in columns)
    return Known(known, rows, shape("input", name))
