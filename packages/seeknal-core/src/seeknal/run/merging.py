"""Merging the rows of a query into those of an earlier output, by key: in the place of others, or beside them as a history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.errors import NodeError, did_you_mean
from seeknal.nodes import Key, SqlLogic, fold
from seeknal.plan.types import same, widens
from seeknal.protocols import Files
from seeknal.sql.guard import parse_condition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal.artifacts import ArtifactStore, Stage
    from seeknal.nodes import ColumnSchema, Merging, Node, Schema
    from seeknal.plan.planner import Decision
    from seeknal.protocols import Session, Written

OLD, RETURNED = "old", "returned"


def merge(
    node: Node, merging: Merging, decision: Decision, stage: Stage, written: Written, store: ArtifactStore, session: Session, now: int
) -> tuple[Stage, Written]:
    """The rows that were written, merged into those of the output before. `now` is when, in seconds since 1970. Raises NodeError."""
    require_before(node, decision)
    dialect = node.logic.dialect if isinstance(node.logic, SqlLogic) else ""
    old, new = f"{node.relation}__before", f"{node.relation}__returned"
    session.define(new, Files((stage.part,)))
    if merging.history:
        from seeknal.run.histories import check_columns, history_query  # it imports this module

        check_columns(node, merging, written.schema)
    _check_keys(node, merging, new, written.schema, session, dialect)
    before = None
    if decision.base is not None:
        session.define(old, Files(store.paths(decision.base)))
        before = (old, decision.base.schema)
    after = (new, written.schema)
    if merging.history:
        query = history_query(node, merging, before, after, dialect, now)
    else:
        query = _merged_query(node, merging, before, after, dialect)
    key = Key(stage.folder.name)
    again = store.stage(node.id, key)
    try:
        merged = session.write(query, again.part, {"seeknal.node": node.id, "seeknal.key": key})
    except BaseException:
        again.part.unlink(missing_ok=True)
        raise
    stage.part.unlink(missing_ok=True)
    return again, merged


def require_before(node: Node, decision: Decision) -> None:
    """The output that rows are merged into is there. Raises NodeError."""
    if decision.lost:
        hint = f"restore it, or begin anew with what the query returns now: seeknal run --full --select '{node.id}'"
        raise NodeError("SK-INC-005", f"the output of {node.id} that rows are merged into is missing or damaged", at=node.at, hint=hint)


def _check_keys(node: Node, merging: Merging, relation: str, schema: Schema, session: Session, dialect: str) -> None:
    """Each key stands in one row only. Raises NodeError with some that do not."""
    names = [c.name for c in schema]
    for key in merging.unique_key:
        if fold(key) not in {fold(n) for n in names}:
            hint = did_you_mean(key, names) or f"the output has: {', '.join(names)}"
            raise NodeError("SK-INC-002", f"unique_key '{key}' is not in the output of {node.id}", at=node.at, hint=hint)
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


def _merged_query(node: Node, merging: Merging, before: tuple[str, Schema] | None, after: tuple[str, Schema], dialect: str) -> str:
    """The rows of `after`, and those of `before` whose keys are not among them, as relations with their columns. Raises NodeError."""
    name, schema = after
    kept = exp.select(exp.Star()).from_(table(name))
    if merging.deleted_when is not None:
        deleted = parse_condition(merging.deleted_when, dialect)
        kept = kept.where(exp.not_(exp.Coalesce(this=exp.paren(deleted), expressions=[exp.false()])))
    if before is None:
        return kept.sql(dialect=dialect)
    columns = together(node, before[1], schema)
    news = exp.select(*(cast_to(c, schema, dialect) for c in columns)).from_(kept.subquery("kept"))
    same_key = exp.and_(*(exp.NullSafeEQ(this=column(k, RETURNED), expression=column(k, OLD)) for k in merging.unique_key))
    found = exp.select("1").from_(exp.alias_(table(name), RETURNED, table=True)).where(same_key)
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


def unified(before: Schema, after: Schema) -> tuple[list[ColumnSchema], list[str]]:
    """The columns of both, and in words what does not fit."""
    old = {fold(c.name): c for c in before}
    gone = [c.name for c in before if fold(c.name) not in {fold(a.name) for a in after}]
    problems = [f"{', '.join(gone)} no longer there"] if gone else []
    found = []
    for new in after:
        was = old.get(fold(new.name))
        if was is None or same(was.type, new.type) or widens(was.type, new.type):
            found.append(new)
        elif widens(new.type, was.type):
            found.append(was)
        else:
            problems.append(f"{new.name} was {was.type} and is {new.type}")
    return found, problems


def cast_to(wanted: ColumnSchema, schema: Sequence[ColumnSchema], dialect: str, relation: str | None = None) -> exp.Expr:
    """A column of a relation as it is wanted: NULL where the relation has none of the name."""
    own = next((c for c in schema if fold(c.name) == fold(wanted.name)), None)
    type_ = exp.DataType.build(wanted.type or "", dialect=dialect)
    if own is None:
        return exp.cast(exp.null(), type_).as_(wanted.name, quoted=True)
    value = column(own.name, relation)
    return (value if same(own.type, wanted.type) else exp.cast(value, type_)).as_(wanted.name, quoted=True)


def select_as(columns: Sequence[ColumnSchema], name: str, schema: Sequence[ColumnSchema], dialect: str) -> str:
    """The rows of a relation with these columns in place of its own."""
    return exp.select(*(cast_to(c, schema, dialect) for c in columns)).from_(table(name)).sql(dialect=dialect)


def column(name: str, relation: str | None = None) -> exp.Column:
    """A column by its exact name."""
    return exp.column(exp.to_identifier(name, quoted=True), table=relation)


def table(name: str) -> exp.Table:
    """A relation by its exact name."""
    return exp.Table(this=exp.to_identifier(name, quoted=True))
