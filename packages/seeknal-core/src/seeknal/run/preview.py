"""What a node would produce, without building it: nothing that another command compares against is written."""

from __future__ import annotations

import contextlib
import shlex
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from seeknal.errors import EngineError, NodeError
from seeknal.fileversions import FileVersions
from seeknal.nodes import DocumentLogic, ExposureLogic, Key, PythonLogic, RuleLogic, SourceLogic, SqlLogic
from seeknal.protocols import Files, Query, Rows
from seeknal.run.columns import casting_query, check_declared, differs
from seeknal.run.sessions import placed
from seeknal.run.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seeknal.api import Project
    from seeknal.audits.outcomes import Audited
    from seeknal.nodes import Node, NodeId, Schema
    from seeknal.protocols import ArrowStream, Session
    from seeknal.run.sessions import Relations

_KEY = Key("dry-run")


@dataclass(frozen=True)
class Preview:
    """What a node would produce: its columns, its first rows, what its audits find, and in a line what a run would do.

    `rows` is None where the node has none of its own; `count` is the number of all rows, where it is known.
    """

    does: str
    schema: Schema = ()
    rows: Rows | None = None
    audited: tuple[Audited, ...] = ()
    count: int | None = None


def preview(project: Project, node: Node, limit: int) -> Preview:
    """Compute a node from what is published. Raises NodeError where that fails, or where an input has not been built."""
    if isinstance(node.logic, DocumentLogic):
        return Preview(f"documents a {node.logic.type}; nothing is built")
    with project.reading() as relations:
        require_inputs(project, relations, node)
        try:
            return _Previewing(project, relations, node).preview(limit)
        except EngineError as error:
            raise placed(error, node) from None
        except OSError as error:
            raise NodeError("SK-DISK-001", f"{error.filename or node.id}: {error.strerror or error}", at=node.at) from None


def outdated(project: Project, node: Node) -> list[NodeId]:
    """What the node reads, directly or through others, that a run would build first: a preview shows what was there before."""
    upstream = project.dag.upstream([node.id])
    decisions = project.plan().decisions
    return [n for n in project.dag.order if n in upstream and decisions[n].action == "build" and not project.nodes[n].is_view]


def require_inputs(project: Project, relations: Relations, node: Node) -> None:
    """Every input can be read. Raises NodeError naming all that cannot."""
    needed = _read(project, relations, node)
    missing = [n for n in project.dag.order if n in needed and not relations.has(n)]
    if missing:
        selection = " ".join(f"+{n}" for n in missing)
        message = f"{node.id} reads {', '.join(missing)}, which {'has' if len(missing) == 1 else 'have'} not been built yet"
        raise NodeError(
            "SK-RUN-002",
            message,
            at=node.at,
            hint=f"build {'it' if len(missing) == 1 else 'them'} first: seeknal run --select {shlex.quote(selection)}",
        )


def _read(project: Project, relations: Relations, node: Node) -> set[NodeId]:
    """What it reads, seen through views that are not published yet."""
    found: set[NodeId] = set()
    waiting = [*project.dag.inputs[node.id]]
    for name in waiting:
        if project.nodes[name].is_view and not relations.has(name):
            waiting += [i for i in project.dag.inputs[name] if i not in waiting]
        else:
            found.add(name)
    return found


