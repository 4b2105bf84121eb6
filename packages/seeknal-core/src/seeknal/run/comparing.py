"""Comparing the data of two outputs: which two, by which columns, and what the engine says of them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from seeknal.errors import EngineError, NodeError, ProjectError, did_you_mean
from seeknal.nodes import fold
from seeknal.run.comparison import ChangedRow, Comparison, Retyped, SampleRow
from seeknal.run.matching import ADDED, CHANGED, NEW, OLD, REMOVED, Matching, Pair
from seeknal.run.outputs import Readable, earlier, published
from seeknal.state.environments import PROD

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seeknal.api import Project
    from seeknal.nodes import ColumnSchema, Node, Schema
    from seeknal.protocols import Session
    from seeknal.run.outputs import Output
    from seeknal.state.model import Snapshot

_TWO = 2
_INTERRUPTED = "SK-RUN-130"


@dataclass(frozen=True)
class CompareOptions:
    """How outputs are compared. `on` are the key columns, `columns` and `exclude` restrict the others; `limit` bounds each sample.

    `tolerance` is how far floats may lie apart and still be equal: absolutely, or relatively to the greater of the two.
    """

    on: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    tolerance: float = 0.0
    limit: int = 10


def compare(
    project: Project, node: Node, other: Node | None = None, environments: Sequence[str] = (), options: CompareOptions | None = None
) -> Comparison:
    """Compare two outputs. Without `other` and `environments`: what prod publishes, with the output from before.

    One environment is compared with prod; with `other`, both nodes are taken from it. Raises ProjectError for an unknown environment
    or column and a key that is not unique, NodeError for what is not there to be read.
    """
    options = options or CompareOptions()
    snapshot = project.state.read()
    old, new = _sides(project, snapshot, node, other, environments)
    with closing(project.relations()) as relations:
        readable = Readable(project, snapshot, relations.session)
        tables = {OLD: readable.define(old, OLD), NEW: readable.define(new, NEW)}
        dialect = project.loaded.engine.dialect
        schemas = {s: relations.session.describe(exp.select("*").from_(t.copy()).sql(dialect=dialect)) for s, t in tables.items()}
        columns = _Columns(schemas[OLD], schemas[NEW], options)
        audited = columns.audited([other or node, node])
        matching = Matching(lambda s: tables[s].copy(), audited, columns.values(audited), options.tolerance, dialect)
        return _Comparing(relations.session, matching, columns, options).compare(Comparison(old.side, new.side))


def _sides(project: Project, snapshot: Snapshot, node: Node, other: Node | None, environments: Sequence[str]) -> tuple[Output, Output]:
    """The old and the new output."""
    if len(environments) > _TWO:
        raise ProjectError("SK-DIFF-006", f"{len(environments)} environments are named; two can be compared")
    if other is not None:
        names = environments if len(environments) == _TWO else [*environments, PROD][:1] * _TWO
        return published(project, snapshot, node, names[0]), published(project, snapshot, other, names[1])
    if not environments or tuple(environments) == (PROD,):
        return earlier(project, snapshot, node), published(project, snapshot, node, PROD)
    first, second = environments if len(environments) == _TWO else (PROD, environments[0])
    return published(project, snapshot, node, first), published(project, snapshot, node, second)


class _Columns:
    """The columns of both sides, matched by name without regard to case, and which of them are wanted."""

    def __init__(self, old: Schema, new: Schema, options: CompareOptions) -> None:
        self._old = {fold(c.name): c for c in old}
        self._new = {fold(c.name): c for c in new}
        self._options = options
        self.common = {n: Pair(c, self._new[n]) for n, c in self._old.items() if n in self._new}
        for name in (*options.columns, *options.exclude):
            self._require(name, {**self._old, **self._new}, "neither output has")
        for name in options.on:
            self._require(name, self.common, "the outputs do not both have")
        self.wanted = {fold(c) for c in options.columns} or {*self._old, *self._new}
        self.wanted = (self.wanted - {fold(c) for c in options.exclude}) | {fold(c) for c in options.on}

    def _require(self, name: str, known: Mapping[str, Pair | ColumnSchema], problem: str) -> None:
        if fold(name) not in known:
            names = [c.name for c in known.values()]
            hint = did_you_mean(name, names) or f"columns: {', '.join(names)}"
            raise ProjectError("SK-DIFF-002", f"{problem} a column '{name}'", hint=hint)

    def audited(self, nodes: Iterable[Node]) -> tuple[Pair, ...]:
        """The key: the columns that were named, or those of the first audit that says what is unique; empty where there is none."""
        if self._options.on:
            return tuple(dict.fromkeys(self.common[fold(n)] for n in self._options.on))
        for audit in (a for node in nodes for a in node.audits if a.type == "unique" and a.where is None):
            names = [fold(str(c)) for c in audit.params.get("columns", ())]
            if names and all(n in self.common for n in names):
                return tuple(dict.fromkeys(self.common[n] for n in names))
        return ()

    def values(self, key: Sequence[Pair]) -> tuple[Pair, ...]:
        """The columns that are compared besides the key. Raises NodeError when there is nothing at all to compare."""
        found = tuple(p for n, p in self.common.items() if n in self.wanted and p not in key)
        if not found and not key:
            raise NodeError("SK-DIFF-004", "the outputs have no column in common that is to be compared")
        return found

    def described(self, found: Comparison, key: Sequence[Pair]) -> Comparison:
        """What there is to say of columns alone."""
        shown = self.wanted | {fold(p.name) for p in key}
        pairs = [p for n, p in self.common.items() if n in shown]
        return replace(
            found,
            compared=tuple(p.name for p in pairs),
            columns_removed=tuple(c for n, c in self._old.items() if n not in self._new and n in shown),
            columns_added=tuple(c for n, c in self._new.items() if n not in self._old and n in shown),
            columns_retyped=tuple(Retyped(p.name, p.old.type or "", p.new.type or "") for p in pairs if p.old.type != p.new.type),
        )


class _Comparing:
    """One comparison in a session that can read both sides."""

    def __init__(self, session: Session, matching: Matching, columns: _Columns, options: CompareOptions) -> None:
        self._session = session
        self._matching = matching
        self._columns = columns
        self._options = options

    def compare(self, found: Comparison) -> Comparison:
        """Count and sample the differences."""
        if self._matching.key:
            groups = {side: (int(rows), int(most)) for side, rows, most in self._rows(self._matching.uniqueness())}
            repeated = next((s for s in (OLD, NEW) if groups.get(s, (0, 0))[1] > 1), None)
            if repeated is None:
                rows = {side: groups.get(side, (0, 0))[0] for side in (OLD, NEW)}
                found = replace(found, old=replace(found.old, rows=rows[OLD]), new=replace(found.new, rows=rows[NEW]))
                return self._by_key(self._columns.described(found, self._matching.key))
            found = replace(found, warnings=(self._not_unique(repeated),))
        return self._by_rows(found)

    def _not_unique(self, side: str) -> str:
        """What is wrong with the key, as a warning. Raises ProjectError where it was asked for."""
        key = self._matching.key
        example = self._rows(self._matching.repeated(side))[0]
        shown = ", ".join(f"{p.name} = {'NULL' if v is None else v}" for p, v in zip(key, example, strict=True))
        message = f"{', '.join(p.name for p in key)} is no key of the {side} output: several rows have {shown}"
        if self._options.on:
            raise ProjectError("SK-DIFF-003", message, hint="name more columns: --on a,b")
        return f"{message}; whole rows are compared instead"

    def _by_key(self, found: Comparison) -> Comparison:
        matching = self._matching
        removed, added, changed, matched, *differing = self._rows(matching.totals())[0]
        names = [p.name for p in matching.values]
        found = replace(
            found, key=tuple(p.name for p in matching.key), removed=removed, added=added, changed=changed, equal=matched - changed,
            differing=dict(zip(names, differing, strict=True)),
        )  # fmt: skip
        if not self._options.limit or not (removed or added or changed):
            return found
        samples: dict[str, list[Any]] = {REMOVED: [], ADDED: [], CHANGED: []}
        for outcome, *rest in self._rows(matching.sample(self._options.limit)):
            cells, keys = rest[: 3 * len(names)], rest[3 * len(names) :]
            key = dict(zip(found.key, keys, strict=True))
            triples = dict(zip(names, zip(cells[::3], cells[1::3], cells[2::3], strict=True), strict=True))
            if outcome == CHANGED:
                samples[outcome].append(ChangedRow(key, {n: (old, new) for n, (differs, old, new) in triples.items() if differs}))
            else:
                samples[outcome].append(SampleRow(key | {n: t[1 if outcome == REMOVED else 2] for n, t in triples.items()}))
        return _sampled(found, samples)

    def _by_rows(self, found: Comparison) -> Comparison:
        if self._options.tolerance:
            raise ProjectError("SK-DIFF-005", "a tolerance needs rows that are matched by a key", hint="name the key's columns: --on a,b")
        matching = replace(self._matching, key=(), values=self._columns.values(()))
        removed, added, equal = (int(v or 0) for v in self._rows(matching.row_totals())[0])
        found = replace(
            self._columns.described(found, ()), removed=removed, added=added, equal=equal,
            old=replace(found.old, rows=removed + equal), new=replace(found.new, rows=added + equal),
        )  # fmt: skip
        if not self._options.limit or not (removed or added):
            return found
        samples: dict[str, list[Any]] = {REMOVED: [], ADDED: [], CHANGED: []}
        for outcome, copies, *values in self._rows(matching.row_sample(self._options.limit)):
            row = dict(zip((p.name for p in matching.values), values, strict=True))
            samples[outcome].append(SampleRow(row, int(copies)))
        return _sampled(found, samples)

    def _rows(self, query: exp.Query) -> list[tuple[Any, ...]]:
        try:
            return self._session.rows(query.sql(dialect=self._matching.dialect)).rows
        except EngineError as error:
            retyped = [p.name for p in (*self._matching.key, *self._matching.values) if p.old.type != p.new.type]
            if not retyped or error.code == _INTERRUPTED:
                raise
            hint = f"leave columns out whose types differ: --exclude-columns {','.join(retyped)}"
            raise EngineError(error.code, error.message, hint=hint) from None


def _sampled(found: Comparison, samples: Mapping[str, Sequence[Any]]) -> Comparison:
    return replace(
        found, removed_rows=tuple(samples[REMOVED]), added_rows=tuple(samples[ADDED]), changed_rows=tuple(samples[CHANGED])
    )  # fmt: skip
