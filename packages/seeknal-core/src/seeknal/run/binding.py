"""Asking the engine what a node's query means before anything is built: the types of its columns, and whether its names are right."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seeknal.errors import EngineError, NodeError, ProjectError, did_you_mean
from seeknal.features.model import ENTITY, TRAINING_SET
from seeknal.nodes import SourceLogic, SqlLogic, fold
from seeknal.plan.fingerprint import config_hash
from seeknal.plan.planner import UNREAD, is_read_from_outside
from seeknal.plugin import ReferenceColumns
from seeknal.run.documenting import column_errors
from seeknal.run.naming import missing_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from seeknal.api import Project
    from seeknal.errors import SeeknalError
    from seeknal.nodes import Node, NodeId
    from seeknal.plan.outlook import Outlook
    from seeknal.plan.planner import Situation
    from seeknal.protocols import Session
    from seeknal.sql.expressions import NameProblem


def query_types(project: Project, outlook: Outlook, node: Node) -> dict[str, str | None]:
    """The types of the columns that a node's query returns, by folded name; none where they cannot be told before it runs."""
    if not isinstance(node.logic, SqlLogic):
        return {}
    try:
        with _Bound(project, outlook, node) as session:
            found = {fold(c.name): c.type for c in session.describe(node.logic.sql)}
    except (EngineError, NodeError):
        return {}
    return found | {fold(c.name): c.type for c in node.columns if c.type}


def name_errors(project: Project, situation: Situation, outlook: Outlook) -> Iterator[SeeknalError]:
    """The names in queries that mean nothing or too much, where that can be told before anything runs.

    The analysis finds them and the engine confirms them: what it accepts is right. Where nobody edited anything, and a column is gone from the data, that is
    for the run to meet: it fails one node, not the project.
    """
    looked = _Looked.at(project, situation, outlook)
    yield from looked.errors
    for name in situation.dag.order:
        node = situation.dag.nodes[name]
        if name not in looked.edited:
            continue
        if (TRAINING_SET in node.details or ENTITY in node.details) and all(i in looked.certain for i in situation.dag.inputs[name]):
            yield from _misfits(project, outlook, node)
        yield from column_errors(node, looked.columns(situation.dag.inputs[name]))
        if isinstance(node.logic, SqlLogic) and (returned := looked.columns([name]).get(name)):
            yield from missing_columns(node, returned)
    for name in situation.dag.order:
        node = situation.dag.nodes[name]
        if node.audits and (situation.selected is None or name in situation.selected) and _has_other_audits(node, situation):
            yield from _audit_errors(project, node, looked.columns({name, *situation.dag.waits[name]}))


def document_errors(project: Project, situation: Situation) -> Iterator[SeeknalError]:
    """The columns that nodes without rows name and that there are not, whether anything was edited or not."""
    outlook = situation.outlook()
    looked = _Looked.at(project, situation, outlook)
    for name in situation.dag.order:
        yield from column_errors(situation.dag.nodes[name], looked.columns(situation.dag.inputs[name]))


@dataclass
class _Looked:
    """What is known before anything runs: the nodes whose columns are certain, those that were edited or read such, and what is wrong in their queries."""

    outlook: Outlook
    certain: set[NodeId] = field(default_factory=set)
    edited: set[NodeId] = field(default_factory=set)
    errors: list[ProjectError] = field(default_factory=list)

    @classmethod
    def at(cls, project: Project, situation: Situation, outlook: Outlook) -> _Looked:
        """Look at all nodes, in graph order."""
        looked = cls(outlook)
        for name in situation.dag.order:
            node = situation.dag.nodes[name]
            if situation.selected is not None and name not in situation.selected:
                outlook.keep(name)
            inputs = situation.dag.inputs[name]
            if _is_edited(node, situation) or any(i in looked.edited for i in inputs):
                looked.edited.add(name)
            if not all(i in looked.certain for i in inputs) or not (inputs or not node.is_readable or _is_as_it_was(node, situation)):
                continue
            problems = outlook.problems(name) if name in looked.edited else ()
            if not problems:
                if name not in looked.edited or _tells_its_columns(node, outlook):
                    looked.certain.add(name)
            elif TRAINING_SET in node.details:
                continue  # what its spine lacks, the misfits say in its words
            elif _refused(project, outlook, node):
                placed = [_placed(node, problem) for problem in problems]
                looked.errors += {(e.message, e.at): e for e in placed}.values()  # several columns can be made of one name
        return looked

    def columns(self, nodes: Iterable[NodeId]) -> dict[NodeId, tuple[str, ...]]:
        """The names of their columns, of those where these are certain."""
        return {n: self.outlook.names(n) or () for n in nodes if n in self.certain}


