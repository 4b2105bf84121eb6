"""Builds a node window by window: each batch is written, audited and committed by itself, and the whole is put together from what there is."""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seeknal.artifacts import now as this_second
from seeknal.errors import EngineError, SeeknalError
from seeknal.intervals.ranges import Interval, Ranges
from seeknal.intervals.windowing import told
from seeknal.nodes import Digest, Key, SourceLogic, SqlLogic
from seeknal.plan.beginnings import Beginning
from seeknal.plan.windows import extent_of, unaudited, whole_key
from seeknal.protocols import Files
from seeknal.run.building import Building
from seeknal.run.built import Built
from seeknal.run.cutting import cut, earliest, moment_text
from seeknal.run.expressions import same_columns, select_as
from seeknal.run.itself import Before, define_before
from seeknal.run.results import Batch
from seeknal.run.widening import grown, misfit, unified_windows
from seeknal.sql.moments import with_window
from seeknal.state.model import ALL, Artifact, Change
from seeknal.state.parts import Held, Part, each, held, within
from seeknal.state.segments import Joined, in_segments

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from seeknal.artifacts import ArtifactStore, Stage
    from seeknal.nodes import Node, NodeId, Schema
    from seeknal.plan.outlook import Columns
    from seeknal.plan.planner import Situation
    from seeknal.plan.windows import Windows
    from seeknal.protocols import Written
    from seeknal.run.identities import Identities
    from seeknal.run.quarantine import Quarantine
    from seeknal.run.sessions import Relations
    from seeknal.run.sources import Sources
    from seeknal.state.model import Read
    from seeknal.state.outcomes import AuditOutcome


