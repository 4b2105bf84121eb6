"""Which windows of a node are to be built, and of what parts its output is made.

A node that is built window by window has versions: everything that decides what a window holds, besides the rows of its inputs. A version's parts are shared by
all environments; what an environment publishes is a whole made of some of them, with a key of its own.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from seeknal.artifacts import now as this_second
from seeknal.intervals.pieces import Pieces, Sums
from seeknal.intervals.ranges import Ranges
from seeknal.intervals.windowing import described, moment_of
from seeknal.nodes import Key, PythonLogic, fold
from seeknal.plan.accepted import accepted
from seeknal.plan.beginnings import Beginning
from seeknal.plan.clipping import cut_otherwise
from seeknal.plan.fingerprint import schema_hash
from seeknal.plan.planner import Decision, version_change
from seeknal.plan.stale import stale_windows
from seeknal.state.parts import Held, covered, each, held, pieces_of, within
from seeknal.state.segments import Joined

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seeknal.graph.dag import Dag
    from seeknal.intervals.windowing import Windowing
    from seeknal.nodes import Node, NodeId, Schema
    from seeknal.plan.outlook import Outlook
    from seeknal.plan.planner import Situation
    from seeknal.state.model import Artifact, Read

_FORMAT = 1
_EVER = 1 << 40
PLANNED = "planned"
"""The stamp of what is yet to be built."""


@dataclass(frozen=True)
class Above:
    """An input that is built window by window: what stands in its windows, and where they end for good."""

    pieces: Pieces
    end: int | None = None

    @cached_property
    def sums(self) -> Sums:
        """What stands in a stretch of its windows, as one piece."""
        return Sums(self.pieces)

    def waiting(self, due: Ranges) -> Ranges:
        """The windows for which it has yet to be built. Before its first window there is nothing to wait for."""
        there = self.pieces.covered
        start = there.start if there else -_EVER
        return (due - there) & Ranges.of((start, _EVER if self.end is None else self.end))


@dataclass(frozen=True)
class Windows:
    """All that decides which windows of a node are built now.

    `parts` is what is there; `lost` are windows whose files are gone or damaged, `marked` those that are to be built again, and `stale` those whose inputs were built
    again since. `asked` limits what is built (None: nothing does), `published` is where the windows end that the environment has (None: it has none of these), `fills` says that gaps before
    that are filled, `again` that all that is asked for is built
    again, and `follows` that all that is stale is, whatever is asked for. `looked` is up to when windows were due as the data was last looked through for a first one, and
    `beginning` where that was.
    """

    windowing: Windowing
    version: Key
    now: int
    parts: tuple[Held, ...] = ()
    lost: Ranges = field(default_factory=Ranges)
    marked: Ranges = field(default_factory=Ranges)
    stale: Ranges = field(default_factory=Ranges)
    asked: Ranges | None = None
    fills: bool = False
    again: bool = False
    follows: bool = False
    above: Mapping[NodeId, Above] = field(default_factory=dict)
    taken: tuple[str, ...] = ()
    found: tuple[Artifact, ...] = ()
    serial: int = 0
    looked: int | None = None
    published: int | None = None
    beginning: Beginning | None = None

    @property
    def until(self) -> int:
        """Up to when windows are due now."""
        due = self.windowing.due(-_EVER, self.now)
        return due.end if due else -_EVER

    @cached_property
    def covered(self) -> Ranges:
        """The windows that are there."""
        return covered(self.parts)

    @property
    def first(self) -> int | None:
        """Where the first window begins; None where only the data can tell."""
        there = self.covered | self.lost
        if self.windowing.start is not None or not there:
            return self.windowing.start
        return there.start if self.beginning is None else min(there.start, self.beginning.first(self.starts, self.windowing.calendar))

    @property
    def starts(self) -> dict[NodeId, int]:
        """Where the windows of inputs begin."""
        starts = {name: above.pieces.covered.start for name, above in self.above.items() if above.pieces.covered}
        return {name: start for name, start in starts.items() if start > -_EVER}  # which it is where only the data can tell

    @property
    def has_own(self) -> bool:
        """Whether any window was built by the query that there is now, and not by one before it was edited."""
        return any(h.part.version == self.version for h in self.parts)

    @property
    def schemas(self) -> list[Schema]:
        """The columns that windows have, each once, those of later windows later."""
        return list(dict.fromkeys(h.artifact.schema for h in self.parts))

    def due(self, first: int) -> Ranges:
        """All windows that ought to be there."""
        return self.windowing.due(first, self.now)

    def missing(self, first: int) -> Ranges:
        """Those that are not there, or are to be built again."""
        again = self.windowing.calendar.whole(self.marked | self.stale)
        due = self.due(first)
        return (self.windowing.calendar.whole(due - self.covered) | again) & due

    def restated(self, first: int) -> Ranges:
        """Those that a run was asked to build again."""
        return self._asked(first) if self.again else Ranges()

    def todo(self, first: int) -> Ranges:
        """Those that a run builds now."""
        due, there, whole = self.due(first), self.covered, self.windowing.calendar.whole
        missing = whole(due - there - self.lost)  # one that a start or an end cut shorter before is built anew
        if self.published is not None and not self.fills:
            missing &= Ranges.of((self.windowing.calendar.floor(self.published), _EVER))
        chosen = ((missing | whole(self.marked | self.stale)) & self._asked(first)) | (self.lost & due)
        if self.again:
            chosen |= self._asked(first)
        if self.follows:
            chosen |= whole(self.stale) & due
        if not chosen:
            return chosen
        chosen = self.windowing.with_lookback(chosen) & due
        waiting = Ranges()
        for above in self.above.values():
            waiting |= whole(above.waiting(due))
        return self._in_order(chosen, due, waiting) if self.windowing.depends_on_past else chosen - waiting

    def _asked(self, first: int) -> Ranges:
        due = self.due(first)
        return due if self.asked is None else due & self.windowing.calendar.whole(self.asked)

    def _in_order(self, chosen: Ranges, due: Ranges, waiting: Ranges) -> Ranges:
        """What can be built when each window needs the one before it: no further than the first gap, and all that comes after what is built again."""
        chosen |= self.covered.since(chosen.start)
        gap = (due - self.covered - chosen) | (waiting & chosen)
        return chosen & Ranges.of((-_EVER, gap.start)) if gap else chosen


def decide_windows(
    node: Node, situation: Situation, outlook: Outlook, above: Mapping[NodeId, Above], reads: Callable[[], Mapping[NodeId, Read | None]]
) -> Decision:
    """Decide a node that is built window by window. `above` are those of its inputs that are too, `reads` what it takes from all of them, None where that is not known yet."""
    node = replace(node, audits=tuple(outlook.audit(spec) or spec for spec in node.audits))
    windows, empty = look(node, situation, outlook, above)
    pointer = situation.pointers.get(node.id)
    published = situation.snapshot.artifact(pointer.key) if pointer is not None else None
    same = published is not None and _is_of(published, windows.version)
    own = None if same else version_change(node, situation, outlook)
    own = "forced (--full)" if node.id in situation.forced else own
    first = windows.first
    todo = windows.todo(first) if first is not None else Ranges()
    if first is None and (own or not empty or windows.looked != windows.until):
        return Decision("build", own or ("interval due" if empty else "new"), windows=windows)
    if (
        first is None
        and pointer is not None
        and (others := [i for i, r in reads().items() if r is None or not r.same_rows(pointer.inputs.get(i))])
    ):
        sure = any(reads()[i] is not None for i in others)
        reason = f"upstream changed: {', '.join(others)}" if sure else f"if {', '.join(others)} changed"
        return Decision("build" if sure else "may_build", reason, windows=windows)
    if todo or (not windows.parts and not empty):
        return Decision("build", own or _reason(windows, todo), windows=windows, intervals=todo)
    if windows.windowing.forward_only and _other_columns(windows, outlook.names(node.id)):
        return Decision("build", own or "windows that have other columns", windows=windows)
    if not all(h.is_whole for h in windows.parts):
        return Decision("build", own or "windows are taken out", windows=windows)
    if windows.has_own and windows.taken != situation.snapshot.taken(windows.version):
        return Decision("build", own or "other windows of an earlier query", windows=windows)
    if windows.found:
        return Decision("build", "windows that state had lost", windows=windows)
    if any(unaudited(node, situation, h.artifact) for h in windows.parts):
        return Decision("build", own or "audits that its windows have not been through", windows=windows)
    parts = [h.artifact for h in windows.parts] or empty[:1]
    key = whole_key(windows.version, parts)
    if pointer is not None and pointer.key == key:
        return Decision("reuse", "unchanged", key, published or Joined(key, parts, this_second()), windows=windows)
    return Decision("reuse", own or "windows that are there already", key, Joined(key, parts, this_second()), windows=windows)


def look(node: Node, situation: Situation, outlook: Outlook, above: Mapping[NodeId, Above]) -> tuple[Windows, list[Artifact]]:
    """What there is of a node's windows, and what is asked; and its parts without any window, which stand where none is due."""
    windowing = _windowing(node)
    version, snapshot, request = version_of(node, situation, outlook), situation.snapshot, situation.request
    known = accepted(node, situation, snapshot.parts(version))
    found = () if known or node.id in situation.pointers else tuple(situation.find_parts(node.id, version))
    known += found
    taken = snapshot.taken(version)
    marked, versions = snapshot.marked(version), [version]
    published = _published(node, situation, version)
    earlier = published if published is not None and not _is_of(published, version) else None
    if earlier is not None:
        there, own = set(taken), covered(held(a for a in known if a.part is not None and a.part.version == version))
        new = [p for p in earlier.parts if p.key not in there and p.part is not None and not p.part.ranges & own]
        known, taken = [*known, *new], (*taken, *(p.key for p in new))
        versions += sorted({Key(p.part.version) for p in earlier.parts if p.part is not None} - {version})
        marked |= Ranges.of(*(i for v in versions for i in snapshot.marked(v)))
    parts, lost = [], Ranges()
    for one in within(held(known), extent_of(windowing)):
        if situation.presence(one.artifact) == "whole":
            parts.append(one)
            continue
        for part in each([one]):
            if situation.presence(part.artifact) == "whole":
                parts.append(part)
            else:
                lost |= part.ranges
    calendar = windowing.calendar
    asked = None
    if request.start is not None or request.end is not None:
        start = -_EVER if request.start is None else moment_of(request.start, calendar)
        asked = Ranges.of((start, _EVER if request.end is None else moment_of(request.end, calendar)))
        asked &= Ranges.of((-(1 << 35), 1 << 35))
    documents = [snapshot.tables["windows"].get(v, {}) for v in versions]
    looked = Windows(
        windowing,
        version,
        int(situation.now.timestamp()),
        tuple(parts),
        lost,
        marked,
        stale_windows(parts, above, windowing) | cut_otherwise(parts, windowing),
        asked,
        fills=request.backfill or request.start is not None,
        again=node.id in situation.forced or node.id in request.restate,
        follows=node.id in situation.forced or bool(request.restate),
        above=above,
        taken=taken,
        found=found,
        serial=max((a.part.serial for a in known if a.part is not None), default=0),
        looked=documents[0].get("looked"),
        published=_end(published),
        beginning=next((Beginning.from_json(d["beginning"]) for d in documents if "beginning" in d), None),
    )
    return looked, [a for a in known if a.part is not None and not a.part.ranges and situation.presence(a) == "whole"]


