"""The values state is made of, and the changes a backend applies.

State is a few tables of JSON documents. A backend stores documents by table and key, applies a list of changes whole or not at
all, and knows nothing of what they mean; these classes do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from seeknal.errors import ProjectError, did_you_mean
from seeknal.intervals.ranges import Ranges
from seeknal.nodes import Digest, Key, NodeId, fold
from seeknal.state.artifact import ALL as ALL  # noqa: PLC0414 - what state is made of is imported from here
from seeknal.state.artifact import Artifact as Artifact  # noqa: PLC0414
from seeknal.state.artifact import FileRecord as FileRecord  # noqa: PLC0414
from seeknal.state.artifact import Rejected as Rejected  # noqa: PLC0414
from seeknal.state.artifact import column_set as column_set  # noqa: PLC0414
from seeknal.state.bulk import uncollected
from seeknal.state.environments import PROD, Environment
from seeknal.state.outcomes import AuditOutcome
from seeknal.state.segments import Joined, Segment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCHEMA_VERSION = "2.0"

Table = Literal["environments", "plans", "pointers", "previous", "artifacts", "segments", "views", "audits", "files", "windows"]
TABLES: tuple[Table, ...] = (
    "environments",
    "plans",
    "pointers",
    "previous",
    "artifacts",
    "segments",
    "views",
    "audits",
    "files",
    "windows",
)
"""`environments` and `plans` are keyed by environment, `pointers` and `previous` by `environment/node`, `artifacts` and `views` by build key, `audits` by
`key/definition`, `files` by path, `windows` by the version of a node that is built window by window. `previous` holds what an environment pointed to
before what it can be taken back from, `{}` for nothing. `segments` are rows of parts, keyed by what they are made of."""


@dataclass(frozen=True, slots=True)
class Change:
    """Put a document into a table under a key, or remove it (`value` None)."""

    table: Table
    key: str
    value: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a node's logic amounts to, in four parts; and beneath them, what decides its rows, and each of its columns on top of that.

    `columns` is by folded name, and empty where the columns cannot be told apart: then each is what `rows` is. `order` is the order in which they
    stand, which only those see that read all of them. See the build model.
    """

    content: str
    schema: str
    upstream: str
    config: str
    rows: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    order: str = ""

    def column(self, name: str) -> str:
        """The fingerprint of a column, by its name without regard to case."""
        return self.columns.get(fold(name), "" if self.columns else self.rows)


@dataclass(frozen=True, slots=True)
class Read:
    """What a node took from an input: which columns (None: all of them), how those were known at the time, and the key of the output."""

    columns: tuple[str, ...] | None
    digest: Digest
    key: Key = Key("")  # noqa: RUF009 - a name for text

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> Read:
        """From a plain document."""
        columns, digest, key = values
        return cls(None if columns is None else tuple(columns), digest, key)

    def same_rows(self, other: Read | None) -> bool:
        """Whether the same rows of the same columns were taken, be it from another output."""
        return other is not None and (self.columns, self.digest) == (other.columns, other.digest)


