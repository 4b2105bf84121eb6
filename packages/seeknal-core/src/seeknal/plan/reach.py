"""Through which columns a change in what a node reads reaches it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.plan.fingerprint import whole_fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal.nodes import NodeId
    from seeknal.plan.outlook import Outlook
    from seeknal.state.model import Fingerprint, Pointer

EVERY = "*"
"""In place of a column's name: the rows themselves, or columns that cannot be told apart."""


def moved(node: NodeId, inputs: tuple[NodeId, ...], pointers: Mapping[NodeId, Pointer], outlook: Outlook) -> dict[NodeId, tuple[str, ...]]:
    """For each input whose logic is not what an environment holds, the columns that differ of those the node reads, or read before.

    An input that is as it was, although the node was not built from it, counts with all the columns that are read.
    """
    found: dict[NodeId, tuple[str, ...]] = {}
    before = pointers[node].inputs if node in pointers else {}
    for source in inputs:
        reads = outlook.reads(node, source)
        taken = before[source].columns if source in before else ()
        pointer = pointers.get(source)
        columns = None if reads is None or taken is None else tuple(sorted({*reads, *taken}))
        if pointer is None:
            found[source] = columns or (EVERY,)
        elif changed := differing(pointer.fingerprint, outlook.fingerprint(source), columns):
            found[source] = changed
    return found


def differing(before: Fingerprint, now: Fingerprint, columns: tuple[str, ...] | None) -> tuple[str, ...]:
    """Those of the columns (None: of all) that are made otherwise than before; `EVERY` where the rows are."""
    if before.rows != now.rows:
        return (EVERY,)
    if columns is None:
        if whole_fingerprint(before) == whole_fingerprint(now):
            return ()
        columns = tuple(sorted({*before.columns, *now.columns}))
        return tuple(c for c in columns if before.column(c) != now.column(c)) or (EVERY,)
    return tuple(c for c in columns if before.column(c) != now.column(c))


def rearranged(inputs: tuple[NodeId, ...], pointers: Mapping[NodeId, Pointer], outlook: Outlook) -> dict[NodeId, tuple[str, ...]]:
    """The inputs whose columns stand in another order, or are more or fewer: what a star sees, and a position."""
    return {i: (EVERY,) for i in inputs if i in pointers and pointers[i].fingerprint.order != outlook.fingerprint(i).order}


def described(found: Mapping[NodeId, tuple[str, ...]]) -> str:
    """As the reason of a decision says it: `transform.a [amount], source.b`."""
    return ", ".join(f"{i} [{', '.join(c)}]" if c != (EVERY,) else i for i, c in found.items())
