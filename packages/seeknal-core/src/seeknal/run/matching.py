"""The queries that compare two relations, as trees: rows matched by key columns, or whole rows as a multiset.

Two values are equal as the engine has it, with NULL equal to NULL and NaN to NaN. Columns of different types are compared as numbers
where both are numbers, as times where both are dates or timestamps, and otherwise as text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.errors import SqlglotError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seeknal.nodes import ColumnSchema

OLD, NEW = "old", "new"
REMOVED, ADDED, CHANGED = "removed", "added", "changed"
_ROWS, _COPIES, _PLACE, _OUTCOME = "row_count", "copies", "place", "outcome"
_NUMBERS = frozenset(exp.DataType.NUMERIC_TYPES)
_FLOATS = frozenset(exp.DataType.FLOAT_TYPES)
_TIMES = frozenset(t for t in exp.DataType.TEMPORAL_TYPES if t.name.startswith(("DATE", "TIMESTAMP")))

Source = Callable[[str], exp.Table]
"""Names the relation of a side."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A column that both sides have, in whatever case each writes its name."""

    old: ColumnSchema
    new: ColumnSchema

    @property
    def name(self) -> str:
        """What it is called in results."""
        return self.old.name

    def of(self, side: str) -> ColumnSchema:
        """The column as one side has it."""
        return self.old if side == OLD else self.new


@dataclass(frozen=True)
class Matching:
    """Which columns are compared, and how. `source` gives the relation of a side."""

    source: Source
    key: tuple[Pair, ...]
    values: tuple[Pair, ...]
    tolerance: float
    dialect: str

    # Rows matched by key

    def uniqueness(self) -> exp.Query:
        """For each side that has rows: its name, how many rows, and how many of them share a key at most."""
        sides = [self._groups(side).select(exp.Literal.string(side).as_("side")) for side in (OLD, NEW)]
        counted = [exp.column("side"), exp.Sum(this=exp.column(_ROWS)), exp.Max(this=exp.column(_ROWS))]
        return exp.select(*counted).from_(_all(sides).subquery("sides")).group_by(exp.column("side"))

    def repeated(self, side: str) -> exp.Query:
        """A key that stands in several rows of a side."""
        groups = self._groups(side).subquery("groups")
        return exp.select(*_columns("k", self.key)).from_(groups).where(exp.column(_ROWS) > 1).limit(1)

    def _groups(self, side: str) -> exp.Select:
        keys = _columns("k", self.key)
        rows = self._side(side).subquery("side_rows")
        return exp.select(*keys, exp.Count(this=exp.Star()).as_(_ROWS)).from_(rows).group_by(*keys)

    def totals(self) -> exp.Query:
        """One row: how many rows are removed, added, changed and matched, and for each value column in how many its values differ."""
        both = exp.and_(exp.column("was"), exp.column("is_now"))
        conditions = [exp.column("is_now").is_(exp.null()), exp.column("was").is_(exp.null()), exp.and_(both, self._any()), both]
        conditions += [exp.and_(both, d) for d in _columns("d", self.values)]
        counted = [exp.Count(this=exp.case().when(c.copy(), exp.Literal.number(1))).as_(f"c{n}") for n, c in enumerate(conditions)]
        return exp.select(*counted).from_(self._matched().subquery("matched"))

    def sample(self, limit: int) -> exp.Query:
        """Up to `limit` rows for each outcome: the outcome, the key, and for each value column whether it differs, old and new value."""
        removed, added = exp.column("is_now").is_(exp.null()), exp.column("was").is_(exp.null())
        outcome = exp.case().when(removed, exp.Literal.string(REMOVED)).when(added, exp.Literal.string(ADDED))
        keys = _columns("k", self.key)
        shown = [c for n in range(len(self.values)) for c in (exp.column(f"d{n}"), exp.column(f"o{n}"), exp.column(f"n{n}"))]
        unequal = exp.select(outcome.else_(exp.Literal.string(CHANGED)).as_(_OUTCOME), *keys, *shown).from_(self._matched().subquery("m"))
        return _first(unequal.where(exp.or_(removed.copy(), added.copy(), self._any())), keys, shown, limit)

    def _matched(self) -> exp.Select:
        """Every row of both sides with the row of its key on the other."""
        sides = [
            self._side(side).select(exp.true().as_("present")).subquery(exp.to_identifier(side, quoted=True), copy=False)
            for side in (OLD, NEW)
        ]
        was, now = _column("present", OLD), _column("present", NEW)
        keys = [(f"k{n}", _column(f"k{n}", OLD), _column(f"k{n}", NEW)) for n in range(len(self.key))]
        selected: list[exp.Expr] = [exp.case().when(was.copy(), old).else_(new).as_(name) for name, old, new in keys]
        for n, pair in enumerate(self.values):
            before, after = _column(f"v{n}", OLD), _column(f"v{n}", NEW)
            selected += [self._different(pair, before, after).as_(f"d{n}"), before.as_(f"o{n}"), after.as_(f"n{n}")]
        same = exp.and_(*(exp.NullSafeEQ(this=old.copy(), expression=new.copy()) for _, old, new in keys))
        rows = exp.select(was.as_("was"), now.as_("is_now"), *selected).from_(sides[0])
        return rows.join(sides[1], on=same, join_type="FULL")

    def _different(self, pair: Pair, old: exp.Expr, new: exp.Expr) -> exp.Expr:
        """Whether two values differ; by more than the tolerance where one of them is a float.

        The tolerance counts absolutely, or relatively to the greater of the two: |a - b| <= t or |a - b| <= t * max(|a|, |b|).
        """
        different = exp.NullSafeNEQ(this=old.copy(), expression=new.copy())
        types = [_parsed(c.type, self.dialect) for c in (pair.old, pair.new)]
        numbers = all(t is not None and t.this in _NUMBERS for t in types)
        if not self.tolerance or not numbers or not any(t is not None and t.this in _FLOATS for t in types):
            return different
        a, b = (exp.cast(side.copy(), exp.DataType.Type.DOUBLE) for side in (old, new))
        infinite = [check(this=side.copy()) for side in (a, b) for check in (exp.IsInf, exp.IsNan)]
        scale = exp.Greatest(this=exp.Literal.number(1), expressions=[exp.Abs(this=a.copy()), exp.Abs(this=b.copy())])
        gap = exp.Abs(this=exp.Paren(this=exp.Sub(this=a, expression=b)))
        bound = exp.Mul(this=exp.cast(exp.Literal.string(repr(self.tolerance)), exp.DataType.Type.DOUBLE), expression=scale)
        near = exp.and_(exp.not_(exp.or_(*infinite)), exp.LTE(this=gap, expression=bound))
        return exp.and_(different, exp.not_(exp.Coalesce(this=near, expressions=[exp.false()])))

    def _any(self) -> exp.Expr:
        return exp.or_(*_columns("d", self.values)) if self.values else exp.false()

    # Whole rows

    def row_totals(self) -> exp.Query:
        """One row: how many rows are removed, added and equal, duplicates counted."""
        old, new = exp.column(OLD, quoted=True), exp.column(NEW, quoted=True)
        kept = exp.Least(this=old, expressions=[new])
        counted = [exp.Sum(this=e) for e in (old - kept.copy(), new - kept.copy(), kept)]
        return exp.select(*counted).from_(self._counted().subquery("counted"))

    def row_sample(self, limit: int) -> exp.Query:
        """Up to `limit` rows for each outcome: the outcome, how many copies, and the row."""
        old, new = exp.column(OLD, quoted=True), exp.column(NEW, quoted=True)
        outcome = exp.case().when(old > new, exp.Literal.string(REMOVED)).else_(exp.Literal.string(ADDED))
        values = _columns("v", self.values)
        unequal = exp.select(outcome.as_(_OUTCOME), exp.Abs(this=old - new).as_(_COPIES), *values).from_(
            self._counted().subquery("counted")
        )
        return _first(unequal.where(old.neq(new)), values, [exp.column(_COPIES)], limit)

    def _counted(self) -> exp.Select:
        """Every different row with how often it stands on each side."""
        sides = []
        for side in (OLD, NEW):
            marks = [exp.Literal.number(int(side == s)).as_(s, quoted=True) for s in (OLD, NEW)]
            sides.append(self._side(side).select(*marks))
        values = _columns("v", self.values)
        sums = [exp.Sum(this=exp.column(s, quoted=True)).as_(s, quoted=True) for s in (OLD, NEW)]
        return exp.select(*values, *sums).from_(_all(sides).subquery("sides")).group_by(*values)

    # Both

    def _side(self, side: str) -> exp.Select:
        """The rows of a side, its columns named k0, k1, … and v0, v1, …"""
        named = [(f"k{n}", p) for n, p in enumerate(self.key)] + [(f"v{n}", p) for n, p in enumerate(self.values)]
        return exp.select(*(self._value(pair, side).as_(name) for name, pair in named)).from_(self.source(side))

    def _value(self, pair: Pair, side: str) -> exp.Expr:
        column = exp.column(exp.to_identifier(pair.of(side).name, quoted=True))
        return exp.cast(column, exp.DataType.Type.TEXT) if as_text(pair, self.dialect) else column