def _misfits(project: Project, outlook: Outlook, node: Node) -> list[NodeError]:
    """What is wrong with the keys of a training set or an entity, where the types of all it reads can be told."""
    from seeknal.run.spines import columns_of, misfits  # start-up time

    dialect = project.loaded.engine.dialect
    try:
        with _Bound(project, outlook, node) as session:
            return list(misfits(node, project.nodes, lambda name: columns_of(session, project.nodes[name].relation, dialect)))
    except (EngineError, NodeError):
        return []


def _has_other_audits(node: Node, situation: Situation) -> bool:
    pointer = situation.pointers.get(node.id)
    return pointer is None or pointer.fingerprint.config != config_hash(node)


def _audit_errors(project: Project, node: Node, known: Mapping[NodeId, tuple[str, ...]]) -> Iterator[ProjectError]:
    """The columns in a node's audits that there will not be, as far as the columns of what they look at are known."""
    from seeknal.audits.signature import signature_of  # start-up time

    own = node.id if node.is_readable else node.inputs[0]
    for spec in node.audits:
        parameters = signature_of(project.loaded.registry.audit(spec.type)).parameters.values()
        named = [(p.name, own, spec.params.get(p.name) or ()) for p in parameters if p.is_columns]
        named += [(p.name, next(iter(spec.reads), own), spec.params.get(p.name) or ()) for p in parameters if p.type is ReferenceColumns]
        for name, subject, written in [*named, ("redact", own, spec.redact)]:
            names = known.get(subject, ())
            for column in [written] if isinstance(written, str) else written:
                if names and fold(column) not in {fold(n) for n in names}:
                    of = "" if subject == own else f" in {subject}"
                    hint = did_you_mean(column, names) or f"columns: {', '.join(names)}"
                    at = spec.places.get(name) or spec.at or node.at
                    yield ProjectError("SK-AUDIT-004", f"audit {spec.type}: no column '{column}'{of}", at=at, hint=hint)


def _is_as_it_was(node: Node, situation: Situation) -> bool:
    """Whether what is read from outside has the columns it had: neither its data nor how it is read has changed."""
    if not is_read_from_outside(node):
        return True
    pointer, version = situation.pointers.get(node.id), situation.versions.get(node.id)
    if pointer is None or pointer.fingerprint.content != node.content_hash:
        return False
    return version == pointer.version or (version == UNREAD and getattr(node.logic, "refresh", None) == "manual")


def _is_edited(node: Node, situation: Situation) -> bool:
    """Whether the environment was built from another query or other code, or none."""
    pointer = situation.pointers.get(node.id)
    if isinstance(node.logic, SqlLogic):
        return pointer is None or pointer.sql != node.logic.sql
    return pointer is None or pointer.fingerprint.content != node.content_hash


def _tells_its_columns(node: Node, outlook: Outlook) -> bool:
    """Whether a node's logic says which columns it will have; of other nodes only the output they had is known."""
    analysis = outlook.analysis(node.id)
    return isinstance(node.logic, SourceLogic) or (analysis is not None and analysis.names is not None and None not in analysis.names)


def _refused(project: Project, outlook: Outlook, node: Node) -> bool:
    try:
        with _Bound(project, outlook, node) as session:
            session.describe(getattr(node.logic, "sql", ""))
    except EngineError as error:
        return error.code == "SK-SQL-011"
    except NodeError:
        return False
    return False


def _placed(node: Node, problem: NameProblem) -> ProjectError:
    from seeknal.project.lowering import locate  # start-up time
    from seeknal.sql.guard import position

    logic, at = node.logic, node.at
    if isinstance(logic, SqlLogic) and logic.place is not None:
        line, column = position(logic.sql, problem.offset)
        at = logic.place.at(*locate(line, column, logic.sql, logic.template, built=logic.built))
    return ProjectError("SK-SQL-011", f"{node.id}: {problem.message}", at=at, hint=problem.hint)


class _Bound:
    """A session in which what a node reads can be named: outputs as they are, queries in place of what is yet to be built."""

    def __init__(self, project: Project, outlook: Outlook, node: Node) -> None:
        self._relations = project.relations()
        for name in project.dag.upstream([node.id]):
            logic = project.nodes[name].logic
            settled, expected = outlook.artifact(name), outlook.expected(name)
            if settled is None and isinstance(logic, SqlLogic):
                self._relations.put_view(name, logic.sql, project.dag.inputs[name])
            elif settled or expected:
                self._relations.put(name, settled or expected)  # type: ignore[arg-type]
        self._inputs = project.dag.inputs[node.id]
        self._node = node
        self._dialect = project.loaded.engine.dialect

    def __enter__(self) -> Session:
        for name in self._inputs:
            self._relations.define(name)
        if self._node.this:
            from seeknal.run.itself import define_before  # start-up time

            define_before(self._relations.session, self._node, (), self._dialect)
        return self._relations.session

    def __exit__(self, *_: object) -> None:
        self._relations.close()
