"""Which parts of a node may stand in what it publishes: those that no audit keeps out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.audits.outcomes import blocking
from seeknal.audits.verdict import judged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal.nodes import Node
    from seeknal.plan.planner import Situation
    from seeknal.state.model import Artifact


def accepted(node: Node, situation: Situation, parts: Sequence[Artifact]) -> list[Artifact]:
    """Those parts that no audit keeps out. A segment is taken apart where one does."""
    found: list[Artifact] = []
    for part in parts:
        if not _rejected(node, situation, part):
            found.append(part)
        elif part.is_joined:
            found += accepted(node, situation, part.parts)
    return found


def _rejected(node: Node, situation: Situation, part: Artifact) -> bool:
    """Whether a part has failed an audit that blocks: it is kept to be looked at, and its windows are missing still."""
    outcomes = ((spec, situation.snapshot.audit(key, spec.definition)) for spec in node.audits for key in part.part_keys)
    return bool(blocking([judged(spec, outcome) for spec, outcome in outcomes if outcome is not None]))
