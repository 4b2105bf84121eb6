"""Puts branches together: one is the query itself; several are stacked and grouped, or, without dimensions, stand side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal_semantic.sqltree import aliased, all_of, column, free, grouped, identifier, number, paren, subquery

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeknal_semantic.branch import Branch


FACTS = "facts"
"""What stacked branches are called."""


@dataclass(frozen=True)
class Shape:
    """What the result looks like: dimensions, metrics as expressions over leaves, conditions on groups with what they need, order, limit."""

    dimensions: tuple[str, ...]
    values: Mapping[str, exp.Expr]
    hidden: Mapping[str, exp.Expr]
    conditions: tuple[exp.Expr, ...]
    order: tuple[tuple[str, bool], ...]
    limit: int | None

    @property
    def every(self) -> dict[str, exp.Expr]:
        """All expressions, those of metrics that only conditions name last."""
        return {**self.values, **self.hidden}


def combined(shape: Shape, branches: Sequence[Branch], measures: Mapping[int, str]) -> exp.Select:
    """The whole query. `measures` has for each leaf what it may be called."""
    if len(branches) == 1:
        query = _single(shape, branches[0])
    elif shape.dimensions:
        query = _stacked(shape, branches, _leaf_names(shape, measures))
    else:
        query = _side_by_side(shape, branches, _leaf_names(shape, measures))
    for name, largest_first in shape.order:
        ordered = exp.Ordered(this=column(name), desc=largest_first, nulls_first=False)
        query.order_by(ordered, copy=False)
    if shape.limit is not None:
        query.limit(shape.limit, copy=False)
    ctes = _distinct([cte for b in branches for cte in b.ctes], query)
    for name, body in ctes:
        query.with_(name, as_=body, copy=False)
    _unqualify(query, {name for name, _ in ctes})
    return query


def _distinct(ctes: list[tuple[str, exp.Query]], query: exp.Select) -> list[tuple[str, exp.Query]]:
    """Each CTE once: those that say the same are read under the name of the first."""
    kept: dict[str, str] = {}
    found = []
    renamed: dict[str, str] = {}
    for name, body in ctes:
        _rename(body, renamed)
        text = body.sql("duckdb")
        if text in kept:
            renamed[name] = kept[text]
        else:
            kept[text] = name
            found.append((name, body))
    _rename(query, renamed)
    return found


def _rename(tree: exp.Expr, renamed: Mapping[str, str]) -> None:
    for node in tree.find_all(exp.Table, exp.Column, exp.Subquery) if renamed else ():
        if isinstance(node, exp.Table) and node.name in renamed:
            node.set("this", identifier(renamed[node.name]))
        elif isinstance(node, exp.Subquery) and node.alias in renamed:
            node.set("alias", exp.TableAlias(this=identifier(renamed[node.alias])))
        elif isinstance(node, exp.Column) and node.table in renamed:
            node.set("table", identifier(renamed[node.table]))


def _unqualify(query: exp.Expr, ctes: set[str]) -> None:
    """Where a SELECT reads one CTE or subquery and nothing else, its columns need no qualifier; where it is an inner one, nor do a model's."""
    for select in query.find_all(exp.Select):
        source = select.args.get("from_")
        if source is None or select.args.get("joins") or select.args.get("having"):
            continue
        name, is_table = source.this.alias_or_name, isinstance(source.this, exp.Table)
        if select is query and name not in (ctes if is_table else {FACTS}):
            continue
        own = [c for c in select.find_all(exp.Column) if c.table == name and c.find_ancestor(exp.Select) is select]
        if any(isinstance(c.parent, exp.Dot) for c in own):  # a field of a column: without the table its column would be taken for one
            continue
        for part in own:
            part.set("table", None)
        if is_table:
            source.this.set("alias", None)


def _filled(tree: exp.Expr, leaves: Mapping[int, exp.Expr]) -> exp.Expr:
    """An expression with its leaves in place."""

    def change(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Placeholder):
            value = leaves[int(node.this)].copy()
            return paren(value) if node.parent is not None else value
        return node

    return tree.copy().transform(change, copy=False)


