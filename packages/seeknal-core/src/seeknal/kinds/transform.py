"""`kind: transform`: the result of one SELECT, or of a Python function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from seeknal.specs import NodeSpec

if TYPE_CHECKING:
    from seeknal.nodes import Logic
    from seeknal.specs import Lowering


class TransformSpec(NodeSpec):
    """The keys of a transform."""

    kind: Literal["transform"] = "transform"
    sql: str = Field(
        description="One SELECT. Read other nodes with {{ ref('source.users') }}.", examples=["SELECT * FROM {{ ref('source.users') }}"]
    )
    dialect: str | None = Field(None, description="The dialect the SQL is written in, where it is not the engine's.", examples=["duckdb"])
    materialized: Literal["table", "view"] = Field("table", description="table: stored; view: inlined where it is read.")

    def lower(self, context: Lowering) -> Logic:
        """Render and check the SELECT."""
        if self.dialect is not None and self.dialect != context.engine.dialect:
            message = f"dialect '{self.dialect}' is not the engine's ({context.engine.dialect}); other dialects cannot be used here yet"
            context.fail("SK-KIND-003", message, "dialect", hint=f"write the SQL in {context.engine.dialect}")
        for item, entry in enumerate(self.inputs):
            context.ref(entry.ref, "inputs", item, "ref")
        return context.select(self.sql, "sql", materialized=self.materialized)
