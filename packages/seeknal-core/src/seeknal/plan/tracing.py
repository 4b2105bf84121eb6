"""Answers about lineage: what `NODE.COLUMN` means, what it comes from, what reads it, and what it reaches."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeknal.errors import ProjectError, did_you_mean
from seeknal.plan.lineage import EVERY, Point

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seeknal.graph.dag import Dag
    from seeknal.nodes import NodeId
    from seeknal.plan.lineage import ColumnEdge, Kind, Lineage

_PLAIN = re.compile(r"\w+|\*")
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class ColumnLineage:
    """What a column comes from and what is made of it. `opaque` says of nodes on the way why their columns cannot be told apart."""

    node: NodeId
    column: str
    upstream: tuple[ColumnEdge, ...]
    downstream: tuple[ColumnEdge, ...]
    opaque: Mapping[NodeId, str]

    def to_json(self) -> dict[str, Any]:
        """The document of `seeknal lineage NODE.COLUMN --format json`."""
        sides = {side: [_edge(e) for e in edges] for side, edges in (("upstream", self.upstream), ("downstream", self.downstream))}
        return {"column": column_name(self.node, self.column), **sides, "opaque": _reasons(self.opaque)}


@dataclass(frozen=True, slots=True)
class NodeLineage:
    """The nodes that a node reads and those that read it; its columns, as far as they are known."""

    node: NodeId
    columns: tuple[str, ...]
    upstream: tuple[NodeId, ...]
    downstream: tuple[NodeId, ...]
    opaque: Mapping[NodeId, str]

    def to_json(self) -> dict[str, Any]:
        """The document of `seeknal lineage NODE --format json`."""
        sides = {"upstream": list(self.upstream), "downstream": list(self.downstream)}
        return {"node": self.node, "columns": list(self.columns), **sides, "opaque": _reasons(self.opaque)}


@dataclass(frozen=True, slots=True)
class Affected:
    """A node that is reached, and by which of its columns; `value` where some way to one of them has no edge that only filters."""

    node: NodeId
    columns: tuple[str, ...]
    kind: Kind


@dataclass(frozen=True, slots=True)
class Impact:
    """Everything downstream of a column, or of any column of a node where `column` is None, in graph order."""

    node: NodeId
    column: str | None
    affected: tuple[Affected, ...]
    opaque: Mapping[NodeId, str]

    def to_json(self) -> dict[str, Any]:
        """The document of `seeknal impact --format json`."""
        about = {"node": self.node} if self.column is None else {"column": column_name(self.node, self.column)}
        affected = [{"node": a.node, "columns": list(a.columns), "kind": a.kind} for a in self.affected]
        return {**about, "affected": affected, "opaque": _reasons(self.opaque)}


def trace(lineage: Lineage, name: str, *, whole: bool = False) -> ColumnLineage | NodeLineage:
    """What a column or a node comes from and what reads it. Raises ProjectError."""
    node, column = refer(name, lineage)
    dag = lineage.dag
    if column is None:
        above, below = (dag.upstream([node]), dag.downstream([node])) if whole else (set(dag.inputs[node]), set(dag.readers[node]))
        up_nodes, down_nodes = tuple(n for n in dag.order if n in above), tuple(n for n in dag.order if n in below)
        opaque = _opaque(lineage, (node, *up_nodes, *down_nodes))
        return NodeLineage(node, lineage.columns(node), up_nodes, down_nodes, opaque)
    start = [Point(node, column)]
    up = lineage.all_upstream(start) if whole else lineage.upstream(node, column)
    down = lineage.all_downstream(start) if whole else lineage.downstream(node, column)
    return ColumnLineage(node, column, up, down, _opaque(lineage, (node, *(e.node for e in up), *(e.node for e in down))))


def impact(lineage: Lineage, name: str) -> Impact:
    """Every node that a column reaches, with the columns of it that are reached. Raises ProjectError."""
    node, column = refer(name, lineage)
    start = [Point(node, c) for c in ((column,) if column is not None else (*lineage.columns(node), EVERY))]
    reached: dict[NodeId, dict[str, Kind]] = {}
    for edge in lineage.all_downstream(start):
        reached.setdefault(edge.node, {})[edge.column] = edge.kind
    affected = [_affected(lineage, n, reached[n]) for n in lineage.dag.order if n in reached]
    return Impact(node, column, tuple(affected), _opaque(lineage, reached))


def _affected(lineage: Lineage, node: NodeId, reached: Mapping[str, Kind]) -> Affected:
    """`*` counts among the columns only where it stands for some that are not known by name."""
    columns = tuple(c for c in lineage.columns(node) if c in reached)
    if EVERY in reached and lineage.dag.nodes[node].is_readable and not (columns and lineage.is_complete(node)):
        columns = (*columns, EVERY)
    return Affected(node, columns, "value" if "value" in reached.values() else "filter")


def _opaque(lineage: Lineage, nodes: Iterable[NodeId]) -> dict[NodeId, str]:
    reasons = {n: lineage.opaque(n) for n in dict.fromkeys(nodes)}
    return {n: why for n, why in reasons.items() if why is not None}


def _edge(edge: ColumnEdge) -> dict[str, str]:
    return {"node": edge.node, "column": edge.column, "kind": edge.kind}


def _reasons(opaque: Mapping[NodeId, str]) -> list[dict[str, str]]:
    return [{"node": node, "reason": why} for node, why in opaque.items()]


# Names


def column_name(node: NodeId, column: str) -> str:
    """A column by its whole name, as `refer` reads it: `transform.x.c`, `transform.x."My col"`."""
    return f"{node}.{column}" if _PLAIN.fullmatch(column) else f'{node}."{column.replace(chr(34), chr(34) * 2)}"'


def refer(name: str, lineage: Lineage) -> tuple[NodeId, str | None]:
    """The node, and the column where there is one, that a person means by `NODE` or `NODE.COLUMN`.

    NODE is an id or a name that only one node has; where a text can be read both ways, ids come first. A column may be put in double
    quotes; case plays no part in either. Raises ProjectError: unknown nodes, unknown columns, names of several nodes.
    """
    node, column = _node_and_rest(name.strip(), lineage.dag)
    return (node, None) if column is None else (node, _column(node, column, lineage))


def _node_and_rest(text: str, dag: Dag) -> tuple[NodeId, str | None]:
    ids = {n.casefold(): n for n in dag.nodes}
    first, _, column = text.partition(".")
    second, _, rest = column.partition(".")
    whole = ids.get(f"{first}.{second}".casefold())
    if whole is not None:
        return whole, rest or None
    named = [n for n in dag.order if dag.nodes[n].name.casefold() == first.casefold()]
    if len(named) > 1:
        meant = ", ".join(f"{n}.{column}" if column else n for n in named)
        raise ProjectError("SK-SEL-002", f"'{first}' is {len(named)} nodes; name one", hint=meant)
    if named:
        return named[0], column or None
    is_kind = second and any(n.kind == first.casefold() for n in dag.nodes.values())
    unknown = f"{first}.{second}" if is_kind else first
    hint = did_you_mean(unknown, [*dag.nodes, *(n.name for n in dag.nodes.values())]) or "see `seeknal list`"
    raise ProjectError("SK-SEL-002", f"no node '{unknown}'" if unknown else "name a node", hint=hint)


def _column(node: NodeId, text: str, lineage: Lineage) -> str:
    """A column as its node calls it."""
    names = lineage.columns(node)
    folded = {n.casefold(): n for n in names}
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    bare = text[1:-1].replace('""', '"') if quoted else text
    found = folded.get(text.casefold()) or folded.get(bare.casefold())
    if found is not None:
        return found
    if text == EVERY:
        return EVERY
    if not lineage.dag.nodes[node].is_readable:
        raise ProjectError("SK-SEL-003", f"{node} has no columns", hint=f"ask for the whole node: seeknal lineage {node}")
    if not lineage.is_complete(node):
        known = f"; known so far: {_listed(names)}" if names else ""
        unnamed = lineage.dag.nodes[node].is_view and lineage.opaque(node) is None
        hint = "give its columns names with AS" if unnamed else f"build it first: seeknal run --select +{node}"
        raise ProjectError("SK-SEL-004", f"the columns of {node} are not known yet{known}", hint=hint)
    near = did_you_mean(bare, names)
    hint = f"{near} {node} has: {_listed(names)}" if near else f"{node} has: {_listed(names)}"
    raise ProjectError("SK-SEL-003", f"no column '{bare}' in {node}", hint=hint)


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:_SHOWN]) + (f", and {len(listed) - _SHOWN:,} more" if len(listed) > _SHOWN else "")
