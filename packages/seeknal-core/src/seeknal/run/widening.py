"""The columns of windows that stand beside each other: where a query was edited, those of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.errors import NodeError
from seeknal.nodes import SourceLogic, fold
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


def grown(node: Node, before: Schema, after: Schema) -> Schema:
    """The columns of both, either of which may lack some: files of a source get new ones with time. Raises NodeError as `unified_windows` does."""
    found, known = {fold(c.name): c for c in after}, {fold(c.name) for c in before}
    now = (*(found.get(fold(c.name), c) for c in before), *(c for c in after if fold(c.name) not in known))
    return unified_windows(node, before, now)


def misfit(node: Node, before: Schema, after: Schema) -> NodeError:
    """What to say of windows whose columns cannot be made the same."""
    was, now = (", ".join(f"{c.name} {c.type}" for c in schema) for schema in (before, after))
    message = f"the columns of {node.id} are no longer those of its other windows: {was}; now {now}"
    hint = f"cast them, or build all windows again: seeknal run --full --select '{node.id}'"
    if isinstance(node.logic, SourceLogic):
        hint = "forward_only: true takes up columns that are new, as NULL in the windows before; declare `columns` for types to stay as they are"
    return NodeError("SK-INT-005", message, at=node.at, hint=hint)