def as_text(pair: Pair, dialect: str) -> bool:
    """Whether two columns can only be compared by what their values look like."""
    if pair.old.type == pair.new.type:
        return False
    old, new = (_parsed(c.type, dialect) for c in (pair.old, pair.new))
    if old is None or new is None:
        return True
    return old != new and not any(old.this in family and new.this in family for family in (_NUMBERS, _TIMES))


def _parsed(text: str | None, dialect: str) -> exp.DataType | None:
    try:
        return exp.DataType.build(text, dialect=dialect) if text else None
    except SqlglotError:
        return None


def _column(name: str, table: str) -> exp.Column:
    return exp.column(name, table=exp.to_identifier(table, quoted=True))


def _columns(letter: str, pairs: Sequence[Pair]) -> list[exp.Column]:
    return [exp.column(f"{letter}{n}") for n in range(len(pairs))]


def _all(queries: Iterable[exp.Query]) -> exp.Query:
    first, second = queries
    return exp.union(first, second, distinct=False)


def _first(query: exp.Select, order: Sequence[exp.Expr], rest: Sequence[exp.Expr], limit: int) -> exp.Query:
    """The first rows of each outcome, in order. `rest` are the other columns that are wanted."""
    outcome = query.selects[0].unalias()
    window = exp.Window(this=exp.RowNumber(), partition_by=[outcome.copy()], order=exp.Order(expressions=[_ordered(e) for e in order]))
    numbered = query.select(window.as_(_PLACE))
    chosen = exp.select(exp.column(_OUTCOME), *rest, *order).from_(numbered.subquery("numbered"))
    return chosen.where(exp.column(_PLACE) <= limit).order_by(exp.column(_OUTCOME), exp.column(_PLACE))


def _ordered(column: exp.Expr) -> exp.Ordered:
    return exp.Ordered(this=column.copy(), desc=False, nulls_first=False)
