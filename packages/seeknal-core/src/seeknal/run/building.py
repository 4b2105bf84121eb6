"""A node that is being built window by window: what was asked, and what has been made so far."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from seeknal.intervals.ranges import Ranges
from seeknal.nodes import SourceLogic, SqlLogic
from seeknal.state.model import Change
from seeknal.state.parts import Held, within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal.nodes import Node, NodeId
    from seeknal.plan.outlook import Columns
    from seeknal.plan.windows import Windows
    from seeknal.state.model import Artifact, Read


class Building:
    """One node being built: what was asked, and what has been made so far. Used by several threads."""

    def __init__(self, node: Node, windows: Windows, inputs: Mapping[NodeId, Read], wanted: set[Columns], marked: Ranges) -> None:
        self.node = node
        self.windows = windows
        self.inputs = inputs
        self.wanted = wanted
        self.marked = marked
        self.looked: int | None = None
        self.made: list[Artifact] = []
        self.standing: list[Held] | None = None
        self.finishing = threading.Lock()

    @property
    def keeps_history(self) -> bool:
        """Whether windows of an earlier query stand beside those of this one, so that their columns are made to fit."""
        return self.windows.windowing.forward_only and isinstance(self.node.logic, SqlLogic)

    @property
    def grows(self) -> bool:
        """Whether a column that files have from now on is taken up, being NULL in the windows before."""
        return self.windows.windowing.forward_only and isinstance(self.node.logic, SourceLogic)

    @property
    def any_part(self) -> Artifact | None:
        """Some part, whose columns are those of all."""
        parts = [*self.made, *(h.artifact for h in self.windows.parts)]
        return parts[-1] if parts else None

    def before(self, moment: int) -> list[Held]:
        """What stands in the windows before a moment by now, where all windows from the first that is built on are built, in order."""
        if self.standing is None:
            self.standing = within(self.windows.parts, Ranges.of((-(1 << 40), moment)))
        return [*self.standing, *(Held(a, a.part, a.part.ranges) for a in self.made if a.part is not None)]

    @property
    def last(self) -> int:
        """The highest serial there is."""
        return max([self.windows.serial, *(a.part.serial for a in self.made if a.part is not None)])

    def finish(self, artifact: Artifact) -> list[Change]:
        """A part is done: what else to commit with it."""
        if artifact.part is None or any(artifact.key in h.artifact.part_keys for h in self.windows.parts):
            return []
        self.made.append(artifact)
        before, self.marked = self.marked, self.marked - artifact.part.ranges
        return [self.document()] if before != self.marked else []

    def document(self) -> Change:
        """What state has of the version besides its parts."""
        taken = list(self.windows.taken)
        more: dict[str, object] = {} if self.looked is None else {"looked": self.looked}
        more |= {} if self.windows.beginning is None else {"beginning": self.windows.beginning.to_json()}
        value = {"node": self.node.id, "restatement": self.marked.to_json(), "taken": taken, **more}
        return Change("windows", self.windows.version, value if self.marked or taken or more else None)
