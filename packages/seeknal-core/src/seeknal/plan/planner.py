"""Decides what happens to each node, and why.

`decide` answers for one node from what is known of its inputs; `make_plan` asks it for all of them without running anything, so
that what depends on an output not built yet is only *may build*. A run asks the same function again as outputs appear.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, get_args

from seeknal.audits.outcomes import blocking
from seeknal.audits.verdict import judged
from seeknal.intervals.ranges import Ranges
from seeknal.nodes import (
    DocumentLogic,
    ExposureLogic,
    Key,
    Node,
    NodeId,
    PythonLogic,
    RuleLogic,
    SourceLogic,
    SqlLogic,
    fold,
)
from seeknal.plan.fingerprint import build_key, config_hash
from seeknal.plan.outlook import Outlook
from seeknal.plan.reach import EVERY, described, moved, rearranged
from seeknal.state.environments import PROD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from seeknal.artifacts import Presence
    from seeknal.graph.dag import Dag
    from seeknal.nodes import AuditSpec
    from seeknal.plan.analyses import Analyses
    from seeknal.plan.changes import Change
    from seeknal.plan.windows import Windows
    from seeknal.state.model import Artifact, Pointer, Read, Snapshot
    from seeknal.state.outcomes import AuditOutcome

Action = Literal["build", "may_build", "reuse", "skip"]

Audits = Literal["known", "missing", "failed"]

NOT_SELECTED = "not selected"
PROD_ONLY = "written in prod only"
LEFT = (NOT_SELECTED, PROD_ONLY)
"""Reasons of nodes that a run was not to touch."""

UNREAD = "unread"
"""The version of a source whose data is known only by reading it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to a node.

    `key` is None while its inputs are not known; `artifact` is the output that is reused. `audits` says of a reused output whether all
    its audits have been run on it (`known`), some have yet to be (`missing`), or one of severity error has failed (`failed`). `windows` is what
    there is of a node that is built window by window, and `intervals` those of them that are built. `base` is the output that rows are merged into, which may be `lost`,
    and `version` what is remembered of what was merged.
    """

    action: Action
    reason: str
    key: Key | None = None
    artifact: Artifact | None = None
    audits: Audits = "known"
    windows: Windows | None = None
    intervals: Ranges = Ranges()  # noqa: RUF009 - a frozen value
    version: str | None = None
    base: Artifact | None = None
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """What a run was asked about windows: which ones, whether gaps between them are filled, and of which nodes they are built again."""

    start: date | None = None
    end: date | None = None
    backfill: bool = False
    restate: frozenset[NodeId] = frozenset()


@dataclass(frozen=True)
class Situation:
    """Everything decisions are made from. `presence` looks at an output's files; nothing else here does."""

    environment: str
    dag: Dag
    analyses: Analyses
    snapshot: Snapshot
    pointers: Mapping[NodeId, Pointer]
    versions: Mapping[NodeId, str]
    engine: str
    packages: Mapping[str, str]
    now: datetime
    presence: Callable[[Artifact], Presence]
    find: Callable[[NodeId, Key], Artifact | None]
    find_parts: Callable[[NodeId, Key], list[Artifact]]
    exported: Callable[[Node], bool]
    selected: frozenset[NodeId] | None = None
    forced: frozenset[NodeId] = frozenset()
    request: Request = Request()

    def moment(self, node: Node) -> str | None:
        """The day or instant that is part of the key of a query that asks for the time."""
        clock = node.logic.clock if isinstance(node.logic, SqlLogic) else None
        if clock is None:
            return None
        utc = self.now.astimezone(UTC)
        return utc.date().isoformat() if clock == "day" else utc.isoformat()

    def outlook(self) -> Outlook:
        """What is known of every node before any is decided."""
        return Outlook(self.dag, self.analyses, self.pointers, self.snapshot.artifact, self.moment)

    def key(self, node: Node, outlook: Outlook, inputs: Mapping[NodeId, Read], version: str | None) -> Key:
        """The key of a node's output, all that it reads being known."""
        return build_key(
            node, outlook.content(node.id), self.engine, inputs, version=version, moment=self.moment(node), packages=self.packages
        )


