"""The query that gives each row of a spine the values its features had at that row's time.

For a row with time t, a group's value is that of its newest row with the same keys and an event time at or before t. When that is
older than the group's time to live there is none. Rows that share keys and event time are told apart by their created time, NULL
being the oldest, and where that is the same too by their features' values, the greatest first: whichever way rows are stored, the
same one is taken. A key or time that is NULL finds nothing. Times without a zone are UTC.

A group may say that its rows are known only from their created time on. Then only rows written at or before t count: what arrived
late was not known before. For each time at which something was written, the newest row among those written by then is found first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.features.trees import column, identifier, interval, literal, ordered, relation, row_number, times
from seeknal.nodes import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal.features.model import Choice, Group

SPINE = "spine"


def point_in_time(
    spine: exp.Query | str, as_of: str, choices: Sequence[Choice], dialect: str, *, columns: Sequence[str] | None = None
) -> exp.Select:
    """All rows of the spine, its columns (or those named), and one column for each choice. `spine` is a query or a relation's name."""
    source = relation(spine, SPINE) if isinstance(spine, str) else spine.subquery(SPINE)
    own = [exp.Column(this=exp.Star(), table=identifier(SPINE))] if columns is None else [column(c, SPINE) for c in columns]
    groups = list(dict.fromkeys(c.group for c in choices))
    names = {group: f"g{number}" for number, group in enumerate(groups, 1)}
    query = exp.select(*own, *(_value(c, names[c.group], as_of, dialect) for c in choices)).from_(source)
    for group in groups:
        wanted = [c.feature.name for c in choices if c.group is group]
        query.append("joins", _join(group, names[group], as_of, wanted))
    return query


def in_order(spine: str, as_of: str, choices: Sequence[Choice], dialect: str, *, columns: Sequence[str]) -> exp.Select:
    """The same with the rows in the order of the spine."""
    place = "spine_row"
    while place in {fold(c) for c in columns}:
        place = f"{place}_"
    number = exp.Window(this=exp.RowNumber()).as_(place, quoted=True)
    numbered = exp.select(exp.Star(), number).from_(relation(spine))
    return point_in_time(numbered, as_of, choices, dialect, columns=columns).order_by(column(place, SPINE))


def one_row_each(group: Group, wanted: Sequence[str]) -> exp.Table | exp.Select:
    """The group with one row for each key and event time. A group that is audited to have no more is read as it is."""
    if group.created_time is None and not group.resolve:
        return relation(group.relation)
    if group.when_created and group.created_time is not None:
        return _known(group, group.created_time, wanted)
    keys = [*group.join_keys, group.event_time]
    first = row_number([column(k) for k in keys], precedence(group))
    needed = [*keys, *wanted]
    return (
        exp.select(*(column(c) for c in needed))
        .from_(relation(group.relation))
        .qualify(exp.EQ(this=first, expression=exp.Literal.number(1)))
    )


def _known(group: Group, created: str, wanted: Sequence[str]) -> exp.Select:
    """One row for each key and time at which something became known: the newest of all that was known then."""
    known_at, of_then = _beside(group, "known_at"), _beside(group, "newest")
    known = exp.Greatest(this=times(column(group.event_time)), expressions=[_written(group, created)], ignore_nulls=True)
    kept = {group.event_time: column(group.event_time), **{name: column(name) for name in wanted}}
    value = exp.Struct(expressions=[exp.PropertyEQ(this=identifier(n), expression=c) for n, c in kept.items()])
    parts = [column(group.event_time), *(part for name in [created, *(f.name for f in group.features)] for part in _nulls_least(name))]
    newest = exp.ArgMax(this=value, expression=exp.Anonymous(this="ROW", expressions=parts))

    def over(call: exp.Expr, spec: exp.WindowSpec | None = None) -> exp.Window:
        order = exp.Order(expressions=[ordered(known.copy())])
        return exp.Window(this=call, partition_by=[column(k) for k in group.join_keys], order=order, spec=spec)

    so_far = exp.WindowSpec(kind="RANGE", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
    keys = [column(k) for k in group.join_keys]
    rows = exp.select(*keys, known.as_(known_at, quoted=True), over(newest, so_far).as_(of_then, quoted=True))
    last = exp.NullSafeNEQ(this=over(exp.Lead(this=known.copy())), expression=known.copy())
    timed = exp.Not(this=exp.Is(this=column(group.event_time), expression=exp.Null()))
    rows = rows.from_(relation(group.relation)).where(timed).qualify(last)
    found = [exp.Dot(this=column(of_then), expression=identifier(n)).as_(n, quoted=True) for n in kept]
    return exp.select(*(column(k) for k in group.join_keys), column(known_at), *found).from_(rows.subquery("known"))


def _beside(group: Group, name: str) -> str:
    """The name of a column that stands beside the group's own: one that is none of theirs."""
    taken = {fold(n) for n in (*group.join_keys, group.event_time, *(f.name for f in group.features))}
    while name in taken:
        name = f"{name}_"
    return name


def _written(group: Group, created: str) -> exp.Expr:
    """When a row was written; where it does not say, from its event time on it is known."""
    return exp.Coalesce(this=times(column(created)), expressions=[times(column(group.event_time))])


def _nulls_least(name: str) -> list[exp.Expr]:
    """What to compare rows by so that NULL comes before every value."""
    return [exp.Not(this=exp.Is(this=column(name), expression=exp.Null())), column(name)]


def precedence(group: Group) -> list[exp.Ordered]:
    """Which of several rows of one key and event time comes first. Rows that are level in all of this are alike."""
    created = [ordered(column(group.created_time), descending=True)] if group.created_time else []
    return [*created, *(ordered(column(f.name), descending=True) for f in group.features)]


def _join(group: Group, name: str, as_of: str, wanted: Sequence[str]) -> exp.Join:
    rows = one_row_each(group, wanted)
    source = rows.subquery(name) if isinstance(rows, exp.Select) else relation(group.relation, name)
    equal: list[exp.Expr] = [exp.EQ(this=column(k, SPINE), expression=column(k, name)) for k in group.join_keys]
    since = _beside(group, "known_at") if group.when_created else group.event_time
    latest = exp.GTE(this=column(as_of, SPINE), expression=column(since, name))
    return exp.Join(this=source, method="ASOF", side="LEFT", on=exp.and_(*equal, latest))


def _value(choice: Choice, name: str, as_of: str, dialect: str) -> exp.Expr:
    group = choice.group
    value: exp.Expr = column(choice.feature.name, name)
    if group.ttl is not None:
        until = exp.Add(this=column(group.event_time, name), expression=interval(group.ttl))
        value = exp.Case().when(exp.GTE(this=until, expression=column(as_of, SPINE)), value)
    return with_default(value, choice, dialect).as_(choice.column, quoted=True)


def with_default(value: exp.Expr, choice: Choice, dialect: str) -> exp.Expr:
    """What a reader gets: the default where there is no value."""
    feature = choice.feature
    if feature.default is None:
        return value
    default = literal(feature.default)
    return exp.Coalesce(this=value, expressions=[exp.cast(default, feature.type, dialect=dialect) if feature.type else default])
