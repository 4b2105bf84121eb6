"""What a plan can tell of outputs that are yet to be built: which of their columns will hold what they held before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.nodes import DocumentLogic, SourceLogic, SqlLogic
from seeknal.plan.depth import answered, unknown
from seeknal.plan.outlook import columns_of
from seeknal.plan.planner import NOT_SELECTED, Decision, decide, is_read_from_outside, not_selected, own_change
from seeknal.plan.reach import described, differing, moved

if TYPE_CHECKING:
    from seeknal.nodes import Digest, Node, NodeId
    from seeknal.plan.depth import Question
    from seeknal.plan.outlook import Columns
    from seeknal.plan.planner import Situation
    from seeknal.state.model import Read


class Foresight:
    """Decides the nodes of a situation in graph order without building any.

    An output that must be built again is taken to hold what it held before in columns whose logic did not change, down to sources whose data
    did not: then readers of those columns alone need not be built. A run makes sure of it by comparing the rows.
    """

    def __init__(self, situation: Situation) -> None:
        self._situation = situation
        self.outlook = situation.outlook()
        self._decisions: dict[NodeId, Decision] = {}
        self._causes: dict[NodeId, tuple[NodeId, ...]] = {}
        self._views: dict[tuple[NodeId, Columns], Digest | None] = {}
        self._sure: dict[NodeId, bool] = {}
        self._same: dict[tuple[NodeId, Columns], bool] = {}

    def decide(self, node: Node) -> Decision:
        """Decide a node, those that it reads being decided."""
        situation, name = self._situation, node.id
        if situation.selected is not None and name not in situation.selected:
            decision = not_selected(node, situation)
            self.outlook.keep(name)
        else:
            decision = self._decided(node)
        self._decisions[name] = decision
        if decision.action == "reuse" and decision.artifact is not None:
            self.outlook.settle(name, decision.artifact)
        if node.is_view and decision.key is not None and decision.reason != NOT_SELECTED:
            self.outlook.settle_view(name, decision.key)
        if decision.action == "build" and is_read_from_outside(node):
            self._causes[name] = (name,)
        return decision

    def _decided(self, node: Node) -> Decision:
        if node.windows is not None:
            from seeknal.plan.windows import decide_windows, planned_above  # start-up time

            above = planned_above(node, self._situation.dag, self.outlook, self._decisions)
            return decide_windows(node, self._situation, self.outlook, above, lambda: self._reads(node))
        reads = self._reads(node)
        known = {i: r for i, r in reads.items() if r is not None}
        if len(known) == len(reads):
            return decide(node, self._situation, self.outlook, known)
        return self._undecided(node, [i for i, r in reads.items() if r is None])

    def _undecided(self, node: Node, unknown: list[NodeId]) -> Decision:
        """A node that reads what is yet to be built."""
        if isinstance(node.logic, DocumentLogic):
            return Decision("reuse", "nothing to build")
        causes = [c for i in unknown for c in self._causes.get(i, (i,))]
        self._causes[node.id] = tuple(dict.fromkeys(causes))
        own = own_change(node, self._situation, self.outlook)
        if own:
            return Decision("build", own)
        through = moved(node.id, tuple(unknown), self._situation.pointers, self.outlook)
        if through:
            return Decision("build", f"upstream changed: {described(through)}")
        return Decision("may_build", f"if {', '.join(self._causes[node.id])} changed")

    def _same_logic(self, node: NodeId, columns: Columns) -> bool:
        """Whether what makes these columns, and decides which rows there are, is what it was, all the way up."""
        listed = None if columns is None else tuple(columns)
        return not differing(self._situation.pointers[node].fingerprint, self.outlook.fingerprint(node), listed)

    # Outputs that are yet to be built

    def _reads(self, node: Node) -> dict[NodeId, Read | None]:
        return {i: self._read(node.id, i) for i in self._situation.dag.inputs[node.id]}

    def _read(self, reader: NodeId, source: NodeId) -> Read | None:
        settled = self.outlook.read(reader, source)
        if settled is not None:
            return settled
        columns = self.outlook.reads(reader, source)
        digest = answered(self._identity(source, columns))
        return None if digest is None else self.outlook.taken(reader, source, columns, digest)

    def _identity(self, node: NodeId, columns: Columns) -> Question[Digest | None]:
        found = self.outlook.identity(node, columns)
        if found is not None:
            return found
        dag_node = self._situation.dag.nodes[node]
        if dag_node.is_view:
            if (node, columns) not in self._views:
                self._views[node, columns] = yield self.outlook.view_identity(dag_node, columns, self._identity)
            return self._views[node, columns]
        if not dag_node.is_readable or not (yield self._same_rows(node, columns)):
            return None
        before = self.outlook.expected(node)
        return before.identity(columns) if before is not None else None

    def _same_rows(self, node: NodeId, columns: Columns) -> Question[bool]:
        """Whether building the node leaves these columns' rows as they are in the output there is."""
        if (node, columns) not in self._same:
            self._same[node, columns] = yield self._will_be_same(node, columns)
        return self._same[node, columns]

    def _will_be_same(self, node: NodeId, columns: Columns) -> Question[bool]:
        situation = self._situation
        pointer, decision = situation.pointers.get(node), self._decisions.get(node)
        before = self.outlook.expected(node)
        logic = situation.dag.nodes[node].logic
        if pointer is None or before is None or decision is None or node in situation.forced or decision.intervals:
            return False
        if decision.key == pointer.key and (isinstance(logic, SourceLogic) or self._repeatable(node)):
            return True  # what is missing is built again just as it was
        if not isinstance(logic, SqlLogic) or situation.presence(before) != "whole":
            return False
        return self._repeatable(node) and self._same_logic(node, columns) and (yield self._same_inputs(node, columns))

    def _repeatable(self, node: NodeId) -> bool:
        """Whether the same inputs always give the same rows, also through the views that are read."""
        for name in unknown(node, self._sure, self._views_of):
            analysis = self.outlook.analysis(name)
            own = analysis is not None and analysis.repeatable and self._situation.moment(self._situation.dag.nodes[name]) is None
            self._sure[name] = own and all(self._sure[v] for v in self._views_of(name))
        return self._sure[node]

    def _views_of(self, node: NodeId) -> list[NodeId]:
        return [i for i in self._situation.dag.inputs[node] if self._situation.dag.nodes[i].is_view]

    def _same_inputs(self, node: NodeId, columns: Columns) -> Question[bool]:
        """Whether what these columns are made of is what it was when the output was built."""
        analysis, recorded = self.outlook.analysis(node), self._situation.pointers[node].inputs
        if analysis is None:
            return False
        chosen = [analysis.column(c) for c in columns] if columns is not None and analysis.opaque is None else [None]
        origins = analysis.everything if None in chosen else analysis.rows.union(*(c.value | c.filter for c in chosen if c is not None))
        for source in self._situation.dag.inputs[node]:
            read = recorded.get(source)
            mentioned = columns_of(origins, self._situation.dag.nodes[source].relation)
            if read is None or not (yield self._unmoved(source, read, mentioned)):
                return False
        return True

    def _unmoved(self, source: NodeId, read: Read, columns: Columns) -> Question[bool]:
        """Whether an input will hold in these columns what it held when `read` was taken from it."""
        taken = None if read.columns is None else frozenset(read.columns)
        now = self.outlook.identity(source, taken)
        if now is not None:
            return now == read.digest
        before = self.outlook.expected(source)
        return before is not None and before.identity(taken) == read.digest and (yield self._same_rows(source, columns))
