"""What `unique_key` and `deleted_when` amount to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.errors import ProjectError
from seeknal.nodes import Merging, SqlLogic
from seeknal.sql.guard import SqlProblem, parse_condition

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeknal.errors import Location
    from seeknal.nodes import Logic
    from seeknal.specs import NodeSpec


def merging_of(spec: NodeSpec, logic: Logic, dialect: str, at: Callable[[str], Location]) -> Merging | None:
    """How a node's rows are merged into those before; None where they take their place. Raises ProjectError."""
    if not isinstance(logic, SqlLogic):
        return None
    keys: list[str] = getattr(spec, "unique_key", [])
    deleted: str | None = getattr(spec, "deleted_when", None)
    updated_at: str | None = getattr(spec, "updated_at", None)
    checked: list[str] = getattr(spec, "check_columns", [])
    kind = getattr(spec, "materialized", None)
    history = kind == "scd2"
    if kind == "incremental" and not keys and spec.schedule is None:
        hint = "unique_key: [id] merges by key; schedule and time_column build window by window"
        raise ProjectError("SK-INC-001", "'materialized: incremental' says nothing of what is added", at=at("materialized"), hint=hint)
    if history and not keys:
        raise ProjectError("SK-INC-001", "'materialized: scd2' needs 'unique_key' beside it", at=at("materialized"))
    for key, said, fits in (
        ("unique_key", keys, history or kind == "incremental"),
        ("deleted_when", deleted, history or kind == "incremental"),
        ("updated_at", updated_at, history),
        ("check_columns", checked, history and updated_at is None),
    ):
        if said and not fits:
            other = {"check_columns": "scd2 without updated_at", "updated_at": "scd2"}.get(key, "incremental")
            raise ProjectError("SK-INC-001", f"'{key}' is for nodes with materialized: {other}", at=at(key))
    if keys and spec.schedule is not None:
        raise ProjectError("SK-INC-001", "say either 'unique_key' or 'schedule': by key, or window by window", at=at("unique_key"))
    if deleted is not None and not keys:
        raise ProjectError("SK-INC-001", "'deleted_when' needs 'unique_key' beside it", at=at("deleted_when"))
    if not keys:
        return None
    if deleted is not None:
        try:
            deleted = parse_condition(deleted, dialect).sql(dialect=dialect)
        except SqlProblem as problem:
            raise ProjectError(problem.code, f"deleted_when {problem.message}", at=at("deleted_when"), hint=problem.hint) from None
    return Merging(tuple(keys), deleted, history, updated_at, tuple(checked))
