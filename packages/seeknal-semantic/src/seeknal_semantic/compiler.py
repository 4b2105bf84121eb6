"""From a question to one SELECT: resolve, bind, classify, group, emit, combine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seeknal.errors import ProjectError, did_you_mean
from seeknal_semantic.bind import METRIC_TIME, Binder
from seeknal_semantic.branch import Asked, Branch, Part
from seeknal_semantic.combine import Shape, combined
from seeknal_semantic.filters import bound_conjunct, classify, measure_filter, own_filter
from seeknal_semantic.grains import GRAINS, finer
from seeknal_semantic.offsets import check_offsets, is_whole, moved_on, shared, shifted, twins
from seeknal_semantic.plain import lasting, plain
from seeknal_semantic.resolve import Leaf, Resolver
from seeknal_semantic.running import RunningBranch, is_plain
from seeknal_semantic.timespine import on_timespine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlglot import exp

    from seeknal.nodes import NodeId
    from seeknal_semantic.bind import Bound
    from seeknal_semantic.catalog import Catalog, Model
    from seeknal_semantic.scope import Conjunct, Types


@dataclass(frozen=True)
class Question:
    """What is asked."""

    metrics: tuple[str, ...]
    dimensions: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    order_by: tuple[str, ...] = ()
    limit: int | None = None


@dataclass(frozen=True)
class Compiled:
    """The SELECT that answers a question. `days` are the columns that hold days or coarser periods, `reads` the nodes it reads."""

    tree: exp.Query
    columns: tuple[str, ...]
    days: frozenset[str]
    reads: tuple[NodeId, ...]

    def sql(self, dialect: str = "duckdb", *, pretty: bool = False) -> str:
        """As text in a dialect. Raises ProjectError where the dialect cannot say it."""
        from seeknal_semantic.dialects import generate  # start-up time

        return generate(self.tree, dialect, pretty=pretty)


def compiled(question: Question, catalog: Catalog, types: Types | None = None) -> Compiled:
    """Compile a question. Raises ProjectError where it cannot be answered, saying what could."""
    return _Compiler(question, catalog, types or {}).compile()


class _Compiler:
    """One compilation."""

    def __init__(self, question: Question, catalog: Catalog, types: Types) -> None:
        self.catalog = catalog
        self.types = types
        self.binder = Binder(catalog)
        self.metrics = tuple(dict.fromkeys(m for m in question.metrics if m))
        self.dimensions = tuple(dict.fromkeys(d for d in question.dimensions if d))
        self.question = question
        self.asker: dict[Leaf, str] = {}

    def compile(self) -> Compiled:
        self._check_names()
        resolver = Resolver(self.catalog)
        values = {name: self._resolved(resolver, name) for name in self.metrics}
        shown = len(resolver.leaves)
        models = list({leaf.model: self.catalog.models[leaf.model] for leaf in resolver.leaves}.values())
        found = classify(self.question.filters, self.catalog, self.binder, models, self.metrics, self.dimensions)
        hidden = {name: self._resolved(resolver, name) for name in found.metrics if name not in values}
        leaves = resolver.leaves
        asked = {leaf.model: self._asked(self.catalog.models[leaf.model], leaf) for leaf in leaves}
        self._check_meanings(leaves, asked, found.rows)
        parts = [self._part(n, leaf, asked[leaf.model], found.rows, hidden=n >= shown) for n, leaf in enumerate(leaves)]
        branches = self._branches(parts, asked)
        shape = Shape(self.dimensions, values, hidden, tuple(found.groups), _order(self.question, self._columns), self.question.limit)
        names = {p.number: p.measure.name for p in parts}
        tree = combined(shape, branches, names)
        days = frozenset(b.asked for a in asked.values() for b in a.bounds if b.grain is not None and not finer(b.grain, "day"))
        return Compiled(tree, self._columns, days, self._reads(tree))

    @property
    def _columns(self) -> tuple[str, ...]:
        return (*self.dimensions, *self.metrics)

    def _check_names(self) -> None:
        if not self.metrics:
            raise ProjectError("SK-SEM-001", "name at least one metric", hint="`seeknal metrics` lists them")
        both = [m for m in self.metrics if m in self.dimensions]
        if both:
            raise ProjectError("SK-SEM-001", f"'{both[0]}' is asked for as a metric and as a dimension", hint="qualify the dimension")
        limit = self.question.limit
        if limit is not None and (type(limit) is not int or limit < 0):
            raise ProjectError("SK-SEM-022", "the limit must be a whole number, 0 or more")
        _order(self.question, self._columns)

    def _resolved(self, resolver: Resolver, name: str) -> exp.Expr:
        tree = resolver.metric(name)
        for leaf in resolver.leaves:
            self.asker.setdefault(leaf, name)
        return tree

    # Binding

    def _asked(self, model: Model, leaf: Leaf) -> Asked:
        bounds = tuple(self.binder.bind(model, d, self.asker[leaf]) for d in self.dimensions)
        times = tuple(b for b in bounds if self.binder.is_time(model, b))
        grains = [b.grain for b in times if b.grain is not None]
        return Asked(bounds, times, min(grains, key=GRAINS.index) if grains else None)

    def _check_meanings(self, leaves: Sequence[Leaf], asked: dict[str, Asked], rows: Sequence[exp.Expr]) -> None:
        """One name means one thing in a question. Entities are shared by models, and so is metric_time."""
        from seeknal_semantic.expressions import names

        filtered = dict.fromkeys(n for tree in rows for n in names(tree) if n not in self.dimensions)
        for position, name in enumerate((*self.dimensions, *filtered)):
            meanings: dict[tuple[str, str, str | None], tuple[Bound, str]] = {}
            for leaf in leaves:
                model = self.catalog.models[leaf.model]
                if position < len(self.dimensions):
                    bound = asked[leaf.model].bounds[position]
                else:
                    bound = self.binder.bind(model, name, self.asker[leaf])
                if bound.kind == "dimension" and not name.startswith(METRIC_TIME):
                    meanings.setdefault((bound.model, bound.name, bound.grain), (bound, self.asker[leaf]))
            if len(meanings) > 1:
                (one, first), (other, second), *_ = meanings.values()
                message = f"'{name}' means {one.model}.{one.name} for {first} and {other.model}.{other.name} for {second}"
                ways = dict.fromkeys(b.qualified for b, _ in meanings.values() if b.path)
                hint = f"qualify it: {' or '.join(ways)}" if ways else f"ask by {METRIC_TIME}" if one.grain else None
                raise ProjectError("SK-SEM-012", message, hint=hint)

    def _part(self, number: int, leaf: Leaf, asked: Asked, conditions: Sequence[exp.Expr], *, hidden: bool) -> Part:
        """A leaf with the conditions that hold for it. Conditions on time cut what is shown of running and of earlier values."""
        model = self.catalog.models[leaf.model]
        measure = model.measures[leaf.measure]
        metric = self.asker[leaf]
        if not asked.times:
            leaf = replace(leaf, running=None, spine=False)
        cutting = bool(leaf.running or leaf.offsets)
        rows: list[Conjunct] = []
        cuts: list[Conjunct] = []
        for tree in conditions:
            conjunct = bound_conjunct(tree, self.binder, model, metric)
            on_time = all(self.binder.is_time(model, b) for b in conjunct.bounds.values())
            (cuts if on_time and cutting else rows).append(conjunct)
            if on_time and leaf.spine and not cutting:
                cuts.append(conjunct)
        for text in leaf.filters:
            rows += own_filter(text, self.binder, model, metric)
        if measure.filter is not None:
            rows += measure_filter(measure.filter, self.binder, model)
        part = Part(number, leaf, model, measure, {c.key: c for c in rows}, tuple(cuts), hidden)
        check_offsets(asked, part)
        return part

    # Grouping and emitting

    def _branches(self, parts: Sequence[Part], asked: dict[str, Asked]) -> list[Branch]:
        groups: dict[tuple[object, ...], list[Part]] = {}
        for part in sorted(parts, key=lambda p: p.hidden):
            key = self._key(part, asked[part.leaf.model])
            # What only a condition names must bring no groups: it stays apart, unless its rows are those of something that is asked.
            alike = any(set(part.rows) >= set(p.rows) for p in groups.get(key, []))
            groups.setdefault((key, "hidden") if part.hidden and not alike else key, []).append(part)
        branches: list[Branch] = []
        taken: list[str] = []
        bases: dict[str, Branch] = {}
        for group in sorted(groups.values(), key=lambda g: bool(g[0].leaf.offsets)):
            here = asked[group[0].leaf.model]
            own = groups.get(("plain", group[0].leaf.model, ()), ())
            twin = self._twins(group, own, here)
            if twin is not None:
                branch = moved_on(here, group, bases[group[0].leaf.model], twin)
            else:
                branch = self._branch(group, here, taken)
                later = [g for g in groups.values() if g[0].leaf.model == group[0].leaf.model]
                if group is own and any(self._twins(g, own, here) is not None for g in later):
                    branch = bases[group[0].leaf.model] = shared(here, group, branch, taken)
            branch.hidden = all(p.hidden for p in group)
            taken += [name for name, _ in branch.ctes]
            branches.append(branch)
        return branches

    def _twins(self, group: Sequence[Part], own: Sequence[Part], asked: Asked) -> dict[int, int] | None:
        """For leaves of earlier periods that can be had from those of their own period, which they are."""
        first = group[0]
        plain_too = first.leaf.running is None and not first.leaf.spine and first.measure.lasting is None and not first.hidden
        return twins(group, own) if own and first.leaf.offsets and plain_too and is_whole(asked, first) else None

    def _key(self, part: Part, asked: Asked) -> tuple[object, ...]:
        """What leaves must have in common to be answered by one SELECT."""
        leaf, same_rows = part.leaf, frozenset(part.rows)
        base = (leaf.model, leaf.offsets)
        if leaf.running is not None and is_plain(asked, part) and not leaf.offsets and part.measure.lasting is None:
            return ("timed", *base)
        if leaf.running is not None:
            return ("running", *base, leaf.running, same_rows)
        if part.measure.lasting is not None:
            return ("lasting", *base, part.measure.lasting, same_rows)
        if leaf.spine:
            return ("spine", *base, same_rows)
        return ("plain", *base, *(() if is_whole(asked, part) else (same_rows,)))

    def _branch(self, parts: Sequence[Part], asked: Asked, taken: Sequence[str]) -> Branch:
        leaf, catalog, types = parts[0].leaf, self.catalog, self.types
        if leaf.running is None and not leaf.spine and parts[0].measure.lasting is None and is_whole(asked, parts[0]):
            return plain(catalog, asked, parts, types)
        here = [replace(p, leaf=replace(p.leaf, offsets=()), cuts=() if leaf.offsets else p.cuts) for p in parts]
        if leaf.running is not None:
            if parts[0].measure.lasting is not None:
                message = f"measure '{parts[0].measure.name}' is not added up over time, so it cannot be accumulated"
                raise ProjectError("SK-SEM-015", message)
            timed = is_plain(asked, here[0])
            inner = plain(catalog, asked, here, types, timed=True) if timed else self._running(here, asked, taken)
        elif parts[0].measure.lasting is not None:
            inner = lasting(catalog, asked, here, types)
        else:
            inner = plain(catalog, asked, here, types)
        if leaf.spine:
            inner = on_timespine(catalog, asked, here, inner, taken, types)
        if leaf.offsets:
            inner = shifted(catalog, asked, parts, inner, [*taken, *(n for n, _ in inner.ctes)], types)
        return inner

    def _running(self, parts: Sequence[Part], asked: Asked, taken: Sequence[str]) -> Branch:
        return RunningBranch(self.catalog, asked, parts, self.types, taken).branch()

    def _reads(self, tree: exp.Query) -> tuple[NodeId, ...]:
        from sqlglot import exp

        relations = {t.name for t in tree.find_all(exp.Table)}
        return tuple(dict.fromkeys(m.node for m in self.catalog.models.values() if m.relation in relations))


def _order(question: Question, columns: Sequence[str]) -> tuple[tuple[str, bool], ...]:
    """The columns to order by, and whether the largest comes first."""
    found = []
    for word in question.order_by:
        name = word.removeprefix("-") if word not in columns else word
        if name not in columns:
            hint = did_you_mean(name, columns) or f"columns are {', '.join(columns)}"
            raise ProjectError("SK-SEM-022", f"order-by '{name}' is not among the columns of the query", hint=hint)
        found.append((name, name != word))
    return tuple(found)
