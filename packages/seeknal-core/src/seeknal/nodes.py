"""The values a project is made of: nodes, their columns, audits and logic.

A node's kind lowers what the user wrote to one of a few `Logic` variants; everything after that (fingerprints, planning,
building) knows only those. All values are frozen and made of plain data, so a node can be cached as JSON.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NewType

from seeknal.errors import Location

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal.intervals.windowing import Windowing

NodeId = NewType("NodeId", str)
"""`kind.name`, unique in a project without regard to case."""

Key = NewType("Key", str)
"""The address of an output: a hash of everything that determines it, as hexadecimal text."""

Digest = NewType("Digest", str)
"""A hash of data: of an output's rows without regard to their order, or of a source's files."""

THRESHOLD = re.compile(r">=? ?[0-9]+(\.[0-9]+)? ?%?")
"""How many failing rows are too many: `> 10` of them, `>= 0.5%` of all rows."""
MAX_REJECTED_PERCENT = 10.0
"""What share of the rows an audit may set aside that does not say it."""
SAMPLE = 100
"""How many failing rows of an audit are kept that does not say it."""
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,119}")
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
"""What a node, column set or environment may be called."""


def node_id(kind: str, name: str) -> NodeId:
    """The id of the node `name` of this kind."""
    return NodeId(f"{kind}.{name}")


def kind_of(node: NodeId) -> str:
    """`transform` for `transform.clean_users`."""
    return node.partition(".")[0]


def name_of(node: NodeId) -> str:
    """`clean_users` for `transform.clean_users`."""
    return node.partition(".")[2]


def fold(name: str) -> str:
    """A column's or relation's name as it is compared: the engines make no difference between `A` and `a`, but do between `Ä` and `ä`."""
    return name.lower() if name.isascii() else name.translate(_LOWER)


REJECTED = "__rejected"
"""Ends the name of the relation that has the rows which audits set aside."""


def relation_name(node: NodeId) -> str:
    """The name under which SQL reads a node's output: `source_raw_users` for `source.raw_users`."""
    return node.replace(".", "_", 1)


@dataclass(frozen=True, slots=True)
class ColumnSchema:
    """A column of an output. `type` is in the engine's dialect; a declared column may leave it open."""

    name: str
    type: str | None = None
    description: str | None = None


Schema = tuple[ColumnSchema, ...]
"""The columns of a relation, in order."""

Severity = Literal["error", "warn"]


@dataclass(frozen=True, slots=True)
class AuditSpec:
    """One audit as the user asked for it: which one, with what parameters, and how much a failure matters.

    `params` holds what the audit's own signature names, already checked; `places` maps a parameter (or `""` for the audit
    itself) to where it was written. `definition` is a hash of what is checked: the audit's code, parameters and `where`. At most `sample`
    failing rows are kept (none, unless `store_failures`) or shown, without what stands in the columns of `redact`.
    An audit that `quarantines` sets failing rows aside, up to so many of them, and lets the others be published.
    `reads` are the other nodes whose rows it looks at, with the columns of each by folded name (None: all of them).
    """

    type: str
    params: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity = "error"
    name: str | None = None
    description: str | None = None
    where: str | None = None
    places: Mapping[str, Location] = field(default_factory=dict)
    definition: str = ""
    warn_if: str | None = None
    error_if: str | None = None
    empty: Literal["pass", "warn", "error"] = "pass"
    quarantines: bool = False
    max_rejected_rows: int | None = None
    max_rejected_percent: float | None = None
    sample: int = SAMPLE
    redact: tuple[str, ...] = ()
    store_failures: bool = True
    tags: tuple[str, ...] = ()
    reads: Mapping[NodeId, tuple[str, ...] | None] = field(default_factory=dict)

    def hides(self, column: str) -> bool:
        """Whether what stands in this column is not to be shown."""
        return fold(column) in {fold(c) for c in self.redact}

    @property
    def counts_rows(self) -> bool:
        """Whether how many rows there are plays a part in the verdict."""
        return self.quarantines or self.empty != "pass" or any("%" in t for t in (self.warn_if, self.error_if) if t is not None)

    @property
    def may_block(self) -> bool:
        """Whether it can keep an output from being published."""
        return self.severity == "error" or self.error_if is not None or self.empty == "error" or self.quarantines

    @property
    def at(self) -> Location | None:
        """Where the audit was written."""
        return self.places.get("")


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the newest value of a source's `time_column` may be, as `36h` or `2d`, before it is a warning and a failure."""

    time_column: str
    warn_after: str | None = None
    error_after: str | None = None
    place: Location | None = None


@dataclass(frozen=True, slots=True)
class TextPlace:
    """Where a piece of embedded text (SQL, mostly) begins in its file.

    `line` and `column` are those of the text's first character; `indent` is how many columns each further line is shifted. Where lines of
    the file were joined in reading, `folds` has for each of them line and column in the text, and line and column in the file.
    """

    path: str
    line: int = 1
    column: int = 1
    indent: int = 0
    folds: tuple[tuple[int, int, int, int], ...] = ()

    def at(self, line: int, column: int) -> Location:
        """The place in the file of line and column of the text, both counted from 1."""
        fold = max((f for f in self.folds if f[:2] <= (line, column)), default=None)
        if fold is not None:
            return Location(self.path, fold[2], fold[3] + column - fold[1] if line == fold[0] else column)
        if line <= 1:
            return Location(self.path, self.line, self.column + column - 1)
        return Location(self.path, self.line + line - 1, self.indent + column)


