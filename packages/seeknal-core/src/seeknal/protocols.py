"""What an engine and a connection do for seeknal.

Implement these to bring another engine or database; nothing needs to be inherited. `seeknal.testing.EngineSuite` holds an
engine to everything written here. Arrow data crosses the border as any object with `__arrow_c_stream__`, so the core imports
no Arrow library of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from seeknal.nodes import Digest, Schema


class ArrowStream(Protocol):
    """Anything that exports the Arrow C stream interface: Arrow tables and readers, Polars and pandas data frames."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The stream, as a PyCapsule."""
        ...


@dataclass(frozen=True, slots=True)
class Files:
    """A relation that is one or more Parquet files with the same columns. Paths are absolute; of thousands they are text, which is made sooner."""

    paths: tuple[Path | str, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A relation that is a query over other relations the session knows by name.

    `over` names those that are read under other names than their own: where the query says one of its keys, it means the relation of that value.
    """

    sql: str
    over: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileRead:
    """Read files that people made. `columns` are those the project declares, with their types where it says them."""

    format: str
    paths: tuple[Path, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    columns: Schema = ()


@dataclass(frozen=True, slots=True)
class Written:
    """What a write left behind: the number of rows, and the columns as reading them back gives them."""

    rows: int
    schema: Schema


@dataclass(frozen=True, slots=True)
class Rows:
    """A small result, fetched whole: column names, and one tuple of Python values a row."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """How a session may use the machine and what it may touch.

    `readable` and `writable` are folders: SQL that people wrote can open files nowhere else. `memory_limit` is text such as
    `4GB`; None leaves the engine's default.
    """

    scratch: Path
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    memory_limit: str | None = None
    threads: int | None = None


class Session(Protocol):
    """A running engine, used by several threads at once. Every method may raise `seeknal.errors.EngineError`."""

    def define(self, name: str, relation: Files | Query, schema: str | None = None) -> None:
        """Make a relation readable by name in all later queries, replacing an earlier one of that name.

        With `schema` the name is reachable as `schema.name` only.
        """
        ...

    def describe(self, query: str) -> Schema:
        """The columns `query` would return, without running it."""
        ...

    def write(self, query: str, target: Path, metadata: Mapping[str, str]) -> Written:
        """Run `query` and store its rows as one Parquet file at `target`, with `metadata` in its footer.

        Types that Parquet cannot hold are stored losslessly as another type, or refused; never approximated.
        """
        ...

    def ingest(self, data: ArrowStream, target: Path, metadata: Mapping[str, str]) -> Written:
        """Store a stream of Arrow batches as one Parquet file, without holding all of it in memory."""
        ...

    def load(self, read: FileRead, target: Path, metadata: Mapping[str, str]) -> Written:
        """Read files that people made into one Parquet file. The only method that may read outside `readable`."""
        ...

    def rows(self, query: str, limit: int | None = None) -> Rows:
        """Run a query and fetch its rows, at most `limit` of them."""
        ...

    def arrow(self, query: str) -> ArrowStream:
        """Run a query and hand out its rows as a stream of Arrow batches."""
        ...

    def digests(self, relation: Files, sets: Sequence[Sequence[str]]) -> list[Digest]:
        """For each set of columns a hash of its rows, as tuples, that does not depend on the order of the rows. One pass over the files serves all.

        Equal for equal content in any layout of files; text of at least 100 bits, in which a change goes unseen with a chance of 2^-60 at
        most; stable within one major version.
        """
        ...

    def export(self, query: str, target: Path, format: str, options: Mapping[str, Any]) -> int:  # noqa: A002 - the word YAML uses
        """Write the rows of a query to a file for people, in one of the formats the engine declares. Returns the row count."""
        ...

    def interrupt(self) -> None:
        """Cancel every query in flight, from any thread. They raise `EngineError` with the code SK-RUN-130."""
        ...

    def close(self) -> None:
        """Free what the session holds. No method may be called afterwards."""
        ...


class EngineDriver(Protocol):
    """An engine: opens sessions, and keeps a file or schema of published relations up to date where it can."""

    def open(self, settings: SessionSettings) -> Session:
        """Start a session."""
        ...

    def publish(self, warehouse: Path, environment: str, relations: Mapping[str, Files | Query], dropped: Sequence[str]) -> None:
        """Make `relations` readable under their names in the environment's schema of the warehouse, and `dropped` no longer.

        Readers of the warehouse see all of the change or none of it. Names that are not mentioned stay as they are. Queries read
        other relations of the same environment by name, and come after what they read. Nothing remains of an environment all of whose
        relations were dropped.
        """
        ...


WriteMode = Literal["replace", "append", "upsert"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of reaching a database that went well: `name` in a word or two, and what was found."""

    name: str
    detail: str


class Shell(Protocol):
    """A database's side of the SQL prompt: a session of its own. Every method may raise `seeknal.errors.ConnectionFailed`.

    `commands` are its dot commands, each with what it does. `reconnected` says that the last answer took a new connection.
    """

    dialect: str
    commands: Sequence[tuple[str, str]]
    reconnected: bool

    def rows(self, text: str, limit: int | None = None) -> Rows:
        """Answer one statement that changes nothing. Raises `EngineError` SK-RUN-130 where it was interrupted."""
        ...

    def command(self, word: str, argument: str) -> Rows | None:
        """Answer one of `commands`; None for any other."""
        ...

    def interrupt(self) -> None:
        """Cancel what is running, from another thread."""
        ...

    def close(self) -> None:
        """Give the session back."""
        ...


@dataclass(frozen=True, slots=True)
class Deployment:
    """What an exposure of a plugin's type has to bring about.

    `params` are as its `check` returned them; `key` is the same for the same logic and data, and makes repeating harmless. `rows` opens
    the input's rows, as often as it is called; None without an input.
    """

    name: str
    params: Mapping[str, Any]
    driver: Any
    key: str
    rows: Callable[[], ArrowStream] | None = None
    description: str | None = None


class ConnectionDriver(Protocol):
    """A database outside. Every method may raise `seeknal.errors.ConnectionFailed`.

    A driver may have more: `steps()`, an iterator of `Step` that tells `seeknal connection test` how far it came, and `shell()`, a
    `Shell` for `seeknal repl --connection`.
    """

    def check(self) -> str:
        """Reach the server and log in. Returns one line that says what answered."""
        ...

    def read(self, query: str) -> ArrowStream:
        """Run one SELECT on a read-only transaction and stream its rows in batches of bounded size."""
        ...

    def table_query(self, table: str) -> str:
        """The SELECT that reads a whole table, its name checked and quoted; `schema.table` is understood."""
        ...

    def write(self, table: str, data: ArrowStream, mode: WriteMode, keys: Sequence[str] = ()) -> int:
        """Put rows into a table, all or nothing. `replace` swaps the table's content; `append` adds. Returns the row count.

        `upsert` changes the rows that have the same `keys` and adds the others; the rows have each key once, and none that is NULL. Only
        connections that say so are asked to, and `keys` are given then only.
        """
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...
