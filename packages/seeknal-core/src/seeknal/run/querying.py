"""Asking what is published, in SQL."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from seeknal.errors import EngineError, did_you_mean, nearest
from seeknal.nodes import fold, kind_of, name_of, relation_name
from seeknal.protocols import Query
from seeknal.run.reading import find_readable, published_alone
from seeknal.sql.guard import SqlProblem, parse_select, position, tables
from seeknal.state.environments import PROD

if TYPE_CHECKING:
    from types import TracebackType

    from seeknal.api import Project
    from seeknal.nodes import Key, NodeId, Schema
    from seeknal.protocols import Rows
    from seeknal.run.sessions import Relations
    from seeknal.sql.guard import TableUse

_NO_STATEMENT = "SK-SQL-002"


@dataclass(frozen=True)
class Published:
    """A relation that can be asked: the node, and how many rows it has where that is known without asking."""

    node: NodeId
    relation: str
    rows: int | None
    schema: Schema


class Querying:
    """A session over what is published; use it as a context manager. What later runs publish is seen from the next query on."""

    def __init__(self, project: Project, environment: str = PROD) -> None:
        self._project = project
        self._environment = environment
        self._open = ExitStack()
        self._relations: Relations | None = None
        self._pointers: dict[NodeId, Key] = {}
        self._alone: list[NodeId] = []
        self._dotted: set[NodeId] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()

    @property
    def dialect(self) -> str:
        """The SQL that is understood."""
        return self._project.loaded.engine.dialect

    def relations(self) -> list[Published]:
        """Everything that is published and can be asked, in the project's order, what it no longer has last. Views' columns are not looked up."""
        current = self._current()
        found = []
        for name in (*self._project.dag.order, *self._alone):
            artifact = current.artifact(name)
            if artifact is not None:
                found.append(Published(name, relation_name(name), artifact.rows, artifact.schema))
            elif current.has(name):
                columns = self._project.nodes[name].columns if name in self._project.nodes else ()
                found.append(Published(name, relation_name(name), None, columns))
        return found

    def schema(self, name: str) -> Schema:
        """The columns of a node or relation. Raises ProjectError for an unknown name, NodeError for one not built yet."""
        current = self._current()
        return current.session.describe(f"SELECT * FROM {current.define(self._node(name))}")  # noqa: S608 - a relation's own name

    def rows(self, sql: str, limit: int | None = None) -> Rows:
        """Run one SELECT over nodes, named `transform_x` or `transform.x`.

        Raises EngineError, placed in the text, for SQL that is not allowed or fails, and NodeError for a node not built yet.
        """
        relations = self._current()
        try:
            for use in tables(parse_select(sql, self.dialect)):
                self._define(use, sql)
        except SqlProblem as problem:
            hint = "only SELECT is understood here; `.help` lists the rest" if problem.code == _NO_STATEMENT else problem.hint
            raise EngineError(problem.code, problem.message, line=problem.line, column=problem.column, hint=hint) from None
        return relations.session.rows(sql, limit)

    def interrupt(self) -> None:
        """Cancel the query in flight, from another thread."""
        if self._relations is not None:
            self._relations.interrupt()

    def _current(self) -> Relations:
        """The session, opened again when something else has been published meanwhile."""
        snapshot = self._project.state.read()
        pointers = snapshot.keys(self._environment)
        if self._relations is None or pointers != self._pointers:
            self._open.close()
            self._relations = self._open.enter_context(self._project.reading(self._environment, snapshot=snapshot))
            self._pointers = pointers
            self._alone = published_alone(self._project, snapshot, self._environment)
            self._dotted.clear()
        return self._relations

    def _readable(self) -> dict[str, NodeId]:
        """What can be asked by the name of its relation, folded: the project's nodes, and what is published that it no longer has."""
        nodes = [*self._alone, *(n.id for n in self._project.nodes.values() if n.is_readable)]
        return {fold(relation_name(n)): n for n in nodes}

    def _node(self, name: str) -> NodeId:
        known = self._readable()
        found = known.get(fold(name).replace(".", "_", 1)) or known.get(fold(name))
        return found or find_readable(self._project, self._alone, name)

    def _define(self, use: TableUse, sql: str) -> None:
        readable = self._readable()
        dotted = {fold(n): n for n in readable.values()}
        node = dotted.get(fold(use.dotted)) if use.schema else readable.get(fold(use.name))
        if node is None:
            line, column = position(sql, use.start)
            raise SqlProblem("SK-REF-001", f"unknown relation '{use.dotted}'", line, column, self._hint(use, readable))
        relation = (self._relations or self._current()).define(node)
        if use.schema and node not in self._dotted:
            query = Query(f"SELECT * FROM {relation}")  # noqa: S608 - a relation's own name
            self._current().session.define(name_of(node), query, kind_of(node))
            self._dotted.add(node)

    def _hint(self, use: TableUse, readable: dict[str, NodeId]) -> str:
        named = [n for n in readable.values() if fold(name_of(n)) == fold(use.name)]
        if named:
            return f"write {' or '.join(sorted(named))}"
        known = list(readable.values()) if use.schema else list(readable)
        names = {name_of(n): n for n in readable.values()}
        near = nearest(use.name, names)
        return did_you_mean(use.dotted, known) or (f"did you mean '{names[near]}'?" if near else "`.tables` lists what there is")
