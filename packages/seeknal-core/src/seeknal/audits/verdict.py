"""What the rows that an audit found wrong amount to: whether they are few enough.

Kept apart from finding them, so that other thresholds judge anew what was found before, without looking at the rows again.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seeknal.nodes import AuditSpec, Severity
    from seeknal.state.model import AuditOutcome

_PARTS = re.compile(r"(>=?) ?([0-9.]+) ?(%?)")


def judged(spec: AuditSpec, outcome: AuditOutcome) -> AuditOutcome:
    """The outcome as the audit has it now: passed, or failed with the severity of the threshold that was exceeded."""
    if spec.quarantines and outcome.failing_rows:
        return _quarantined(spec, outcome)
    severity = _exceeded(spec, outcome)
    return replace(outcome, name=spec.name, passed=severity is None, severity=severity or spec.severity)


def _quarantined(spec: AuditSpec, outcome: AuditOutcome) -> AuditOutcome:
    """Rows were set aside: a warning, unless they are too many."""
    from decimal import Decimal  # start-up time

    failing, rows = outcome.failing_rows, outcome.rows or 0
    message = f"{failing:,} of {rows:,} rows set aside"
    most = None
    if spec.max_rejected_rows is not None and failing > spec.max_rejected_rows:
        most = f"max_rejected_rows: {spec.max_rejected_rows}"
    elif spec.max_rejected_percent is not None and failing * 100 > Decimal(str(spec.max_rejected_percent)) * rows:
        most = f"max_rejected_percent: {spec.max_rejected_percent:g}"
    if most is not None:
        return replace(outcome, name=spec.name, passed=False, severity="error", message=f"{message}, more than {most}")
    return replace(outcome, name=spec.name, passed=False, severity="warn", message=message)


def _exceeded(spec: AuditSpec, outcome: AuditOutcome) -> Severity | None:
    if outcome.rows == 0 and spec.empty != "pass":
        return spec.empty
    if spec.error_if is None and spec.warn_if is None:
        return spec.severity if outcome.failing_rows else None
    if spec.error_if is not None and _over(spec.error_if, outcome):
        return "error"
    return "warn" if spec.warn_if is not None and _over(spec.warn_if, outcome) else None


def _over(threshold: str, outcome: AuditOutcome) -> bool:
    from decimal import Decimal  # start-up time

    found = _PARTS.fullmatch(threshold)
    if found is None:
        message = f"{threshold!r} is not a threshold"
        raise ValueError(message)
    limit = Decimal(found[2])
    if found[3]:
        limit = limit * (outcome.rows or 0) / 100
    if not outcome.failing_rows:
        return False
    return outcome.failing_rows > limit or (found[1] == ">=" and outcome.failing_rows == limit)
