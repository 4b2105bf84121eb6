"""Decides what happens to each node, and why.

`decide` answers for one node from what is known of its inputs; `make_plan` asks it for all of them without running anything, so
that what depends on an output not built yet is only *may build*. A run asks the same function again as outputs appear.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from seeknal.nodes import (
    Digest,
    DocumentLogic,
    ExposureLogic,
    Key,
    Node,
    NodeId,
    PythonLogic,
    RuleLogic,
    SourceLogic,
    SqlLogic,
)
from seeknal.plan.fingerprint import build_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seeknal.artifacts import Presence
    from seeknal.graph.dag import Dag
    from seeknal.state.model import Artifact, Fingerprint, Pointer, Snapshot

Action = Literal["build", "reuse", "may_build", "skip"]

Audits = Literal["known", "missing", "failed"]

NOT_SELECTED = "not selected"

UNREAD = "unread"
"""The version of a source whose data is known only by reading it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to a node.

    `key` is None while its inputs are not known; `artifact` is the output that is reused. `audits` says of a reused output whether all
    its audits have been run on it (`known`), some have yet to be (`missing`), or one of severity error has failed (`failed`).
    """

    action: Action
    reason: str
    key: Key | None = None
    artifact: Artifact | None = None
    audits: Audits = "known"


@dataclass(frozen=True)
class Situation:
    """Everything decisions are made from. `presence` looks at an output's files; nothing else here does."""

    environment: str
    dag: Dag
    fingerprints: Mapping[NodeId, Fingerprint]
    snapshot: Snapshot
    pointers: Mapping[NodeId, Pointer]
    versions: Mapping[NodeId, str]
    engine: str
    packages: Mapping[str, str]
    now: datetime
    presence: Callable[[Artifact], Presence]
    find: Callable[[NodeId, Key], Artifact | None]
    exported: Callable[[Node], bool]
    selected: frozenset[NodeId] | None = None
    forced: frozenset[NodeId] = frozenset()

    def moment(self, node: Node) -> str | None:
        """The day or instant that is part of the key of a query that asks for the time."""
        clock = node.logic.clock if isinstance(node.logic, SqlLogic) else None
        if clock is None:
            return None
        utc = self.now.astimezone(UTC)
        return utc.date().isoformat() if clock == "day" else utc.isoformat()


@dataclass(frozen=True)
class Plan:
    """What would happen, in graph order, and what the environment holds that the project no longer has."""

    environment: str
    decisions: Mapping[NodeId, Decision]
    removed: tuple[NodeId, ...] = ()
    notices: tuple[str, ...] = ()
    changes: Mapping[NodeId, str] = field(default_factory=dict)


def make_plan(situation: Situation) -> Plan:
    """Decide every node as far as can be known without building any."""
    decisions: dict[NodeId, Decision] = {}
    digests: dict[NodeId, Digest | None] = {}
    blocked: set[NodeId] = set()
    for name in situation.dag.order:
        node = situation.dag.nodes[name]
        decision = decide(node, situation, {i: digests.get(i) for i in situation.dag.inputs[name]})
        failing = [i for i in situation.dag.inputs[name] if i in blocked]
        if failing and decision.reason != NOT_SELECTED:
            decision = Decision("skip", f"upstream failed: {', '.join(failing)}")
        if failing or decision.audits == "failed":
            blocked.add(name)
        decisions[name] = decision
        digests[name] = known_digest(node, decision)
    removed = tuple(sorted(set(situation.pointers) - set(situation.dag.nodes)))
    return Plan(situation.environment, decisions, removed, situation.snapshot.notices, project_changes(situation))


def project_changes(situation: Situation) -> dict[NodeId, str]:
    """For each node that differs from what the environment holds: added, removed or modified."""
    changes: dict[NodeId, str] = {}
    for name, fingerprint in situation.fingerprints.items():
        before = situation.pointers.get(name)
        if before is None:
            changes[name] = "added"
        elif (before.fingerprint.content, before.fingerprint.schema, before.fingerprint.config) != (
            fingerprint.content,
            fingerprint.schema,
            fingerprint.config,
        ):
            changes[name] = "modified"
    changes.update(dict.fromkeys(set(situation.pointers) - set(situation.dag.nodes), "removed"))
    return changes


