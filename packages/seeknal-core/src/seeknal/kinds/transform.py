"""`kind: transform`: the result of one SELECT, or of a Python function."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from seeknal.specs import NodeSpec, TextList

if TYPE_CHECKING:
    from seeknal.nodes import Logic
    from seeknal.specs import Lowering


class TransformSpec(NodeSpec):
    """The keys of a transform."""

    windowed: ClassVar[bool] = True

    kind: Literal["transform"] = "transform"
    sql: str = Field(
        description="One SELECT. Read other nodes with {{ ref('source.users') }}.", examples=["SELECT * FROM {{ ref('source.users') }}"]
    )
    dialect: str | None = Field(
        None, description="The SQL dialect it is written in, where that is not the engine's; it is translated.", examples=["bigquery"]
    )
    materialized: Literal["table", "view", "incremental", "scd2"] = Field(
        "table",
        description="table: stored; view: inlined where it is read; incremental: added to what there is, by unique_key, or by schedule and time_column; scd2: every version of each row, with the time for which it held.",
    )
    unique_key: TextList = Field(
        default_factory=list,
        description="incremental, scd2: the columns that tell rows apart; a row takes the place of the one with its key.",
        examples=[["id"]],
    )
    deleted_when: str | None = Field(
        None,
        description="incremental, scd2: a condition on returned rows; where it holds, the row with that key goes, or holds no longer.",
        examples=["op = 'D'"],
    )

    updated_at: str | None = Field(None, description="scd2: the column that says when a row changed.", examples=["updated_at"])
    check_columns: TextList = Field(
        default_factory=list,
        description="scd2, without updated_at: the columns in which a row counts as changed; else all.",
        examples=[["city"]],
    )

    def lower(self, context: Lowering) -> Logic:
        """Render and check the SELECT."""
        for item, entry in enumerate(self.inputs):
            context.ref(entry.ref, "inputs", item, "ref")
        return context.select(self.sql, "sql", dialect=self.dialect, materialized="view" if self.materialized == "view" else "table")
