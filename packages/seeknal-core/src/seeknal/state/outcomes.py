"""What audits said of outputs, as it is kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

EXAMPLE = ", such as "
"""What comes before a failing row in the message of an audit."""


@dataclass(frozen=True, slots=True)
class AuditOutcome:
    """What an audit said of an artifact. `sample` holds a few failing rows, `columns` their names."""

    type: str
    columns: tuple[str, ...]
    severity: str
    passed: bool
    failing_rows: int
    message: str
    seconds: float
    name: str | None = None
    rows: int | None = None

    @property
    def label(self) -> str:
        """What people call it: its name, or its type and columns."""
        return self.name or (f"{self.type}({', '.join(self.columns)})" if self.columns else self.type)

    @property
    def finding(self) -> str:
        """The message without the failing row that it may tell of, which can hold personal data."""
        return self.message.partition(EXAMPLE)[0]

    def to_json(self) -> dict[str, Any]:
        """As a plain document, in the shape of run_results.json."""
        return {**asdict(self), "columns": list(self.columns)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> AuditOutcome:
        """From a plain document."""
        return cls(**{**value, "columns": tuple(value["columns"])})
