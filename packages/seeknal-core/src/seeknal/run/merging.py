"""Merging the rows of a query into those of an earlier output, by key: in the place of others, or beside them as a history."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from sqlglot import exp

from seeknal.artifacts import Beside
from seeknal.errors import EngineError, NodeError
from seeknal.nodes import SqlLogic
from seeknal.protocols import Files
from seeknal.run.expressions import OLD, RETURNED, cast_to, column, same_columns, same_key, table, unified
from seeknal.run.naming import missing_columns
from seeknal.run.rewriting import shared, untouched, write_files
from seeknal.sql.guard import parse_condition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal.artifacts import ArtifactStore, Stage
    from seeknal.nodes import ColumnSchema, Merging, Node, Schema
    from seeknal.plan.planner import Decision
    from seeknal.protocols import Session, Written


class Merged(NamedTuple):
    """What came of a merge: the file that was written, all rows and columns of the output, and its other files."""

    stage: Stage
    written: Written
    beside: Beside


def merge(
    node: Node, merging: Merging, decision: Decision, stage: Stage, written: Written, store: ArtifactStore, session: Session, now: int
) -> Merged:
    """The rows that were written, merged into those of the output before. `now` is when, in seconds since 1970. Raises NodeError."""
    require_before(node, decision)
    dialect = node.logic.dialect if isinstance(node.logic, SqlLogic) else ""
    old, new = f"{node.relation}__before", f"{node.relation}__returned"
    session.define(new, Files((stage.part,)))
    if merging.history:
        from seeknal.run.histories import check_added, history_query  # it imports this module

        check_added(node, written.schema)
    _check_keys(node, merging, new, written.schema, session, dialect)
    _check_deleted(node, merging, new, session, dialect)
    base, after, before = decision.base, (new, written.schema), None
    again, beside = (store.paths(base), Beside()) if base is not None else ((), Beside())
    whole = merging.history or node.quarantines  # such outputs are written again as one
    if base is not None and not whole and same_columns(together(node, base.schema, written.schema), base.schema):
        again, beside = shared(base, untouched(node, merging, base, new, store, session, dialect), store)
    if base is not None and again:
        session.define(old, Files(again))
        before = (old, base.schema)
    if merging.history:
        query = history_query(node, merging, before, after, dialect, now)
    else:
        columns = list(written.schema) if base is None else together(node, base.schema, written.schema)
        query = _merged_query(merging, before, after, columns, dialect)
    size = stage.part.stat().st_size + sum(p.stat().st_size for p in again)
    found, (merged, *others) = write_files(node, merging, query, 0 if whole else size, stage.key, store, session, dialect)
    kept = base.rows - _count(old if again else None, session, dialect) if base is not None and beside.shared else 0
    stage.part.unlink(missing_ok=True)
    return Merged(merged, replace(found, rows=found.rows + kept), replace(beside, written=tuple(s.part for s in others)))


def _count(relation: str | None, session: Session, dialect: str) -> int:
    if relation is None:
        return 0
    return int(session.rows(exp.select(exp.Count(this=exp.Star())).from_(table(relation)).sql(dialect=dialect)).rows[0][0])


def require_before(node: Node, decision: Decision) -> None:
    """The output that rows are merged into is there. Raises NodeError."""
    if decision.lost:
        hint = f"restore it, or begin anew with what the query returns now: seeknal run --full --select '{node.id}'"
        raise NodeError("SK-INC-005", f"the output of {node.id} that rows are merged into is missing or damaged", at=node.at, hint=hint)


def _check_keys(node: Node, merging: Merging, relation: str, schema: Schema, session: Session, dialect: str) -> None:
    """The columns that are named are there, and each key stands in one row only. Raises NodeError with some that do not."""
    for error in missing_columns(node, [c.name for c in schema]):
        raise error
    names = [*merging.unique_key, *([merging.updated_at] if merging.updated_at else [])]
    keys = [column(k) for k in names]
    counted = exp.select(*keys).from_(table(relation)).group_by(*keys).having(exp.Count(this=exp.Star()) > 1).limit(3)
    if merging.updated_at is not None:
        undated = exp.select(*keys).from_(table(relation)).where(column(merging.updated_at).is_(exp.null())).limit(1)
        if session.rows(undated.sql(dialect=dialect)).rows:
            message = f"{node.id} returns rows without {merging.updated_at}, which says from when they hold"
            raise NodeError("SK-INC-006", message, at=node.at, hint="leave them out, or give them a time, in the query")
    found = session.rows(counted.sql(dialect=dialect)).rows
    if found:
        shown = "; ".join(", ".join(map(str, row)) for row in found)
        message = f"{node.id} returns several rows for one {', '.join(names)}, such as {shown}"
        raise NodeError(
            "SK-INC-003", message, at=node.at, hint="return one row for each key, for example the latest with QUALIFY row_number()"
        )


def _check_deleted(node: Node, merging: Merging, relation: str, session: Session, dialect: str) -> None:
    """What says which rows are gone can be asked of the rows. Raises NodeError, for the engine would point into the node's query."""
    if merging.deleted_when is None:
        return
    deleted = exp.Coalesce(this=exp.paren(parse_condition(merging.deleted_when, dialect)), expressions=[exp.false()])
    try:
        session.describe(exp.select(deleted.as_("gone")).from_(table(relation)).sql(dialect=dialect))
    except EngineError as error:
        raise NodeError(error.code, f"deleted_when of {node.id}: {error.message}", at=node.at, hint=error.hint) from None


def _merged_query(
    merging: Merging, before: tuple[str, Schema] | None, after: tuple[str, Schema], columns: Sequence[ColumnSchema], dialect: str
) -> str:
    """The rows of `after`, and those of `before` whose keys are not among them, with these columns. Both are relations with their own."""
    name, schema = after
    kept = exp.select(exp.Star()).from_(table(name))
    if merging.deleted_when is not None:
        deleted = parse_condition(merging.deleted_when, dialect)
        kept = kept.where(exp.not_(exp.Coalesce(this=exp.paren(deleted), expressions=[exp.false()])))
    news = exp.select(*(cast_to(c, schema, dialect) for c in columns)).from_(kept.subquery("kept"))
    if before is None:
        return news.sql(dialect=dialect)
    found = exp.select("1").from_(exp.alias_(table(name), RETURNED, table=True)).where(same_key(merging))
    olds = exp.select(*(cast_to(c, before[1], dialect, OLD) for c in columns))
    olds = olds.from_(exp.alias_(table(before[0]), OLD, table=True)).where(exp.not_(exp.Exists(this=found)))
    return exp.union(olds, news, distinct=False).sql(dialect=dialect)


def together(node: Node, before: Schema, after: Schema) -> list[ColumnSchema]:
    """The columns of both: those that are new are NULL in older rows, and the wider of two types holds. Raises NodeError for other changes."""
    found, problems = unified(before, after)
    if problems:
        hint = f"return them as they were, or begin anew with what the query returns now: seeknal run --full --select '{node.id}'"
        message = f"the rows of {node.id} cannot be merged into those before: {'; '.join(problems)}"
        raise NodeError("SK-INC-004", message, at=node.at, hint=hint)
    return found
