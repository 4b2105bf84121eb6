"""The values state is made of, and the changes a backend applies.

State is a few tables of JSON documents. A backend stores documents by table and key, applies a list of changes whole or not at
all, and knows nothing of what they mean; these classes do.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from seeknal.errors import ProjectError, did_you_mean
from seeknal.intervals.ranges import Ranges
from seeknal.nodes import ColumnSchema, Digest, Key, NodeId, Schema, fold
from seeknal.state.environments import PROD, Environment
from seeknal.state.parts import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SCHEMA_VERSION = "2.0"

Table = Literal["environments", "plans", "pointers", "previous", "artifacts", "audits", "files", "windows"]
TABLES: tuple[Table, ...] = ("environments", "plans", "pointers", "previous", "artifacts", "audits", "files", "windows")
"""`environments` and `plans` are keyed by environment, `pointers` and `previous` by `environment/node`, `artifacts` by build key, `audits` by
`key/definition`, `files` by path, `windows` by the version of a node that is built window by window. `previous` holds what an environment pointed to
before what it can be taken back from, `{}` for nothing."""

EXAMPLE = ", such as "
"""What comes before a failing row in the message of an audit."""

ALL = "*"
"""In place of a set of columns: all of them."""


def column_set(columns: Iterable[str]) -> str:
    """A short name for a set of columns, by their names without regard to case."""
    return hashlib.blake2b("\0".join(sorted(fold(c) for c in columns)).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Change:
    """Put a document into a table under a key, or remove it (`value` None)."""

    table: Table
    key: str
    value: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file of an artifact: its name or path, size in bytes, modification time in ns when it was verified, and content hash."""

    name: str
    size: int
    mtime_ns: int
    hash: str | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """Rows that audits kept out of an output: how many, their columns, the files beside the output's that hold them.

    `outcomes` has what each of the audits found, by its definition.
    """

    rows: int
    schema: Schema
    files: tuple[FileRecord, ...]
    outcomes: Mapping[str, AuditOutcome] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As a plain document."""
        return {
            "rows": self.rows, "schema": [[c.name, c.type] for c in self.schema], "files": [[f.name, f.size, f.mtime_ns, f.hash] for f in self.files],
            "outcomes": {d: o.to_json() for d, o in self.outcomes.items()},
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Rejected:
        """From a plain document."""
        return cls(
            value["rows"],
            tuple(ColumnSchema(n, t) for n, t in value["schema"]),
            tuple(FileRecord(*f) for f in value["files"]),
            {d: AuditOutcome.from_json(o) for d, o in value["outcomes"].items()},
        )


@dataclass(frozen=True, slots=True)
class Artifact:
    """An output that exists: which node made it, what is in it, and its files.

    `digests` says how readers know the output: by all of its columns (`*`), or by a set of them (see `column_set`). `location` is a
    folder relative to the target folder, or None where files are referenced in place. `rejected` are the rows that audits set aside. `part` is set on part
    of an output that is built window by window, and `parts` are those of a whole one, in order; see `seeknal.state.parts`.
    """

    key: Key
    node: NodeId
    rows: int
    schema: Schema
    files: tuple[FileRecord, ...]
    location: str | None
    digests: Mapping[str, Digest] = field(default_factory=dict)
    created_at: str = ""
    rejected: Rejected | None = None
    part: Part | None = None
    parts: tuple[Artifact, ...] = ()

    @classmethod
    def joined(cls, key: Key, parts: Sequence[Artifact], created_at: str) -> Artifact:
        """Parts of one node as one output."""
        kind, _, name = parts[0].node.partition(".")
        files = tuple(FileRecord(f"{p.key}/{f.name}", f.size, f.mtime_ns, f.hash) for p in parts for f in p.files)
        rows = sum(p.rows for p in parts)
        return cls(
            key,
            parts[0].node,
            rows,
            parts[-1].schema,
            files,
            f"cache/{kind}/{name}",
            {},
            created_at,
            _joined_aside(parts),
            parts=tuple(parts),
        )

    @property
    def every_file(self) -> tuple[FileRecord, ...]:
        """Its files and those of the rows that were set aside."""
        return self.files if self.rejected is None else (*self.files, *self.rejected.files)

    def identity(self, columns: Iterable[str] | None) -> Digest | None:
        """How a reader of these columns (None: all) knows the output. Outputs known alike hold the same rows in these columns."""
        if self.parts:
            listed = None if columns is None else tuple(columns)
            known = [p.identity(listed) for p in self.parts]
            digest = hashlib.sha256("\0".join(d or "" for d in known).encode()).hexdigest()[:32]
            return None if None in known else Digest(f"parts:{digest}")
        every = self.digests.get(ALL)
        return every if columns is None else self.digests.get(column_set(columns), every)

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(f.size for f in self.every_file)

    def to_json(self) -> dict[str, Any]:
        """As a plain document. A whole output names its parts."""
        document: dict[str, Any] = {
            "node": self.node, "rows": self.rows, "schema": [[c.name, c.type] for c in self.schema],
            "files": [[f.name, f.size, f.mtime_ns, f.hash] for f in self.files], "location": self.location,
            "digests": dict(self.digests), "created_at": self.created_at,
            **({} if self.rejected is None else {"rejected": self.rejected.to_json()}),
        }  # fmt: skip
        if self.parts:
            document.pop("rejected", None)
            document |= {"files": [], "location": f"{self.location}/{self.key}", "parts": [p.key for p in self.parts]}
        if self.part is not None:
            document["part"] = self.part.to_json()
        return document

    @classmethod
    def from_json(cls, key: str, value: Mapping[str, Any]) -> Artifact:
        """From a plain document."""
        return cls(
            Key(key), value["node"], value["rows"], tuple(ColumnSchema(n, t) for n, t in value["schema"]),
            tuple(FileRecord(*f) for f in value["files"]), value["location"], value["digests"], value.get("created_at", ""),
            Rejected.from_json(value["rejected"]) if "rejected" in value else None,
            Part.from_json(value["part"]) if "part" in value else None,
        )  # fmt: skip


def _joined_aside(parts: Sequence[Artifact]) -> Rejected | None:
    """The rows that audits kept out of any of these parts."""
    found = [(p.key, p.rejected) for p in parts if p.rejected is not None]
    if not found:
        return None
    files = tuple(FileRecord(f"{key}/{f.name}", f.size, f.mtime_ns, f.hash) for key, rejected in found for f in rejected.files)
    return Rejected(sum(r.rows for _, r in found), found[-1][1].schema, files)


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
        known = self.tables["artifacts"]
        if not value["parts"] or any(k not in known for k in value["parts"]):
            return None
        return Artifact.joined(key, [self._part(k) for k in value["parts"]], value.get("created_at", ""))

    def _part(self, key: str) -> Artifact:
        if key not in self._parsed:
            self._parsed[key] = Artifact.from_json(key, self.tables["artifacts"][key])
        return self._parsed[key]

    def parts(self, version: str) -> list[Artifact]:
        """All parts that were ever built of a version of a node, or taken over into it, as far as state knows."""
        taken = self.tables["windows"].get(version, {}).get("taken", ())
        keys = [*self._parts_by_version.get(version, ()), *(k for k in taken if k in self.tables["artifacts"])]
        return [self._part(k) for k in keys]

    @cached_property
    def _parts_by_version(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for key, value in self.tables["artifacts"].items():
            if "part" in value:
                found.setdefault(value["part"]["version"], []).append(key)
        return found

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
