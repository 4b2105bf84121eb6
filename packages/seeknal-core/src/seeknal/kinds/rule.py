"""`kind: rule`: checks as a node of their own, over one input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from seeknal.nodes import RuleLogic
from seeknal.specs import NodeSpec

if TYPE_CHECKING:
    from seeknal.nodes import Logic
    from seeknal.specs import Lowering


class RuleSpec(NodeSpec):
    """The keys of a rule."""

    kind: Literal["rule"] = "rule"

    def lower(self, context: Lowering) -> Logic:
        """A rule is its audits."""
        if len(self.inputs) != 1:
            context.fail("SK-KIND-002", f"a rule has exactly one input, found {len(self.inputs)}", "inputs")
        if not self.audits:
            context.fail("SK-KEY-002", "missing key 'audits': a rule without audits checks nothing")
        context.ref(self.inputs[0].ref, "inputs", 0, "ref")
        return RuleLogic()
