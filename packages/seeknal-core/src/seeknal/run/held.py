"""What the views of an environment read: the very outputs that they were published over, whatever those nodes have come to hold since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.errors import NodeError
from seeknal.nodes import relation_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeknal.nodes import Key, NodeId
    from seeknal.state.model import Artifact, Snapshot, View


class Held:
    """Finds outputs by their keys. State is read when the first is asked for."""

    def __init__(self, read: Callable[[], Snapshot]) -> None:
        self._read = read
        self._snapshot: Snapshot | None = None

    def find(self, node: NodeId, key: Key) -> Artifact | View:
        """The output, or what a view of that key is read by. Raises NodeError when neither is known any more."""
        self._snapshot = self._snapshot or self._read()
        found = self._snapshot.artifact(key) or self._snapshot.view(node, key)
        if found is None:
            hint = "run the project again"
            raise NodeError("SK-RUN-007", f"the output of {node} that a view was published over is missing", hint=hint)
        return found


def held_name(node: NodeId, key: Key) -> str:
    """The relation of an output that a view holds on to while the node has another."""
    return f"{relation_name(node)}@{key[:12]}"