@dataclass(frozen=True, slots=True)
class View:
    """What a view is read by: its query, and the key of each output that it was published over."""

    node: NodeId
    sql: str
    inputs: Mapping[NodeId, Key]

    def to_json(self) -> dict[str, Any]:
        """As a plain document."""
        return {"node": self.node, "sql": self.sql, "inputs": dict(self.inputs)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> View:
        """From a plain document."""
        return cls(value["node"], value["sql"], value["inputs"])


@dataclass(frozen=True, slots=True)
class Pointer:
    """What an environment holds for a node: a key, the logic that led to it, and what was read from each input.

    `sql` is the query, for those that have one: a view has no output of its own, and stays readable by it when the project moves on.
    """

    key: Key
    fingerprint: Fingerprint
    inputs: Mapping[NodeId, Read] = field(default_factory=dict)
    version: str | None = None
    run_id: str = ""
    sql: str | None = None
    is_view: bool = False

    def view(self, node: NodeId) -> View | None:
        """What the node is read by, where it is a view."""
        return View(node, self.sql, {i: r.key for i, r in self.inputs.items()}) if self.is_view and self.sql is not None else None

    def to_json(self) -> dict[str, Any]:
        """As a plain document."""
        f = self.fingerprint
        return {
            "key": self.key, "fingerprint": [f.content, f.schema, f.upstream, f.config, f.rows, dict(f.columns), f.order],
            "inputs": {i: [None if r.columns is None else list(r.columns), r.digest, r.key] for i, r in self.inputs.items()},
            "version": self.version, "run_id": self.run_id, "sql": self.sql, "view": self.is_view,
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Pointer:
        """From a plain document; also from one of the time before columns were told apart, which had a digest for each input."""
        view = value.get("view", False)
        return cls(
            value["key"],
            Fingerprint(*value["fingerprint"]),
            {i: Read(None, Digest(read)) if isinstance(read, str) else Read.from_json(read) for i, read in value["inputs"].items()},
            value.get("version"),
            value.get("run_id", ""),
            view if isinstance(view, str) else value.get("sql"),
            bool(view),
        )


def recorded(artifact: Artifact) -> list[Change]:
    """What makes state know an output. The documents of parts that are in new segments move into these."""
    members = artifact.members if isinstance(artifact, Joined) else ()
    new = [m for m in members if isinstance(m, Segment) and m.is_new]
    moved = [Change("artifacts", key, None) for m in new for key in m.part_keys]
    return [*moved, *(Change("segments", m.key, m.to_json()) for m in new), Change("artifacts", artifact.key, artifact.to_json())]


def kept_view(node: NodeId, pointer: Pointer) -> list[Change]:
    """What keeps a view readable by its key when it is no longer what the environment holds."""
    view = pointer.view(node)
    return [Change("views", pointer.key, view.to_json())] if view is not None else []


@dataclass(frozen=True)
class Snapshot:
    """State at one moment: every table as it was. Documents become values when they are asked for."""

    tables: Mapping[Table, Mapping[str, Mapping[str, Any]]]
    serial: int = 0
    notices: tuple[str, ...] = ()
    _joined: dict[Key, Artifact | None] = field(default_factory=dict, repr=False, compare=False)
    _parsed: dict[str, Artifact] = field(default_factory=dict, repr=False, compare=False)

    def environments(self) -> list[str]:
        """The names of all environments."""
        return sorted(self.tables["environments"])

    def environment(self, name: str) -> Environment | None:
        """What is known of an environment; None for one that there is not."""
        value = self.tables["environments"].get(name)
        return Environment.from_json(name, value) if value is not None else None

    def require(self, environment: str) -> None:
        """Raise ProjectError for an environment that there is not. `prod` always is, although nothing may have been built in it."""
        known = {*self.environments(), PROD}
        if environment not in known:
            hint = did_you_mean(environment, known) or f"there {'are' if len(known) > 1 else 'is'}: {', '.join(sorted(known))}"
            raise ProjectError("SK-ENV-001", f"unknown environment '{environment}'", hint=hint)

    def origin(self, environment: str) -> str:
        """The environment whose pointers one starts from: its own, or prod's where it is yet to be made."""
        return environment if environment in self.tables["environments"] else PROD

    def pointers(self, environment: str) -> dict[NodeId, Pointer]:
        """What an environment points to."""
        return {n: Pointer.from_json(v) for n, v in self.documents("pointers", environment).items()}

    def keys(self, environment: str) -> dict[NodeId, Key]:
        """The key an environment has for each node."""
        return {n: Key(v["key"]) for n, v in self.documents("pointers", environment).items()}

    def documents(self, table: Literal["pointers", "previous"], environment: str) -> dict[NodeId, Mapping[str, Any]]:
        """The documents of an environment, by node. In `previous`, empty ones stand for nodes it did not have."""
        prefix = f"{environment}/"
        return {NodeId(k[len(prefix) :]): v for k, v in self.tables[table].items() if k.startswith(prefix)}

    def view(self, node: NodeId, key: Key) -> View | None:
        """What a view of this key is read by, whether an environment publishes it or did so before."""
        for environment in {PROD, *self.environments()}:
            published = self.tables["pointers"].get(f"{environment}/{node}")
            if published is not None and published["key"] == key:
                return Pointer.from_json(published).view(node)
        value = self.tables["views"].get(key)
        return View.from_json(value) if value is not None else None

    def artifact(self, key: Key) -> Artifact | None:
        """The artifact under a key, as far as state knows."""
        value = self.tables["artifacts"].get(key)
        if value is not None and "parts" in value:
            if key not in self._joined:
                self._joined[key] = self._whole(key, value)
            return self._joined[key]
        return Artifact.from_json(key, value) if value is not None else None

    def _whole(self, key: Key, value: Mapping[str, Any]) -> Artifact | None:
        """An output made of parts; None where one of them is not known any more."""
        with uncollected():
            members = [self._segment(k) or self._part(k) for k in value["parts"]]
        known = [m for m in members if m is not None]
        return Joined(key, known, value.get("created_at", "")) if known and len(known) == len(members) else None

    def _part(self, key: str) -> Artifact | None:
        document = self.tables["artifacts"].get(key) or self._inside.get(key)
        if key not in self._parsed and document is not None:
            self._parsed[key] = Artifact.from_json(key, document)
        return self._parsed.get(key)

    @cached_property
    def _inside(self) -> dict[str, Mapping[str, Any]]:
        """The documents of parts that are in segments."""
        return {k: d for key, value in self.tables["segments"].items() for k, d in Segment(key, value).documents().items()}

    @property
    def outputs(self) -> dict[str, Mapping[str, Any]]:
        """The document of every output, in a segment or not."""
        return {**self._inside, **self.tables["artifacts"]}

    def _segment(self, key: str) -> Artifact | None:
        document = self.tables["segments"].get(key)
        if key not in self._parsed and document is not None:
            self._parsed[key] = Segment(key, document, self.tables["artifacts"])
        return self._parsed.get(key) if document is not None else None

    def parts(self, version: str) -> list[Artifact]:
        """All parts that were ever built of a version of a node, or taken over into it, as far as state knows: rows of them as segments."""
        taken = dict.fromkeys(self.taken(version))
        wanted = [
            k for k, v in self.tables["segments"].items() if v["version"] == version or (taken and all(p in taken for p in v["parts"]))
        ]
        segments = [s for k in wanted if (s := self._segment(k)) is not None]
        inside = {key for segment in segments for key in segment.part_keys}
        keys = [k for k in (*self._parts_by_version.get(version, ()), *taken) if k not in inside]
        with uncollected():
            return [*segments, *(p for k in keys if (p := self._part(k)) is not None)]

    @cached_property
    def _parts_by_version(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for key, value in self.tables["artifacts"].items():
            if "part" in value:
                found.setdefault(value["part"]["version"], []).append(key)
        return found

    def taken(self, version: str) -> tuple[str, ...]:
        """The parts of earlier versions that were taken over into this one."""
        return tuple(self.tables["windows"].get(version, {}).get("taken", ()))

    def marked(self, version: str) -> Ranges:
        """The windows of a version that are to be built again."""
        return Ranges.of(*((s, e) for s, e in self.tables["windows"].get(version, {}).get("restatement", ())))

    def audit(self, key: Key, definition: str) -> AuditOutcome | None:
        """What an audit, by the hash of its definition, said of an artifact."""
        value = self.tables["audits"].get(f"{key}/{definition}")
        return AuditOutcome.from_json(value) if value is not None else None


def empty_tables() -> dict[Table, dict[str, Any]]:
    """Every table, empty."""
    return {table: {} for table in TABLES}
