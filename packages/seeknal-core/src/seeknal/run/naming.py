"""Columns of its own output that a node names beside its query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.errors import NodeError, did_you_mean
from seeknal.nodes import fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seeknal.nodes import Node


def missing_columns(node: Node, names: Sequence[str]) -> Iterator[NodeError]:
    """What is wrong with `time_column`, `unique_key`, `updated_at` and `check_columns`, where the node's query returns columns of these names."""
    known = {fold(n) for n in names}
    for code, key, column in _named(node):
        if fold(column) not in known:
            hint = did_you_mean(column, names) or f"the output has: {', '.join(names)}"
            yield NodeError(code, f"{key} '{column}' is not in the output of {node.id}", at=node.at, hint=hint)


def _named(node: Node) -> Iterator[tuple[str, str, str]]:
    """Each column with the key that names it, and the code of its absence."""
    if node.windows is not None:
        yield "SK-INT-004", "time_column", node.windows.time_column
    if node.merging is not None:
        yield from (("SK-INC-002", "unique_key", column) for column in node.merging.unique_key)
        yield from (("SK-INC-002", "check_columns", column) for column in node.merging.check_columns)
        if node.merging.updated_at is not None:
            yield "SK-INC-002", "updated_at", node.merging.updated_at