def _published(node: Node, situation: Situation, version: Key) -> Artifact | None:
    """What the environment has of a version of a node, or keeps of an earlier one."""
    pointer = situation.pointers.get(node.id)
    found = situation.snapshot.artifact(pointer.key) if pointer is not None else None
    keeps = _windowing(node).forward_only and node.id not in situation.forced
    return found if found is not None and (keeps or _is_of(found, version)) else None


def extent_of(windowing: Windowing) -> Ranges:
    """The time in which a node has windows at all."""
    return Ranges.of((-_EVER if windowing.start is None else windowing.start, _EVER if windowing.end is None else windowing.end))


def version_of(node: Node, situation: Situation, outlook: Outlook) -> Key:
    """Everything that decides what a window holds, besides the rows of the inputs."""
    material = [_FORMAT, situation.engine, node.id, outlook.content(node.id), schema_hash(node), outlook.fingerprint(node.id).upstream]
    material.append(_windowing(node).identity)
    if isinstance(node.logic, PythonLogic):
        material.append({p: situation.packages.get(p, "") for p in node.logic.packages})
    return _hash(material)


def whole_key(version: Key, parts: Sequence[Artifact]) -> Key:
    """The key of an output that is made of these parts."""
    return _hash([version, [k for p in parts for k in p.part_keys]])


