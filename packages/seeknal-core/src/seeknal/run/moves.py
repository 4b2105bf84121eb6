"""What swapping pointers amounts to: which nodes come to have another output, and whether those outputs can be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from seeknal.errors import NodeError, SeeknalError, StateError
from seeknal.nodes import NodeId
from seeknal.run.held import Held
from seeknal.run.publication import Publication, outputs_of
from seeknal.state.model import Pointer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seeknal.api import Project
    from seeknal.nodes import Key
    from seeknal.state.model import Snapshot


Documents = Mapping[NodeId, Mapping[str, Any]]
"""Pointers as state has them; an empty one for a node that there is not."""


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


def moves(before: Documents, after: Documents, snapshot: Snapshot) -> Iterator[Move]:
    """How the pointers of `after` differ from those of `before`, by node. Which run set a pointer makes no difference."""
    for node in sorted({*before, *after}):
        old, new = before.get(node) or {}, after.get(node) or {}
        if old == new or (old and new and {**old, "run_id": ""} == {**new, "run_id": ""}):
            continue
        keys: list[Any] = [old.get("key"), new.get("key")]
        rows = [snapshot.tables["artifacts"].get(k, {}).get("rows") for k in keys]
        change: Literal["added", "changed", "removed", "described"] = "added" if not old else "removed" if not new else "changed"
        yield Move(node, "described" if keys[0] == keys[1] else change, *keys, *rows)


def require_whole(project: Project, snapshot: Snapshot, found: Iterable[Move], consequence: str, hint: str) -> None:
    """Raise NodeError where an output that is to be pointed to is not there as it was written."""
    for node, key in ((m.id, m.after) for m in found if m.change != "described"):
        artifact = snapshot.artifact(key) if key is not None else None
        if artifact is None:
            continue  # a view, or something else that stores no rows
        presence = project.store.check(artifact)
        if presence != "whole":
            raise NodeError("SK-RUN-007", f"the output of {node} is {presence}: {consequence}", hint=hint)


def publish_pointers(project: Project, snapshot: Snapshot, environment: str, after: Documents) -> None:
    """Bring the warehouse in step with what an environment points to now. Raises what keeps it from that, saying that the pointers have moved."""
    pointers = {n: Pointer.from_json(after[n]) for n in after if after[n]}
    artifacts = outputs_of(project.dag, lambda: snapshot, pointers, {})
    try:
        Publication(project.loaded, project.dag, project.store, environment, Held(lambda: snapshot)).publish(pointers, artifacts)
    except SeeknalError as error:
        hint = f"the next run of '{environment}' brings the warehouse in step" + (f"; {error.hint}" if error.hint else "")
        message = f"'{environment}' has moved, but the warehouse could not be brought in step: {error.message}"
        raise StateError(error.code, message, at=error.at, hint=hint) from error
