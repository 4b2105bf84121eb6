"""Which files of an output are written again when rows are merged into it by key, and how large files are parted.

An output that is large consists of several files, each with a range of keys. Of the output before, those that hold none of the returned keys are shared by the new one as they
are; the rows of the others are merged and written. Small files are always among these, so that there is never more than one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.artifacts import Beside
from seeknal.protocols import Files, Query, Written
from seeknal.run.expressions import OLD, RETURNED, column, same_key, table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seeknal.artifacts import ArtifactStore, Stage
    from seeknal.nodes import Key, Merging, Node
    from seeknal.protocols import Session
    from seeknal.state.model import Artifact

FILE_BYTES = 64 << 20
"""About how large a file is. An output of no more than two is one."""

_FILE = "__file"


def untouched(
    node: Node, merging: Merging, base: Artifact, returned: str, store: ArtifactStore, session: Session, dialect: str
) -> list[int]:
    """Which files of an output, by number, hold none of the keys that were returned. `returned` is their relation."""
    large = [n for n, record in enumerate(base.files) if record.size * 2 >= FILE_BYTES]
    if len(base.files) == 1 or not large:
        return []
    paths = store.paths(base)
    branches: list[exp.Select] = []
    for number in large:
        name = f"{node.relation}__file_{number}"
        session.define(name, Files((paths[number],)))
        among = exp.select("1").from_(exp.alias_(table(returned), RETURNED, table=True)).where(same_key(merging))
        found = (
            exp.select(exp.Literal.number(number).as_(_FILE)).from_(exp.alias_(table(name), OLD, table=True)).where(exp.Exists(this=among))
        )
        branches.append(found)
    every: exp.Query = exp.union(*branches, distinct=True) if len(branches) > 1 else branches[0].distinct()
    touched = {int(row[0]) for row in session.rows(every.sql(dialect=dialect)).rows}
    return [n for n in large if n not in touched]


def write_files(
    node: Node, merging: Merging, query: str, size: int, key: Key, store: ArtifactStore, session: Session, dialect: str
) -> tuple[Written, list[Stage]]:
    """Write what a query returns: as one file, or where `size` bytes are many, as several of about one size, each with a range of keys."""
    metadata = {"seeknal.node": node.id, "seeknal.key": key}
    if size <= 2 * FILE_BYTES:
        stage = store.stage(node.id, key)
        return _written(session, query, stage, metadata), [stage]
    count = -(-size // FILE_BYTES)
    merged, numbered = f"{node.relation}__merged", f"{node.relation}__numbered"
    session.define(merged, Query(query))
    order = exp.Order(expressions=[exp.Ordered(this=column(k), desc=False, nulls_first=False) for k in merging.unique_key])
    place = exp.Window(this=exp.Anonymous(this="ntile", expressions=[exp.Literal.number(count)]), order=order)
    ordered = store.stage(node.id, key)
    made: list[Stage] = []
    rows, schema = 0, session.describe(query)
    try:
        _written(session, exp.select("*", place.as_(_FILE, quoted=True)).from_(table(merged)).sql(dialect=dialect), ordered, metadata)
        session.define(numbered, Files((ordered.part,)))
        names = exp.select(*(column(c.name) for c in schema)).from_(table(numbered))
        for number in range(1, count + 1):
            stage = store.stage(node.id, key)
            found = _written(session, names.where(column(_FILE).eq(number)).sql(dialect=dialect), stage, metadata)
            made.append(stage)
            rows, schema = rows + found.rows, found.schema
    except BaseException:
        for stage in made:
            stage.part.unlink(missing_ok=True)
        raise
    finally:
        ordered.part.unlink(missing_ok=True)
    return Written(rows, schema), made


def _written(session: Session, query: str, stage: Stage, metadata: Mapping[str, str]) -> Written:
    try:
        return session.write(query, stage.part, metadata)
    except BaseException:
        stage.part.unlink(missing_ok=True)
        raise


def shared(base: Artifact, numbers: list[int], store: ArtifactStore) -> tuple[tuple[Path, ...], Beside]:
    """The files of an output that are written again, and those that are not."""
    paths = store.paths(base)
    again = tuple(path for number, path in enumerate(paths) if number not in numbers)
    return again, Beside(shared=tuple((paths[n], base.files[n]) for n in numbers))
