"""What building a node came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seeknal.audits.outcomes import Audited
    from seeknal.errors import SeeknalError
    from seeknal.nodes import Key
    from seeknal.state.model import Artifact
    from seeknal.state.outcomes import AuditOutcome


@dataclass(frozen=True)
class Built:
    """What building a node came to. `error` is set where an audit keeps the output from being published."""

    key: Key
    artifact: Artifact | None
    rows: int | None
    seconds: float
    version: str | None = None
    reused: bool = False
    audited: tuple[Audited, ...] = ()
    known: tuple[AuditOutcome, ...] = ()
    error: SeeknalError | None = None
    windows: int = 0
    batches: int = 0

    @property
    def outcomes(self) -> tuple[AuditOutcome, ...]:
        """What every audit of the node says of this output."""
        return (*self.known, *(a.outcome for a in self.audited))
