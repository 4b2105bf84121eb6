"""Columns that nodes without rows name: whether what they document has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.errors import Location, ProjectError, did_you_mean
from seeknal.nodes import DocumentLogic, Made, fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seeknal.nodes import Node, NodeId


def column_errors(node: Node, known: Mapping[NodeId, tuple[str, ...]]) -> Iterator[ProjectError]:
    """The columns that a node says it is made of and that there are not, each at the key that names it. `known` has columns by node."""
    logic = node.logic
    if not isinstance(logic, DocumentLogic):
        return
    for name, said in logic.made_of.items():
        made = Made(*said)  # plain lists where they come from the cache
        for source, column in dict.fromkeys((n, c) for n, c in (*made.value, *made.filter)):
            names = known.get(source, ())
            at = _place(node, logic, name, column) if column and names and fold(column) not in map(fold, names) else None
            if at is not None:
                message = f"{node.id}: '{name}' needs column '{column}', which {source} does not have"
                yield ProjectError("SK-SQL-011", message, at=at, hint=did_you_mean(column, names) or f"columns: {', '.join(names)}")


def _place(node: Node, logic: DocumentLogic, name: str, column: str) -> Location | None:
    """Where what is called so says the column; None where it does not, as it goes by something else of the node that does."""
    items = {
        f"{key}.{number}": item
        for key, listed in logic.params.items()
        for number, item in enumerate(listed if isinstance(listed, list) else ())
        if isinstance(item, dict) and item.get("name") == name
    }
    for path, item in items.items():
        for key, text in item.items():
            mark = logic.marks.get(f"{path}.{key}")
            if mark is not None and key != "description" and isinstance(text, str) and column in text:
                return Location(*mark)
    return None if items else node.at
