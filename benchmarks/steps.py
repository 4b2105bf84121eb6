"""What is measured, in the order in which it is done to a project."""

from collections.abc import Iterable
from enum import StrEnum


class Step(StrEnum):
    """One thing somebody does at a prompt."""

    HELP = "help"
    COLD_PARSE = "cold-parse"
    WARM_PARSE = "warm-parse"
    FIRST_RUN = "first-run"
    NO_OP = "no-op"
    ADD_COLUMN = "add-column"
    EDIT = "edit"

    @property
    def meaning(self) -> str:
        """What the step is, for the report."""
        return _MEANINGS[self]


_MEANINGS = {
    Step.HELP: "the tool's help",
    Step.COLD_PARSE: "validate the project; nothing generated exists",
    Step.WARM_PARSE: "validate it again; nothing changed",
    Step.FIRST_RUN: "build everything; nothing generated exists",
    Step.NO_OP: "run again; nothing changed",
    Step.ADD_COLUMN: "run after one model got a column that nobody reads",
    Step.EDIT: "run after one model's values changed",
}

_PREPARED_BY = {
    Step.WARM_PARSE: Step.COLD_PARSE,
    Step.NO_OP: Step.FIRST_RUN,
    Step.ADD_COLUMN: Step.FIRST_RUN,
    Step.EDIT: Step.FIRST_RUN,
}


def preparation(steps: Iterable[Step]) -> list[Step]:
    """The steps that must be done once, unmeasured, before `steps` can be measured."""
    wanted = set(steps)
    needed = {_PREPARED_BY[step] for step in wanted if step in _PREPARED_BY}
    return [step for step in Step if step in needed - wanted]