def windowed_inputs(node: Node, dag: Dag) -> list[NodeId]:
    """The inputs of a node that are built window by window, also through views."""
    found: dict[NodeId, None] = {}
    waiting = list(node.inputs)
    for name in waiting:
        source = dag.nodes[name]
        if source.windows is not None:
            found[name] = None
        elif source.is_view:
            waiting += [i for i in source.inputs if i not in waiting]
    return list(found)


def settled_above(node: Node, dag: Dag, outlook: Outlook) -> dict[NodeId, Above]:
    """What stands in the windows of a node's inputs, those being decided."""
    found = {}
    for name in windowed_inputs(node, dag):
        artifact, windowing = outlook.artifact(name), dag.nodes[name].windows
        found[name] = Above(pieces_of(artifact) if artifact is not None else Pieces(), windowing.end if windowing is not None else None)
    return found


def planned_above(node: Node, dag: Dag, outlook: Outlook, decisions: Mapping[NodeId, Decision]) -> dict[NodeId, Above]:
    """What will stand in the windows of a node's inputs once these decisions are carried out."""
    found = settled_above(node, dag, outlook)
    for name, above in found.items():
        decision = decisions[name]
        if decision.action == "build" and decision.windows is not None:
            unknown = decision.windows.first is None
            built = Ranges.of((-_EVER, _EVER)) if unknown else decision.intervals
            there = Pieces.of((*i, h.part.stamp) for h in each(decision.windows.parts) for i in h.ranges)
            found[name] = replace(above, pieces=there.replaced(built, PLANNED))
    return found