class _Previewing:
    """One preview, in a session that can read what is published."""

    def __init__(self, project: Project, relations: Relations, node: Node) -> None:
        self._project = project
        self._relations = relations
        self._node = node
        self._dialect = project.loaded.engine.dialect

    @property
    def _session(self) -> Session:
        return self._relations.session

    def preview(self, limit: int) -> Preview:
        logic = self._node.logic
        if isinstance(logic, RuleLogic | ExposureLogic):
            return self._reader(logic, limit)
        with self._query() as query:
            return self._produced(query, limit)

    def _reader(self, logic: RuleLogic | ExposureLogic, limit: int) -> Preview:
        """A node that only reads its one input: what it would check, or hand on."""
        if isinstance(logic, ExposureLogic) and not self._node.inputs:
            return Preview(_exports(logic, 0), ())
        relation = self._relations.define(self._node.inputs[0])
        query = self._all(relation)
        schema = self._session.describe(query)
        audited = self._audited(relation, schema)
        if isinstance(logic, RuleLogic):
            return Preview(f"checks {self._node.inputs[0]}", schema, audited=audited)
        count = self._count(relation)
        return Preview(_exports(logic, count), schema, self._session.rows(query, limit), audited, count)

    def _produced(self, query: str, limit: int) -> Preview:
        """The rows of a node of its own, its declared columns enforced and its audits run as a build would."""
        node = self._node
        schema = self._session.describe(query)
        check_declared(node, schema)
        if differs(node, schema, self._dialect):
            if node.is_view:
                message = "declared types differ from the view's; cast in its SQL, or store it (materialized: table)"
                raise NodeError("SK-DATA-007", message, at=node.at)
            query = casting_query(query, schema, node, self._dialect)
        name = f"{node.relation}__produced" if node.this else node.relation
        self._session.define(name, Query(query))
        produced = self._all(name)
        rows = self._session.rows(produced, limit)
        schema = self._session.describe(produced)
        count = len(rows.rows) if len(rows.rows) < limit else None
        does = "defines a view" if node.is_view else "stores a table"
        return Preview(does, schema, rows, self._audited(name, schema), count)

    @contextmanager
    def _query(self) -> Iterator[str]:
        """The query whose rows the node would have. What is read from outside, or by Python, is kept in a file meanwhile."""
        node, logic = self._node, self._node.logic
        for source in node.inputs:
            self._relations.define(source)
        if isinstance(logic, SqlLogic):
            if node.this:
                from seeknal.run.itself import Before, define_before  # start-up time

                held = self._relations.artifact(node.id) if node.merging is not None else None
                befores = [Before(self._project.store.paths(held), held.schema)] if held is not None else []
                define_before(self._session, node, befores, self._dialect)
            yield logic.sql
            return
        sources = Sources(self._project.loaded, FileVersions(self._project.root, {}))
        if isinstance(logic, SourceLogic) and not logic.cache and sources.is_file(logic):
            files = sources.files(node, logic)[1]
            yield self._as_read(*(self._project.root / f.name for f in files))
            return
        stage = self._project.store.stage(node.id, _KEY)
        try:
            if isinstance(logic, SourceLogic):
                sources.read(node, logic, self._session, stage.part, {})
            elif isinstance(logic, PythonLogic):
                from seeknal.run.pythonnode import call  # start-up time

                streams = [partial(self._stream, i) for i in node.inputs]
                self._session.ingest(call(self._project.root, node, logic, streams), stage.part, {})
            yield self._as_read(stage.part)
        finally:
            self._project.store.discard(stage)
            with contextlib.suppress(OSError):
                stage.folder.parent.rmdir()

    def _stream(self, source: NodeId) -> ArrowStream:
        return self._session.arrow(self._all(self._relations.define(source)))

    def _as_read(self, *paths: Path) -> str:
        name = f"{self._node.relation}__as_read"
        self._session.define(name, Files(paths))
        return self._all(name)

    def _audited(self, relation: str, schema: Schema) -> tuple[Audited, ...]:
        if not self._node.audits:
            return ()
        from seeknal.audits.runner import AuditRunner  # start-up time

        for source in dict.fromkeys(n for a in self._node.audits for n in a.reads):
            self._relations.define(source)
        registry = self._project.loaded.registry
        audits = {a.type: registry.audit(a.type) for a in self._node.audits}
        return tuple(AuditRunner(self._session, self._dialect, audits).run(self._node.audits, relation, schema, self._node.at))

    def _all(self, relation: str) -> str:
        from sqlglot import exp  # start-up time

        return exp.select("*").from_(exp.Table(this=exp.to_identifier(relation, quoted=True))).sql(dialect=self._dialect)

    def _count(self, relation: str) -> int:
        from sqlglot import exp  # start-up time

        counted = exp.select(exp.Count(this=exp.Star())).from_(exp.Table(this=exp.to_identifier(relation, quoted=True)))
        return int(self._session.rows(counted.sql(dialect=self._dialect)).rows[0][0])


def _exports(logic: ExposureLogic, count: int) -> str:
    rows = f"{count:,} row{'' if count == 1 else 's'}"
    if logic.type == "file":
        return f"writes {rows} to {logic.params['path']} ({logic.params['format']})"
    if logic.type != "table":
        return f"deploys a {logic.type} through connection '{logic.connection}'"
    table = f"table {logic.params['table']} of connection '{logic.connection}'"
    return f"adds {rows} to {table}" if logic.params["mode"] == "append" else f"replaces the content of {table} with {rows}"
