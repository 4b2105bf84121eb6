"""What differs between the project and what an environment holds, and how much it matters.

A change is BREAKING where a column or the rows that somebody reads are made otherwise, NON_BREAKING where nobody is touched, METADATA where the data is
not, and INDIRECT on nodes that were not edited but read, through whatever columns, what was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from seeknal.nodes import DocumentLogic, ExposureLogic, RuleLogic, SourceLogic, SqlLogic, fold
from seeknal.plan.edits import Edit, declared_edits, query_edits
from seeknal.plan.fingerprint import CONFIG, declared_types, quarantine_hash, schema_hash
from seeknal.plan.reach import moved, rearranged
from seeknal.plan.recorded import Recorded
from seeknal.sql.differences import sql_diff
from seeknal.sql.moments import as_written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seeknal.nodes import Node, NodeId
    from seeknal.plan.outlook import Outlook
    from seeknal.plan.planner import Situation
    from seeknal.state.model import Pointer

Category = Literal["BREAKING", "NON_BREAKING", "METADATA", "INDIRECT"]

_WHAT = {ExposureLogic: "where it goes", DocumentLogic: "what it says"}
_BREAKS = ("COLUMN_REMOVED", "COLUMN_RENAMED", "COLUMN_EXPRESSION_CHANGED", "COLUMN_TYPE_NARROWED")
_BREAKS_ROWS = ("FILTER_CHANGED", "JOIN_CHANGED", "GROUPING_CHANGED", "SOURCE_CHANGED")


@dataclass(frozen=True, slots=True)
class Change:
    """How one node differs from what the environment holds.

    `category` is None for nodes that were added or removed. `via` are the columns of inputs through which an indirect change reaches the node, as
    `transform.a.amount`, with `*` for the rows of an input. `readers` has for each column that was touched the nodes that read it.
    """

    id: NodeId
    change: Literal["added", "removed", "modified", "indirect"]
    category: Category | None = None
    edits: tuple[Edit, ...] = ()
    via: tuple[str, ...] = ()
    readers: Mapping[str, tuple[NodeId, ...]] | None = None
    sql: tuple[str, str, str] | None = None

    @property
    def sql_diff(self) -> str | None:
        """The query's lines that differ, laid out alike; None where there is no query or nothing that can be seen in it."""
        return (as_written(sql_diff(*self.sql)) or None) if self.sql is not None else None


