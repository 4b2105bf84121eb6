"""Nodes whose rows are merged by key into those that they had before.

Each output follows from the one before and what the query returned: its key is made of both. An edit is merged like any other answer of the query;
`--full` begins anew.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from seeknal.nodes import Key
from seeknal.plan.planner import Decision, audits_of, own_change, reason_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal.nodes import Node, NodeId
    from seeknal.plan.outlook import Outlook
    from seeknal.plan.planner import Situation
    from seeknal.state.model import Read


def decide_merging(node: Node, situation: Situation, outlook: Outlook, inputs: Mapping[NodeId, Read]) -> Decision:
    """Decide a node that is merged by key, all that it reads being known."""
    pointer = situation.pointers.get(node.id)
    merged = repr(node.merging)
    step = _hash(situation.key(node, outlook, inputs, None), merged)
    if node.id in situation.forced:
        return Decision("build", "forced (--full)", _hash(step, "anew"), version=step)
    if pointer is None:
        found = situation.snapshot.artifact(step) or situation.find(node.id, step)
        if found is not None and situation.presence(found) == "whole":
            return _reused(node, situation, outlook, Decision("reuse", "new", step, found, version=step))
        return Decision("build", "new", step, version=step)
    before = situation.snapshot.artifact(pointer.key) or situation.find(node.id, pointer.key)
    if pointer.version == step:
        if before is not None and situation.presence(before) == "whole":
            return _reused(node, situation, outlook, Decision("reuse", "unchanged", pointer.key, before, version=step))
        return Decision("build", "cache missing", pointer.key, before, version=step, lost=True)
    key = _hash(pointer.key, step)
    reason = own_change(node, situation, outlook) or reason_for(node, situation, outlook, key, inputs, None)
    found = situation.snapshot.artifact(key) or situation.find(node.id, key)
    if found is not None and situation.presence(found) == "whole":
        return _reused(node, situation, outlook, Decision("reuse", reason, key, found, version=step))
    lost = before is None or situation.presence(before) != "whole"
    return Decision("build", reason, key, version=step, base=before, lost=lost)


def _reused(node: Node, situation: Situation, outlook: Outlook, decision: Decision) -> Decision:
    return replace(decision, audits=audits_of(node, decision.key or Key(""), situation, outlook))


def _hash(*parts: str) -> Key:
    return Key(hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32])
