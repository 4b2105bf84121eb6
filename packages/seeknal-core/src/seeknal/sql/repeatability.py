"""Whether a query gives the same rows whenever it is asked over the same rows.

Tables have no order, so what is taken by place, out of rows that nothing puts in an order, may be taken otherwise next time. An ORDER BY is taken
to decide, although rows may tie in it: more columns can be added where they do. One that holds constants alone decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.nodes import fold

if TYPE_CHECKING:
    from collections.abc import Iterable

_CHANCE = (exp.Rand, exp.Randn, exp.Uuid, exp.TableSample, exp.ApproxQuantile, exp.ApproxTopK, exp.ArgMax, exp.ArgMin, exp.Mode)
"""Chance, samples, sketches that depend on the order of rows, and what picks one of several that tie without a way to say which."""

_CHANCE_NAMES = frozenset({
    "random", "setseed", "uuid", "gen_random_uuid", "uuidv4", "uuidv7", "nextval", "reservoir_quantile", "arg_max_null", "arg_min_null",
    "arg_max_nulls_last", "arg_min_nulls_last", "argmax", "argmin", "current_connection_id", "current_query_id", "current_transaction_id",
    "txid_current", "stats",
})  # fmt: skip

_ORDERED = (
    exp.First, exp.Last, exp.AnyValue, exp.ArrayAgg, exp.GroupConcat, exp.ArrayConcatAgg, exp.ArrayUniqueAgg, exp.ObjectAgg, exp.JSONArrayAgg,
    exp.JSONObjectAgg, exp.JSONBObjectAgg, exp.RowNumber, exp.Ntile, exp.FirstValue, exp.LastValue, exp.NthValue, exp.Lag, exp.Lead,
)  # fmt: skip
"""Functions that make something of the order in which rows come."""

_ORDERED_NAMES = frozenset({
    "first", "last", "any_value", "arbitrary", "list", "listagg", "string_agg", "group_concat", "array_agg", "json_group_array",
    "json_group_object", "json_group_structure", "fill",
})  # fmt: skip

_HOLDERS = (exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.WithinGroup)
_BY_PLACE = ("POSITIONAL", "ASOF")
_CUTS = (exp.Limit, exp.Fetch, exp.Offset)


def repeatable(tree: exp.Expr) -> bool:
    """Whether the same rows always give the same answer."""
    return not any(_leaves_open(node) for node in tree.walk())


def _leaves_open(node: exp.Expr) -> bool:
    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
        name = fold(node.name)
        return name in _CHANCE_NAMES or (name in _ORDERED_NAMES and not _is_ordered(node))
    if isinstance(node, _CHANCE):
        return True
    if isinstance(node, _ORDERED):
        return not _is_ordered(node)
    if isinstance(node, exp.Window):  # a frame counts rows in an order
        return node.args.get("spec") is not None and node.args.get("over") is not None and not _orders(node)
    if isinstance(node, _CUTS):
        return isinstance(node.parent, exp.Query) and not _decides(node.parent.args.get("order"), positions=True)
    if isinstance(node, exp.Distinct):
        return node.args.get("on") is not None and not _chooses(node)
    if isinstance(node, exp.Join):
        return str(node.args.get("method") or "").upper() in _BY_PLACE
    if isinstance(node, exp.Array):
        return any(isinstance(e, exp.Query) and not _decides(e.args.get("order"), positions=True) for e in node.expressions)
    return False


def _is_ordered(function: exp.Expr) -> bool:
    """Whether the function says in which order it takes rows, or its window does."""
    if any(_decides(o) for o in _own(function)):
        return True
    holder = function.parent
    while isinstance(holder, _HOLDERS):
        if isinstance(holder, exp.WithinGroup) and _decides(holder.expression):
            return True
        holder = holder.parent
    return isinstance(holder, exp.Window) and _orders(holder)


def _own(function: exp.Expr) -> Iterable[exp.Expr]:
    """The ORDER BY within the parentheses of a function; it may stand in a LIMIT or HAVING MAX that is written there as well."""
    below = list(function.iter_expressions())
    while below:
        node = below.pop()
        if isinstance(node, exp.Order):
            yield node
        elif isinstance(node, exp.Limit | exp.Distinct):
            below += node.iter_expressions()


def _orders(window: exp.Window) -> bool:
    """Whether a window has an ORDER BY, of its own or of the one it names."""
    met: set[str] = set()
    select = window.find_ancestor(exp.Select)
    named = {fold(w.name): w for w in (select.args.get("windows") or () if select is not None else ())}
    found: exp.Expr | None = window
    while found is not None:
        if _decides(found.args.get("order")):
            return True
        name = fold(found.args["alias"].name) if found.args.get("alias") else ""
        found = named.get(name) if name not in met else None
        met.add(name)
    return False


def _decides(order: exp.Expr | None, *, positions: bool = False) -> bool:
    """Whether an ORDER BY sorts by something that differs between rows. With `positions`, a number is a column."""
    return order is not None and any(_varies(i.this if isinstance(i, exp.Ordered) else i, positions=positions) for i in order.expressions)


def _varies(item: exp.Expr, *, positions: bool) -> bool:
    if positions and (isinstance(item.unnest(), exp.Literal | exp.Var | exp.Star)):
        return not item.unnest().is_string
    return item.find(exp.Column) is not None


def _chooses(distinct: exp.Expr) -> bool:
    """Whether an ORDER BY decides which row is left for each value of DISTINCT ON: it has to sort by something else."""
    select = distinct.parent
    order = select.args.get("order") if isinstance(select, exp.Select) else None
    if order is None or not isinstance(select, exp.Select) or not _decides(order, positions=True):
        return False
    on = distinct.args["on"]
    values = {_meant(i, select) for i in (on.expressions if isinstance(on, exp.Tuple) else [on])}
    return not {_meant(i.this if isinstance(i, exp.Ordered) else i, select) for i in order.expressions} <= values


def _meant(item: exp.Expr, select: exp.Select) -> str:
    """What an item sorts by: selected columns also go by their place and alias."""
    item = item.unnest()
    if isinstance(item, exp.Literal) and not item.is_string and item.this.isdigit() and 0 < int(item.this) <= len(select.expressions):
        item = select.expressions[int(item.this) - 1].unalias().unnest()
    elif isinstance(item, exp.Column) and not item.table:
        item = next((e.this for e in select.expressions if isinstance(e, exp.Alias) and fold(e.alias) == fold(item.name)), item)
    return fold(item.name if isinstance(item, exp.Column) else item.sql(comments=False))
