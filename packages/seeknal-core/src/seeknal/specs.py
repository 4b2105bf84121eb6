"""The base of every node kind's YAML schema.

A spec is a strict pydantic model: what the user wrote, checked and typed. `lower` turns it into `Logic`, which is all that
planning and building know.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NoReturn, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from seeknal.nodes import MAX_REJECTED_PERCENT, NAME, SAMPLE, THRESHOLD, ColumnSchema, Schema, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from sqlglot import exp

    from seeknal.errors import Location
    from seeknal.nodes import Freshness, Logic, NodeId, TextPlace
    from seeknal.plugin import Connection, Engine, Exposure

_DEVICES = {"con", "prn", "aux", "nul", *(f"com{i}" for i in range(1, 10)), *(f"lpt{i}" for i in range(1, 10))}
_DURATION = re.compile(r"(-?\d+)\s*(minute|min|m|hour|h|day|d|week|w|month|year|y)?s?")


def check_name(value: str) -> str:
    """A node's name: letters, digits and `_`, not starting with a digit, and no device name of Windows."""
    if not NAME.fullmatch(value):
        message = "a name may hold only letters (a-z), digits and _, must not start with a digit, and has at most 120 characters"
        raise ValueError(message)
    if value.casefold() in _DEVICES:
        message = f"'{value}' is a reserved file name on Windows"
        raise ValueError(message)
    return value


def check_lookback(value: object) -> object:
    """A number of intervals, or a number with a unit such as `3 days`; never negative."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        message = "lookback must be a number of intervals, such as 3, or a duration, such as '3 days'"
        raise ValueError(message)  # noqa: TRY004 - pydantic reports ValueError
    match = _DURATION.fullmatch(str(value).strip())
    if not match:
        message = f"lookback must be a number of intervals, such as 3, or a duration, such as '3 days'; found {value!r}"
        raise ValueError(message)
    if int(match[1]) < 0:
        message = f"lookback must be 0 or more; found {value}"
        raise ValueError(message)
    return value


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, str) else value


Name = Annotated[str, Field(strict=True)]
Lookback = Annotated[int | str, BeforeValidator(check_lookback)]
TextList = Annotated[list[str], BeforeValidator(_one_or_more, json_schema_input_type=str | list[str])]


def _threshold(value: object) -> object:
    if isinstance(value, str) and not THRESHOLD.fullmatch(value.strip()):
        message = "write how many failing rows are too many, such as '> 10' or '> 0.1%'"
        raise ValueError(message)
    return value.strip() if isinstance(value, str) else value


Threshold = Annotated[str, BeforeValidator(_threshold)]


class Strict(BaseModel):
    """No unknown keys, no silent conversions of type."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class InputSpec(Strict):
    """An input named outside SQL: `{ref: source.users}`."""

    ref: str

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: object) -> object:
        return {"ref": value} if isinstance(value, str) else value