class WindowBuilder:
    """Builds one node.

    `write` stores what a node's logic gives, `audited` runs the audits that an output has not been through, `began` hears which batch is being built.
    """

    def __init__(
        self,
        situation: Situation,
        store: ArtifactStore,
        relations: Relations,
        identities: Identities,
        commit: Callable[[list[Change]], None],
        sources: Sources,
        quarantine: Quarantine,
        dialect: str,
        write: Callable[[Node, Stage, tuple[datetime, datetime] | None], tuple[Stage, Written]],
        audited: Callable[[Node, Built, Schema, str | None], Built],
        began: Callable[[NodeId, Batch], None],
    ) -> None:
        self._situation = situation
        self._store = store
        self._relations = relations
        self._identities = identities
        self._commit = commit
        self._sources = sources
        self._quarantine = quarantine
        self._dialect = dialect
        self._write = write
        self._audited = audited
        self._began = began

    def build(self, node: Node, windows: Windows, inputs: Mapping[NodeId, Read], wanted: Collection[Columns]) -> Built:
        """Build the windows that are due. What is finished stays finished, whatever happens to those that follow."""
        for source in node.inputs:
            self._relations.define(source)
        beginning = self._beginning(node, windows)
        windows = replace(windows, beginning=beginning)
        first = beginning.at if windows.first is None and beginning is not None else windows.first
        todo = windows.todo(first) if first is not None else Ranges()
        marked = windows.marked | (windows.restated(first) if first is not None else Ranges())
        if windows.windowing.depends_on_past and todo:  # all that follows what is built again, however far this run comes
            marked |= windows.covered.since(todo.start)
        building = Building(node, windows, inputs, {*wanted, None}, marked)
        before = self._situation.snapshot.tables["windows"].get(windows.version)
        known = self._situation.snapshot.tables["artifacts"]
        news = [Change("artifacts", a.key, a.to_json()) for a in windows.found if a.key not in known]
        if news or building.document().value != before:
            self._commit([*news, building.document()])
        windows = building.windows = self._with_columns(building)  # only now: what is taken over from an earlier version is written down
        batches = list(windows.windowing.calendar.batches(todo, windows.windowing.batch_size))
        outcomes: list[AuditOutcome] = []
        for built in itertools.chain(self._all(building, batches), self._grown(building)):
            if built.error is not None:
                return built
            outcomes += built.outcomes
        if not windows.parts and not building.made:
            empty = self._batch(building, Interval(first or 0, first or 0), windows.serial + 1)
            if empty.error is not None:
                return empty
            if windows.first is None and (first is None or not windows.due(first)):
                building.looked = windows.until
                self._commit([building.document()])
        parts = self._together(building)
        whole = Joined(whole_key(windows.version, parts), in_segments(parts), this_second())
        count = windows.windowing.calendar.count(todo)
        return Built(whole.key, whole, whole.rows, 0, known=tuple(_summed(outcomes)), windows=count, batches=len(batches))

    def _all(self, building: Building, batches: list[Interval]) -> Iterator[Built]:
        """Existing windows that have not been through all audits, then the batches, several at a time where the node allows it."""
        windows = building.windows
        for part in each(windows.parts) if building.node.audits else ():
            if unaudited(building.node, self._situation, part.artifact):
                yield self._audit(building, part.artifact, reused=True)
        total = len(batches)
        numbered = [(Batch(n, total, told(b.start), told(b.end)), b, windows.serial + n) for n, b in enumerate(batches, 1)]
        if windows.windowing.batch_concurrency == 1:
            for batch in numbered:
                yield self._one(building, *batch)
            return
        if building.any_part is None and numbered:  # the first decides on the columns of all
            yield self._one(building, *numbered.pop(0))
        with ThreadPoolExecutor(windows.windowing.batch_concurrency, thread_name_prefix="seeknal-batch") as pool:
            waiting = [pool.submit(self._one, building, *batch) for batch in numbered]
            try:
                for future in waiting:
                    yield future.result()
            finally:
                for future in waiting:
                    future.cancel()

    # One batch

    def _one(self, building: Building, batch: Batch, interval: Interval, serial: int) -> Built:
        self._began(building.node.id, batch)
        try:
            built = self._batch(building, interval, serial)
        except SeeknalError as error:
            batch.name(error)
            raise
        if built.error is not None:
            batch.name(built.error)
        return built

    def _batch(self, building: Building, batch: Interval, serial: int) -> Built:
        """Write the rows of a batch, audit them, and commit them as a part."""
        node, windows = building.node, building.windows
        ranges = Ranges.of(batch)
        reads = {name: above.pieces.within(ranges) for name, above in windows.above.items()}
        before = {n: above.sums.of(*i) for n, above in windows.above.items() for i in windows.windowing.before(ranges)}
        digests = sorted((i, r.columns, r.digest) for i, r in building.inputs.items())
        past = building.before(batch.start) if node.this else []
        key = _hash([windows.version, ranges.to_json(), serial, digests, *(k for h in past for k in h.artifact.part_keys)])
        earlier = next((h.artifact for h in each(windows.parts, ranges) if h.is_whole and h.ranges == ranges), None)
        stage = self._store.stage(node.id, key)
        try:
            stage, written = self._written(building, stage, batch, past)
            stage, written = self._fitting(building, stage, written, ranges)
            rejected = None
            if node.quarantines:
                metadata = {"seeknal.node": node.id, "seeknal.key": key}
                stage, written, rejected = self._quarantine.part(node, stage, written, self._relations.session, metadata)
            found = self._identities.after(earlier, node, (stage.part,), written, key, building.wanted)
            part = Part(windows.version, ranges, serial, found[ALL], reads, before)
            artifact = self._store.commit(stage, key, written.rows, written.schema, found, rejected, part)
        except BaseException:
            self._store.discard(stage)
            raise
        return self._audit(building, artifact)

    def _audit(self, building: Building, artifact: Artifact, *, reused: bool = False) -> Built:
        """Run the audits of a part, and commit it where they allow it."""
        relation = f"{building.node.relation}__{artifact.key[:16]}"
        if building.node.audits:
            self._relations.session.define(relation, Files(self._store.paths(artifact)))
        built = Built(artifact.key, artifact, artifact.rows, 0, reused=reused)
        built = self._audited(building.node, built, artifact.schema, relation)
        if built.error is None:
            outcomes = [Change("audits", f"{built.key}/{a.spec.definition}", a.outcome.to_json()) for a in built.audited if not a.volatile]
            with building.finishing:
                self._commit([Change("artifacts", artifact.key, artifact.to_json()), *outcomes, *building.finish(artifact)])
        return built

    def _written(self, building: Building, stage: Stage, batch: Interval, past: Sequence[Held] = ()) -> tuple[Stage, Written]:
        node = building.node
        if isinstance(node.logic, SqlLogic):
            sql = with_window(node.logic.sql, node.logic.dialect, moment_text(batch.start), moment_text(batch.end))
            self._define_before(node, past)
            schema = self._relations.session.describe(sql)
            query = cut(sql, schema, node, Ranges.of(batch), self._dialect, empty=batch.start == batch.end)
            try:
                return self._write(replace(node, logic=replace(node.logic, sql=query)), stage, None)
            except EngineError as error:
                error.line = error.line - 1 if error.line is not None and error.line > 1 else None
                raise
        moments = (datetime.fromtimestamp(batch.start, UTC), datetime.fromtimestamp(batch.end, UTC))
        key, other = Key(stage.folder.name), building.any_part
        if isinstance(node.logic, SourceLogic) and other is not None and not self._sources.has_files(node.logic, node, moments):
            return self._rewritten(node, self._store.paths(other.parts[0] if other.is_joined else other)[0], other.schema, Ranges(), key)
        returned, written = self._write(node, stage, moments)
        try:
            return self._rewritten(node, returned.part, written.schema, Ranges.of(batch), key)
        finally:
            returned.part.unlink(missing_ok=True)

    def _define_before(self, node: Node, past: Sequence[Held]) -> None:
        """What a window reads as `{{ this }}`: all windows before it, as they are by now."""
        befores = (Before(self._store.relation(h.artifact).paths, h.artifact.schema, None if h.is_whole else h.ranges) for h in past)
        define_before(self._relations.session, node, befores, self._dialect)

    def _rewritten(
        self, node: Node, file: Path, schema: Schema, ranges: Ranges, key: Key, columns: Schema | None = None
    ) -> tuple[Stage, Written]:
        """Those rows of a file that belong to some windows, as another file; with `columns`, as those."""
        session = self._relations.session
        name = f"{node.relation}__all_{key[:16]}"
        session.define(name, Files((file,)))
        stage = self._store.stage(node.id, key)
        taken = _everything(name, self._dialect) if columns is None else select_as(columns, name, schema, self._dialect)
        query = cut(taken, columns or schema, node, ranges, self._dialect, empty=not ranges)
        try:
            return stage, session.write(query, stage.part, {"seeknal.node": node.id, "seeknal.key": key})
        except BaseException:
            stage.part.unlink(missing_ok=True)
            raise

    def _fitting(self, building: Building, stage: Stage, written: Written, ranges: Ranges) -> tuple[Stage, Written]:
        """All windows of a version have the same columns: those of a batch are cast to them where that loses nothing."""
        node, other = building.node, building.any_part
        if other is None or same_columns(other.schema, written.schema):
            return stage, written
        columns = (grown if building.grows else unified_windows)(node, other.schema, written.schema)
        if not building.grows and (not building.keeps_history or not same_columns(columns, other.schema)):
            raise misfit(node, other.schema, written.schema)
        returned = stage.part
        try:
            return self._rewritten(node, returned, written.schema, ranges, Key(stage.folder.name), columns)
        finally:
            returned.unlink(missing_ok=True)

    def _with_columns(self, building: Building) -> Windows:
        """The windows with the columns that the query returns now: those from before it was edited are copied, a column that is new being NULL in them."""
        node, windows = building.node, building.windows
        if not building.keeps_history or not windows.parts or (windows.has_own and len(windows.schemas) == 1):
            return windows
        stage = self._store.stage(node.id, _hash([windows.version, "columns"]))
        try:
            stage, written = self._written(building, stage, Interval(0, 0))
        finally:
            self._store.discard(stage)
        columns = written.schema
        for schema in reversed(windows.schemas):
            columns = unified_windows(node, schema, columns)
        parts = [
            one
            for h in windows.parts
            for one in ([h] if same_columns(h.artifact.schema, columns) else (self._copied(building, p, columns) for p in each([h])))
        ]
        return replace(windows, parts=tuple(parts), serial=windows.serial + 1)

    def _grown(self, building: Building) -> Iterator[Built]:
        """The windows of a source whose files have other columns since: copied with those of all, and audited."""
        parts = held([*(h.artifact for h in building.windows.parts), *building.made])
        first, *others = dict.fromkeys(h.artifact.schema for h in parts) if building.grows else [()]
        columns = functools.reduce(functools.partial(grown, building.node), others, first)
        for old in each(parts) if others else ():
            if not same_columns(old.artifact.schema, columns):
                copied = self._copied(building, old, columns)
                building.windows = replace(building.windows, parts=(*building.windows.parts, copied), serial=building.last + 1)
                yield self._audit(building, copied.artifact, reused=True)

    def _beginning(self, node: Node, windows: Windows) -> Beginning | None:
        """Where the node's data begins; looked for where that is not known, or may have changed. None where the node says so itself, or there is no data."""
        known = windows.beginning
        settled = windows.first is not None and (known is None or all(s >= known.above.get(n, s) for n, s in windows.starts.items()))
        if (
            windows.windowing.start is not None
            or not isinstance(node.logic, SqlLogic)
            or (settled and node.id not in self._situation.forced)
        ):
            return known
        self._define_before(node, ())
        found = earliest(self._relations.session, node.logic.sql, node, windows.windowing.calendar, self._dialect)
        there = [m for m in (found, windows.covered.start if windows.covered else None) if m is not None]
        return Beginning(min(there), windows.starts) if there else None

    # The whole

    def _together(self, building: Building) -> list[Artifact]:
        """The parts of the whole, in order. Of those that hold only in some of their windows, these are taken over."""
        known = [*(h.artifact for h in building.windows.parts), *building.made]
        parts = within(held(known), extent_of(building.windows.windowing))
        return [h.artifact if h.is_whole else self._taken_over(building, h) for h in parts] or [building.made[0]]

    def _taken_over(self, building: Building, old: Held) -> Artifact:
        """Some windows of a part as a part of their own: its rows are copied, not computed."""
        copied = self._copied(building, old).artifact
        audits = self._situation.snapshot.tables["audits"]
        names = {f"{old.artifact.key}/{s.definition}": f"{copied.key}/{s.definition}" for s in building.node.audits}
        self._commit([Change("audits", new, audits[name]) for name, new in names.items() if name in audits])
        return copied

    def _copied(self, building: Building, old: Held, columns: Schema | None = None) -> Held:
        """The windows that hold of a part as a part of their own, with other columns where those are given."""
        node = building.node
        named = [[c.name, c.type] for c in columns or ()]
        key = _hash([building.windows.version, old.artifact.key, old.ranges.to_json(), *named])
        found = self._situation.snapshot.artifact(key)
        if found is not None and found.part is not None and self._store.check(found) == "whole":
            return Held(found, found.part, old.ranges)
        (file,) = self._store.paths(old.artifact)
        stage, written = self._rewritten(node, file, old.artifact.schema, old.ranges, key, columns)
        try:
            stage, rejected = self._quarantine.taken_over(node, stage, old, self._relations.session)
            part = Part(building.windows.version, old.ranges, building.last + 1, old.part.stamp, old.part.reads, old.part.before)
            if columns is None:
                digests = {name: Digest(_hash([digest, old.ranges.to_json()])) for name, digest in old.artifact.digests.items()}
            else:
                digests = self._identities.after(None, node, (stage.part,), written, key, building.wanted)
            artifact = self._store.commit(stage, key, written.rows, written.schema, digests, rejected, part)
        except BaseException:
            self._store.discard(stage)
            raise
        self._commit([Change("artifacts", key, artifact.to_json())])
        return Held(artifact, part, old.ranges)


def _summed(outcomes: list[AuditOutcome]) -> Iterator[AuditOutcome]:
    """The outcomes of one audit in several windows as one."""
    groups: dict[tuple[str | None, str, tuple[str, ...]], list[AuditOutcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.name, outcome.type, outcome.columns), []).append(outcome)
    for some in groups.values():
        failed = [o for o in some if not o.passed]
        told = replace(failed[0] if failed else some[0], failing_rows=sum(o.failing_rows for o in some))
        yield replace(told, seconds=sum(o.seconds for o in some))


def _everything(relation: str, dialect: str) -> str:
    from sqlglot import exp  # start-up time

    return exp.select("*").from_(exp.Table(this=exp.to_identifier(relation, quoted=True))).sql(dialect=dialect)


def _hash(material: object) -> Key:
    return Key(hashlib.sha256(json.dumps(material, separators=(",", ":"), default=str).encode()).hexdigest()[:32])
