"""Plans that are saved to be run later, and whether they still hold by then."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeknal.errors import ProjectError
from seeknal.state.environments import PROD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeknal.nodes import Key, NodeId
    from seeknal.plan.planner import Situation
    from seeknal.state.model import Fingerprint, Snapshot

_NAMED = 3


@dataclass(frozen=True)
class SavedPlan:
    """What a plan was made from: the project by node, what its environment held, and what the environment's base did.

    `selected` None means every node. `summary` counts what was to happen, by action.
    """

    environment: str
    created: str
    nodes: Mapping[NodeId, str]
    held: Mapping[NodeId, Key]
    base: Mapping[NodeId, Key]
    selected: tuple[NodeId, ...] | None = None
    full: bool = False
    summary: Mapping[str, int] | None = None

    @classmethod
    def of(
        cls, situation: Situation, created: str, *, selected: frozenset[NodeId] | None, full: bool, summary: Mapping[str, int]
    ) -> SavedPlan:
        """What a plan of this situation is made from. The data of sources is not part of it: a run looks at that itself."""
        outlook, snapshot = situation.outlook(), situation.snapshot
        nodes = {n: _digest(outlook.fingerprint(n)) for n in situation.dag.order}
        listed = None if selected is None else tuple(sorted(selected))
        held = snapshot.keys(snapshot.origin(situation.environment))
        return cls(situation.environment, created, nodes, held, snapshot.keys(PROD), listed, full, summary)

    @property
    def digest(self) -> str:
        """A hash of all of it."""
        return hashlib.blake2b(json.dumps(self.to_json(), sort_keys=True).encode(), digest_size=16).hexdigest()

    def stale(self, now: SavedPlan) -> tuple[str, ...]:
        """Why this plan no longer holds, given what one made now is made from; empty while it does."""
        from_base = self.held == self.base and now.held == now.base  # it is new, or as good as new
        held = "" if self.held == now.held or (from_base and self.environment != PROD) else _moved(self.environment, self.held, now.held)
        base = "" if self.base == now.base or self.environment == PROD else _moved(PROD, self.base, now.base)
        project = "" if self.nodes == now.nodes else f"the project changed: {_named(self.nodes, now.nodes)}"
        return tuple(dict.fromkeys(text for text in (project, held, base) if text))

    def to_json(self) -> dict[str, Any]:
        """As a plain document."""
        return {
            "environment": self.environment, "created": self.created, "nodes": dict(self.nodes), "held": dict(self.held),
            "base": None if self.base == self.held else dict(self.base), "selected": None if self.selected is None else list(self.selected),
            "full": self.full, "summary": dict(self.summary or {}),
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> SavedPlan:
        """From a plain document."""
        selected, base = value.get("selected"), value.get("base")
        return cls(
            value["environment"], value["created"], value["nodes"], value["held"], value["held"] if base is None else base,
            None if selected is None else tuple(selected), value.get("full", False), value.get("summary"),
        )  # fmt: skip


def saved_plan(snapshot: Snapshot, environment: str) -> SavedPlan | None:
    """The plan that is saved for an environment."""
    value = snapshot.tables["plans"].get(environment)
    return SavedPlan.from_json(value) if value is not None else None


def refuse_stale(saved: SavedPlan, reasons: Sequence[str]) -> None:
    """Raise ProjectError for a plan that no longer holds."""
    if reasons:
        message = f"the plan of '{saved.environment}' that was saved at {saved.created} is stale: {'; '.join(reasons)}"
        raise ProjectError("SK-ENV-003", message, hint=f"plan again: seeknal plan {saved.environment}; or run all the same with --force")


def _moved(environment: str, before: Mapping[NodeId, Key], now: Mapping[NodeId, Key]) -> str:
    return f"'{environment}' has moved: {_named(before, now)}"


def _named(before: Mapping[NodeId, str] | Mapping[NodeId, Key], now: Mapping[NodeId, str] | Mapping[NodeId, Key]) -> str:
    """The nodes that differ: a few, and how many more."""
    return listed(sorted(n for n in {*before, *now} if before.get(n) != now.get(n)))


def listed(names: Sequence[str]) -> str:
    """A few names, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _digest(fingerprint: Fingerprint) -> str:
    f = fingerprint
    material = [f.content, f.schema, f.upstream, f.config, f.rows, sorted(f.columns.items())]
    return hashlib.blake2b(json.dumps(material).encode(), digest_size=8).hexdigest()
