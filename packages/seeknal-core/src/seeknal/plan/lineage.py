"""Which columns a column is made of and which are made of it, over the whole graph.

The graph's points are columns of nodes. From each, edges lead up to the columns it is computed from (`value`) and to those that only decide
which rows there are (`filter`). What the analysis of a query is not sure of leads to every column of every input: an edge too many is
harmless, one too few is not.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from seeknal.nodes import PythonLogic, fold
from seeknal.sql.relations import ANY, NOWHERE, ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from seeknal.graph.dag import Dag
    from seeknal.nodes import NodeId
    from seeknal.plan.tracing import ColumnLineage, Impact, NodeLineage
    from seeknal.sql.analysis import Analysis
    from seeknal.sql.relations import Origin, Origins

Kind = Literal["value", "filter"]

EVERY = "*"
"""In place of a column's name: the rows of a node, columns whose names are not known, or all that a node without columns is."""


class Point(NamedTuple):
    """A column of a node."""

    node: NodeId
    column: str


@dataclass(frozen=True, slots=True)
class ColumnEdge:
    """The column at the other end, and what it is used for: `value` where it is computed with, `filter` where it only decides on rows."""

    node: NodeId
    column: str
    kind: Kind


Edges = tuple[ColumnEdge, ...]


class Known(Protocol):
    """What an `Outlook` knows of queries and their columns."""

    def names(self, node: NodeId) -> tuple[str, ...] | None:
        """The names of a node's columns; None where they cannot be known yet."""

    def analysis(self, node: NodeId) -> Analysis | None:
        """The analysis of a node's query; None for a node that is not built by one."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns of a node by folded name, in order; not `complete` where there may be others."""

    by_name: Mapping[str, str]
    complete: bool

    @property
    def every(self) -> tuple[str, ...]:
        """What stands for all of them."""
        return tuple(self.by_name.values()) if self.complete and self.by_name else (*self.by_name.values(), EVERY)

    def shown(self, name: str) -> str:
        """A column as the node itself calls it."""
        return self.by_name.get(fold(name), EVERY)


@dataclass(frozen=True, slots=True)
class _Block:
    """Columns of one node that come from the same: the edges that lead up from each of them."""

    columns: tuple[str, ...]
    edges: Edges


