"""The columns of windows that stand beside each other: where a query was edited, those of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.errors import NodeError
from seeknal.nodes import fold
from seeknal.run.expressions import unified

if TYPE_CHECKING:
    from seeknal.nodes import Node, Schema


def unified_windows(node: Node, before: Schema, after: Schema) -> Schema:
    """The columns of both. Raises NodeError where one is gone or narrower, or the time column is of another type."""
    columns, problems = unified(before, after)
    times = [
        {c.type for c in schema if node.windows is not None and fold(c.name) == fold(node.windows.time_column)}
        for schema in (before, after)
    ]
    if problems or times[0] != times[1]:
        raise misfit(node, before, after)
    return tuple(columns)


def misfit(node: Node, before: Schema, after: Schema) -> NodeError:
    """What to say of windows whose columns cannot be made the same."""
    was, now = (", ".join(f"{c.name} {c.type}" for c in schema) for schema in (before, after))
    message = f"the columns of {node.id} are no longer those of its other windows: {was}; now {now}"
    hint = f"cast them, or build all windows again: seeknal run --full --select '{node.id}'"
    return NodeError("SK-INT-005", message, at=node.at, hint=hint)
