"""Which files of an output are written again when rows are merged into it by key, and how large files are parted.

An output that is large consists of several files, each with a range of keys. Of the output before, those that hold none of the returned keys are shared by the new one as they
are; the rows of the others are merged and written. Small files are always among these, so that there is never more than one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.artifacts import Beside
from seeknal.protocols import Files
from seeknal.run.expressions import OLD, RETURNED, column, same_key, table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seeknal.artifacts import ArtifactStore, Stage
    from seeknal.nodes import Merging, Node
    from seeknal.protocols import Session, Written
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


def parted(
    node: Node,
    merging: Merging,
    stage: Stage,
    written: Written,
    store: ArtifactStore,
    session: Session,
    dialect: str,
    metadata: Mapping[str, str],
) -> tuple[Stage, Beside]:
    """A written output as files of about one size, each with a range of keys; as it is where it is not large."""
    size = stage.part.stat().st_size
    if size <= 2 * FILE_BYTES or not written.rows:
        return stage, Beside()
    count = -(-size // FILE_BYTES)
    whole, numbered = f"{node.relation}__merged", f"{node.relation}__numbered"
    session.define(whole, Files((stage.part,)))
    order = exp.Order(expressions=[exp.Ordered(this=column(k), desc=False, nulls_first=False) for k in merging.unique_key])
    place = exp.Window(this=exp.RowNumber(), order=order)
    each = exp.Literal.number(-(-written.rows // count))
    file = exp.cast(exp.Floor(this=exp.Div(this=exp.paren(place - 1), expression=each, typed=False, safe=False)), exp.DataType.Type.BIGINT)
    query = exp.select("*", file.as_(_FILE, quoted=True)).from_(table(whole))
    names = exp.select(*(column(c.name) for c in written.schema)).from_(table(numbered))
    made: list[Stage] = []
    ordered = store.stage(node.id, stage.key)
    try:
        session.write(query.sql(dialect=dialect), ordered.part, metadata)
        session.define(numbered, Files((ordered.part,)))
        for number in range(count):
            made.append(store.stage(node.id, stage.key))
            session.write(names.where(column(_FILE).eq(number)).sql(dialect=dialect), made[-1].part, metadata)
    except BaseException:
        for one in made:
            one.part.unlink(missing_ok=True)
        raise
    finally:
        ordered.part.unlink(missing_ok=True)
    stage.part.unlink(missing_ok=True)
    return made[0], Beside(tuple(one.part for one in made[1:]))


def shared(base: Artifact, numbers: list[int], store: ArtifactStore) -> tuple[tuple[Path, ...], Beside]:
    """The files of an output that are written again, and those that are not."""
    paths = store.paths(base)
    again = tuple(path for number, path in enumerate(paths) if number not in numbers)
    return again, Beside(shared=tuple((paths[n], base.files[n]) for n in numbers))
