"""Asking a database outside: what a model's node is called there, and the compiled SELECT run on it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.errors import SqlglotError

from seeknal.errors import ProjectError, did_you_mean
from seeknal.nodes import ExposureLogic, SourceLogic
from seeknal_semantic.query import Answer, plain_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal.api import Project
    from seeknal.nodes import NodeId
    from seeknal_semantic.catalog import Catalog
    from seeknal_semantic.compiler import Compiled
    from seeknal_semantic.query import Asking

_LOADED = ("table", "starrocks_table")
"""Types of exposures that leave a node's rows in a table, as they are."""


def tables(project: Project, catalog: Catalog, connection: str) -> dict[str, exp.Table]:
    """The table of each model's relation on a connection.

    It is the one a source of the connection reads, or the one an exposure of it loads the node into; else one that is called as the
    relation is. Raises ProjectError for a connection that profiles.yml has not, and a node that is loaded into several tables.
    """
    known = project.loaded.profiles.connections
    if connection not in known:
        hint = did_you_mean(connection, known) or (
            f"known: {', '.join(known)}" if known else "define it under connections: in profiles.yml"
        )
        raise ProjectError("SK-CFG-004", f"no connection '{connection}' in profiles.yml", hint=hint)
    dialect = project.loaded.registry.connection(known[connection].type, known[connection].at).dialect
    written = _written(project, connection)
    found: dict[str, exp.Table] = {}
    for model in catalog.models.values():
        names = sorted(written.get(model.node, {model.relation}))
        if len(names) > 1:
            message = f"{model.node} is loaded into several tables of '{connection}': {', '.join(names)}"
            raise ProjectError("SK-SEM-027", message, hint="keep one exposure of it on this connection")
        try:
            found[model.relation] = exp.to_table(names[0], dialect=dialect)
        except SqlglotError:
            raise ProjectError("SK-SEM-027", f"'{names[0]}', where {model.node} is, is no name of a table") from None
    return found


def _written(project: Project, connection: str) -> dict[NodeId, set[str]]:
    """The tables in which nodes are, by node."""
    found: dict[NodeId, set[str]] = {}
    for node in project.nodes.values():
        if isinstance(node.logic, ExposureLogic) and node.logic.connection == connection and node.logic.type in _LOADED:
            for source in node.inputs:
                found.setdefault(source, set()).add(str(node.logic.params["table"]))
    for node in project.nodes.values():
        if isinstance(node.logic, SourceLogic) and node.logic.connection == connection and node.logic.table is not None:
            found[node.id] = {node.logic.table}
    return found


def placed(tree: exp.Query, places: Mapping[str, exp.Table]) -> exp.Query:
    """The query with relations replaced by their tables, under the names that they have in it."""
    made = tree.copy()
    defined = {cte.alias for cte in made.find_all(exp.CTE)}
    for table in list(made.find_all(exp.Table)):
        if table.name in places and table.name not in defined and not table.db:
            place = places[table.name].copy()
            place.set("alias", table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name)))
            place.set("joins", table.args.get("joins"))
            table.replace(place)
    return made


def compiled_for(asking: Asking, found: Compiled, connection: str) -> tuple[str, exp.Query]:
    """The dialect of a connection, and the query over its tables. Raises ProjectError."""
    project = asking.project
    places = tables(project, asking.catalog, connection)
    settings = project.loaded.profiles.connections[connection]
    return project.loaded.registry.connection(settings.type, settings.at).dialect, placed(found.tree, places)


def answer(asking: Asking, found: Compiled, connection: str) -> Answer:
    """Ask a connection. Nothing is kept: what its tables hold is not known here. Raises ProjectError, ConnectionFailed."""
    from seeknal.run.outside import Outside
    from seeknal_semantic.dialects import generate

    begun = time.perf_counter()
    dialect, tree = compiled_for(asking, found, connection)
    sql = generate(tree, dialect)
    outside = Outside(asking.project, connection)
    try:
        rows = plain_rows(outside.rows(sql), found.days)
    finally:
        outside.close()
    return Answer(rows, sql, time.perf_counter() - begun, cached=False, days=found.days)