def _other_columns(windows: Windows, names: Sequence[str] | None) -> bool:
    """Whether windows have other columns than each other, or than those that an edited query returns: `names`, None where that is not known."""
    if len(windows.schemas) != 1 or windows.has_own or names is None:
        return len(windows.schemas) > 1
    return [fold(c.name) for c in windows.schemas[0]] != [fold(n) for n in names]


def unaudited(node: Node, situation: Situation, part: Artifact) -> bool:
    """Whether a part, or one of a segment, has yet to go through some audit."""
    outcomes = ((spec, situation.snapshot.audit(key, spec.definition)) for spec in node.audits for key in part.part_keys)
    return any(outcome is None or (outcome.rows is None and spec.counts_rows) for spec, outcome in outcomes)


def is_behind(node: Node, situation: Situation) -> bool:
    """Whether windows are due after those that the environment has, which can be told before a file is looked at."""
    pointer = situation.pointers.get(node.id)
    end = _end(situation.snapshot.artifact(pointer.key)) if pointer is not None else None
    due = _windowing(node).due(-_EVER, int(situation.now.timestamp()))
    return bool(due) and (end is None or end < due.end)


def _end(whole: Artifact | None) -> int | None:
    """Where the last window of an output ends; None where it has none."""
    members = whole.members if isinstance(whole, Joined) else ()
    return max((m.part.ranges.end for m in members if m.part is not None and m.part.ranges), default=None)


def _is_of(whole: Artifact, version: Key) -> bool:
    """Whether an output has windows of this version."""
    members = whole.members if isinstance(whole, Joined) else ()
    return any(m.part is not None and m.part.version == version for m in members)


def _reason(windows: Windows, todo: Ranges) -> str:
    there = windows.covered
    if not todo:
        return "no window is due yet"
    new = todo - there - windows.lost
    word = "interval due" if new else "restated" if todo & there else "cache missing"
    return f"{word}: {described(todo, windows.windowing)}"


def _windowing(node: Node) -> Windowing:
    if node.windows is None:
        message = f"{node.id} is not built window by window"
        raise TypeError(message)
    return node.windows


def _hash(material: object) -> Key:
    return Key(hashlib.sha256(json.dumps(material, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:32])