@dataclass(frozen=True)
class Plan:
    """What would happen, in graph order, and what the environment holds that the project no longer has.

    `base` is the environment that this one began from, or would. `stale` says why the plan that was saved before no longer holds.
    """

    environment: str
    decisions: Mapping[NodeId, Decision]
    removed: tuple[NodeId, ...] = ()
    notices: tuple[str, ...] = ()
    changes: Mapping[NodeId, Change] = field(default_factory=dict)
    base: str | None = None
    stale: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many nodes there are for each action, and how many are to be removed."""
        actions = [d.action for d in self.decisions.values()]
        return {action: actions.count(action) for action in get_args(Action)} | {"removed": len(self.removed)}


def make_plan(situation: Situation, types: Callable[[Outlook, Node], Mapping[str, str | None]]) -> Plan:
    """Decide every node as far as can be known without building any. `types` says what types the columns of a node's query will have."""
    from seeknal.plan.changes import Changes
    from seeknal.plan.foresight import Foresight

    foresight = Foresight(situation)
    decisions: dict[NodeId, Decision] = {}
    blocked: set[NodeId] = set()
    for name in situation.dag.order:
        node = situation.dag.nodes[name]
        decision = foresight.decide(node)
        failing = [i for i in situation.dag.waits[name] if i in blocked]
        if failing and decision.reason not in LEFT:
            decision = Decision("skip", f"upstream failed: {', '.join(failing)}")
        if failing or decision.audits == "failed":
            blocked.add(name)
        decisions[name] = decision
    removed = tuple(sorted(set(situation.pointers) - set(situation.dag.nodes)))
    changes = Changes(situation, foresight.outlook, functools.partial(types, foresight.outlook)).find()
    return Plan(situation.environment, decisions, removed, situation.snapshot.notices, changes)


def decide(node: Node, situation: Situation, outlook: Outlook, inputs: Mapping[NodeId, Read]) -> Decision:
    """Decide one node that is selected, all that it reads being known."""
    if node.windows is not None:
        from seeknal.plan.windows import decide_windows, settled_above  # start-up time

        return decide_windows(node, situation, outlook, settled_above(node, situation.dag, outlook), lambda: inputs)
    if node.merging is not None:
        from seeknal.plan.merging import decide_merging  # it imports this module

        return decide_merging(node, situation, outlook, inputs)
    pointer = situation.pointers.get(node.id)
    version = situation.versions.get(node.id)
    if version == UNREAD:
        return _unread(node, situation, outlook, pointer)
    key = situation.key(node, outlook, inputs, version)
    if node.id in situation.forced and not isinstance(node.logic, DocumentLogic):
        return Decision("build", "forced (--full)", key)
    reason = reason_for(node, situation, outlook, key, inputs, version)
    decision = _keyed(node, situation, pointer, key, reason)
    if decision.action == "reuse" and not _has_its_columns(node, outlook, pointer, decision):
        decision = Decision("build", "its columns are described anew", key)
    return replace(decision, audits=audits_of(node, key, situation, outlook)) if decision.action == "reuse" else decision


def not_selected(node: Node, situation: Situation) -> Decision:
    """The decision for a node that is left as the environment has it."""
    pointer = situation.pointers.get(node.id)
    artifact = situation.snapshot.artifact(pointer.key) if pointer else None
    reason = PROD_ONLY if situation.environment != PROD and is_handed_out(node) else NOT_SELECTED
    return Decision("skip", reason, pointer.key if pointer else None, artifact)


def is_handed_out(node: Node) -> bool:
    """Whether the node writes to somewhere that all environments would share."""
    return isinstance(node.logic, ExposureLogic)


def own_change(node: Node, situation: Situation, outlook: Outlook) -> str | None:
    """Why the node must be built, whatever the rows of its inputs turn out to be."""
    if node.id in situation.forced:
        return "forced (--full)"
    pointer = situation.pointers.get(node.id)
    if pointer is None:
        return "new"
    content = outlook.content(node.id)
    if (pointer.fingerprint.content, pointer.fingerprint.schema) == (content, outlook.fingerprint(node.id).schema):
        return None
    if isinstance(node.logic, SqlLogic) and pointer.sql == node.logic.sql and pointer.is_view == node.is_view:
        inputs = situation.dag.inputs[node.id]
        through = moved(node.id, inputs, situation.pointers, outlook) or rearranged(inputs, situation.pointers, outlook)
        if through:  # its query is what it was, and means something else over other columns
            return f"upstream changed: {described(through)}"
    return "content changed"


def version_change(node: Node, situation: Situation, outlook: Outlook) -> str:
    """Why a node whose windows belong to another version must be built."""
    own = own_change(node, situation, outlook)
    through = {} if own else moved(node.id, situation.dag.inputs[node.id], situation.pointers, outlook)
    return own or (f"upstream changed: {described(through)}" if through else "its windows are described anew")


