"""One SELECT's view of the models: which are joined under what alias, and what names are in it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.errors import ProjectError
from seeknal_semantic.catalog import ONE
from seeknal_semantic.expressions import conditions, is_strict, parse_value
from seeknal_semantic.grains import finer
from seeknal_semantic.sqltree import all_of, cast, day_of, identifier, is_not_null, paren, table, text, trunc

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seeknal_semantic.bind import Bound, Hop, Path
    from seeknal_semantic.catalog import Catalog, Measure, Model

Types = dict[str, dict[str, str]]
"""The types of columns, by relation and lower-case name, as far as they are known."""

_NUMBERS = ("sum", "average", "median", "percentile")
_TRUTHS = ("BOOLEAN", "TINYINT")
_ISO_DAY = 10


@dataclass(frozen=True)
class Conjunct:
    """A condition over names, and what the names mean for one model."""

    tree: exp.Expr
    bounds: Mapping[str, Bound] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The same for conditions that mean the same."""
        means = sorted(f"{n}={b.model}.{b.name}.{b.grain}.{'/'.join(h.entity for h in b.path)}" for n, b in self.bounds.items())
        return f"{self.tree.sql('duckdb')} | {means}"


class Scope:
    """Models joined to one that is measured."""

    def __init__(self, catalog: Catalog, model: Model, bounds: Iterable[Bound], types: Types) -> None:
        self._catalog = catalog
        self.model = model
        self._types = types
        paths = list(dict.fromkeys(p for b in bounds for p in _prefixes(b.path)))
        self._aliases: dict[Path, str] = {(): model.name}
        targets = [p[-1].right for p in paths]
        for path in paths:
            name = path[-1].right
            alone = targets.count(name) == 1 and name != model.name
            self._aliases[path] = name if alone else "__".join([*(h.entity for h in path), name])

    # Values

    def value(self, bound: Bound) -> exp.Expr:
        """What a name is in a row."""
        raw = self.raw(bound)
        if bound.grain is None or (bound.grain == "day" and self._type(bound) == "DATE"):
            return raw
        return trunc(bound.grain, raw)

    def raw(self, bound: Bound) -> exp.Expr:
        """What a name is in a row, a time as it is stored."""
        model = self._catalog.models[bound.model]
        expr = model.dimensions[bound.name].expr if bound.kind == "dimension" else model.entities[bound.name].expr
        value = self._own(expr, model, self._aliases[bound.path])
        if bound.path and not is_strict(value):  # a CASE would have an ELSE for rows that found nothing to join with
            entity = model.entities[bound.path[-1].entity]
            found = is_not_null(self._own(entity.expr, model, self._aliases[bound.path]))
            value = exp.Case(ifs=[exp.If(this=found, true=value)])
        if bound.grain is not None and self._type(bound) == "VARCHAR":
            return cast(value, "TIMESTAMP")
        return value

    def day(self, bound: Bound) -> exp.Expr:
        """The day a time lies in."""
        raw = self.raw(bound)
        return raw if self._type(bound) == "DATE" else day_of(raw)

    def measured(self, measure: Measure) -> exp.Expr:
        """What a measure aggregates."""
        if measure.expr == "*":
            return exp.Literal.number(1)
        value = self._own(measure.expr, self.model, self.model.name)
        if measure.agg in _NUMBERS and isinstance(value, exp.Column) and self._column_type(self.model, value.name) == "VARCHAR":
            return cast(value, "DOUBLE")
        return value

    def condition(self, conjunct: Conjunct) -> exp.Expr:
        """A condition over rows. Raises ProjectError where a name that is no truth stands for one."""
        for name in conditions(conjunct.tree):
            bound = conjunct.bounds.get(name)
            type_ = None if bound is None else "a time" if bound.grain is not None else self._type(bound)
            if type_ is not None and type_ not in _TRUTHS:
                message = f'filter "{conjunct.tree.sql("duckdb")}": {name} is {type_}, not true or false'
                raise ProjectError("SK-SEM-020", message, hint="compare it with something: status = 'paid'")

        def change(node: exp.Expr) -> exp.Expr:
            ranged = self._by_range(node, conjunct.bounds)
            if ranged is not None:
                return paren(ranged) if node.parent is not None else ranged
            if not isinstance(node, exp.Column):
                return node
            if node.name in conjunct.bounds:
                value = self.value(conjunct.bounds[node.name])
                return paren(value) if node.parent is not None else value
            return exp.Column(this=identifier(node.name), table=identifier(self.model.name))

        return conjunct.tree.copy().transform(change, copy=False)

    def _by_range(self, node: exp.Expr, bounds: Mapping[str, Bound]) -> exp.Expr | None:
        """A comparison of a day with a date, said of the stored moment, so that the engine can skip what is out of range."""
        if not isinstance(node, exp.GTE | exp.GT | exp.LT | exp.LTE | exp.Between) or not isinstance(node.this, exp.Column):
            return None
        bound = bounds.get(node.this.name)
        if bound is None or bound.grain != "day" or self._type(bound) == "DATE":
            return None
        raw = self.raw(bound)
        if isinstance(node, exp.Between):
            low, high = iso_day(node.args["low"]), iso_day(node.args["high"])
            if low is None or high is None or node.args.get("symmetric"):
                return None
            upper = exp.LT(this=raw.copy(), expression=text(_next(high)))
            return exp.And(this=exp.GTE(this=raw, expression=text(low.isoformat())), expression=upper)
        day = iso_day(node.expression)
        if day is None:
            return None
        if isinstance(node, exp.GTE | exp.LT):
            return type(node)(this=raw, expression=text(day.isoformat()))
        kind = exp.GTE if isinstance(node, exp.GT) else exp.LT
        return kind(this=raw, expression=text(_next(day)))

    def _own(self, expr: str, model: Model, alias: str) -> exp.Expr:
        """An expression over a model's own columns, each with the alias it is read under."""

        def change(node: exp.Expr) -> exp.Expr:
            if not isinstance(node, exp.Column):
                return node
            parts = [p.name for p in node.parts]
            if len(parts) > 1 and parts[0] == model.name:
                parts = parts[1:]
            found: exp.Expr = exp.Column(this=identifier(parts[0]), table=identifier(alias))
            for part in parts[1:]:
                found = exp.Dot(this=found, expression=identifier(part))
            return found

        return parse_value(expr).transform(change, copy=False)

    def _type(self, bound: Bound) -> str | None:
        model = self._catalog.models[bound.model]
        named = model.dimensions if bound.kind == "dimension" else model.entities
        tree = parse_value(named[bound.name].expr)
        return self._column_type(model, tree.name) if isinstance(tree, exp.Column) else None

    def _column_type(self, model: Model, name: str) -> str | None:
        return self._types.get(model.relation, {}).get(name.lower())

    # Joins

    def source(self) -> exp.Table:
        """The measured relation under its model's name."""
        return table(self.model.relation, self.model.name)

    def joined(self, query: exp.Select) -> exp.Select:
        """The query with every model joined that is needed. Rows are kept, whatever is missing."""
        for path, alias in self._aliases.items():
            if path:
                right = self._catalog.models[path[-1].right]
                query.join(table(right.relation, alias), on=self._on(path, alias), join_type="LEFT", copy=False)
        return query

    def _on(self, path: Path, alias: str) -> exp.Expr:
        hop: Hop = path[-1]
        left, right = self._catalog.models[hop.left], self._catalog.models[hop.right]
        sides = (
            self._own(left.entities[hop.entity].expr, left, self._aliases[path[:-1]]),
            self._own(right.entities[hop.entity].expr, right, alias),
        )
        on: exp.Expr = exp.EQ(this=sides[0], expression=sides[1])
        validity = right.validity()
        if right.entities[hop.entity].type in ONE or validity is None:
            return on
        starts, ends = (self._own(d.expr, right, alias) for d in validity)
        moment = self._moment(path, right, coarse=not finer(validity[0].grain, "day"))
        still = exp.Or(this=exp.LT(this=moment.copy(), expression=ends), expression=exp.Is(this=ends.copy(), expression=exp.Null()))
        return all_of([on, exp.GTE(this=moment, expression=starts), still]) or on

    def _moment(self, path: Path, right: Model, *, coarse: bool) -> exp.Expr:
        """The time at which a row is looked up: that of the measured model, or of the first on the way that has one."""
        for length in range(len(path)):
            model = self._catalog.models[path[length - 1].right] if length else self.model
            if model.default_time is not None:
                value = self._own(model.dimensions[model.default_time].expr, model, self._aliases[path[:length]])
                known = self._column_type(model, value.name) if isinstance(value, exp.Column) else None
                return day_of(value) if coarse and known != "DATE" else value
        message = f"rows of {right.name} hold for some time only, and {self.model.name} has no default_time_dimension to look them up by"
        raise ProjectError("SK-SEM-014", message)

    def has_time(self, bound: Bound) -> exp.Expr:
        """Whether a row has this time at all."""
        return is_not_null(self.raw(bound))


def _prefixes(path: Path) -> list[Path]:
    return [path[: n + 1] for n in range(len(path))]


def iso_day(node: exp.Expr) -> dt.date | None:
    """The day a literal says, such as '2026-01-31' or DATE '2026-01-31'; None for anything else."""
    if isinstance(node, exp.Cast) and isinstance(node.to.this, exp.DType) and node.to.this.value in ("DATE", "TIMESTAMP"):
        node = node.this
    if not isinstance(node, exp.Literal) or not node.is_string or len(node.name) != _ISO_DAY:
        return None
    try:
        found = dt.date.fromisoformat(node.name)
    except ValueError:
        return None
    return found if found < dt.date.max else None


def _next(day: dt.date) -> str:
    return (day + dt.timedelta(days=1)).isoformat()
