"""Recursion as deep as a graph is long.

A question about a node often asks the same of what the node reads, and a chain of a thousand views is a thousand such questions within each other: more than
Python's own stack holds. Written as a generator that yields each further question, itself such a generator, and is sent the answer, a function reads as if it
called itself, and the questions stand on a list.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

    from seeknal.nodes import NodeId

T = TypeVar("T")
Question = Generator["Question[Any]", Any, T]


def answered(question: Question[T]) -> T:
    """Run a question, and those that it asks, to its answer."""
    asked: list[Question[Any]] = [question]
    answer: Any = None
    while True:
        try:
            asked.append(asked[-1].send(answer))
            answer = None
        except StopIteration as end:
            asked.pop()
            answer = end.value
            if not asked:
                return answer  # type: ignore[no-any-return]


def unknown(node: NodeId, known: Container[NodeId], inputs: Callable[[NodeId], Iterable[NodeId]]) -> list[NodeId]:
    """The node and what it is made of, as far as it is not known, each after all that it is made of."""
    found: dict[NodeId, None] = {}
    waiting = [(node, False)]
    while waiting:
        name, below_done = waiting.pop()
        if below_done:
            found[name] = None
        elif name not in known and name not in found:
            waiting.append((name, True))
            waiting += [(i, False) for i in inputs(name) if i not in known and i not in found]
    return list(found)