class Changes:
    """Finds the changes of a project. `types` says what types the columns of a node's query will have."""

    def __init__(self, situation: Situation, outlook: Outlook, types: Callable[[Node], Mapping[str, str | None]]) -> None:
        self._situation = situation
        self._dag = situation.dag
        self._outlook = outlook
        self._types = types
        dialect = next((n.logic.dialect for n in self._dag.nodes.values() if isinstance(n.logic, SqlLogic)), "")
        self._recorded = Recorded(situation.pointers, situation.snapshot.artifact, situation.analyses, dialect)

    def find(self) -> dict[NodeId, Change]:
        """Every node that differs, in graph order, those that are gone last."""
        found: dict[NodeId, Change] = {}
        for name in self._dag.order:
            change = self._change(self._dag.nodes[name])
            if change is not None:
                found[name] = change
        for name in sorted(set(self._situation.pointers) - set(self._dag.nodes)):
            found[name] = Change(name, "removed")
        return found

    def _change(self, node: Node) -> Change | None:
        pointer = self._situation.pointers.get(node.id)
        if pointer is None:
            return Change(node.id, "added")
        before, now = pointer.fingerprint, self._outlook.fingerprint(node.id)
        if before == now:
            return None
        configured = tuple(
            Edit("METADATA_CHANGED", None, name)
            for name, a, b in zip(CONFIG, before.config.split("."), now.config.split("."), strict=False)
            if a != b
        )
        if before.schema != now.schema or (before.content != now.content and self._edited(node, pointer)):
            return self._modified(node, pointer, configured)
        via = moved(node.id, self._dag.inputs[node.id], self._situation.pointers, self._outlook)
        if not via and before.content != now.content:
            via = rearranged(self._dag.inputs[node.id], self._situation.pointers, self._outlook)
        if via and (before.content, before.upstream) != (now.content, now.upstream):
            edits = (*(self._edits(node, pointer) if isinstance(node.logic, SqlLogic) else ()), *configured)
            return Change(node.id, "indirect", "INDIRECT", edits, tuple(f"{i}.{c}" for i, columns in via.items() for c in columns))
        return Change(node.id, "modified", "METADATA", configured) if configured else None

    def _edited(self, node: Node, pointer: Pointer) -> bool:
        """Whether somebody edited what the node computes, rather than its query meaning something else over other columns."""
        if not isinstance(node.logic, SqlLogic) or pointer.sql is None:
            return True
        if pointer.is_view != node.is_view:
            return True
        if pointer.sql == node.logic.sql:
            return False
        return self._recorded.under(pointer.sql, node.id).content != self._recorded.under(node.logic.sql, node.id).content

    def _modified(self, node: Node, pointer: Pointer, configured: tuple[Edit, ...]) -> Change:
        edits = self._edits(node, pointer)
        touched = {e.column for e in edits if e.column is not None}
        readers = {c: self._readers(node.id, c) for c in sorted(touched)}
        category: Category = "BREAKING" if self._breaks(node, edits, readers) else "NON_BREAKING"
        sql = None
        if isinstance(node.logic, SqlLogic) and pointer.sql is not None:
            sql = (pointer.sql, node.logic.sql, node.logic.dialect)
        return Change(node.id, "modified", category, (*edits, *configured), (), readers, sql)

    def _edits(self, node: Node, pointer: Pointer) -> tuple[Edit, ...]:
        edits = self._logic_edits(node, pointer)
        if pointer.fingerprint.schema.partition("+")[2] != quarantine_hash(node):
            edits = (*edits, Edit("FILTER_CHANGED", None, "which rows its audits set aside"))
        if pointer.fingerprint.schema == schema_hash(node):
            return edits
        told = {fold(e.column) for e in edits if e.column is not None}
        return (*edits, *(e for e in self._declared_edits(node) if fold(e.column or "") not in told))

    def _declared_edits(self, node: Node) -> list[Edit]:
        """The columns whose type becomes another because it is declared, or no longer is."""
        types = self._types(node) if isinstance(node.logic, SqlLogic) else declared_types(node)
        return declared_edits(self._recorded.types(node.id), types, self._recorded.names(node.id))

    def _logic_edits(self, node: Node, pointer: Pointer) -> tuple[Edit, ...]:
        old, new = self._recorded.analysis(node.id), self._outlook.analysis(node.id)
        if not isinstance(node.logic, SqlLogic) or pointer.sql is None or old is None or new is None:
            return self._whole_edits(node, pointer)
        found: list[Edit] = []
        if pointer.is_view != node.is_view:
            kinds = ("view", "table") if pointer.is_view else ("table", "view")
            found.append(Edit("LOGIC_CHANGED", None, "materialized: {} → {}".format(*kinds)))
        names = self._outlook.names(node.id)
        if names is None and None in (new.names or ()):  # the engine gives the names that the query does not
            described = tuple(self._types(node))
            names = described if len(described) == len(new.names or ()) else None
        if names is not None and names != new.names:
            new = new.named(names)
        found += query_edits(
            (pointer.sql, node.logic.sql, node.logic.dialect), old, new, self._recorded.types(node.id), lambda: self._types(node)
        )
        return tuple(found)

    def _whole_edits(self, node: Node, pointer: Pointer) -> tuple[Edit, ...]:
        """The edit of a node that is compared as a whole."""
        if pointer.fingerprint.content == self._outlook.content(node.id):
            return ()
        if isinstance(node.logic, SourceLogic):
            return (Edit("SOURCE_CHANGED", None, "what is read, or how"),)
        return (Edit("LOGIC_CHANGED", None, _WHAT.get(type(node.logic), "the code")),)

    def _breaks(self, node: Node, edits: tuple[Edit, ...], readers: Mapping[str, tuple[NodeId, ...]]) -> bool:
        if isinstance(node.logic, ExposureLogic | RuleLogic):
            return False
        if any(e.kind == "LOGIC_CHANGED" and not e.detail.startswith("materialized") for e in edits):
            return True
        if any(e.kind in _BREAKS_ROWS for e in edits) and self._dag.readers[node.id]:
            return True
        return any(e.kind in _BREAKS and readers.get(e.column or "") for e in edits)

    def _readers(self, node: NodeId, column: str) -> tuple[NodeId, ...]:
        """The nodes that read a column, in their query as it is or, where nobody edited them, as it was."""
        return tuple(r for r in self._dag.readers[node] if self._reads(r, node, fold(column)))

    def _reads(self, reader: NodeId, node: NodeId, column: str) -> bool:
        now = self._outlook.reads(reader, node)
        if now is None or column in now:
            return True
        pointer = self._situation.pointers.get(reader)
        if pointer is None or node not in pointer.inputs or self._edited(self._dag.nodes[reader], pointer):
            return False
        taken = pointer.inputs[node].columns
        return taken is None or column in taken
