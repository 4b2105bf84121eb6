"""What this package brings. Listing it imports neither pydantic nor sqlglot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.plugin import Command, NodeKind, ProjectMethod, ReplCommand, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeknal.errors import SeeknalError
    from seeknal.nodes import Made, Node, NodeId


@hookimpl
def seeknal_node_kinds() -> list[NodeKind]:
    """What the semantic layer is made of."""
    return [
        NodeKind("semantic_model", "seeknal_semantic.specs:SemanticModelSpec", "Entities, dimensions and measures of one node."),
        NodeKind("metric", "seeknal_semantic.specs:MetricSpec", "A number, defined once."),
        NodeKind("saved_query", "seeknal_semantic.specs:SavedQuerySpec", "A question that is asked again and again."),
    ]


@hookimpl
def seeknal_commands() -> list[Command]:
    """Asking metrics, and looking at them."""
    return [
        Command("query", "seeknal_semantic.cli.query:query", "Ask metrics by dimensions."),
        Command("metrics", "seeknal_semantic.cli.metrics:metrics", "List, describe, check, import and export metrics."),
    ]


@hookimpl
def seeknal_project_methods() -> list[ProjectMethod]:
    """`project.query(metrics=[…], dimensions=[…])`."""
    return [ProjectMethod("query", "seeknal_semantic.query:query", "Ask metrics by dimensions.")]


@hookimpl
def seeknal_repl_commands() -> list[ReplCommand]:
    """What the prompt knows of metrics."""
    return [
        ReplCommand(".metrics", "seeknal_semantic.cli.prompt:list_metrics", "the metrics of the project"),
        ReplCommand(".dimensions", "seeknal_semantic.cli.prompt:list_dimensions", "METRIC,…: what they can be asked by", takes="METRIC,…"),
        ReplCommand(".query", "seeknal_semantic.cli.prompt:ask", "as `seeknal query`, for instance", takes="METRIC,… [by DIMENSION,…]"),
    ]


@hookimpl
def seeknal_made_of(nodes: Mapping[NodeId, Node]) -> Mapping[NodeId, Mapping[str, Made]]:
    """What metrics are made of: names of measures and dimensions mean something in the project as a whole only."""
    if not any(n.kind in ("metric", "saved_query") for n in nodes.values()):
        return {}
    from seeknal_semantic.lineage import made_of  # start-up time

    return made_of(nodes)


@hookimpl
def seeknal_check_project(nodes: Mapping[NodeId, Node]) -> Sequence[SeeknalError]:
    """What only shows when all models and metrics are seen together."""
    if not any(n.kind in ("semantic_model", "metric", "saved_query") for n in nodes.values()):
        return []
    from seeknal_semantic.check import check  # start-up time

    return check(nodes)
