"""`kind: union`: the rows of several nodes, one below the other."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seeknal.plugin import Logic, Lowering, NodeSpec


class UnionSpec(NodeSpec):
    """The keys of a union."""

    kind: Literal["union"] = "union"
    of: list[str] = Field(min_length=2, description="The nodes whose rows it holds.")

    def lower(self, context: Lowering) -> Logic:
        """One SELECT a node. A reference to nothing is reported where it was written."""
        nodes = [context.ref(reference, "of", number) for number, reference in enumerate(self.of)]
        if len(set(nodes)) < len(nodes):
            context.fail("SK-KIND-002", "'of' names a node twice", "of")
        return context.select(" union all by name ".join(f"select '{node}' as origin, * from {node}" for node in nodes))