def _condition(shape: Shape, values: Mapping[str, exp.Expr]) -> exp.Expr | None:
    """The conditions on groups, of these values of dimensions and metrics."""

    def change(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Column):
            value = values[node.name].copy()
            return paren(value) if node.parent is not None else value
        return node

    return all_of([c.copy().transform(change, copy=False) for c in shape.conditions])


def _single(shape: Shape, branch: Branch) -> exp.Select:
    values = {name: _filled(tree, branch.leaves) for name, tree in shape.every.items()}
    dimensions = dict(zip(shape.dimensions, branch.dimensions, strict=True))
    listed = [*(aliased(v, n) for n, v in dimensions.items()), *(aliased(values[n], n) for n in shape.values)]
    query = branch.select(listed)
    return branch.filtered(query, _condition(shape, {**values, **dimensions}))


def _leaf_names(shape: Shape, measures: Mapping[int, str]) -> dict[int, str]:
    """What each leaf is called in the table of leaves: the metric's name where it is the whole of it, else the measure's."""
    names: dict[int, str] = {}
    for name, tree in shape.values.items():
        if isinstance(tree, exp.Placeholder):
            names.setdefault(int(tree.this), name)
    for number_, measure in measures.items():
        if number_ not in names:
            names[number_] = free(measure, [*names.values(), *shape.dimensions])
    return names


def _stacked(shape: Shape, branches: Sequence[Branch], names: Mapping[int, str]) -> exp.Select:
    """UNION ALL of padded rows, grouped: each branch has at most one row a group, so MAX finds it, and NULL is a group like any other."""
    asked = free("asked", [*shape.dimensions, *names.values()])
    presence = any(b.hidden for b in branches)
    tables = []
    for branch in branches:
        dimensions = [aliased(d, n) for d, n in zip(branch.dimensions, shape.dimensions, strict=True)]
        leaves = [aliased(branch.leaves.get(n, exp.Null()), name) for n, name in names.items()]
        flag = [aliased(exp.Null() if branch.hidden else number(1), asked)] if presence else []
        tables.append(branch.select([*dimensions, *leaves, *flag]))
    stack: exp.Query = tables[0]
    for table in tables[1:]:
        table.set("expressions", [e.unalias() for e in table.expressions])  # the first says what the columns are called
        stack = exp.Union(this=stack, expression=table, distinct=False)
    facts = FACTS
    leaves_found: dict[int, exp.Expr] = {n: exp.Max(this=column(name, facts)) for n, name in names.items()}
    values = {name: _filled(tree, leaves_found) for name, tree in shape.every.items()}
    dimensions_found: dict[str, exp.Expr] = {d: column(d, facts) for d in shape.dimensions}
    listed = [*dimensions_found.values(), *(aliased(values[n], n) for n in shape.values)]
    query = exp.Select().select(*listed, copy=False).from_(subquery(stack, facts), copy=False)
    query = grouped(query, len(shape.dimensions))
    condition = _condition(shape, {**values, **dimensions_found})
    if presence:
        there = exp.EQ(this=exp.Max(this=column(asked, facts)), expression=number(1))
        condition = all_of([c for c in (there, condition) if c is not None])
    return query if condition is None else query.having(condition, copy=False)


def _side_by_side(shape: Shape, branches: Sequence[Branch], names: Mapping[int, str]) -> exp.Select:
    """One-row queries beside each other."""
    query = exp.Select()
    leaves: dict[int, exp.Expr] = {}
    for position, branch in enumerate(branches):
        alias = f"facts_{position + 1}"
        table = subquery(branch.table((), {n: names[n] for n in branch.leaves}), alias)
        leaves |= {n: column(names[n], alias) for n in branch.leaves}
        if position:
            query.join(table, join_type="CROSS", copy=False)
        else:
            query.from_(table, copy=False)
    values = {name: _filled(tree, leaves) for name, tree in shape.every.items()}
    query.select(*(aliased(values[n], n) for n in shape.values), copy=False)
    condition = _condition(shape, values)
    return query if condition is None else query.where(condition, copy=False)
