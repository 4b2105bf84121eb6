"""What a comparison of two outputs found, and the document it becomes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seeknal.nodes import Key, NodeId, Schema

_PERCENT = 100.0


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two outputs. `environment` is None for an output that was published earlier, `created_at` for a view."""

    node: NodeId
    environment: str | None
    key: Key
    created_at: str | None
    rows: int = 0

    def to_json(self) -> dict[str, Any]:
        """As a plain document."""
        return {"node": self.node, "environment": self.environment, "key": self.key, "created_at": self.created_at, "rows": self.rows}


@dataclass(frozen=True, slots=True)
class Retyped:
    """A column whose type is another one on each side."""

    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """A row that both sides have under its key: the key, and old and new value of each column that differs."""

    key: Mapping[str, Any]
    values: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class SampleRow:
    """A row of one side only, and how often it stands there more than on the other."""

    row: Mapping[str, Any]
    copies: int = 1


@dataclass(frozen=True)
class Comparison:
    """How the rows and columns of `new` differ from those of `old`.

    Rows were matched by the columns of `key`; where it is empty, whole rows were compared and none counts as changed. `differing`
    has for each compared column besides the key in how many matched rows its values differ. Samples are bounded.
    """

    old: Side
    new: Side
    key: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()
    columns_removed: Schema = ()
    columns_added: Schema = ()
    columns_retyped: tuple[Retyped, ...] = ()
    removed: int = 0
    added: int = 0
    changed: int = 0
    equal: int = 0
    differing: Mapping[str, int] = field(default_factory=dict)
    removed_rows: tuple[SampleRow, ...] = ()
    added_rows: tuple[SampleRow, ...] = ()
    changed_rows: tuple[ChangedRow, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether there is any difference: in rows, in values, in which columns there are, or in a column's type."""
        counts = self.removed or self.added or self.changed
        return bool(counts or self.columns_removed or self.columns_added or self.columns_retyped)

    def percent(self, column: str) -> float:
        """In how many percent of the matched rows a column's values differ."""
        matched = self.changed + self.equal
        return round(_PERCENT * self.differing[column] / matched, 2) if matched else 0.0

    def to_json(self) -> dict[str, Any]:
        """As `table-diff --format json` prints it."""
        return {
            "old": self.old.to_json(),
            "new": self.new.to_json(),
            "differs": self.differs,
            "key": list(self.key),
            "columns": {
                "removed": [{"name": c.name, "type": c.type} for c in self.columns_removed],
                "added": [{"name": c.name, "type": c.type} for c in self.columns_added],
                "retyped": [{"name": c.name, "old": c.old, "new": c.new} for c in self.columns_retyped],
                "compared": list(self.compared),
                "differing": [{"name": n, "rows": count, "percent": self.percent(n)} for n, count in self.differing.items()],
            },
            "rows": {"removed": self.removed, "added": self.added, "changed": self.changed, "equal": self.equal},
            "samples": {
                "removed": [{"row": _plain(s.row), "copies": s.copies} for s in self.removed_rows],
                "added": [{"row": _plain(s.row), "copies": s.copies} for s in self.added_rows],
                "changed": [
                    {"key": _plain(s.key), "columns": {n: {"old": _plain(o), "new": _plain(v)} for n, (o, v) in s.values.items()}}
                    for s in self.changed_rows
                ],
            },
            "warnings": list(self.warnings),
        }


def _plain(value: Any) -> Any:
    """A value JSON has a form for: keys as text, and numbers that are none as `NaN`, `Infinity` and `-Infinity`."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
