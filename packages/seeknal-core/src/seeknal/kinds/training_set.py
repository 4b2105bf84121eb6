"""`kind: training_set`: features as of the times of a spine, with its label: what a model learns from, kept under a version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, PrivateAttr

from seeknal.features.model import GROUP, TRAINING_SET, Group
from seeknal.nodes import RuleLogic, fold, relation_name
from seeknal.specs import ColumnEntry, NodeSpec, TextList

if TYPE_CHECKING:
    from seeknal.nodes import Logic
    from seeknal.specs import Lowering


class TrainingSetSpec(NodeSpec):
    """The keys of a training set."""

    kind: Literal["training_set"] = "training_set"
    spine: str = Field(description="The node whose rows say for whom, and as of when, features are wanted.", examples=["transform.labels"])
    as_of: str = Field(description="The spine's column with the time as of which they are.", examples=["asked_at"])
    features: TextList = Field(description="The features: group.feature, or group.*", min_length=1, examples=[["spend.orders"]])
    label: TextList = Field(default_factory=list, description="The spine's column, or columns, to be learned.", examples=["churned"])
    full_names: bool = Field(default=False, description="Name columns group__feature, where features of several groups share a name.")
    _feature_columns: tuple[str, ...] = PrivateAttr(())

    def lower(self, context: Lowering) -> Logic:
        """The spine, and for each of its rows what was known then."""
        from seeknal.features.choices import choose  # start-up time
        from seeknal.features.pointintime import point_in_time

        if self.inputs:
            context.fail("SK-KIND-002", "a training set says what it reads under 'spine' and 'features'", "inputs")
        spine = context.ref(self.spine, "spine")
        wrong = False

        def find(name: str, number: int) -> Group | None:
            nonlocal wrong
            node = context.ref(f"{GROUP}.{name}", "features", number)
            group = Group.of(node, context.details(node))
            wrong = wrong or group is None  # and is said to be, where it is
            return group

        def report(code: str, message: str, number: int, hint: str | None) -> None:
            context.report(code, message, "features", number, hint=hint)

        choices = choose(self.features, find, report, full_names=self.full_names, taken=[self.as_of, *self.label])
        if wrong or not choices:
            return RuleLogic()
        self._feature_columns = tuple(c.column for c in choices)
        return context.query(point_in_time(relation_name(spine), self.as_of, choices, context.engine.dialect))

    def output(self) -> list[ColumnEntry]:
        """The time and the label are there."""
        said = {fold(c.name): c for c in self.columns}
        return [*(said.pop(fold(n), ColumnEntry(name=n)) for n in dict.fromkeys([self.as_of, *self.label])), *said.values()]

    def details(self) -> dict[str, Any]:
        """What it was made of, for those who describe it, and the columns that features are in."""
        said = {"spine": self.spine, "as_of": self.as_of, "features": [*self.features], "label": [*self.label]}
        return {TRAINING_SET: {**said, "columns": [*self._feature_columns]}}
