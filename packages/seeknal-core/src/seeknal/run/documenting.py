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
    for name, said in logic.made_of.items() if isinstance(logic, DocumentLogic) else ():
        made = Made(*said)  # plain lists where they come from the cache
        for source, column in dict.fromkeys((n, c) for n, c in (*made.value, *made.filter)):
            names = known.get(source, ())
            if not column or not names or fold(column) in {fold(n) for n in names}:
                continue
            at = _place(node, logic, name, column)
            if at is not None:
                hint = did_you_mean(column, names) or f"columns: {', '.join(names)}"
                yield ProjectError("SK-SQL-011", f"{node.id}: '{name}' needs column '{column}', which {source} does not have", at=at, hint=hint)


def _place(node: Node, logic: DocumentLogic, name: str, column: str) -> Location | None:
    """Where what is called so says the column; None where it does not, as it goes by something else of the node that does."""
    items = [i for kept in logic.params.values() if isinstance(kept, list) for i in kept if isinstance(i, dict) and i.get("name") == name]
    if not items:
        return node.at
    for kind, kept in logic.params.items():
        for number, item in enumerate(kept) if isinstance(kept, list) else ():
            for key, text in item.items() if item in items else ():
                if isinstance(text, str) and column in text and (mark := logic.marks.get(f"{kind}.{number}.{key}")) and key != "description":
                    return Location(*mark)
    return None
