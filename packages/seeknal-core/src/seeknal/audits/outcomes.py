"""What audits came to. Apart from the runner, so that a run which checks nothing need not load it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seeknal.nodes import AuditSpec
    from seeknal.state.outcomes import AuditOutcome


@dataclass(frozen=True, slots=True)
class Audited:
    """An audit that ran: what was asked, what came of it, and whether time alone could change the answer."""

    spec: AuditSpec
    outcome: AuditOutcome
    volatile: bool = False


def blocking(audited: Iterable[AuditOutcome]) -> list[AuditOutcome]:
    """The outcomes that keep an output from being published."""
    return [o for o in audited if not o.passed and o.severity == "error"]
