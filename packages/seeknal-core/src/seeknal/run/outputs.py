"""Which output of a node a comparison is about, and making it readable beside another one of the same name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.errors import NodeError
from seeknal.nodes import Key, relation_name
from seeknal.protocols import Files, Query
from seeknal.run.comparison import Side
from seeknal.sql.guard import parse_select
from seeknal.state.environments import PROD

if TYPE_CHECKING:
    from seeknal.api import Project
    from seeknal.nodes import Node, NodeId
    from seeknal.protocols import Session
    from seeknal.state.model import Artifact, Pointer, Snapshot


@dataclass(frozen=True)
class Output:
    """An output to compare: what it is, and the file or query it is read by. `artifact` None: by the query of `pointer`."""

    side: Side
    artifact: Artifact | None
    pointers: dict[NodeId, Pointer]


def published(project: Project, snapshot: Snapshot, node: Node, environment: str) -> Output:
    """What an environment publishes for a node. Raises ProjectError for an unknown environment, NodeError where nothing is published."""
    snapshot.require(environment)
    if not node.is_readable:
        raise NodeError("SK-RUN-004", f"{node.id} has no rows to compare: nodes of kind {node.kind} store none", at=node.at)
    pointers = snapshot.pointers(environment)
    pointer = pointers.get(node.id)
    artifact = snapshot.artifact(pointer.key) if pointer is not None else None
    if pointer is None or (artifact is None and _query(pointer) is None):
        where = "" if environment == PROD else f" --env {environment}"
        hint = f"build it first: seeknal run{where} --select '+{node.id}'"
        raise NodeError("SK-RUN-002", f"{node.id} has not been built in environment '{environment}' yet", at=node.at, hint=hint)
    if _query(pointer) is not None:
        return Output(Side(node.id, environment, pointer.key, None), None, pointers)
    if artifact is not None:
        _require_whole(project, node.id, artifact)
    return Output(Side(node.id, environment, pointer.key, artifact.created_at if artifact else None), artifact, pointers)


def earlier(project: Project, snapshot: Snapshot, node: Node) -> Output:
    """The newest whole output of a node besides the one prod publishes, those that an audit kept from being published left out.

    Raises NodeError when there is none.
    """
    current = published(project, snapshot, node, PROD)
    hint = f"name another environment or node: seeknal table-diff {node.id} --env ENV, or seeknal table-diff {node.id} OTHER"
    if current.artifact is None:
        raise NodeError("SK-DIFF-001", f"{node.id} is a view: no earlier output of it is kept", at=node.at, hint=hint)
    rejected = _rejected(snapshot, node)
    known = {k: v for k, v in snapshot.tables["artifacts"].items() if v["node"] == node.id and "part" not in v}
    keys = [k for k in known if k != current.side.key and k not in rejected]
    found = [a for a in (snapshot.artifact(Key(k)) for k in keys) if a is not None and project.store.check(a) == "whole"]
    if not found:
        raise NodeError("SK-DIFF-001", f"{node.id} has no output from before the one that is published", at=node.at, hint=hint)
    newest = max(found, key=lambda a: (a.created_at, max((f.mtime_ns for f in a.files), default=0)))
    return Output(Side(node.id, None, newest.key, newest.created_at), newest, {})


def _rejected(snapshot: Snapshot, node: Node) -> set[str]:
    """The keys on which an audit of severity `error` failed, but for those that have passed all such audits the node has now."""
    failed = {k.partition("/")[0] for k, v in snapshot.tables["audits"].items() if not v["passed"] and v["severity"] == "error"}
    definitions = [a.definition for a in node.audits if a.severity == "error"]
    passed = set()
    for key in failed if definitions else ():
        outcomes = [snapshot.audit(Key(key), d) for d in definitions]
        if all(o is not None and o.passed for o in outcomes):
            passed.add(key)
    return failed - passed


class Readable:
    """Makes outputs readable in a session, each side's in a schema of its own."""

    def __init__(self, project: Project, snapshot: Snapshot, session: Session) -> None:
        self._project = project
        self._snapshot = snapshot
        self._session = session

    def define(self, output: Output, schema: str) -> exp.Table:
        """Make an output readable, and for a view all it reads. Returns the relation."""
        node = output.side.node
        if output.artifact is not None:
            self._session.define(relation_name(node), Files(self._project.store.paths(output.artifact)), schema)
        else:
            self._published(node, output.pointers, schema, set())
        return _table(node, schema)

    def _published(self, node: NodeId, pointers: dict[NodeId, Pointer], schema: str, done: set[NodeId]) -> None:
        """What an environment publishes for a node: a view's query sees its environment's relations, under their usual names."""
        if node in done:
            return
        done.add(node)
        pointer = pointers.get(node)
        artifact = self._snapshot.artifact(pointer.key) if pointer is not None else None
        query = _query(pointer) if pointer is not None else None
        if pointer is not None and query is not None:
            for source in pointer.inputs:
                self._published(source, pointers, schema, done)
            self._session.define(relation_name(node), Query(self._view(query, list(pointer.inputs), schema)), schema)
        elif artifact is not None:
            _require_whole(self._project, node, artifact)
            self._session.define(relation_name(node), Files(self._project.store.paths(artifact)), schema)
        else:
            raise NodeError("SK-RUN-002", f"{node}, which a view reads, has not been built yet", hint="run the project again")

    def _view(self, sql: str, inputs: list[NodeId], schema: str) -> str:
        dialect = self._project.loaded.engine.dialect
        query = exp.select("*").from_(parse_select(sql, dialect).subquery("view_rows"))
        if inputs:
            query.set("with_", exp.With(expressions=[_cte(relation_name(n), _table(n, schema)) for n in inputs]))
        return query.sql(dialect=dialect)


def _query(pointer: Pointer) -> str | None:
    """The query by which a view is read; None for what has an output of its own."""
    return pointer.sql if pointer.is_view else None


def _cte(name: str, table: exp.Table) -> exp.CTE:
    alias = exp.TableAlias(this=exp.to_identifier(name, quoted=True))
    return exp.CTE(this=exp.select("*").from_(table), alias=alias)


def _table(node: NodeId, schema: str) -> exp.Table:
    return exp.Table(this=exp.to_identifier(relation_name(node), quoted=True), db=exp.to_identifier(schema, quoted=True))


def _require_whole(project: Project, node: NodeId, artifact: Artifact) -> None:
    """An output that is not what was written is never read as data."""
    presence = project.store.check(artifact)
    if presence != "whole":
        message = f"the output of {node} is {presence}"
        if artifact.location is None:
            message = f"a file of {node} {'is missing' if presence == 'missing' else 'has changed since it was last built'}"
        raise NodeError("SK-RUN-007", message, hint=f"build it again: seeknal run --select '{node}'")
