"""Small pieces of SQL as trees: names quoted where needed, columns, casts, periods of time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seeknal_semantic.grains import Duration

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TAKEN = """
    all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by case cast check collate collation
    column concurrently constraint create cross current current_date current_time current_timestamp default deferrable delete desc
    describe distinct div do else end except exists false fetch filter for foreign freeze from full glob grant group grouping having
    if ilike in index initially inner insert intersect interval into is isnull join key keys lambda lateral leading left like limit
    natural not notnull null of offset on only or order outer over overlaps partition percentile pivot pivot_longer pivot_wider
    placing positional primary qualify range rank read references replace returning right row row_number rows select semi set show
    similar some summarize symmetric system table tablesample then to trailing true union unique unnest unpack unpivot update using
    values variadic verbose when where window with
"""
"""Words that one of the engines takes for something else where they stand alone."""

_RESERVED = frozenset(_TAKEN.split())


def identifier(name: str) -> exp.Identifier:
    """A name, quoted only where it must be."""
    return exp.Identifier(this=name, quoted=not _PLAIN.fullmatch(name) or name.lower() in _RESERVED)


def column(name: str, table: str | None = None) -> exp.Column:
    """A column, of a table where one is named."""
    return exp.Column(this=identifier(name), table=identifier(table) if table else None)


def table(name: str, alias: str | None = None) -> exp.Table:
    """A relation under an alias."""
    found = exp.Table(this=identifier(name))
    if alias and alias != name:
        found.set("alias", exp.TableAlias(this=identifier(alias)))
    return found


def aliased(value: exp.Expr, name: str) -> exp.Expr:
    """A value under a name; a column that has that name already stays as it is."""
    if isinstance(value, exp.Column) and value.name == name:
        return value
    return exp.Alias(this=value, alias=identifier(name))


def number(value: float) -> exp.Expr:
    """A number."""
    literal = exp.Literal.number(abs(value))
    return exp.Neg(this=literal) if value < 0 else literal


def text(value: str) -> exp.Literal:
    """A text."""
    return exp.Literal.string(value)


def cast(value: exp.Expr, to: str) -> exp.Cast:
    """A value as another type."""
    return exp.Cast(this=value, to=exp.DataType.build(to))


def paren(value: exp.Expr) -> exp.Expr:
    """In parentheses, where it is an operation."""
    return exp.Paren(this=value) if isinstance(value, exp.Binary | exp.Not | exp.Between | exp.In | exp.Neg) else value


def ratio(numerator: exp.Expr, denominator: exp.Expr) -> exp.Expr:
    """A division that is NULL where it cannot be done."""
    guarded = exp.Nullif(this=denominator, expression=exp.Literal.number(0))
    return exp.Div(this=cast(numerator.unnest(), "DOUBLE"), expression=guarded, typed=False, safe=False)


def trunc(grain: str, value: exp.Expr) -> exp.Expr:
    """The start of the period a moment lies in."""
    return exp.Anonymous(this="DATE_TRUNC", expressions=[text(grain), value])


def day_of(value: exp.Expr) -> exp.Expr:
    """The day a moment lies in."""
    return cast(value, "DATE")


def interval(length: Duration) -> exp.Interval:
    """A duration in days or months."""
    count, unit = length.normal
    return exp.Interval(this=text(str(count)), unit=exp.Var(this=unit.upper()))


def later(value: exp.Expr, length: Duration) -> exp.Expr:
    """A moment so much later."""
    return exp.Add(this=value, expression=interval(length))


def earlier(value: exp.Expr, length: Duration) -> exp.Expr:
    """A moment so much earlier."""
    return exp.Sub(this=value, expression=interval(length))


def all_of(conditions: Iterable[exp.Expr]) -> exp.Expr | None:
    """Conditions joined by AND; None where there are none."""
    found: exp.Expr | None = None
    for condition in conditions:
        part = exp.Paren(this=condition) if isinstance(condition, exp.Or) else condition
        found = part if found is None else exp.And(this=found, expression=part)
    return found


def any_of(conditions: Sequence[exp.Expr]) -> exp.Expr:
    """Conditions joined by OR."""
    found: exp.Expr | None = None
    for condition in conditions:
        part = exp.Paren(this=condition) if isinstance(condition, exp.And | exp.Or) and len(conditions) > 1 else condition
        found = part if found is None else exp.Or(this=found, expression=part)
    return found or exp.true()


def is_not_null(value: exp.Expr) -> exp.Expr:
    """Whether there is a value."""
    return exp.Not(this=exp.Is(this=value, expression=exp.Null()))


def same(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """Whether two values are the same, NULL being the same as NULL."""
    return exp.NullSafeEQ(this=left, expression=right)


def select(values: Iterable[exp.Expr], source: exp.Expr | str) -> exp.Select:
    """SELECT values FROM a relation."""
    return exp.select(*values, copy=False).from_(table(source) if isinstance(source, str) else source, copy=False)


def grouped(query: exp.Select, count: int) -> exp.Select:
    """Group by the first `count` columns."""
    return query.group_by(*(exp.Literal.number(n + 1) for n in range(count)), copy=False) if count else query


def qualified(query: exp.Select, condition: exp.Expr | None) -> exp.Select:
    """The query with only those rows whose windows come to something."""
    before = query.args.get("qualify")
    both = all_of(c for c in (before.this if before is not None else None, condition) if c is not None)
    if both is not None:
        query.set("qualify", exp.Qualify(this=both))
    return query


def subquery(query: exp.Query, alias: str) -> exp.Subquery:
    """A query to read from."""
    return exp.Subquery(this=query, alias=exp.TableAlias(this=identifier(alias)))


def free(wanted: str, taken: Iterable[str]) -> str:
    """A name like the wanted one that nobody has."""
    names = {t.lower() for t in taken}
    while wanted.lower() in names:
        wanted += "_"
    return wanted


def substituted(tree: exp.Expr, replace: Any) -> exp.Expr:
    """A copy of the tree with each column replaced by what `replace` gives for its name."""

    def change(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Column):
            value = replace(node.name)
            return paren(value) if node.parent is not None else value
        return node

    return tree.copy().transform(change, copy=False)