def _has_its_columns(node: Node, outlook: Outlook, pointer: Pointer | None, decision: Decision) -> bool:
    """Whether an output has the columns that the node describes; what has none is for the build to tell."""
    if not node.columns or (pointer is not None and (pointer.key, pointer.fingerprint.config) == (decision.key, config_hash(node))):
        return True
    names = tuple(c.name for c in decision.artifact.schema) if decision.artifact is not None else outlook.names(node.id)
    known = {fold(n) for n in names or ()}
    return names is None or all(fold(c.name) in known for c in node.columns)


def audits_of(node: Node, key: Key, situation: Situation, outlook: Outlook) -> Audits:
    """Whether this very output has been through its audits, and passed those that block."""
    settled = [(spec, outlook.audit(spec)) for spec in node.audits]
    found = [(spec, situation.snapshot.audit(key, now.definition) if now is not None else None) for spec, now in settled]
    known = [judged(spec, outcome) for spec, outcome in found if outcome is not None and _is_told(spec, outcome)]
    if len(known) < len(found):
        return "missing"
    return "failed" if blocking(known) else "known"


def _is_told(spec: AuditSpec, outcome: AuditOutcome) -> bool:
    """Whether an outcome from before holds all that the verdict follows from."""
    return outcome.rows is not None or not spec.counts_rows


def _unread(node: Node, situation: Situation, outlook: Outlook, pointer: Pointer | None) -> Decision:
    """A source that only reading can tell about: read in every run, unless it is to be read on request only."""
    refresh = getattr(node.logic, "refresh", None)
    own = own_change(node, situation, outlook)
    if pointer is None or (own and node.id not in situation.forced):
        return Decision("build", own or "new")
    artifact = situation.snapshot.artifact(pointer.key)
    if artifact is None or situation.presence(artifact) != "whole":
        return Decision("build", "cache missing")
    if _is_to_be_copied(node, artifact):
        return Decision("build", "to be copied from now on")
    if node.id in situation.forced:
        return Decision("build", "forced (--full)")
    if refresh == "manual":
        return Decision("reuse", "unchanged (refresh: manual)", pointer.key, artifact)
    return Decision("build", "read in every run (refresh: always)")


def _is_to_be_copied(node: Node, artifact: Artifact) -> bool:
    """Whether a source was read where its files are, and is to be copied now."""
    return artifact.location is None and isinstance(node.logic, SourceLogic) and node.logic.cache


def _keyed(node: Node, situation: Situation, pointer: Pointer | None, key: Key, reason: str) -> Decision:
    if isinstance(node.logic, DocumentLogic):
        return Decision("reuse", reason, key)
    if node.is_view or isinstance(node.logic, RuleLogic | ExposureLogic):
        if pointer is None or pointer.key != key:
            return Decision("build", reason, key)
        if not situation.exported(node):
            return Decision("build", "output missing", key)
        return Decision("reuse", "unchanged", key)
    artifact = situation.snapshot.artifact(key) or situation.find(node.id, key)
    if artifact is not None and _is_to_be_copied(node, artifact):
        return Decision("build", "to be copied from now on", key)
    if artifact is None:
        return Decision("build", reason if pointer is None or pointer.key != key else "cache missing", key)
    presence = situation.presence(artifact)
    if presence == "whole":
        return Decision("reuse", reason, key, artifact)
    return Decision("build", "cache missing" if presence == "missing" else "cache corrupted", key, artifact)


def reason_for(node: Node, situation: Situation, outlook: Outlook, key: Key, inputs: Mapping[NodeId, Read], version: str | None) -> str:
    """Why an output of this key is not the one that the environment has."""
    pointer = situation.pointers.get(node.id)
    if pointer is not None and pointer.key == key:
        return "unchanged"
    own = own_change(node, situation, outlook)
    if own or pointer is None:
        return own or "new"
    if pointer.version != version and node.merging is None:
        return "source data changed"
    others = tuple(i for i, read in inputs.items() if not read.same_rows(pointer.inputs.get(i)))
    if others:
        through = dict.fromkeys(others, (EVERY,)) | moved(node.id, others, situation.pointers, outlook)
        return f"upstream changed: {described(through)}"
    if situation.moment(node) is not None:
        return "asks for the time; a var in its place pins it"
    if isinstance(node.logic, PythonLogic):
        return "a package it imports changed"
    return "engine changed"


def is_read_from_outside(node: Node) -> bool:
    """Whether the node's data comes from outside, so that it has a version of its own."""
    return isinstance(node.logic, SourceLogic) or (isinstance(node.logic, PythonLogic) and not node.inputs)
