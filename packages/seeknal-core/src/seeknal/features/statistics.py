"""What the values of columns look like, and how far two sets of them lie apart.

Drift is the population stability index, the sum over bins of (q - p) * ln(q / p), where p and q are the shares of the rows of the two
sets that lie in a bin (Kullback and Leibler's divergence both ways, as credit scoring uses it). Numbers and times are put into bins by the
deciles of the first set, other values each into one of its own, the most frequent twenty of the first set, and the rest together. NULL is a bin.
A share of nothing counts as a ten-thousandth. By custom below 0.1 is no drift, from 0.25 on much.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from seeknal.features.trees import column, literal, relation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
DECILES = tuple(n / 10 for n in range(1, 10))
FREQUENT = 20
OTHERS = "others"
_LEAST = 1e-4
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL")  # fmt: skip


def is_number(type_: str | None) -> bool:
    """Whether values of the type are numbers."""
    return (type_ or "").split("(", 1)[0] in _NUMBERS


def is_ordered(type_: str | None) -> bool:
    """Whether values of the type are put into bins by deciles: numbers and times."""
    return is_number(type_) or type_ == "DATE" or (type_ or "").startswith("TIMESTAMP")


def summary(source: str, columns: Mapping[str, str | None]) -> exp.Select:
    """One row: the number of rows; for each column how many are not NULL, how many are distinct, the least, the greatest, and the quantiles."""
    shown: list[exp.Expr] = [exp.Count(this=exp.Star())]
    for name, type_ in columns.items():
        value = column(name)
        shown += [exp.Count(this=value.copy()), exp.Count(this=exp.Distinct(expressions=[value.copy()]))]
        if is_ordered(type_):
            shown += [exp.Min(this=value.copy()), exp.Max(this=value.copy())]
        else:
            shown += [exp.Null(), exp.Null()]
        shown.append(_quantiles(_finite(value, type_), QUANTILES) if is_number(type_) else exp.Null())
    return exp.select(*(e.as_(f"c{n}") for n, e in enumerate(shown))).from_(relation(source))


def edges(source: str, name: str, type_: str | None) -> exp.Select:
    """One row: the deciles, as numbers."""
    return exp.select(_quantiles(_number(name, type_), DECILES).as_("edges")).from_(relation(source))


def frequent(source: str, name: str) -> exp.Select:
    """The most frequent values, as text."""
    value, count = exp.cast(column(name), "VARCHAR"), exp.Count(this=exp.Star())
    query = exp.select(value.as_("value")).from_(relation(source)).where(exp.Not(this=exp.Is(this=column(name), expression=exp.Null())))
    return query.group_by(value.copy()).order_by(exp.Ordered(this=count, desc=True), value.copy()).limit(FREQUENT)


def ranges(source: str, name: str, type_: str | None, bounds: Sequence[float]) -> exp.Select:
    """How many rows lie in each bin: its number, from 0; NULL for values that are NULL."""
    value = _number(name, type_)
    place = exp.Case()
    for number, bound in enumerate(bounds):
        place = place.when(exp.LTE(this=value.copy(), expression=_double(bound)), exp.Literal.number(number))
    return _counted(source, place.when(_present(value), exp.Literal.number(len(bounds))))


def categories(source: str, name: str, values: Sequence[str]) -> exp.Select:
    """How many rows have each value, and how many another; NULL for values that are NULL."""
    text = exp.cast(column(name), "VARCHAR")
    place = exp.Case()
    for number, value in enumerate(values):
        place = place.when(exp.EQ(this=text.copy(), expression=literal(value)), exp.Literal.number(number))
    return _counted(source, place.when(_present(text), exp.Literal.number(len(values))))


def stability(before: Mapping[Any, int], after: Mapping[Any, int]) -> float | None:
    """The population stability index of two counts by bin; None where one has no rows to compare."""
    rows, others = sum(before.values()), sum(after.values())
    if not rows or not others:
        return None
    total = 0.0
    for bin_ in {*before, *after}:
        p, q = max(before.get(bin_, 0) / rows, _LEAST), max(after.get(bin_, 0) / others, _LEAST)
        total += (q - p) * math.log(q / p)
    return total


def _counted(source: str, place: exp.Case) -> exp.Select:
    bin_ = place.as_("bin")
    return exp.select(bin_, exp.Count(this=exp.Star()).as_("row_count")).from_(relation(source)).group_by(place.copy())


def _quantiles(value: exp.Expr, shares: Sequence[float]) -> exp.Expr:
    listed = exp.Array(expressions=[exp.Literal.number(s) for s in shares])
    return exp.Anonymous(this="quantile_cont", expressions=[exp.cast(value, "DOUBLE"), listed])


def _number(name: str, type_: str | None) -> exp.Expr:
    if is_number(type_):
        return _finite(column(name), type_)
    return exp.Extract(this=exp.Var(this="EPOCH"), expression=exp.cast(column(name), "TIMESTAMP"))


def _finite(value: exp.Expr, type_: str | None) -> exp.Expr:
    """NaN has no place among numbers: it counts as missing."""
    if type_ not in ("FLOAT", "DOUBLE"):
        return value
    nan = exp.Anonymous(this="isnan", expressions=[value.copy()])
    return exp.Case().when(exp.Not(this=nan), value.copy())


def _double(value: float) -> exp.Expr:
    return exp.cast(exp.Literal.string(repr(value)), "DOUBLE")


def _present(value: exp.Expr) -> exp.Expr:
    return exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null()))