class Lineage:
    """The columns of a project's nodes and the edges between them. What was asked once is remembered."""

    def __init__(self, dag: Dag, outlook: Known) -> None:
        self.dag = dag
        self._outlook = outlook
        self._columns: dict[NodeId, _Columns] = {}
        self._blocks: dict[NodeId, tuple[_Block, ...]] = {}
        self._above: dict[NodeId, dict[str, Edges]] = {}
        self._below: dict[NodeId, dict[Point, list[Edges]]] = {}
        self._rows_read: dict[NodeId, frozenset[NodeId]] = {}
        self._counts: dict[NodeId, bool] = {}

    # Asking by name

    def of(self, name: str, *, whole: bool = False) -> ColumnLineage | NodeLineage:
        """What `NODE.COLUMN`, or a whole node, comes from and what reads it: directly, or with `whole` through any number of steps.

        Raises ProjectError for a name that means nothing or too much.
        """
        from seeknal.plan.tracing import trace

        return trace(self, name, whole=whole)

    def impact(self, name: str) -> Impact:
        """Every node that a column, or any column of a node, reaches. Raises ProjectError for a name that means nothing or too much."""
        from seeknal.plan.tracing import impact

        return impact(self, name)

    # Columns

    def columns(self, node: NodeId) -> tuple[str, ...]:
        """The names of a node's columns, as far as they are known."""
        return tuple(self._known(node).by_name.values())

    def is_complete(self, node: NodeId) -> bool:
        """Whether all of a node's columns are known."""
        return self._known(node).complete

    def points(self, node: NodeId) -> tuple[str, ...]:
        """A node's columns, and `*` where that stands for something that columns of others are made of."""
        every = self._known(node).every
        return every if EVERY in every or not self._rows_count(node) else (*every, EVERY)

    def opaque(self, node: NodeId) -> str | None:
        """Why each column of a node is taken to come from every column of its inputs; None where its columns can be told apart."""
        if not self.dag.inputs[node] or not self.dag.nodes[node].is_readable:
            return None
        analysis = self._analysis(node)
        if analysis is None:
            return "a Python function" if isinstance(self.dag.nodes[node].logic, PythonLogic) else "not a query"
        if analysis.opaque is not None:
            return analysis.opaque
        if any(o.column == ANY for o in analysis.everything):
            return "columns of what it reads are not known yet"
        return "which columns it has is known once it is built" if analysis.columns is None else None

    # Edges

    def upstream(self, node: NodeId, column: str) -> tuple[ColumnEdge, ...]:
        """What a column comes from directly: what it is computed from first. Empty only for nodes without inputs."""
        if node not in self._above:
            self._above[node] = {c: block.edges for block in self._made_of(node) for c in block.columns}
        return self._above[node].get(column, ())

    def downstream(self, node: NodeId, column: str) -> tuple[ColumnEdge, ...]:
        """What is directly made of a column, in graph order."""
        return tuple(edge for group in self._groups_below(Point(node, column)) for edge in group)

    def all_upstream(self, start: Iterable[Point]) -> tuple[ColumnEdge, ...]:
        """Everything some columns come from. The kind is `value` where some way there has only such edges."""
        return _reach(start, lambda point: (self.upstream(*point),))

    def all_downstream(self, start: Iterable[Point]) -> tuple[ColumnEdge, ...]:
        """Everything that is made of some columns. The kind is `value` where some way there has only such edges."""
        return _reach(start, self._groups_below)

    def blocks(self, node: NodeId, columns: Iterable[str]) -> list[tuple[tuple[str, ...], Edges]]:
        """The edges that lead up from these columns of a node, once for all columns that share them."""
        wanted = frozenset(columns)
        found = [(tuple(c for c in block.columns if c in wanted), block.edges) for block in self._made_of(node)]
        return [(columns, edges) for columns, edges in found if columns]

    def _groups_below(self, point: Point) -> list[Edges]:
        return [group for reader in self.dag.readers[point.node] for group in self._below_of(reader).get(point, ())]

    def _below_of(self, reader: NodeId) -> dict[Point, list[Edges]]:
        """For each column that a node reads, the edges that lead down to the node's own."""
        if reader not in self._below:
            found: dict[Point, list[Edges]] = {}
            for columns, edges in self.blocks(reader, self.points(reader)):
                groups: dict[Kind, Edges] = {
                    "value": tuple(ColumnEdge(reader, c, "value") for c in columns),
                    "filter": tuple(ColumnEdge(reader, c, "filter") for c in columns),
                }
                for edge in edges:
                    found.setdefault(Point(edge.node, edge.column), []).append(groups[edge.kind])
            self._below[reader] = found
        return self._below[reader]

    def _rows_count(self, node: NodeId) -> bool:
        """Whether some column is made of the rows of a node, whatever is in them, directly or through the rows of others."""
        waiting = [node]
        while waiting:
            last = waiting[-1]
            missing = [] if last in self._counts else [r for r in self.dag.readers[last] if r not in self._counts]
            if not missing:
                waiting.pop()
                self._counts[last] = any(self._reads_rows(reader, last) for reader in self.dag.readers[last])
            waiting += missing
        return self._counts[node]

    def _reads_rows(self, reader: NodeId, source: NodeId) -> bool:
        if reader not in self._rows_read:
            own = () if EVERY in self._known(reader).every or self._counts[reader] else (EVERY,)
            blocks = [b for b in self._made_of(reader) if b.columns != own]
            self._rows_read[reader] = frozenset(e.node for b in blocks for e in b.edges if e.column == EVERY)
        return source in self._rows_read[reader]

    # What a node's columns are made of

    def _known(self, node: NodeId) -> _Columns:
        """The columns of a node. Those of its inputs come first: chains may be longer than the stack is deep."""
        waiting = [node]
        while waiting:
            last = waiting[-1]
            missing = [] if last in self._columns else [i for i in self.dag.inputs[last] if i not in self._columns]
            if not missing:
                waiting.pop()
                self._columns[last] = self._columns.get(last) or self._looked_up(last)
            waiting += missing
        return self._columns[node]

    def _looked_up(self, node: NodeId) -> _Columns:
        if not self.dag.nodes[node].is_readable and self._outlook.analysis(node) is None:
            return _Columns({}, complete=False)
        names = self._outlook.names(node)
        if names is not None:
            return _Columns({fold(n): n for n in names}, complete=True)
        analysis = self._outlook.analysis(node)
        found = [n for n in (analysis.names or () if analysis is not None else ()) if n is not None]
        declared = [c.name for c in self.dag.nodes[node].columns]
        return _Columns({fold(n): n for n in (*declared, *found)}, complete=False)

    def _analysis(self, node: NodeId) -> Analysis | None:
        """The analysis of a node's query, with the names the engine gave its columns."""
        known = self._known(node)
        analysis = self._outlook.analysis(node)
        names = tuple(known.by_name.values())
        return analysis.named(names) if analysis is not None and known.complete and analysis.names != names else analysis

    def _made_of(self, node: NodeId) -> tuple[_Block, ...]:
        if node not in self._blocks:
            self._blocks[node] = self._found(node) if self.dag.inputs[node] else ()
        return self._blocks[node]

    def _found(self, node: NodeId) -> tuple[_Block, ...]:
        known, analysis = self._known(node), self._analysis(node)
        columns = tuple(known.by_name.values())
        if analysis is None or analysis.opaque is not None:
            return (_Block((*columns, EVERY), self._everything(node)),)
        if analysis.columns is None:
            return (_Block((*columns, EVERY), self._edges(node, _without_rows(analysis.everything), analysis.rows)),)
        blocks = []
        for name in columns:
            column = analysis.column(name)
            value, decides = (column.value, column.filter) if column is not None else (analysis.everything, analysis.rows)
            blocks.append(_Block((name,), self._edges(node, value, decides | analysis.rows)))
        value = frozenset(o for o in analysis.rows if o.column == ROWS)
        if not known.complete:
            value |= NOWHERE.union(*(c.value for c in analysis.columns))
        return (*blocks, _Block((EVERY,), self._edges(node, value, analysis.everything if not known.complete else analysis.rows)))

    def _everything(self, node: NodeId) -> Edges:
        return tuple(ColumnEdge(i, c, "value") for i in self.dag.inputs[node] for c in self._known(i).every)

    def _edges(self, node: NodeId, value: Origins, decides: Origins) -> Edges:
        """The edges that origins amount to: `value` before `filter`, then in the order of inputs and their columns.

        That rows of an input decide on those of the node is said only where nothing else of the input is: every column stands on its rows.
        """
        by_relation = {fold(self.dag.nodes[i].relation): i for i in self.dag.inputs[node]}
        found: dict[Point, Kind] = {}
        origins: tuple[tuple[Origins, Kind], ...] = ((value, "value"), (_without_rows(decides), "filter"))
        for some, kind in origins:
            for origin in some:
                for point in self._points_of(origin, by_relation):
                    found.setdefault(point, kind)
        for relation in sorted({fold(o.relation) for o in decides if o.column == ROWS}):
            if not any(p.node == by_relation.get(relation) for p in found):
                found[Point(by_relation[relation], EVERY)] = "filter"
        if not found:
            found = dict.fromkeys((Point(i, EVERY) for i in self.dag.inputs[node]), "filter")
        return tuple(ColumnEdge(*point, found[point]) for point in sorted(found, key=self._place(node, found)))

    def _points_of(self, origin: Origin, by_relation: Mapping[str, NodeId]) -> Iterable[Point]:
        source = by_relation.get(fold(origin.relation))
        if source is None:
            return []
        if origin.column == ROWS:
            return [Point(source, EVERY)]
        known = self._known(source)
        return [Point(source, c) for c in (known.every if origin.column == ANY else (known.shown(origin.column),))]

    def _place(self, node: NodeId, kinds: Mapping[Point, Kind]) -> Callable[[Point], tuple[bool, int, int]]:
        inputs = {i: n for n, i in enumerate(self.dag.inputs[node])}
        columns = {(i, c): n for i in inputs for n, c in enumerate(self._known(i).by_name.values())}
        return lambda point: (kinds[point] == "filter", inputs[point.node], columns.get(point, len(columns)))


def _without_rows(origins: Origins) -> Origins:
    return frozenset(o for o in origins if o.column != ROWS)


def _reach(start: Iterable[Point], groups: Callable[[Point], Iterable[Edges]]) -> Edges:
    """Everything edges lead to, nearest first. First along edges of kind `value`, then along all of them. Groups are looked at once each."""
    begun = dict.fromkeys(start)
    kinds: dict[Point, Kind] = {}
    phases: tuple[Kind, ...] = ("value", "filter")
    for phase in phases:
        queue = deque([*begun, *kinds])
        looked_at: set[int] = set()
        while queue:
            for group in groups(queue.popleft()):
                if id(group) in looked_at:
                    continue
                looked_at.add(id(group))
                for edge in group:
                    point = Point(edge.node, edge.column)
                    if (phase == "filter" or edge.kind == "value") and point not in kinds and point not in begun:
                        kinds[point] = phase
                        queue.append(point)
    return tuple(ColumnEdge(*point, kind) for point, kind in kinds.items())