def decide(node: Node, situation: Situation, inputs: Mapping[NodeId, Digest | None]) -> Decision:
    """Decide one node. An input's digest is None while it is not known."""
    pointer = situation.pointers.get(node.id)
    if situation.selected is not None and node.id not in situation.selected:
        artifact = situation.snapshot.artifact(pointer.key) if pointer else None
        return Decision("skip", NOT_SELECTED, pointer.key if pointer else None, artifact)
    unknown = [i for i, digest in inputs.items() if digest is None]
    if unknown and isinstance(node.logic, DocumentLogic):
        return Decision("reuse", "nothing to build")
    version = situation.versions.get(node.id)
    if unknown:
        own = _own_change(node, situation, pointer)
        if own:
            return Decision("build", own)
        return Decision("may_build", f"if {', '.join(unknown)} changed")
    if version == UNREAD:
        return _unread(node, situation, pointer)
    known = {i: d for i, d in inputs.items() if d is not None}
    key = build_key(node, situation.engine, known, version=version, moment=situation.moment(node), packages=situation.packages)
    if node.id in situation.forced and not isinstance(node.logic, DocumentLogic):
        return Decision("build", "forced (--full)", key)
    decision = _keyed(node, situation, pointer, key, known, version)
    return replace(decision, audits=_audits(node, key, situation)) if decision.action == "reuse" else decision


def known_digest(node: Node, decision: Decision) -> Digest | None:
    """What readers of the node take into their keys, where it is known already."""
    if decision.key is None or not node.is_readable:
        return None
    if node.is_view:
        return Digest(decision.key)
    if decision.action in ("reuse", "skip") and decision.artifact is not None:
        return decision.artifact.digests.get("*")
    return None


def _audits(node: Node, key: Key, situation: Situation) -> Audits:
    """Whether this very output has been through its audits, and passed those that block."""
    outcomes = [(spec, situation.snapshot.audit(key, spec.definition)) for spec in node.audits]
    if any(outcome is None for _, outcome in outcomes):
        return "missing"
    return "failed" if any(spec.severity == "error" and outcome and not outcome.passed for spec, outcome in outcomes) else "known"


def _unread(node: Node, situation: Situation, pointer: Pointer | None) -> Decision:
    """A source that only reading can tell about: read in every run, unless it is to be read on request only."""
    refresh = getattr(node.logic, "refresh", None)
    own = _own_change(node, situation, pointer)
    if own or pointer is None:
        return Decision("build", own or "new")
    artifact = situation.snapshot.artifact(pointer.key)
    if artifact is None or situation.presence(artifact) != "whole":
        return Decision("build", "cache missing")
    if node.id in situation.forced:
        return Decision("build", "forced (--full)")
    if refresh == "manual":
        return Decision("reuse", "unchanged (refresh: manual)", pointer.key, artifact)
    return Decision("build", "read in every run (refresh: always)")


def _keyed(
    node: Node, situation: Situation, pointer: Pointer | None, key: Key, inputs: Mapping[NodeId, Digest], version: str | None
) -> Decision:
    reason = _reason(node, situation, pointer, key, inputs, version)
    if isinstance(node.logic, DocumentLogic):
        return Decision("reuse", reason, key)
    if node.is_view or isinstance(node.logic, RuleLogic | ExposureLogic):
        if pointer is None or pointer.key != key:
            return Decision("build", reason, key)
        if not situation.exported(node):
            return Decision("build", "output missing", key)
        return Decision("reuse", "unchanged", key)
    artifact = situation.snapshot.artifact(key) or situation.find(node.id, key)
    if artifact is None:
        return Decision("build", reason if pointer is None or pointer.key != key else "cache missing", key)
    presence = situation.presence(artifact)
    if presence == "whole":
        return Decision("reuse", reason, key, artifact)
    return Decision("build", "cache missing" if presence == "missing" else "cache corrupted", key, artifact)


def _own_change(node: Node, situation: Situation, pointer: Pointer | None) -> str | None:
    """Why the node itself must be built, whatever its inputs turn out to be."""
    if node.id in situation.forced:
        return "forced (--full)"
    if pointer is None:
        return "new"
    fingerprint = situation.fingerprints[node.id]
    if (pointer.fingerprint.content, pointer.fingerprint.schema) != (fingerprint.content, fingerprint.schema):
        return "content changed"
    return None


def _reason(
    node: Node, situation: Situation, pointer: Pointer | None, key: Key, inputs: Mapping[NodeId, Digest], version: str | None
) -> str:
    if pointer is not None and pointer.key == key:
        return "unchanged"
    own = _own_change(node, situation, pointer)
    if own or pointer is None:
        return own or "new"
    if pointer.version != version:
        return "source data changed"
    moved = [i for i, digest in inputs.items() if pointer.inputs.get(i) != digest]
    if moved:
        return f"upstream changed: {', '.join(moved)}"
    if situation.moment(node) is not None:
        return "asks for the time; a var in its place pins it"
    if isinstance(node.logic, PythonLogic):
        return "a package it imports changed"
    return "engine changed"


def is_read_from_outside(node: Node) -> bool:
    """Whether the node's data comes from outside, so that it has a version of its own."""
    return isinstance(node.logic, SourceLogic) or (isinstance(node.logic, PythonLogic) and not node.inputs)
