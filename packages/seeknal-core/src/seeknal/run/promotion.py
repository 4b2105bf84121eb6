"""Promotion: one environment comes to point to all that another points to, in one transaction, or not at all.

Nothing is copied and nothing computed: outputs are shared by key. What may not be published is not promoted either, and nothing is swapped over
what somebody else has put into the target meanwhile.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seeknal.audits.outcomes import blocking
from seeknal.audits.verdict import judged
from seeknal.errors import NodeError, ProjectError, SeeknalError, StateError
from seeknal.nodes import kind_of
from seeknal.plan.fingerprint import CONFIG, config_hash
from seeknal.plan.planner import is_handed_out
from seeknal.plan.saved import listed
from seeknal.run.holding import this_process
from seeknal.run.moves import Move, moves, publish_pointers, require_whole
from seeknal.run.situation import look
from seeknal.state.environments import PROD, Environment, check_name, digest_of, stamp
from seeknal.state.model import Change, Pointer

if TYPE_CHECKING:
    from seeknal.api import Project
    from seeknal.nodes import NodeId
    from seeknal.plan.outlook import Outlook
    from seeknal.run.moves import Documents
    from seeknal.state.model import Snapshot

_AUDITS = CONFIG.index("audits")


@dataclass(frozen=True)
class Promotion:
    """What promoting `source` to `target` changes, by node. `refusal` is why it cannot be done; `done`: it has been.

    `exposures` are those that read what changes: the next run of `target` writes them.
    """

    source: str
    target: str
    moves: tuple[Move, ...]
    refusal: SeeknalError | None = None
    exposures: tuple[NodeId, ...] = ()
    done: bool = False

    def to_json(self) -> dict[str, Any]:
        """As `promote --format json` prints it."""
        refused = None if self.refusal is None else {"code": self.refusal.code, "message": self.refusal.message, "hint": self.refusal.hint}
        return {
            "source": self.source, "target": self.target, "done": self.done, "refused": refused, "moves": [m.to_json() for m in self.moves],
            "exposures": list(self.exposures),
        }  # fmt: skip


def promote(
    project: Project, source: str, target: str = PROD, *, expected: Promotion | None = None, wait_seconds: float = 0.0
) -> Promotion:
    """Promote. `expected` is what was shown and agreed to. Raises what keeps it from being done; nothing has changed then."""
    check_names(source, target)
    with ExitStack() as leases:
        held = {n: leases.enter_context(project.state.lease(n, this_process(), wait_seconds)) for n in sorted((source, target))}
        snapshot = project.state.read()
        found = look_at(project, snapshot, source, target)
        if found.refusal is not None:
            raise found.refusal
        if expected is not None and expected.moves != found.moves:
            raise ProjectError("SK-ENV-007", f"'{source}' or '{target}' moved while you were asked", hint="look again, and answer again")
        if found.moves:
            project.state.commit(_changes(snapshot, found), held[target])
        publish_pointers(project, snapshot, target, _after(project, snapshot, source, target))
    return replace(found, done=True)


def preview(project: Project, source: str, target: str = PROD) -> Promotion:
    """What promoting would change, and why it would be refused if it would. Takes no lease."""
    check_names(source, target)
    return look_at(project, project.state.read(), source, target)


def check_names(source: str, target: str) -> None:
    """Raise ProjectError for environments between which nothing can be promoted."""
    check_name(target)
    if source == PROD:
        hint = "to begin an environment anew from prod, delete it and run it again"
        raise ProjectError("SK-ENV-006", "prod is where promotions end, not where they begin", hint=hint)
    if source == target:
        raise ProjectError("SK-ENV-006", f"'{source}' cannot be promoted to itself", hint="seeknal promote ENV promotes to prod")


def look_at(project: Project, snapshot: Snapshot, source: str, target: str) -> Promotion:
    """What promoting would change as of this snapshot."""
    snapshot.require(source)
    check_name(target, snapshot.environments())
    after = _after(project, snapshot, source, target)
    found = tuple(moves(snapshot.documents("pointers", target), after, snapshot))
    readers = {m.id for m in found if m.change != "described"}
    exposures = tuple(n for n in project.dag.order if is_handed_out(project.nodes[n]) and readers & set(project.dag.upstream([n])))
    promotion = Promotion(source, target, found, exposures=exposures)
    try:
        _check(project, snapshot, promotion, after)
    except SeeknalError as error:
        return replace(promotion, refusal=error)
    return promotion


def _after(project: Project, snapshot: Snapshot, source: str, target: str) -> Documents:
    """What the target points to once it has been promoted to."""
    given = {n: d for n, d in snapshot.documents("pointers", source).items() if not _stays(project, n)}
    return given | {n: d for n, d in snapshot.documents("pointers", target).items() if _stays(project, n)}


def _stays(project: Project, node: NodeId) -> bool:
    """Whether a node is the target's own affair: what is written outside is written by the runs of prod."""
    return is_handed_out(project.nodes[node]) if node in project.nodes else kind_of(node) == "exposure"


def _check(project: Project, snapshot: Snapshot, promotion: Promotion, after: Documents) -> None:
    """Raise the first reason for which this may not be done."""
    row = snapshot.environment(promotion.source)
    if row is None:
        return
    _require_ready(row)
    if not promotion.moves:
        return
    _require_unmoved(snapshot, promotion, row)
    _require_audited(project, snapshot, {m.id: after[m.id] for m in promotion.moves if m.after is not None}, row.name)
    moved = {m.id for m in promotion.moves if m.change != "described"}
    _require_in_step(snapshot, moved, {n: d for n, d in after.items() if not _stays(project, n)}, row.name)
    require_whole(project, snapshot, promotion.moves, "nothing was promoted", f"build it anew: seeknal run --env {row.name}")


