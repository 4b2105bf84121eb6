"""What is known of every node's output while decisions are made: its columns, what they are made of, and how readers know it.

A plan and a run walk the graph in the same order. What a node's output is becomes known when it is settled: at once where it is reused, when it has
been written where it is built. Until then its columns are what its query says they will be.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from seeknal.nodes import Digest, DocumentLogic, Key, Node, NodeId, SourceLogic, SqlLogic, fold
from seeknal.plan.depth import answered, unknown
from seeknal.plan.documented import documented
from seeknal.plan.fingerprint import config_hash, content_of, query_fingerprint, schema_hash, source_fingerprint, whole_node_fingerprint
from seeknal.state.model import Read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from seeknal.graph.dag import Dag
    from seeknal.nodes import AuditSpec
    from seeknal.plan.analyses import Analyses
    from seeknal.plan.depth import Question
    from seeknal.sql.analysis import Analysis
    from seeknal.sql.expressions import NameProblem
    from seeknal.state.model import Artifact, Fingerprint, Pointer

Columns = frozenset[str] | None
"""The columns a reader mentions, by folded name; None for all of them."""


_ORDERED = " in the order of "
_ORDER_BY = re.compile(r"\border\s+by\b", re.IGNORECASE)


class Outlook:
    """What is known so far. `before` is the output an environment has of a node now."""

    def __init__(
        self,
        dag: Dag,
        analyses: Analyses,
        pointers: Mapping[NodeId, Pointer],
        before: Callable[[Key], Artifact | None],
        moment: Callable[[Node], str | None],
    ) -> None:
        self._dag = dag
        self._analyses = analyses
        self._pointers = pointers
        self._before = before
        self._moment = moment
        self._frozen: set[NodeId] = set()
        self._artifacts: dict[NodeId, Artifact] = {}
        self._names: dict[NodeId, tuple[str, ...] | None] = {}
        self._analysed: dict[NodeId, tuple[Analysis, str]] = {}
        self._fingerprints: dict[NodeId, Fingerprint] = {}
        self._keys: dict[NodeId, Key] = {}
        self._recorded: set[NodeId] = set()
        self._other: set[NodeId] = set()
        self._views: dict[tuple[NodeId, Columns], Digest] = {}

    # What becomes known

    def settle(self, node: NodeId, artifact: Artifact) -> None:
        """The node's output is this one."""
        thought, names = self.expected(node), tuple(c.name for c in artifact.schema)
        as_thought = thought is not None and thought.schema == artifact.schema and self._names.get(node, names) == names
        self._artifacts[node] = artifact
        self._keys[node] = artifact.key
        if not as_thought and (node in self._names or node in self._fingerprints):
            self._forget(node)
        self._names[node] = names

    def settle_view(self, node: NodeId, key: Key) -> None:
        """The node is a view, of this key."""
        self._keys[node] = key

    def keep(self, node: NodeId) -> None:
        """The node stays as the environment has it, whatever the project says of it now."""
        pointer = self._pointers.get(node)
        artifact = self._before(pointer.key) if pointer is not None else None
        if artifact is not None:
            self.settle(node, artifact)
        if pointer is None:
            return
        self._keys[node] = pointer.key
        unmoved = all(r.key and r.key == self._keys.get(i) for i, r in pointer.inputs.items())
        if pointer.is_view and not (unmoved and self._means_the_same(node, pointer)):
            self._frozen.add(node)
            self._forget(node)
            self._names[node] = None
        self._fingerprints[node] = pointer.fingerprint

    def _means_the_same(self, node: NodeId, pointer: Pointer) -> bool:
        """Whether the project has the query of a view that the environment has, however it is written."""
        logic, is_view = self._dag.nodes[node].logic, self._dag.nodes[node].is_view
        return is_view and (pointer.sql == getattr(logic, "sql", None) or pointer.fingerprint.content == self.content(node))

    def _forget(self, node: NodeId) -> None:
        """What was thought of a node and its readers no longer holds: its columns are others than was expected."""
        self._fingerprints.pop(node, None)
        self._views.clear()
        for reader in self._dag.downstream([node]):
            self._recorded.discard(reader)
            self._analysed.pop(reader, None)
            self._fingerprints.pop(reader, None)
            if reader not in self._artifacts:
                self._names.pop(reader, None)

    def artifact(self, node: NodeId) -> Artifact | None:
        """The output a node has been found or built to have."""
        return self._artifacts.get(node)

    def expected(self, node: NodeId) -> Artifact | None:
        """The output of a node, or the one the environment has while that is not known."""
        pointer = self._pointers.get(node)
        return self._artifacts.get(node) or (self._before(pointer.key) if pointer is not None else None)

    def recorded(self, node: NodeId) -> Pointer | None:
        """What the environment holds of a node, where nothing that its fingerprint and its reads follow from is other than it was then."""
        if node in self._other:
            return None
        if node not in self._recorded:
            if not self._is_recorded(self._dag.nodes[node]):
                if node in self._keys:  # settled, so that nothing more will be known of it
                    self._other.add(node)
                return None
            self._recorded.add(node)
        return self._pointers[node]

    def _is_recorded(self, node: Node) -> bool:
        pointer, inputs = self._pointers.get(node.id), self._dag.inputs[node.id]
        if pointer is None or len(inputs) != len(pointer.inputs) or node.id in self._frozen:
            return False
        if isinstance(node.logic, SqlLogic):
            same = (pointer.sql, pointer.is_view) == (node.logic.sql, node.is_view)
        else:
            same = pointer.fingerprint.content == node.content_hash
        if not same or self._keys.get(node.id, pointer.key) != pointer.key or (not inputs and node.id not in self._keys):
            return False
        for source in inputs:
            read = pointer.inputs.get(source)
            if read is None or not read.key or self._keys.get(source) != read.key:
                return False
            if source not in self._frozen and self.recorded(source) is None:
                return False
            artifact = self._artifacts.get(source)
            # it may have been written again under its key, with other rows
            if artifact is not None and artifact.identity(read.columns) != read.digest.partition(_ORDERED)[0]:
                return False
        return (pointer.fingerprint.schema, pointer.fingerprint.config) == (schema_hash(node), config_hash(node))

    # Columns

    def content(self, node: NodeId) -> str:
        """What a node computes."""
        pointer = self.recorded(node)
        return pointer.fingerprint.content if pointer is not None else content_of(self._dag.nodes[node], self.analysis(node))

    def names(self, node: NodeId) -> tuple[str, ...] | None:
        """The names of a node's columns; None where they cannot be known yet."""
        if node not in self._names:
            for name in unknown(node, self._names, self._looked_through):
                self._names[name] = self._expected_names(self._dag.nodes[name])
        return self._names[node]

    def _looked_through(self, node: NodeId) -> tuple[NodeId, ...]:
        """The inputs whose columns say which columns a node has."""
        return self._dag.inputs[node] if isinstance(self._dag.nodes[node].logic, SqlLogic) else ()

    def _expected_names(self, node: Node) -> tuple[str, ...] | None:
        analysis = self.analysis(node.id)
        if analysis is not None:
            names = analysis.names
            if names is not None and all(n is not None for n in names):
                return tuple(n for n in names if n is not None)
            pointer = self._pointers.get(node.id)
            if pointer is None or pointer.fingerprint.content != content_of(node, analysis):
                return None
        before = self.expected(node.id)
        return tuple(c.name for c in before.schema) if before is not None else None

    def analysis(self, node: NodeId) -> Analysis | None:
        """The analysis of a node's query against the columns its inputs have; None for a node that is not built by a query."""
        found = self._analysis(node)
        return found[0] if found is not None else None

    def problems(self, node: NodeId) -> tuple[NameProblem, ...]:
        """The names in a node's query that mean nothing or too much, as far as the columns of its inputs are known."""
        found = self._analysis(node)
        return self._analyses.problems.get(found[1], ()) if found is not None else ()

    def _analysis(self, node: NodeId) -> tuple[Analysis, str] | None:
        logic = self._dag.nodes[node].logic
        if isinstance(logic, DocumentLogic) and logic.made_of:
            if node not in self._analysed:
                self._analysed[node] = documented(logic, self._dag.nodes), ""
            return self._analysed[node]
        if not isinstance(logic, SqlLogic):
            return None
        if node not in self._analysed:
            schemas = {self._dag.nodes[i].relation: self.names(i) for i in self._dag.inputs[node]}
            this = self._dag.nodes[node].this
            own = self._dag.nodes[node].relation if this else None
            schemas |= {own: tuple(c.name for c in this)} if own is not None else {}
            self._analysed[node] = self._analyses.of(logic.sql, logic.dialect, schemas, own)
        return self._analysed[node]

    def reads(self, reader: NodeId, source: NodeId) -> Columns:
        """The columns of an input that a node mentions."""
        pointer = self.recorded(reader)
        if pointer is not None:
            columns = pointer.inputs[source].columns
            return None if columns is None else frozenset(columns)
        analysis = self.analysis(reader)
        found = analysis.reads(self._dag.nodes[source].relation) if analysis is not None else None
        return frozenset(fold(c) for c in found) if found is not None else None

    def fingerprint(self, node: NodeId) -> Fingerprint:
        """What a node's logic amounts to, down to its columns."""
        if node not in self._fingerprints:
            for name in unknown(node, self._fingerprints, self._fingerprinted_from):
                pointer = self.recorded(name)
                self._fingerprints[name] = pointer.fingerprint if pointer is not None else self._fingerprinted(self._dag.nodes[name])
        return self._fingerprints[node]

    def _fingerprinted_from(self, node: NodeId) -> tuple[NodeId, ...]:
        return self._dag.inputs[node] if self.recorded(node) is None else ()

    def _fingerprinted(self, node: Node) -> Fingerprint:
        inputs = {i: self.fingerprint(i) for i in self._dag.inputs[node.id]}
        analysis = self.analysis(node.id)
        if analysis is not None:
            names = self.names(node.id)
            if names is not None and names != analysis.names:
                analysis = analysis.named(names)
            by_relation = {self._dag.nodes[i].relation: f for i, f in inputs.items()}
            return query_fingerprint(node, analysis, by_relation, {self._dag.nodes[i].relation: self.reads(node.id, i) for i in inputs})
        found = self.expected(node.id)
        schema = found.schema if found is not None else None
        return source_fingerprint(node, schema) if isinstance(node.logic, SourceLogic) else whole_node_fingerprint(node, inputs, schema)

    # How readers know it

    def read(self, reader: NodeId, source: NodeId) -> Read | None:
        """What a node takes from an input; None where that is not known yet."""
        pointer = self.recorded(reader)
        if pointer is not None:
            return pointer.inputs[source]
        columns = self.reads(reader, source)
        digest = self.identity(source, columns)
        return self.taken(reader, source, columns, digest) if digest is not None else None

    def taken(self, reader: NodeId, source: NodeId, columns: Columns, digest: Digest) -> Read:
        """What a node takes from an input that is known by `digest`; those that are no queries also see the order that an input asks for."""
        asked = self._dag.nodes[source].logic
        if isinstance(asked, SqlLogic) and _ORDER_BY.search(asked.sql) and not isinstance(self._dag.nodes[reader].logic, SqlLogic):
            digest = Digest(f"{digest}{_ORDERED}{self.content(source)}")
        return Read(None if columns is None else tuple(sorted(columns)), digest, self._keys.get(source, Key("")))

    def identity(self, node: NodeId, columns: Columns) -> Digest | None:
        """How readers of these columns know a node's output: equal for outputs that hold the same rows in them. None while it is not settled."""
        return answered(self._identity(node, columns))

    def _identity(self, node: NodeId, columns: Columns) -> Question[Digest | None]:
        if not self._dag.nodes[node].is_readable:
            return Digest("")
        if node in self._frozen or (self._dag.nodes[node].is_view and node not in self._artifacts):
            found = self._views.get((node, columns))
            if found is None:
                found = yield self.view_identity(self._dag.nodes[node], columns, self._identity)
            if found is not None:
                self._views[node, columns] = found
            return found
        artifact = self._artifacts.get(node)
        return artifact.identity(columns) if artifact is not None else None

    def audit(self, spec: AuditSpec) -> AuditSpec | None:
        """An audit with what it looks at of other nodes in its definition, which so covers all that its outcome follows from.

        None while what it looks at is not known.
        """
        if not spec.reads:
            return spec
        seen = {n: self.identity(n, None if c is None else frozenset(c)) for n, c in spec.reads.items()}
        if None in seen.values():
            return None
        material = json.dumps(sorted(seen.items()))
        return replace(spec, definition=f"{spec.definition}-{hashlib.sha256(material.encode()).hexdigest()[:16]}")

    def view_identity(
        self, node: Node, columns: Columns, identity: Callable[[NodeId, Columns], Question[Digest | None]]
    ) -> Question[Digest | None]:
        """A view is what its query makes of what it reads, column by column where that is known."""
        if node.id in self._frozen:
            return self._frozen_identity(node.id)
        analysis = self.analysis(node.id)
        if analysis is None:
            return None
        chosen = [analysis.column(c) for c in sorted(columns)] if columns is not None else [None]
        material: list[object] = [self._moment(node)]
        if analysis.opaque is not None or analysis.columns is None or analysis.order or None in chosen:
            material += [content_of(node, analysis)]
            origins = analysis.everything
        else:
            some = [c for c in chosen if c is not None]
            material += [analysis.rows_shape, [(c.name, c.shape) for c in some]]
            origins = analysis.rows.union(*(c.value | c.filter for c in some))
        for source in self._dag.inputs[node.id]:
            read = columns_of(origins, self._dag.nodes[source].relation)
            digest = yield identity(source, read)
            if digest is None:
                return None
            material.append([source, None if read is None else sorted(read), digest])
        return Digest("view:" + hashlib.sha256(json.dumps(material, default=str).encode()).hexdigest()[:32])

    def _frozen_identity(self, view: NodeId) -> Digest | None:
        """A view that stays over the outputs it was published over, or while the project has another by its name, is its key."""
        pointer = self._pointers[view]
        material: list[object] = [pointer.key, self._moment(self._dag.nodes[view])]
        for source in sorted(i for i, read in pointer.inputs.items() if not read.key):  # state of an earlier version
            if source not in self._keys:
                return None
            material.append([source, self._keys[source]])
        return Digest("view:" + hashlib.sha256(json.dumps(material).encode()).hexdigest()[:32])

    def wanted(self, node: NodeId) -> set[Columns]:
        """The sets of columns of a node's output by which it is known to those that read it, also through views."""
        found: dict[NodeId, set[Columns]] = {}
        views = [node]  # those through which the output is read, what reads a view before what it reads
        for name in views:
            views += [r for r in self._dag.readers[name] if self._dag.nodes[r].is_view and r not in views]
        for name in sorted(views, key=self._dag.order.index, reverse=True) if len(views) > 1 else views:
            found[name] = set()
            for reader in self._dag.readers[name]:
                found[name] |= {self.reads(reader, name)} | self._through(reader, name, found.get(reader, set()))
            found[name] |= {None if c is None else frozenset(c) for c in self._dag.looks.get(name, ())}
        return found[node]

    def _through(self, view: NodeId, source: NodeId, wanted: set[Columns]) -> set[Columns]:
        """The columns of an input that a view needs for each set of its own columns."""
        analysis = self.analysis(view) if wanted else None
        if analysis is None or analysis.opaque is not None:
            return set()
        found: set[Columns] = set()
        for columns in wanted:
            chosen = [analysis.column(c) for c in columns] if columns is not None else [None]
            if None not in chosen:
                origins = analysis.rows.union(*(c.value | c.filter for c in chosen if c is not None))
                found.add(columns_of(origins, self._dag.nodes[source].relation))
        return found


def columns_of(origins: Iterable[tuple[str, str]], relation: str) -> Columns:
    """The columns of one relation among these origins; None where it may be any."""
    from seeknal.sql.relations import ANY, ROWS

    found = {column for r, column in origins if r == relation and column != ROWS}
    return None if ANY in found else frozenset(fold(c) for c in found)