class AuditEntry(BaseModel):
    """One entry of `audits:`. Keys beyond these are parameters of the audit and checked against its signature."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str
    severity: Severity | None = None
    name: str | None = None
    description: str | None = None
    where: str | None = None
    warn_if: Threshold | None = None
    error_if: Threshold | None = None
    mostly: Annotated[float, Field(gt=0, le=1)] | None = None
    empty: Literal["pass", "warn", "error"] = "pass"
    on_failure: Literal["fail", "quarantine"] = "fail"
    max_rejected_rows: Annotated[int, Field(ge=0)] | None = None
    max_rejected_percent: Annotated[float, Field(ge=0, le=100)] | None = None
    sample: Annotated[int, Field(ge=0, le=10_000)] = SAMPLE
    redact: TextList = Field(default_factory=list)
    store_failures: bool = True
    tags: TextList = Field(default_factory=list)
    enabled: bool = True

    @model_validator(mode="after")
    def _quarantine(self) -> AuditEntry:
        limits = [k for k in ("max_rejected_rows", "max_rejected_percent") if getattr(self, k) is not None]
        if limits and self.on_failure != "quarantine":
            message = f"{limits[0]} says how many rows may be set aside: it needs on_failure: quarantine"
            raise ValueError(message)
        if self.on_failure == "quarantine" and (self.warn_if or self.error_if or self.mostly):
            message = "with on_failure: quarantine, say max_rejected_rows or max_rejected_percent in place of warn_if, error_if and mostly"
            raise ValueError(message)
        return self

    @property
    def quarantine(self) -> dict[str, Any]:
        """What an audit that sets rows aside says of it. Without a limit, some share of the rows is the most."""
        if self.on_failure != "quarantine":
            return {}
        percent = MAX_REJECTED_PERCENT if self.max_rejected_rows is None else None
        percent = percent if self.max_rejected_percent is None else self.max_rejected_percent
        return {"quarantines": True, "max_rejected_rows": self.max_rejected_rows, "max_rejected_percent": percent}

    @property
    def params(self) -> dict[str, Any]:
        """The keys that belong to the audit itself."""
        return dict(self.model_extra or {})


Age = Annotated[str, Field(pattern=r"^[0-9]+ ?(s|m|h|d|w)$")]


class FreshnessEntry(Strict):
    """What `freshness:` of a source says."""

    time_column: str
    warn_after: Age | None = None
    error_after: Age | None = None

    @model_validator(mode="after")
    def _some(self) -> FreshnessEntry:
        if self.warn_after is None and self.error_after is None:
            message = "freshness needs 'warn_after', 'error_after' or both, such as 24h"
            raise ValueError(message)
        return self


class ColumnEntry(Strict):
    """One entry of `columns:`."""

    name: str
    type: str | None = None
    description: str | None = None
    audits: list[AuditEntry | str] = Field(default_factory=list)


class NodeSpec(Strict):
    """What every node may say. Subclass it to define a kind: add fields, and say in `lower` what is to be built."""

    windowed: ClassVar[bool] = False
    """Whether nodes of the kind can be built window by window."""

    kind: str = Field(description="What the node is; decides the other keys.")
    name: Name = Field(description="Unique among the nodes of its kind, without regard to case.")
    description: str | None = Field(None, description="For people who read lineage and documentation.")
    owner: str | None = Field(None, description="Who answers for it.", examples=["data-team"])
    tags: TextList = Field(default_factory=list, description="Labels to select by: `tag:daily`.", examples=[["daily"]])
    meta: dict[str, Any] = Field(
        default_factory=dict, description="Anything you want to keep with the node.", examples=[{"ticket": "DATA-12"}]
    )
    enabled: bool = Field(default=True, description="false: the node is left out as if it were not there.")
    inputs: list[InputSpec] = Field(
        default_factory=list, description="What it reads; optional where SQL says it with ref().", examples=[[{"ref": "source.users"}]]
    )
    columns: list[ColumnEntry] = Field(
        default_factory=list,
        description="Output columns; declared types are enforced.",
        examples=[[{"name": "user_id", "type": "BIGINT", "description": "One for each user.", "audits": ["not_null", "unique"]}]],
    )
    audits: list[AuditEntry] = Field(
        default_factory=list,
        description="Checks that must hold before anyone sees the output.",
        examples=[[{"type": "not_null", "columns": ["user_id"]}, {"type": "row_count", "min": 1, "severity": "warn"}]],
    )
    schedule: str | None = Field(
        None, description="Cron expression; with time_column the node is built window by window.", examples=["0 6 * * *"]
    )
    time_column: str | None = Field(None, description="The column that says which window a row belongs to.", examples=["created_at"])
    interval: str | None = Field(
        None,
        description="How long a window is: 5min, 10min, 15min, 30min, hour, day, week, month or year; else the largest that fits between two ticks.",
        examples=["day"],
    )
    timezone: str | None = Field(
        None, description="The time zone of schedule, windows, start and end; UTC unless said.", examples=["Europe/Berlin"]
    )
    start: dt.datetime | dt.date | None = Field(
        None, description="Where the first window begins; else at the earliest time_column value.", examples=["2026-01-01"]
    )
    end: dt.datetime | dt.date | None = Field(
        None, description="Where the last window ends: it is not part of it.", examples=["2027-01-01"]
    )
    lookback: Lookback | None = Field(
        None, description="How many earlier windows, or how much time, is built again with a missing one.", examples=[2, "3 days"]
    )
    batch_size: int | None = Field(None, ge=1, description="How many windows one query builds at most.", examples=[30])
    batch_concurrency: int | None = Field(None, ge=1, le=64, description="How many batches are built at the same time.", examples=[4])
    forward_only: bool = Field(default=False, description="true: an edit keeps the windows there are, and builds only later ones anew.")
    depends_on_past: bool = Field(
        default=False, description="true: windows are built one after the other, and one that is built again takes all later ones with it."
    )
    engine: str | None = Field(None, description="The engine that builds it, where it is not the project's.")

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        return check_name(value)

    @field_validator("columns", mode="before", json_schema_input_type=list[ColumnEntry] | dict[str, str | dict[str, Any]])
    @classmethod
    def _columns(cls, value: object) -> object:
        """`{a: int}` means `[{name: a, type: int}]`."""
        if isinstance(value, dict):
            return [{"name": k, "type": v} if not isinstance(v, dict) else {"name": k, **v} for k, v in value.items()]
        if isinstance(value, list):
            return [{"name": v} if isinstance(v, str) else v for v in value]
        return value

    @field_validator("audits", mode="before")
    @classmethod
    def _audits(cls, value: object) -> object:
        if isinstance(value, dict):
            message = "audits must be a list: start each audit with '- type: …'"
            raise ValueError(message)  # noqa: TRY004 - pydantic reports ValueError
        return value

    def window_time(self) -> str | None:
        """The column of the output that says which window a row belongs to."""
        return self.time_column

    def window_reach(self) -> int:
        """How many seconds before a window begins rows of its inputs still play a part in it."""
        return 0

    def output(self) -> list[ColumnEntry]:
        """The columns its output must have; declared types are enforced."""
        return self.columns

    def checks(self, context: Lowering) -> list[AuditEntry]:
        """The audits that the kind itself brings, besides those that were written."""
        del context
        return []

    def details(self) -> dict[str, Any]:
        """What other nodes and commands may want to know of it, as plain data."""
        return {}

    def fresh(self, context: Lowering) -> Freshness | None:
        """How fresh its data must be; None where it does not matter."""
        del context
        found: Freshness | None = None
        return found

    def lower(self, context: Lowering) -> Logic:
        """What building this node means. Raise through `context.fail` where the spec cannot be built."""
        message = f"{type(self).__name__} does not say what it builds (at {context.at()}): define lower()"
        raise TypeError(message)


class ConnectionLike(Protocol):
    """A connection as profiles.yml has it."""

    @property
    def name(self) -> str:
        """Its name in profiles.yml."""
        ...

    @property
    def type(self) -> str:
        """The type of connection it says it is."""
        ...


class Lowering(Protocol):
    """What a spec can ask for while it is lowered."""

    document: dict[str, Any]
    """The document as it was written, older spellings normalised."""

    @property
    def root(self) -> Path:
        """The project's folder."""
        ...

    @property
    def engine(self) -> Engine:
        """The engine that will build the node."""
        ...

    def at(self, *path: str | int) -> Location:
        """Where the value at this path was written; the nearest enclosing place when it was not."""
        ...

    def text_at(self, *path: str | int) -> TextPlace:
        """Where a text value begins, for errors inside it."""
        ...

    def select(
        self, template: str, *path: str | int, dialect: str | None = None, materialized: Literal["table", "view"] = "table"
    ) -> Logic:
        """Render, parse and check one SELECT; the references in it become inputs of the node."""
        ...

    def query(self, tree: exp.Query, materialized: Literal["table", "view"] = "table") -> Logic:
        """A SELECT that was built as a tree, in the engine's dialect, over relations that `ref` made inputs."""
        ...

    def ref(self, reference: str, *path: str | int) -> NodeId:
        """Resolve a reference and make it an input of the node."""
        ...

    def condition(self, text: str, *path: str | int) -> exp.Expr:
        """Parse one boolean expression over the columns of a row."""
        ...

    def details(self, node: NodeId) -> Mapping[str, Any] | None:
        """What the kind of another node says of it; None where that node is wrong itself."""
        ...

    def check_type(self, type_: str, *path: str | int) -> None:
        """Report a type that the engine does not know, and go on."""
        ...

    def connection(self, name: str, *path: str | int) -> ConnectionLike:
        """The connection of this name in profiles.yml."""
        ...

    def connection_type(self, name: str, *path: str | int, also: Iterable[str] = ()) -> Connection:
        """The connection type of this name. `also` are other words that would do, for the hint."""
        ...

    def exposure_type(self, name: str, *path: str | int, also: Iterable[str] = ()) -> Exposure:
        """The exposure type of this name that a plugin provides. `also` are other words that would do, for the hint."""
        ...

    def check_query(self, query: str, *path: str | int) -> None:
        """Report SQL for a database that is not one SELECT, and go on."""
        ...

    def source_defaults(self, type_: str) -> Mapping[str, Any]:
        """The reader's parameters that profiles.yml sets for all sources of a type."""
        ...

    def path(self, text: str, *path: str | int) -> str:
        """Check that a path or glob stays inside the project (or `external_paths`). Returns it as written."""
        ...

    def output_path(self, text: str, *path: str | int) -> str:
        """Check that a file may be written there: inside the project and not among its own files. Returns it as written."""
        ...

    def report(self, code: str, message: str, *path: str | int, hint: str | None = None) -> None:
        """Report an error at this path of the document, and go on."""
        ...

    def fail(self, code: str, message: str, *path: str | int, hint: str | None = None) -> NoReturn:
        """Report an error at this path of the document."""
        ...


def declared(columns: list[ColumnEntry]) -> Schema:
    """The columns a spec declares, as a schema."""
    return tuple(ColumnSchema(c.name, c.type, c.description) for c in columns)
