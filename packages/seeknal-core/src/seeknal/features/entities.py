"""An entity as one wide relation: the newest values of all its features, whichever group they are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.features.model import Choice
from seeknal.features.pointintime import precedence, with_default
from seeknal.features.trees import column, identifier, ordered, relation, row_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal.features.model import Group

_KEYS = "entity_keys"


def latest(groups: Sequence[Group], dialect: str) -> exp.Select:
    """One row for each key that any group has: for each group its newest time, `<group>__<event time>`, and values, `<group>__<feature>`.

    No time to live: how old a value is stands beside it. Groups share their keys' names.
    """
    keys = groups[0].join_keys
    names = {group: f"g{number}" for number, group in enumerate(groups, 1)}
    shown: list[exp.Expr] = [column(k, _KEYS) for k in keys]
    for group in groups:
        shown.append(column(group.event_time, names[group]).as_(f"{group.name}__{group.event_time}", quoted=True))
        for feature in group.features:
            choice = Choice(group, feature, f"{group.name}__{feature.name}")
            shown.append(with_default(column(feature.name, names[group]), choice, dialect).as_(choice.column, quoted=True))
    query = exp.select(*shown).from_(_keys(groups, keys).subquery(_KEYS))
    for group in groups:
        on = exp.and_(*(exp.EQ(this=column(k, _KEYS), expression=column(k, names[group])) for k in keys))
        query.append("joins", exp.Join(this=_newest(group).subquery(names[group]), side="LEFT", on=on))
    return query


def _keys(groups: Sequence[Group], keys: Sequence[str]) -> exp.Query:
    """Every key of every group, once."""
    selects = [exp.select(*(column(k) for k in keys)).from_(relation(g.relation)) for g in groups]
    if len(selects) == 1:
        return selects[0].distinct()
    return exp.union(*selects)


def _newest(group: Group) -> exp.Select:
    """The newest row of each key."""
    names = [*group.join_keys, group.event_time, *(f.name for f in group.features)]
    order = [ordered(column(group.event_time), descending=True), *precedence(group)]
    first = row_number([column(k) for k in group.join_keys], order)
    return (
        exp.select(*(exp.Column(this=identifier(n)) for n in names))
        .from_(relation(group.relation))
        .qualify(exp.EQ(this=first, expression=exp.Literal.number(1)))
    )