def _require_ready(row: Environment) -> None:
    """The environment is alive, and its last run came to a good end."""
    hint = f"run it again, which reuses what is there: seeknal run --env {row.name}"
    if row.is_expired(datetime.now(UTC)):
        raise ProjectError("SK-ENV-008", f"'{row.name}' expired at {row.expires}", hint=hint)
    if row.progress == "running":
        raise StateError("SK-ENV-009", f"the last run of '{row.name}' was cut off: nothing was promoted", hint=hint)
    if row.progress == "failed":
        message = f"the last run of '{row.name}' failed at {listed(row.failed)}: nothing was promoted"
        raise StateError("SK-ENV-009", message, hint=f"mend it, then: seeknal run --env {row.name}")


def _require_unmoved(snapshot: Snapshot, promotion: Promotion, row: Environment) -> None:
    """Nobody has changed the target since the source was run."""
    hint = f"run '{row.name}' on what is there now, which reuses all that is the same: seeknal run --env {row.name}"
    if promotion.target != PROD:
        now = snapshot.keys(promotion.target)
        if promotion.target in snapshot.environments() and row.seen.get(promotion.target) != digest_of(now):
            message = f"'{promotion.target}' has moved since '{row.name}' was run ({row.updated}): nothing was promoted"
            raise ProjectError("SK-ENV-007", message, hint=hint)
        return
    now = snapshot.keys(PROD)
    moved = sorted(n for n in {*now, *row.built_on} if now.get(n) != row.built_on.get(n))
    moved = [n for n in moved if any(m.id == n for m in promotion.moves)]
    if moved:
        message = f"'{PROD}' has moved since '{row.name}' was run ({row.updated}): {listed(moved)}; nothing was promoted"
        raise ProjectError("SK-ENV-007", message, hint=hint)


def _require_audited(project: Project, snapshot: Snapshot, moved: Documents, source: str) -> None:
    """No output is promoted that its node's audits, as they are now, would keep from being published."""
    outlook: Outlook | None = None
    for node, document in moved.items():
        audits = [a for a in project.nodes[node].audits if a.may_block] if node in project.nodes else []
        if any(a.reads for a in audits):
            outlook = outlook or _outlook(project, snapshot, source)
        for spec in audits:
            settled = outlook.audit(spec) if outlook is not None else spec
            found = snapshot.audit(document["key"], settled.definition) if settled is not None else None
            for outcome in blocking([judged(spec, found)] if found is not None else []):
                message = f"{node} fails its audit {outcome.label}: {outcome.message}; nothing was promoted"
                raise NodeError("SK-ENV-010", message, at=spec.at or project.nodes[node].at)
        recorded = Pointer.from_json(document).fingerprint.config.split(".") if audits else []
        if audits and recorded[_AUDITS:][:1] != config_hash(project.nodes[node]).split(".")[_AUDITS:][:1]:
            message = f"the audits of {node} have changed since '{source}' was run: nothing was promoted"
            raise NodeError("SK-ENV-010", message, at=project.nodes[node].at, hint=f"audit what is there: seeknal run --env {source}")


def _outlook(project: Project, snapshot: Snapshot, environment: str) -> Outlook:
    """What an environment holds, as its audits look at it."""
    situation, _ = look(project.loaded, project.dag, project.store, snapshot, environment, project.analyses, probes=False)
    outlook = situation.outlook()
    for node in project.dag.order:
        outlook.keep(node)
    return outlook


def _require_in_step(snapshot: Snapshot, moved: set[NodeId], after: Documents, source: str) -> None:
    """What is promoted was made from each other: a run of some nodes only may leave readers of them behind."""
    for node, document in after.items():
        reads = [r for r in document["inputs"] if {node, r} & moved and r in after]
        inputs = Pointer.from_json(document).inputs if reads else {}
        for read_from, read in ((r, inputs[r]) for r in reads if after[r]["key"] != inputs[r].key):
            artifact = snapshot.artifact(after[read_from]["key"])
            if artifact is None or artifact.identity(read.columns) != read.digest:
                message = f"{node} in '{source}' was made from another {read_from} than is there now: nothing was promoted"
                raise StateError("SK-ENV-009", message, hint=f"run all of it: seeknal run --env {source}")


def _changes(snapshot: Snapshot, promotion: Promotion) -> list[Change]:
    """All pointers of the target at once, and what is remembered of them."""
    source, target = promotion.source, promotion.target
    current, now = snapshot.tables["pointers"], stamp(datetime.now(UTC))
    changes = [Change("previous", k, None) for k in snapshot.tables["previous"] if k.startswith(f"{target}/")]
    for move in promotion.moves:
        key = f"{target}/{move.id}"
        changes.append(Change("pointers", key, None if move.after is None else current[f"{source}/{move.id}"]))
        changes.append(Change("previous", key, current.get(key, {})))
    giving, taking = snapshot.environment(source), snapshot.environment(target)
    changed = {m.id: m.after for m in promotion.moves}
    keys = {n: k for n, k in {**snapshot.keys(target), **changed}.items() if k is not None}
    if giving is not None:
        agreed = replace(giving, built_on=keys) if target == PROD else replace(giving, seen={**giving.seen, target: digest_of(keys)})
        changes.append(Change("environments", source, agreed.to_json()))
        base = None if target == PROD else PROD
        row = taking or Environment(target, now, expires=giving.expires if base else None, base=base)
        row = replace(row, moved_by=f"promote {source}", moved_at=now)
        if base:
            row = replace(row, built_on=giving.built_on, progress="ready", failed=(), updated=giving.updated)
        changes.append(Change("environments", target, row.to_json()))
    return changes
