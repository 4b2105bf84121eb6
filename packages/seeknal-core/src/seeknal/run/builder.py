"""Builds one node: writes its output, checks it, and says what there is to commit. The only way anything is built."""

from __future__ import annotations

import functools
import hashlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from seeknal.artifacts import Beside
from seeknal.errors import ConnectionFailed, EngineError, NodeError
from seeknal.features.model import TRAINING_SET
from seeknal.nodes import (
    Digest,
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
from seeknal.plan.fingerprint import build_key
from seeknal.protocols import Deployment
from seeknal.run.auditing import Auditing
from seeknal.run.built import Built
from seeknal.run.columns import casting_query, check_declared, differs
from seeknal.run.exporting import deploy, export_file, export_table
from seeknal.run.identities import ROWS, Identities
from seeknal.run.quarantine import Quarantine
from seeknal.run.sessions import placed
from seeknal.run.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from seeknal.artifacts import ArtifactStore, Stage
    from seeknal.fileversions import FileVersions
    from seeknal.nodes import Schema
    from seeknal.plan.outlook import Columns
    from seeknal.plan.planner import Decision, Situation
    from seeknal.plugin import Engine
    from seeknal.project.loader import LoadedProject
    from seeknal.protocols import ArrowStream, Session, Written
    from seeknal.run.results import Batch
    from seeknal.run.sessions import Relations
    from seeknal.state.model import Artifact, Change, Read


class Builder:
    """Builds nodes of one run. Methods are called from worker threads."""

    def __init__(
        self,
        project: LoadedProject,
        situation: Situation,
        files: FileVersions,
        store: ArtifactStore,
        relations: Relations,
        run_id: str,
        commit: Callable[[list[Change]], None],
        began: Callable[[NodeId, Batch], None],
    ) -> None:
        """`commit` takes what is finished before a node is: its windows. `began` hears which of them are being built."""
        self._project = project
        self._situation = situation
        self._store = store
        self._relations = relations
        self._engine: Engine = project.engine
        self._sources = Sources(project, files)
        self._identities = Identities(situation, store, relations)
        self._commit = commit
        self._began = began
        self._quarantine = Quarantine(project, store, run_id)
        self._auditing = Auditing(project, situation, store, relations)

    def build(self, node: Node, decision: Decision, inputs: Mapping[NodeId, Read], wanted: Collection[Columns]) -> Built:
        """Build a node, or only run the audits that its existing output has not been through.

        `wanted` are the sets of its columns by which readers know it.
        """
        begun = time.perf_counter()
        try:
            built = self._build(node, decision, inputs, wanted)
            self._inputs_unchanged(node)
        except EngineError as error:
            error.message = error.message.replace(f"{self._project.root}/", "")
            raise placed(error, node) from None
        except ConnectionFailed as error:
            raise NodeError(error.code, error.message, at=error.at or node.at, hint=error.hint) from None
        except OSError as error:
            raise _disk(error, node) from None
        return replace(built, seconds=time.perf_counter() - begun)

    def _build(self, node: Node, decision: Decision, inputs: Mapping[NodeId, Read], wanted: Collection[Columns]) -> Built:
        logic = node.logic
        if decision.windows is not None:
            from seeknal.run.windows import WindowBuilder  # start-up time

            tools = (self._situation, self._store, self._relations, self._identities, self._commit)
            doing = (self._write, self._auditing.audited, self._began)
            builder = WindowBuilder(*tools, self._sources, self._quarantine, self._engine.dialect, *doing)
            return builder.build(node, decision.windows, inputs, wanted)
        if decision.action == "reuse" and decision.artifact is not None and decision.key is not None:
            return self._auditing.audited(
                node, Built(decision.key, decision.artifact, decision.artifact.rows, 0, reused=True), decision.artifact.schema
            )
        if isinstance(logic, ExposureLogic):
            return self._export(node, logic, decision)
        if isinstance(logic, RuleLogic):
            return self._rule(node, decision)
        if node.is_view and isinstance(logic, SqlLogic):
            return self._view(node, logic, decision)
        if TRAINING_SET in node.details:
            self._check_spine(node)
        if decision.artifact is not None and decision.reason == "cache corrupted":
            self._store.set_aside(decision.artifact)
        if isinstance(logic, SourceLogic) and not logic.cache and logic.table is not None and self._sources.is_file(logic):
            return self._in_place(node, logic, decision, inputs, wanted)
        return self._stored(node, decision, inputs, wanted)

    def _check_spine(self, node: Node) -> None:
        """Raise what is wrong with a training set's keys, time and labels, before the engine finds other words for it."""
        from seeknal.run.spines import columns_of, misfits  # start-up time

        for source in node.inputs:
            self._relations.define(source)
        session, dialect = self._relations.session, self._engine.dialect
        for problem in misfits(node, self._project.nodes, lambda name: columns_of(session, self._project.nodes[name].relation, dialect)):
            raise problem

    def _stored(self, node: Node, decision: Decision, inputs: Mapping[NodeId, Read], wanted: Collection[Columns]) -> Built:
        """Write an output's rows, under a key that for some sources only the rows decide."""
        provisional = decision.key or Key(f"reading-{hashlib.sha256(node.id.encode()).hexdigest()[:16]}")
        stage, beside = self._store.stage(node.id, provisional), Beside()
        try:
            if node.this:
                self._define_before(node, decision)
            stage, written = self._write(node, stage)
            if node.merging is not None:
                from seeknal.run.merging import merge  # start-up time

                now = int(self._situation.now.timestamp())
                stage, written, beside = merge(node, node.merging, decision, stage, written, self._store, self._relations.session, now)
            read, rejected = None, None
            if node.quarantines:
                read = None if decision.key is not None else self.digest_of((stage.part,), written.schema)
                stage, written, rejected = self._quarantine.part(node, stage, written, self._relations.session, _metadata(node, stage))
            digests = self._identities.of(node, (stage.part, *beside.paths), written, decision.key, wanted)
            key, version = decision.key, self._situation.versions.get(node.id)
            if key is not None and version is not None and isinstance(node.logic, SourceLogic):
                self._sources.check_unchanged(node, node.logic, version)
            if key is None:
                version = read or digests[ROWS]
                key = self._key_read(node, inputs, version)
                existing = self._situation.snapshot.artifact(key) or self._store.find(node.id, key)
                if existing is not None and self._store.check(existing) == "whole" and node.id not in self._situation.forced:
                    self._store.discard(stage)
                    self._relations.put(node.id, existing)
                    return self._auditing.audited(node, Built(key, existing, existing.rows, 0, version, reused=True), existing.schema)
            artifact = self._store.commit(stage, key, written.rows, written.schema, digests, rejected, beside=beside)
        except BaseException:
            self._store.discard(stage, beside)
            raise
        self._relations.put(node.id, artifact)
        return self._auditing.audited(node, Built(key, artifact, artifact.rows, 0, version), artifact.schema)

    def _define_before(self, node: Node, decision: Decision) -> None:
        """What a node that is merged by key reads as `{{ this }}`."""
        from seeknal.run.itself import Before, define_before  # start-up time
        from seeknal.run.merging import require_before

        require_before(node, decision)
        base = decision.base
        befores = [Before(self._store.paths(base), base.schema)] if base is not None else []
        define_before(self._relations.session, node, befores, self._engine.dialect)

    def _write(self, node: Node, stage: Stage, window: tuple[datetime, datetime] | None = None) -> tuple[Stage, Written]:
        session = self._relations.session
        logic = node.logic
        metadata = _metadata(node, stage)
        if isinstance(logic, SqlLogic):
            for source in node.inputs:
                self._relations.define(source)
            written = self._write_query(node, logic, session, stage, metadata)
        elif isinstance(logic, PythonLogic):
            from seeknal.run.pythonnode import call  # start-up time

            queries = [_all(self._relations.define(i), self._engine.dialect) for i in logic.reads]
            streams = [functools.partial(session.arrow, query) for query in queries]
            written = session.ingest(call(self._project.root, node, logic, streams, window), stage.part, metadata)
        elif isinstance(logic, SourceLogic):
            written = self._sources.read(node, logic, session, stage.part, metadata, window)
        else:
            message = f"nothing can be built of {type(logic).__name__}"
            raise TypeError(message)
        check_declared(node, written.schema)
        if isinstance(logic, SourceLogic) and not written.rows:
            node = self._as_before(node, written)
        if not differs(node, written.schema, self._engine.dialect):
            return stage, written
        return self._recast(node, stage, written, metadata)

    def _write_query(self, node: Node, logic: SqlLogic, session: Session, stage: Stage, metadata: Mapping[str, str]) -> Written:
        """Run the node's query, declared types cast. An error's line counts within the node's own text."""
        if not any(c.type for c in node.columns):
            return session.write(logic.sql, stage.part, metadata)
        query = casting_query(logic.sql, session.describe(logic.sql), node, self._engine.dialect)
        try:
            return session.write(query, stage.part, metadata)
        except EngineError as error:
            error.line = error.line - 1 if error.line is not None and error.line > 1 else None
            raise

    def _as_before(self, node: Node, written: Written) -> Node:
        """The node with the types its last output had: a file without rows says nothing of its columns' types."""
        pointer = self._situation.pointers.get(node.id)
        before = self._situation.snapshot.artifact(pointer.key) if pointer else None
        if before is None or {c.name for c in before.schema} != {c.name for c in written.schema}:
            return node
        declared = {fold(c.name): c for c in node.columns if c.type}
        return replace(node, columns=tuple(declared.get(fold(c.name), c) for c in before.schema))

    def _recast(self, node: Node, stage: Stage, written: Written, metadata: Mapping[str, str]) -> tuple[Stage, Written]:
        """Give what was read the types that are declared."""
        from seeknal.protocols import Files  # start-up time

        session = self._relations.session
        name = f"{node.relation}__as_read"
        session.define(name, Files((stage.part,)))
        again = self._store.stage(node.id, Key(stage.folder.name))
        try:
            query = casting_query(_all(name, self._engine.dialect), written.schema, node, self._engine.dialect)
            recast = session.write(query, again.part, metadata)
        except BaseException:
            again.part.unlink(missing_ok=True)
            raise
        stage.part.unlink(missing_ok=True)
        return again, recast

    def comparable(self, artifact: Artifact, wanted: Collection[Columns]) -> Artifact:
        """The output with all by which its readers will tell whether another is the same to them."""
        return self._identities.of_files(artifact, wanted) if artifact.location is None else artifact

    def digest_of(self, paths: Sequence[Path], schema: Schema) -> Digest:
        """The digest of a whole relation: its rows, and its columns' names and types."""
        return self._identities.digests(tuple(paths), schema, [None])[None]

    def current(self, artifact: Artifact) -> Artifact:
        """The output as it is to be remembered from now on."""
        return self._store.retimed.get(artifact.key, artifact)

    def retimed(self, artifact: Artifact) -> list[Artifact]:
        """The parts of an output that are to be remembered anew."""
        retimed = self._store.retimed
        return [retimed[k] for k in artifact.part_keys if k in retimed and k != artifact.key] if retimed else []

    def taken_up(self, artifact: Artifact) -> None:
        """An environment points to this output from now on that did not before."""
        self._store.touch(artifact)

    def paths(self, artifact: Artifact) -> Sequence[Path]:
        """The files of an output."""
        return self._store.paths(artifact)

    def _key_read(self, node: Node, inputs: Mapping[NodeId, Read], version: str) -> Key:
        """The key of what only reading tells the version of."""
        situation = self._situation
        moment, packages = situation.moment(node), situation.packages
        return build_key(node, node.content_hash, situation.engine, inputs, version=version, moment=moment, packages=packages)

    def _in_place(
        self, node: Node, logic: SourceLogic, decision: Decision, inputs: Mapping[NodeId, Read], wanted: Collection[Columns]
    ) -> Built:
        """Files that are read where they are: described, hashed as far as readers need it, and remembered."""
        from seeknal.protocols import Files, Written  # start-up time

        version, files = self._sources.files(node, logic)
        key = decision.key or self._key_read(node, inputs, version)
        paths = [self._project.root / f.name for f in files]
        session = self._relations.session
        session.define(node.relation, Files(tuple(paths)))
        schema = session.describe(_all(node.relation, self._engine.dialect))
        check_declared(node, schema)
        if differs(node, schema, self._engine.dialect):
            hint = "set cache: true to have the types enforced on a copy"
            raise NodeError("SK-DATA-007", "declared types differ from those of the files, which are read in place", at=node.at, hint=hint)
        rows = int(session.rows(_count(node.relation, self._engine.dialect)).rows[0][0])
        digests = self._identities.of(node, tuple(paths), Written(rows, schema), key, wanted)
        self._sources.check_unchanged(node, logic, version)
        artifact = self._store.reference(node.id, key, files, rows, schema, digests)
        self._relations.put(node.id, artifact)
        before = self._situation.pointers.get(node.id)
        reused = decision.key is None and before is not None and before.key == key and node.id not in self._situation.forced
        return self._auditing.audited(node, Built(key, artifact, rows, 0, version, reused=reused), schema)

    def _view(self, node: Node, logic: SqlLogic, decision: Decision) -> Built:
        """A view is defined, described and audited; nothing is stored."""
        for source in node.inputs:
            self._relations.define(source)
        session = self._relations.session
        schema = session.describe(logic.sql)
        check_declared(node, schema)
        if differs(node, schema, self._engine.dialect):
            raise NodeError(
                "SK-DATA-007", "declared types differ from the view's; cast in its SQL, or store it (materialized: table)", at=node.at
            )
        self._relations.define(node.id)
        return self._auditing.audited(node, Built(_key(decision, node), None, None, 0, reused=decision.action == "reuse"), schema)

    def _rule(self, node: Node, decision: Decision) -> Built:
        relation = self._relations.define(node.inputs[0])
        schema = self._relations.session.describe(_all(relation, self._engine.dialect))
        return self._auditing.audited(node, Built(_key(decision, node), None, None, 0, reused=decision.action == "reuse"), schema, relation)

    def _export(self, node: Node, logic: ExposureLogic, decision: Decision) -> Built:
        checked = Built(_key(decision, node), None, None, 0, reused=decision.action == "reuse")
        if not node.inputs:
            return checked if checked.reused else replace(checked, rows=self._deployed(node, logic, checked.key, None))
        relation = self._relations.define(node.inputs[0])
        query = _all(relation, self._engine.dialect)
        session = self._relations.session
        if node.audits:
            checked = self._auditing.audited(node, checked, session.describe(query), relation)
        if checked.error is not None or checked.reused:  # only its audits were to be run: what was handed out stays as it is
            return checked
        if logic.type == "file":
            rows: int | None = export_file(self._project.root, logic, session, query, first=node.id not in self._situation.pointers)
        elif logic.type != "table":
            rows = self._deployed(node, logic, checked.key, lambda: session.arrow(query))
        else:
            rows = export_table(self._sources.open(logic.connection or ""), logic, session, query, self._engine.dialect)
        return replace(checked, rows=rows)

    def _deployed(self, node: Node, logic: ExposureLogic, key: Key, rows: Callable[[], ArrowStream] | None) -> int | None:
        """What a plugin's type of exposure does."""
        connection = logic.connection or ""
        driver = self._sources.open(connection)
        deployment = Deployment(node.name, logic.params, driver, str(key), rows, node.description)
        target = self._project.registry.exposure(logic.type, node.at).target
        return deploy(target, driver, logic, deployment, self._sources.secrets(connection))

    def known_failure(self, node: Node, decision: Decision) -> Built:
        """The failure of an output that has failed its audits before: it is neither built nor checked again."""
        artifact = decision.artifact
        built = Built(_key(decision, node), artifact, artifact.rows if artifact else None, 0, reused=True)
        return self._auditing.audited(node, built, artifact.schema if artifact else ())

    def _inputs_unchanged(self, node: Node) -> None:
        for artifact in self._relations.in_place(node.id):
            if self._store.check(artifact) != "whole":
                names = ", ".join(f.name for f in artifact.files[:3])
                message = f"{names} changed while {node.id} was reading it"
                raise NodeError(
                    "SK-DATA-008", message, at=node.at, hint="run again when nothing writes to it, or set cache: true on the source"
                )


def _metadata(node: Node, stage: Stage) -> dict[str, str]:
    return {"seeknal.node": node.id, "seeknal.key": stage.folder.name}


def _key(decision: Decision, node: Node) -> Key:
    if decision.key is None:
        message = f"{node.id} has no key"
        raise TypeError(message)
    return decision.key


def _all(relation: str, dialect: str) -> str:
    from sqlglot import exp  # start-up time

    return exp.select("*").from_(exp.Table(this=exp.to_identifier(relation, quoted=True))).sql(dialect=dialect)


def _count(relation: str, dialect: str) -> str:
    from sqlglot import exp  # start-up time

    counted = exp.select(exp.Count(this=exp.Star()))
    return counted.from_(exp.Table(this=exp.to_identifier(relation, quoted=True))).sql(dialect=dialect)


def _disk(error: OSError, node: Node) -> NodeError:
    import errno

    if error.errno == errno.ENOSPC:
        return NodeError(
            "SK-DISK-001", f"the disk is full: {node.id} could not be written", at=node.at, hint="free some space and run again"
        )
    return NodeError("SK-DISK-001", f"{error.filename or node.id}: {error.strerror or error}", at=node.at)
