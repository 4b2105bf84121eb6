"""Every hook, on one page.

A plugin implements any of these as a module-level function of the same name marked `@hookimpl` (from `seeknal.plugin`). Arguments
may be left out by an implementation that has no use for them. Hooks that collect return a list of contributions; what two plugins
both provide is an error that names them. Arguments are only ever added, never changed or removed, within one major version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeknal.errors import SeeknalError
    from seeknal.nodes import Made, Node, NodeId
    from seeknal.plugin import (
        Audit,
        Command,
        Connection,
        Engine,
        Exposure,
        NodeKind,
        ProjectMethod,
        ReplCommand,
        StateBackend,
        TemplateGlobal,
    )

hookspec = pluggy.HookspecMarker("seeknal")


@hookspec
def seeknal_engines() -> Sequence[Engine]:  # type: ignore[empty-body]
    """Engines that run SQL.

    @hookimpl
    def seeknal_engines():
        return [Engine("duckdb", target="seeknal_duckdb.engine:DuckDBEngine", dialect="duckdb", version_of="duckdb")]
    """


@hookspec
def seeknal_connections() -> Sequence[Connection]:  # type: ignore[empty-body]
    """Types of connection that profiles.yml may name.

    @hookimpl
    def seeknal_connections():
        return [Connection("postgres", target="acme.pg:Postgres", dialect="postgres", required=("host", "user", "database"))]
    """


@hookspec
def seeknal_exposures() -> Sequence[Exposure]:  # type: ignore[empty-body]
    """Types of exposure, as `type:` of an exposure node.

    @hookimpl
    def seeknal_exposures():
        return [Exposure("sheet", target="acme.sheets:deploy", check="acme.sheets:check", connection="sheets", params=("tab",))]
    """


@hookspec
def seeknal_node_kinds() -> Sequence[NodeKind]:  # type: ignore[empty-body]
    """Kinds of node, as `kind:` in a node's file.

    @hookimpl
    def seeknal_node_kinds():
        return [NodeKind("calendar", target="acme.calendar:CalendarSpec", description="One row a day.")]
    """


@hookspec
def seeknal_audits() -> Sequence[Audit]:  # type: ignore[empty-body]
    """Audits that live elsewhere. Functions decorated `@audit` in the plugin's own module need no hook.

    @hookimpl
    def seeknal_audits():
        return [Audit("iban", "acme.audits:iban")]
    """


@hookspec
def seeknal_state_backends() -> Sequence[StateBackend]:  # type: ignore[empty-body]
    """Places to keep state, as `state: {backend: NAME}` in seeknal_project.yml.

    @hookimpl
    def seeknal_state_backends():
        return [StateBackend("sqlite", target="seeknal_sql_state.sqlite:SQLiteBackend")]
    """


@hookspec
def seeknal_commands() -> Sequence[Command]:  # type: ignore[empty-body]
    """Subcommands of `seeknal`.

    @hookimpl
    def seeknal_commands():
        return [Command("query", target="seeknal_semantic.cli:query", description="Query metrics.")]
    """


@hookspec
def seeknal_template_globals() -> Sequence[TemplateGlobal]:  # type: ignore[empty-body]
    """Functions and values that templates can use.

    @hookimpl
    def seeknal_template_globals():
        return [TemplateGlobal("fiscal_year", target="acme.calendar:fiscal_year")]
    """


@hookspec
def seeknal_project_methods() -> Sequence[ProjectMethod]:  # type: ignore[empty-body]
    """Methods of `seeknal.Project`.

    @hookimpl
    def seeknal_project_methods():
        return [ProjectMethod("query", target="seeknal_semantic.query:query", description="Ask metrics by dimensions.")]
    """


@hookspec
def seeknal_repl_commands() -> Sequence[ReplCommand]:  # type: ignore[empty-body]
    """Commands of `seeknal repl`.

    @hookimpl
    def seeknal_repl_commands():
        return [ReplCommand(".holidays", target="acme.calendar:holidays", description="YEAR: when nobody works", takes="YEAR")]
    """


@hookspec
def seeknal_made_of(nodes: Mapping[NodeId, Node]) -> Mapping[NodeId, Mapping[str, Made]]:  # type: ignore[empty-body]
    """What columns of nodes that have nothing to build are made of, where that only shows when the whole project is seen.

    Asked whenever a project has been read, so it should be quick. The nodes that are named become inputs.

    @hookimpl
    def seeknal_made_of(nodes):
        sources = tuple((n, "") for n in nodes if n.startswith("source."))
        return {n.id: {"rows": Made("all", value=sources)} for n in nodes.values() if n.kind == "catalogue"}
    """


@hookspec
def seeknal_check_project(nodes: Mapping[NodeId, Node]) -> Sequence[SeeknalError]:  # type: ignore[empty-body]
    """Look at the whole project after it has been loaded, and return what is wrong with it.

    @hookimpl
    def seeknal_check_project(nodes):
        return [ProjectError("ACME-001", f"{n.id} has no owner", at=n.at) for n in nodes.values() if not n.owner]
    """


@hookspec
def seeknal_event(name: str, data: Mapping[str, Any]) -> None:
    """Hear what a run does as it happens. Whatever this raises is reported as a warning and stops nothing.

    Events: `run_started` (run_id, environment, nodes), `node_started` (node), `batch_started` (node, number, total, start, end) for each query of a
    node that is built window by window, `node_finished` (node, status, reason, rows, seconds) and `run_finished` (run_id, status, seconds).

        @hookimpl
        def seeknal_event(name, data):
            if name == "node_finished" and data["status"] == "failed":
                page_someone(data["node"])
    """
