"""Unit tests as values: what is given, what is expected, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal.errors import Location, SeeknalError
    from seeknal.nodes import Node, NodeId
    from seeknal.project.yaml import Document
    from seeknal.unit_tests.spec import ExpectedTable, UnitTestSpec
    from seeknal.unit_tests.values import Cells

Status = Literal["passed", "failed", "error", "invalid"]
"""`failed`: something else came out. `error`: the node could not be computed. `invalid`: the test itself is wrong."""


@dataclass(frozen=True)
class Table:
    """A table as a test gives it: rows or a SELECT, and the types it declares. `at` is where it stands, `places` where its columns are named."""

    at: Location
    rows: list[Cells] | None = None
    names: tuple[str, ...] = ()
    sql: str | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, Location] = field(default_factory=dict)

    def place(self, column: str) -> Location:
        """Where a column is first named."""
        return self.places.get(column, self.at)


@dataclass(frozen=True)
class Expected:
    """What a relation must hold. `at` is where that is said."""

    spec: ExpectedTable
    at: Location
    path: tuple[str | int, ...]
    table: Table | None


@dataclass(frozen=True)
class UnitTest:
    """A test that was read and found to make sense."""

    name: str
    node: Node
    spec: UnitTestSpec
    document: Document
    inputs: Mapping[NodeId, Table]
    expected: Expected
    ctes: Mapping[str, Expected]

    @property
    def at(self) -> Location:
        """Where the test stands."""
        return self.document.at()


@dataclass(frozen=True)
class InvalidTest:
    """A test, or a whole file of them, that cannot be run, and everything that is wrong with it."""

    name: str
    node: str
    at: Location
    errors: tuple[SeeknalError, ...]


@dataclass(frozen=True)
class DifferingRow:
    """A row that came out nearly as expected: both, and the columns in which they differ."""

    expected: tuple[Any, ...]
    actual: tuple[Any, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Check:
    """One thing that was compared and did not agree: the output (`rows`) or a CTE."""

    what: str
    message: str
    at: Location | None = None
    columns: tuple[str, ...] = ()
    missing: tuple[tuple[Any, ...], ...] = ()
    unexpected: tuple[tuple[Any, ...], ...] = ()
    differing: tuple[DifferingRow, ...] = ()
    hint: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As `seeknal test --format json` prints it."""
        return {
            "what": self.what,
            "message": self.message,
            "place": str(self.at) if self.at else None,
            "hint": self.hint,
            "missing": [self._named(row) for row in self.missing],
            "unexpected": [self._named(row) for row in self.unexpected],
            "differing": [
                {"expected": self._named(d.expected), "actual": self._named(d.actual), "columns": list(d.columns)} for d in self.differing
            ],
        }

    def _named(self, row: tuple[Any, ...]) -> dict[str, Any]:
        return dict(zip(self.columns, row, strict=True))


@dataclass(frozen=True)
class TestOutcome:
    """What came of one test."""

    __test__ = False  # to pytest this is no test

    name: str
    node: str
    at: Location
    status: Status
    seconds: float = 0.0
    checks: tuple[Check, ...] = ()
    errors: tuple[SeeknalError, ...] = ()

    @property
    def id(self) -> str:
        """`transform.clean_orders::refunds_are_subtracted`; a file that cannot be read has its path."""
        return f"{self.node}::{self.name}" if self.node and self.name else self.node or self.at.path

    def to_json(self) -> dict[str, Any]:
        """As `seeknal test --format json` prints it."""
        return {
            "id": self.id,
            "name": self.name or None,
            "node": self.node or None,
            "place": str(self.at),
            "status": self.status,
            "seconds": round(self.seconds, 6),
            "checks": [c.to_json() for c in self.checks],
            "errors": [{"code": e.code, "message": e.message, "place": str(e.at) if e.at else None, "hint": e.hint} for e in self.errors],
        }
