"""`seeknal render`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from seeknal.cli.completion import complete_nodes
from seeknal.cli.options import invocation_of, shared_options
from seeknal.errors import Location, ProjectError, ProjectErrors
from seeknal.nodes import Node, SourceLogic, SqlLogic

if TYPE_CHECKING:
    from seeknal.api import Project
    from seeknal.sql.guard import SqlProblem


@click.command()
@click.argument("node", shell_complete=complete_nodes)
@click.option("--target", metavar="DIALECT", help="Translate it to this SQL dialect, such as snowflake, and lay it out.")
@shared_options
@click.pass_context
def render(ctx: click.Context, node: str, target: str | None) -> int:
    """Show the SQL that the engine runs for NODE, templates rendered. What is different in each window is called start_ts and end_ts."""
    from seeknal.sql.moments import as_written  # start-up time

    project = invocation_of(ctx).project()
    found = project.find(node)
    logic = found.logic
    text = logic.sql if isinstance(logic, SqlLogic) else logic.query if isinstance(logic, SourceLogic) else None
    if text is None:
        raise ProjectError("SK-RUN-006", f"{found.id} is not built by SQL", at=found.at)
    if target is not None:
        text = _translated(project, found, text, target)
    elif isinstance(logic, SqlLogic) and logic.written:
        text = _translated(project, found, text, logic.dialect)
    click.echo(as_written(text.rstrip()) if found.windows is not None else text.rstrip())
    return 0


def _translated(project: Project, node: Node, text: str, target: str) -> str:
    """The text in another dialect, laid out. What that cannot say is refused at its place in the node's file."""
    from seeknal.sql.guard import SqlProblem, parse_select  # start-up time
    from seeknal.sql.transpile import Untranslatable, known_dialect, transpile

    try:
        target = known_dialect(target)
        written = _dialect(project, node)
        return transpile(parse_select(text, written, outside=True), text, written, target, pretty=True)
    except SqlProblem as problem:
        raise ProjectError(problem.code, problem.message, hint=problem.hint) from None
    except Untranslatable as error:
        problems = [ProjectError(p.code, p.message, at=_place(node, p), hint=p.hint) for p in error.problems]
        raise (problems[0] if len(problems) == 1 else ProjectErrors(problems)) from None


def _dialect(project: Project, node: Node) -> str:
    """The dialect of a node's text: for the query of a source its database's, for others the engine's."""
    if isinstance(node.logic, SqlLogic):
        return node.logic.dialect
    type_ = node.logic.type if isinstance(node.logic, SourceLogic) else ""
    known = {p.contribution.name: p.contribution.dialect for p in project.loaded.registry.connections}
    return known.get(type_, project.loaded.engine.dialect)


def _place(node: Node, problem: SqlProblem) -> Location:
    from seeknal.project.placing import locate  # start-up time

    logic = node.logic
    if isinstance(logic, SqlLogic) and logic.place is not None:
        return logic.place.at(*locate(problem.line, problem.column, logic.sql, logic.template, built=logic.built))
    return getattr(logic, "place", None) or node.at
