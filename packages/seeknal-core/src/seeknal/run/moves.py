"""What swapping pointers amounts to: which nodes come to have another output, and whether those outputs can be read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from seeknal.errors import NodeError
from seeknal.run.publication import Publication, outputs_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seeknal.api import Project
    from seeknal.nodes import Key, NodeId
    from seeknal.state.model import Pointer, Snapshot


@dataclass(frozen=True, slots=True)
class Move:
    """A node whose pointer is another afterwards. `described`: its output stays, what is known of its logic changes."""

    id: NodeId
    change: Literal["added", "changed", "removed", "described"]
    before: Key | None
    after: Key | None
    rows_before: int | None = None
    rows_after: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As a plain document."""
        return {
            "id": self.id, "change": self.change, "before": self.before, "after": self.after, "rows_before": self.rows_before,
            "rows_after": self.rows_after,
        }  # fmt: skip


def moves(before: Mapping[NodeId, Pointer], after: Mapping[NodeId, Pointer | None], snapshot: Snapshot) -> Iterator[Move]:
    """How `after` differs from `before`, by node. Which run set a pointer makes no difference."""
    for node in sorted({*before, *after}):
        old, new = before.get(node), after.get(node)
        if old is None and new is None:
            continue
        if old is not None and new is not None and replace(old, run_id=new.run_id) == new:
            continue
        rows = [a.rows if p is not None and (a := snapshot.artifact(p.key)) is not None else None for p in (old, new)]
        keys = (old.key if old else None, new.key if new else None)
        change: Literal["added", "changed", "removed", "described"] = "added" if old is None else "removed" if new is None else "changed"
        yield Move(node, "described" if keys[0] == keys[1] else change, *keys, *rows)


def require_whole(project: Project, snapshot: Snapshot, pointers: Mapping[NodeId, Pointer], consequence: str, hint: str) -> None:
    """Raise NodeError where an output that is to be pointed to is not there as it was written."""
    for node, pointer in pointers.items():
        artifact = snapshot.artifact(pointer.key)
        if artifact is None:
            continue  # a view, or something else that stores no rows
        presence = project.store.check(artifact)
        if presence != "whole":
            raise NodeError("SK-RUN-007", f"the output of {node} is {presence}: {consequence}", hint=hint)


def publish_pointers(project: Project, environment: str) -> int:
    """Bring the warehouse in step with what an environment points to. Returns how many relations changed."""
    snapshot = project.state.read()
    pointers = snapshot.pointers(environment)
    artifacts = outputs_of(project.dag, lambda: snapshot, pointers, {})
    return Publication(project.loaded, project.dag, project.store, environment).publish(pointers, artifacts)
