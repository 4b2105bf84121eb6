"""What a unit test may say, as a strict schema."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from seeknal.specs import Strict, TextList, check_name

if TYPE_CHECKING:
    from collections.abc import Iterable

Row = dict[str, Any]
Partial = Literal["columns", "rows"]
FORMS = ("rows", "csv", "file", "sql")
"""How a table may be given; one of them at a time."""


class TableSpec(Strict):
    """A small table: its rows, or CSV or SQL that makes them, and types where the values do not say them."""

    rows: list[Row] | None = Field(
        None, description="Rows, each a mapping; a column left out is NULL.", examples=[[{"id": 1, "name": "Ann"}]]
    )
    csv: str | None = Field(None, description="CSV with a header; an empty field is NULL.", examples=["id,name\n1,Ann\n"])
    file: str | None = Field(None, description="A CSV file, relative to the project.", examples=["tests/data/orders.csv"])
    sql: str | None = Field(None, description="One SELECT that reads nothing.", examples=["SELECT 1 AS id, DATE '2026-01-31' AS day"])
    columns: dict[str, str] = Field(default_factory=dict, description="Columns and their types.", examples=[{"amount": "DECIMAL(18, 2)"}])

    @model_validator(mode="before")
    @classmethod
    def _rows_alone(cls, value: object) -> object:
        return {"rows": value} if isinstance(value, list) else value

    @property
    def form(self) -> str | None:
        """Which of the forms it is given in; `""` for more than one."""
        given = [form for form in FORMS if getattr(self, form) is not None]
        return given[0] if len(given) == 1 else "" if given else None


class ExpectedTable(Strict):
    """Rows that must come out, in any order and as often as they are listed."""

    rows: list[Row] | None = Field(None, description="All rows, in any order, each as often as it is listed.", examples=[[{"id": 1}]])
    csv: str | None = Field(None, description="The same as CSV with a header; an empty field is NULL.")
    file: str | None = Field(None, description="The same as a CSV file, relative to the project.")
    row_count: int | None = Field(None, ge=0, description="How many rows there are.", examples=[3])
    partial: bool | list[Partial] | Partial = Field(
        default=False,
        description="`columns` (or true): only columns that are listed are compared. `rows`: there may be rows besides those listed.",
        examples=["columns"],
    )
    tolerance: float | dict[str, float] | None = Field(
        None, description="By how much numbers may differ: one number for all columns, or a mapping of columns.", examples=[{"mean": 0.001}]
    )

    @property
    def parts(self) -> frozenset[str]:
        """In what the expectation is partial."""
        if isinstance(self.partial, bool):
            return frozenset(["columns"] if self.partial else [])
        return frozenset([self.partial] if isinstance(self.partial, str) else self.partial)

    @property
    def form(self) -> str | None:
        """Which form the rows are given in; `""` for more than one."""
        given = [form for form in FORMS[:3] if getattr(self, form) is not None]
        return given[0] if len(given) == 1 else "" if given else None

    @field_validator("tolerance")
    @classmethod
    def _not_negative(cls, value: float | dict[str, float] | None) -> float | dict[str, float] | None:
        numbers: Iterable[float] = value.values() if isinstance(value, dict) else [] if value is None else [value]
        if any(not n >= 0 for n in numbers):
            message = "tolerance must be 0 or more"
            raise ValueError(message)
        return value


class Expectation(ExpectedTable):
    """What must come out of the node, and of parts of its query."""

    columns: list[str] | dict[str, str] | None = Field(
        None, description="The output's columns in order; as a mapping, with their types.", examples=[["id", "name"]]
    )
    ctes: dict[str, ExpectedTable] = Field(default_factory=dict, description="What parts of WITH must return, by name.")

    @model_validator(mode="before")
    @classmethod
    def _rows_alone(cls, value: object) -> object:
        return {"rows": value} if isinstance(value, list) else value


class UnitTestSpec(Strict):
    """One unit test: a node, what its inputs hold, and what must come out."""

    name: Annotated[str, Field(strict=True)] = Field(description="Unique among the tests of its node.", examples=["refunds_are_subtracted"])
    node: str = Field(description="The node under test.", examples=["transform.clean_orders"])
    description: str | None = Field(None, description="For people.")
    tags: TextList = Field(default_factory=list, description="Labels to select tests by: `seeknal test tag:slow`.")
    now: str | None = Field(
        None,
        description="What `now()`, `current_timestamp` and `current_date` are, in UTC unless it says.",
        examples=["2026-01-31 12:00:00"],
    )
    vars: dict[str, Any] = Field(default_factory=dict, description="What `var()` gives, over the project's.", examples=[{"country": "ID"}])
    inputs: dict[str, TableSpec] = Field(default_factory=dict, description="A table for each node it reads.")
    expect: Expectation = Field(description="What must come out.")

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        return check_name(value)

    @field_validator("now")
    @classmethod
    def _now(cls, value: str | None) -> str | None:
        if value is not None:
            moment(value)
        return value


def moment(text: str) -> dt.datetime:
    """A moment in UTC. Raises ValueError with words for people."""
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        message = "now must be a moment, such as 2026-01-31 12:00:00"
        raise ValueError(message) from None
    return found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found.astimezone(dt.UTC)
