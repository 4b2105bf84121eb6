"""How readers will know an output that has just been written.

A first output is known by its key: nothing has read it yet, so hashing its rows could spare nothing. One that follows another is compared with it, in
each set of columns that some reader uses, and is the same to that reader where the rows are; where it has more rows or fewer, that is known without. Where the key does not settle the rows (a source that only
reading tells about, chance, Python) they are hashed always.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from seeknal.nodes import Digest, SourceLogic, SqlLogic, fold
from seeknal.plan.depth import unknown
from seeknal.protocols import Files
from seeknal.state.model import ALL, column_set

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from seeknal.artifacts import ArtifactStore
    from seeknal.nodes import ColumnSchema, Key, Node, NodeId, Schema
    from seeknal.plan.outlook import Columns
    from seeknal.plan.planner import Situation
    from seeknal.protocols import Written
    from seeknal.run.sessions import Relations
    from seeknal.state.model import Artifact

ROWS = f"rows {ALL}"
"""Where the digest of all columns of an output is kept, in any case in which it was needed."""


HASHED_AT_ONCE = 100_000_000
"""Files read in place up to this size, in bytes, are hashed when they are first read; larger ones when they change for the first time."""


class Identities:
    """Decides how readers know the outputs of one run."""

    def __init__(self, situation: Situation, store: ArtifactStore, relations: Relations) -> None:
        self._situation = situation
        self._store = store
        self._relations = relations
        self._sure: dict[NodeId, bool] = {}

    def of(self, node: Node, paths: tuple[Path, ...], written: Written, key: Key | None, wanted: Collection[Columns]) -> dict[str, Digest]:
        """The identities of an output, by set of columns, and the digests that were needed to tell."""
        pointer = self._situation.pointers.get(node.id)
        before = self._situation.snapshot.artifact(pointer.key) if pointer is not None else None
        return self.after(None if before is not None and before.is_joined else before, node, paths, written, key, wanted)

    def after(
        self, before: Artifact | None, node: Node, paths: tuple[Path, ...], written: Written, key: Key | None, wanted: Collection[Columns]
    ) -> dict[str, Digest]:
        """The same for an output in whose place another stood before."""
        settled = key is not None and self._repeatable(node)
        if key is not None and not settled and not wanted:
            return {}
        if settled and before is not None and before.key == key and ALL in before.digests:
            return dict(before.digests)
        if before is not None and before.rows != written.rows:
            before = None  # no set of columns can hold the same rows
        if settled and (before is None or before.key == key or not wanted):
            return {ALL: Digest(f"key:{key}")}
        sets = {_present(c, written.schema) for c in wanted}
        if not settled:
            sets.add(None)
        now = self.digests(paths, written.schema, sets)
        found = {_name(c): digest for c, digest in now.items()}
        found[ALL] = Digest(f"key:{key}") if settled else now[None]
        found |= {_identity(c): digest for c, digest in now.items()}
        if before is not None:
            found |= self._kept(before, now)
        return found

    def of_files(self, artifact: Artifact, wanted: Collection[Columns]) -> Artifact:
        """Files that are read where they are, with what they will be compared by: when others stand in their place, these are gone."""
        pointer = self._situation.pointers.get(artifact.node)
        sets = {_present(c, artifact.schema) for c in wanted}
        missing = [c for c in sets if _name(c) not in artifact.digests]
        if not missing or (pointer is None and artifact.bytes > HASHED_AT_ONCE):
            return artifact
        now = self.digests(self._store.paths(artifact), artifact.schema, missing)
        found = {_name(c): digest for c, digest in now.items()} | {_identity(c): digest for c, digest in now.items() if c is not None}
        return replace(artifact, digests={**found, **artifact.digests})

    def _kept(self, before: Artifact, now: Mapping[Columns, Digest]) -> dict[str, Digest]:
        """The identities that an output has in common with the one before it: those of columns that hold the same rows."""
        earlier = {c: before.digests[_name(c)] for c in now if _name(c) in before.digests}
        missing = [c for c in now if c not in earlier and _present(c, before.schema) == c and before.identity(c) is not None]
        if missing and self._store.check(before) == "whole":
            earlier |= self.digests(self._store.paths(before), before.schema, missing)
        kept: dict[str, Digest] = {}
        for columns, digest in now.items():
            identity = before.identity(columns)
            if identity is not None and earlier.get(columns) == digest:
                kept[_identity(columns)] = identity
        return kept

    def digests(self, paths: tuple[Path, ...], schema: Schema, sets: Iterable[Columns]) -> dict[Columns, Digest]:
        """The digests of the rows of a relation in several sets of columns; names and types are part of each."""
        listed = list(sets)
        columns = [[c for c in schema if chosen is None or fold(c.name) in chosen] for chosen in listed]
        rows = self._relations.session.digests(Files(paths), [[c.name for c in some] for some in columns])
        return {
            chosen: Digest(f"{_described(some, ordered=chosen is None)}:{digest}")
            for chosen, some, digest in zip(listed, columns, rows, strict=True)
        }

    def _repeatable(self, node: Node) -> bool:
        """Whether the same inputs always give the same rows, also through the views that are read."""
        nodes = self._situation.dag.nodes
        for name in unknown(node.id, self._sure, self._views):
            self._sure[name] = _is_repeatable(nodes[name]) and all(self._sure[v] for v in self._views(name))
        return self._sure[node.id]

    def _views(self, node: NodeId) -> list[NodeId]:
        """The views that a query reads."""
        nodes = self._situation.dag.nodes
        return [i for i in nodes[node].inputs if nodes[i].is_view] if isinstance(nodes[node].logic, SqlLogic) else []


def _is_repeatable(node: Node) -> bool:
    """Whether a node's own logic always gives the same rows."""
    if isinstance(node.logic, SqlLogic):
        from seeknal.sql.guard import parse_select  # start-up time
        from seeknal.sql.repeatability import repeatable

        return repeatable(parse_select(node.logic.sql, node.logic.dialect))
    return isinstance(node.logic, SourceLogic)


def _present(columns: Columns, schema: Schema) -> Columns:
    """Those of the columns that the output has."""
    return None if columns is None else columns & {fold(c.name) for c in schema}


def _identity(columns: Columns) -> str:
    return ALL if columns is None else column_set(columns)


def _name(columns: Columns) -> str:
    return f"rows {_identity(columns)}"


def _described(columns: Iterable[ColumnSchema], *, ordered: bool) -> str:
    described = [f"{c.name} {c.type}" for c in columns]
    return hashlib.sha256("\n".join(described if ordered else sorted(described)).encode()).hexdigest()[:16]