Refresh = Literal["on_change", "always", "manual"]
Clock = Literal["day", "instant"]
Materialized = Literal["table", "view"]


@dataclass(frozen=True, slots=True)
class SourceLogic:
    """Read data from outside: files the engine can read, or a table or query of a connection."""

    type: str
    table: str | None = None
    query: str | None = None
    connection: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    refresh: Refresh = "on_change"
    cache: bool = True
    change_probe: str | None = None
    place: Location | None = None


@dataclass(frozen=True, slots=True)
class SqlLogic:
    """Run one SELECT. `sql` is what the engine executes, in its `dialect`, templates already rendered.

    `written` is the dialect it was written in, where that is another. `clock` says how often time alone changes the answer: `day` for
    `current_date`, `instant` for `now()`. Nobody wrote `built` SQL: its `template` is the document it was made from.
    """

    sql: str
    dialect: str
    materialized: Materialized = "table"
    clock: Clock | None = None
    template: str | None = None
    place: TextPlace | None = None
    written: str | None = None
    built: bool = False


@dataclass(frozen=True, slots=True)
class PythonLogic:
    """Call a function of the project with its inputs and store the table it returns.

    `reads` has the node each parameter is given, in order; one may stand there twice. `code` is a hash of the function and the project
    modules it imports; `packages` are the third-party distributions whose versions are part of the key. A function without inputs is a
    source and is called again as `refresh` says.
    """

    path: str
    function: str
    code: str
    packages: tuple[str, ...] = ()
    refresh: Refresh | None = None
    place: Location | None = None
    reads: tuple[NodeId, ...] = ()


@dataclass(frozen=True, slots=True)
class ExposureLogic:
    """Hand an input's rows to the outside: a file, or a table of a connection."""

    type: str
    params: Mapping[str, Any] = field(default_factory=dict)
    connection: str | None = None
    place: Location | None = None


@dataclass(frozen=True, slots=True)
class RuleLogic:
    """Nothing but the node's audits, run on its one input."""


class Made(NamedTuple):
    """What a column of a node without rows stands on: columns of inputs it is computed from, and those that only decide which rows count.

    A column is a pair of node and name; the name is empty for the rows themselves. `shape` is the same for what is made the same way.
    """

    shape: str
    value: tuple[tuple[NodeId, str], ...] = ()
    filter: tuple[tuple[NodeId, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DocumentLogic:
    """Nothing to build: the node documents something that uses its inputs.

    `made_of` says column by column what it uses of them; where it is empty, that may be anything. `marks` has for what is in `params`, by its
    path with dots, where it was written: file, line and column.
    """

    type: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    marks: Mapping[str, tuple[str, int, int]] = field(default_factory=dict)
    made_of: Mapping[str, Made] = field(default_factory=dict)


Logic = SourceLogic | SqlLogic | PythonLogic | ExposureLogic | RuleLogic | DocumentLogic


@dataclass(frozen=True, slots=True)
class Merging:
    """Rows take the place of those with the same key in the output before; where `deleted_when` holds of one, it only removes that.

    With `history` they are kept beside them, each with the time for which it held, which such a row ends: told by the column `updated_at`, or by comparing `check_columns` (none: all) with the
    current row.
    """

    unique_key: tuple[str, ...]
    deleted_when: str | None = None
    history: bool = False
    updated_at: str | None = None
    check_columns: tuple[str, ...] = ()


STORED = (SourceLogic, SqlLogic, PythonLogic)
"""The logic whose outcome is a relation others can read."""


@dataclass(frozen=True, slots=True)
class Node:
    """One node of the graph, validated, with its references resolved and its templates rendered.

    `refs` holds what the user wrote in each reference and the id it meant, `env` the environment variables that templates
    asked for with a hash of their values: together with the file they decide whether a cached node still holds. `details` is what its
    kind says of it besides, as plain data: other nodes of the kind, and the kind's commands, read it. `windows` is how it is built
    window by window, `merging` how its rows are merged into those before; both None where it is built whole. `this` are the columns of the earlier output
    that its query reads; none where it reads none.
    """

    id: NodeId
    at: Location
    logic: Logic
    content_hash: str
    inputs: tuple[NodeId, ...] = ()
    columns: Schema = ()
    audits: tuple[AuditSpec, ...] = ()
    description: str | None = None
    owner: str | None = None
    tags: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)
    refs: Mapping[str, NodeId] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    freshness: Freshness | None = None
    windows: Windowing | None = None
    merging: Merging | None = None
    this: Schema = ()

    @property
    def kind(self) -> str:
        """The part of the id before the dot."""
        return kind_of(self.id)

    @property
    def name(self) -> str:
        """The part of the id after the dot."""
        return name_of(self.id)

    @property
    def relation(self) -> str:
        """The name under which SQL reads this node's output."""
        return relation_name(self.id)

    @property
    def is_view(self) -> bool:
        """Whether the node's query is inlined where it is read instead of being stored."""
        return isinstance(self.logic, SqlLogic) and self.logic.materialized == "view"

    @property
    def is_stored(self) -> bool:
        """Whether building the node leaves data under a key."""
        return isinstance(self.logic, STORED) and not self.is_view

    @property
    def quarantines(self) -> tuple[AuditSpec, ...]:
        """The audits that set rows aside."""
        return tuple(a for a in self.audits if a.quarantines)

    @property
    def is_readable(self) -> bool:
        """Whether other nodes can read this one."""
        return isinstance(self.logic, STORED)
