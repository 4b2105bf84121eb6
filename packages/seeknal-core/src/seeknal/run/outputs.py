"""Which output of a node a comparison is about, and making it readable beside another one of the same name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.errors import NodeError
from seeknal.nodes import Key, relation_name
from seeknal.protocols import Query
from seeknal.run.comparison import Side
from seeknal.run.held import Held, held_name
from seeknal.sql.guard import parse_select
from seeknal.state.environments import PROD
from seeknal.state.model import Artifact

if TYPE_CHECKING:
    from seeknal.api import Project
    from seeknal.nodes import Node, NodeId
    from seeknal.protocols import Session
    from seeknal.state.model import Pointer, Snapshot, View


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
        self._session = session
        self._held = Held(lambda: snapshot)

    def define(self, output: Output, schema: str) -> exp.Table:
        """Make an output readable, and for a view all it reads. Returns the relation."""
        node, pointer = output.side.node, output.pointers.get(output.side.node)
        found = output.artifact or (pointer.view(node) if pointer is not None else None)
        if found is not None:
            self._define(relation_name(node), found, output.pointers, schema, set())
        return _table(relation_name(node), schema)

    def _define(self, name: str, output: Artifact | View, pointers: dict[NodeId, Pointer], schema: str, done: set[str]) -> None:
        """Make an output readable. A view's query sees what it was published over, under the usual names."""
        done.add(name)
        if isinstance(output, Artifact):
            _require_whole(self._project, output.node, output)
            self._session.define(name, self._project.store.relation(output), schema)
            return
        over = {}
        for source, read in output.inputs.items():
            key = read or pointers[source].key
            held = over[relation_name(source)] = held_name(source, key)
            if held not in done:
                self._define(held, self._held.find(source, key), pointers, schema, done)
        self._session.define(name, Query(self._view(output.sql, over, schema)), schema)

    def _view(self, sql: str, over: dict[str, str], schema: str) -> str:
        dialect = self._project.loaded.engine.dialect
        query = exp.select("*").from_(parse_select(sql, dialect).subquery("view_rows"))
        if over:
            query.set("with_", exp.With(expressions=[_cte(said, _table(meant, schema)) for said, meant in over.items()]))
        return query.sql(dialect=dialect)


def _query(pointer: Pointer) -> str | None:
    """The query by which a view is read; None for what has an output of its own."""
    return pointer.sql if pointer.is_view else None


def _cte(name: str, table: exp.Table) -> exp.CTE:
    alias = exp.TableAlias(this=exp.to_identifier(name, quoted=True))
    return exp.CTE(this=exp.select("*").from_(table), alias=alias)


def _table(relation: str, schema: str) -> exp.Table:
    return exp.Table(this=exp.to_identifier(relation, quoted=True), db=exp.to_identifier(schema, quoted=True))


def _require_whole(project: Project, node: NodeId, artifact: Artifact) -> None:
    """An output that is not what was written is never read as data."""
    presence = project.store.check(artifact)
    if presence != "whole":
        message = f"the output of {node} is {presence}"
        if artifact.location is None:
            message = f"a file of {node} {'is missing' if presence == 'missing' else 'has changed since it was last built'}"
        raise NodeError("SK-RUN-007", message, hint=f"build it again: seeknal run --select '{node}'")
