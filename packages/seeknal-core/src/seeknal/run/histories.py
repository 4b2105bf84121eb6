"""The history of rows: each version of a row with the time from which, and up to which, it held (a slowly changing dimension of type 2).

By a column that says when a row changed, the outcome depends on nothing but which versions were ever returned: one that comes late takes its place among the others, and one
that is returned again changes nothing. A row that `deleted_when` holds of ends the version before it, and is itself one that held for no time. Without such a column a row is compared with its current version, and changed when a run first sees it other than that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.errors import NodeError
from seeknal.nodes import fold
from seeknal.run.cutting import moment_text
from seeknal.run.expressions import OLD, RETURNED, cast_to, column, table
from seeknal.run.merging import together
from seeknal.sql.guard import parse_condition

if TYPE_CHECKING:
    from seeknal.nodes import ColumnSchema, Merging, Node, Schema

FROM, TO, CURRENT = "valid_from", "valid_to", "is_current"
_ADDED = (FROM, TO, CURRENT)
_GONE, _LAST, _SINCE = "__gone", "__last", "__since"


def check_added(node: Node, schema: Schema) -> None:
    """The columns that a history adds are not there yet. Raises NodeError."""
    names = {fold(c.name) for c in schema}
    taken = [n for n in _ADDED if n in names]
    if taken:
        message = f"{node.id} returns {', '.join(taken)}, which its history adds"
        raise NodeError("SK-INC-006", message, at=node.at, hint="leave them out of the query, or call them something else")


def history_query(
    node: Node, merging: Merging, before: tuple[str, Schema] | None, after: tuple[str, Schema], dialect: str, now: int
) -> str:
    """The versions of `before`, a history, with those of `after`, what the query returned. Raises NodeError for columns that do not fit."""
    if merging.updated_at is not None:
        return _by_time(node, merging, merging.updated_at, before, after, dialect)
    return _by_comparison(node, merging, before, after, dialect, now)


def _by_time(
    node: Node, merging: Merging, updated_at: str, before: tuple[str, Schema] | None, after: tuple[str, Schema], dialect: str
) -> str:
    """A deletion stays as a row that held for no time, so that a version that comes later and is older ends where it ends."""
    columns = _columns(node, before, after)
    returned = exp.select(*(cast_to(c, after[1], dialect, RETURNED) for c in columns), column(_GONE, RETURNED))
    returned = returned.from_(_returned(after[0], merging, dialect))
    versions: exp.Query = returned
    if before is not None:
        same = exp.and_(*(_equal(k, OLD, RETURNED) for k in (*merging.unique_key, updated_at)))
        gone = exp.func("coalesce", exp.EQ(this=column(FROM, OLD), expression=column(TO, OLD)), exp.false())
        known = exp.select("1").from_(_as(before[0], OLD)).where(same, exp.or_(gone, exp.not_(column(_GONE, RETURNED))))
        ended = (
            exp.select("1").from_(_returned(after[0], merging, dialect)).where(same.copy(), column(_GONE, RETURNED), exp.not_(gone.copy()))
        )
        news = returned.where(exp.not_(exp.Exists(this=known)))
        olds = exp.select(*(cast_to(c, before[1], dialect, OLD) for c in columns), gone.copy().as_(_GONE, quoted=True))
        olds = olds.from_(_as(before[0], OLD)).where(exp.not_(exp.Exists(this=ended)))
        versions = exp.union(olds, news, distinct=False)
    order = exp.Order(expressions=[exp.Ordered(this=column(updated_at), desc=False, nulls_first=False)])
    following = exp.Window(
        this=exp.Anonymous(this="lead", expressions=[column(updated_at)]), partition_by=[column(k) for k in merging.unique_key], order=order
    )
    until = exp.case().when(column(_GONE), column(updated_at)).else_(following)
    own = [column(c.name) for c in columns]
    found = exp.select(*own, column(updated_at).as_(FROM), until.as_(TO)).from_(versions.subquery("versions"))
    every = exp.select("*", column(TO).is_(exp.null()).as_(CURRENT)).from_(found.subquery("bounded"))
    return every.order_by(*(column(k) for k in (*merging.unique_key, FROM))).sql(dialect=dialect)  # partitions come in any order


def _by_comparison(
    node: Node, merging: Merging, before: tuple[str, Schema] | None, after: tuple[str, Schema], dialect: str, now: int
) -> str:
    columns = _columns(node, before, after)
    time = exp.cast(exp.Literal.string(moment_text(now)), exp.DataType.Type.TIMESTAMP)
    never = exp.cast(exp.null(), exp.DataType.Type.TIMESTAMP)
    begins = time if before is None else _no_earlier(time, column(_SINCE, _LAST))
    news = exp.select(*(cast_to(c, after[1], dialect, RETURNED) for c in columns), begins.as_(FROM), never.as_(TO), exp.true().as_(CURRENT))
    news = news.from_(_returned(after[0], merging, dialect)).where(exp.not_(column(_GONE, RETURNED)))
    if before is None:
        return news.sql(dialect=dialect)
    news = news.join(_last(before[0], merging), on=exp.and_(*(_equal(k, _LAST, RETURNED) for k in merging.unique_key)), join_type="left")
    keys = {fold(k) for k in merging.unique_key}
    compared = merging.check_columns or tuple(c.name for c in columns if fold(c.name) not in keys)
    known = {fold(c.name) for c in before[1]}
    same_key = exp.and_(*(_equal(k, OLD, RETURNED) for k in merging.unique_key), column(CURRENT, OLD))
    differs: list[exp.Expr] = [exp.NullSafeNEQ(this=column(n, RETURNED), expression=column(n, OLD)) for n in compared if fold(n) in known]
    differs += [column(n, RETURNED).is_(exp.null()).not_() for n in compared if fold(n) not in known]
    changed = exp.or_(*differs) if differs else exp.false()
    unchanged = exp.select("1").from_(_as(before[0], OLD)).where(same_key, exp.not_(exp.paren(changed)))
    ending = exp.select("1").from_(_returned(after[0], merging, dialect))
    ended = exp.Exists(this=ending.where(same_key.copy(), exp.or_(changed.copy(), column(_GONE, RETURNED))))
    olds = exp.select(
        *(cast_to(c, before[1], dialect, OLD) for c in columns),
        column(FROM, OLD),
        exp.case().when(ended, _no_earlier(time, column(FROM, OLD))).else_(column(TO, OLD)).as_(TO),
        exp.and_(column(CURRENT, OLD), exp.not_(ended.copy())).as_(CURRENT),
    ).from_(_as(before[0], OLD))
    return exp.union(olds, news.where(exp.not_(exp.Exists(this=unchanged))), distinct=False).sql(dialect=dialect)


def _last(name: str, merging: Merging) -> exp.Subquery:
    """Up to when the history of each key goes."""
    since = exp.Max(this=exp.func("coalesce", column(TO), column(FROM)))
    keys = [column(k) for k in merging.unique_key]
    return exp.select(*keys, since.as_(_SINCE, quoted=True)).from_(table(name)).group_by(*keys).subquery(_LAST)


def _no_earlier(time: exp.Expr, than: exp.Expr) -> exp.Expr:
    """A run's time; that of the version before, where a clock or `--now` went back since."""
    return exp.case().when(than > time.copy(), than.copy()).else_(time.copy())


def _returned(name: str, merging: Merging, dialect: str) -> exp.Subquery:
    """What the query returned, and of each row whether it says that its key is gone."""
    gone: exp.Expr = exp.false()
    if merging.deleted_when is not None:
        gone = exp.func("coalesce", exp.paren(parse_condition(merging.deleted_when, dialect)), exp.false())
    return exp.select("*", gone.as_(_GONE, quoted=True)).from_(table(name)).subquery(RETURNED)


def _columns(node: Node, before: tuple[str, Schema] | None, after: tuple[str, Schema]) -> list[ColumnSchema]:
    if before is None:
        return list(after[1])
    return together(node, tuple(c for c in before[1] if fold(c.name) not in _ADDED), after[1])


def _equal(name: str, one: str, other: str) -> exp.Expr:
    return exp.NullSafeEQ(this=column(name, one), expression=column(name, other))


def _as(name: str, alias: str) -> exp.Expr:
    return exp.alias_(table(name), alias, table=True)
