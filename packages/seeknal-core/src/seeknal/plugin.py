"""The one module a plugin author imports.

A plugin is a module with functions marked `@hookimpl` (see `seeknal.hookspecs` for all of them) or simply with functions
decorated `@audit`. A package announces its module in the entry-point group `seeknal`; a project keeps its own in `plugins/*.py`.

Contributions are frozen values. Their `target` is `"package.module:attribute"` and is imported when it is used, so that listing
what is installed imports nothing heavy.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import pluggy

from seeknal.errors import ConnectionFailed, EngineError, LockedError, NodeError, ProjectError, SeeknalError, StateError
from seeknal.nodes import (
    AuditSpec,
    ColumnSchema,
    Digest,
    DocumentLogic,
    ExposureLogic,
    Key,
    Logic,
    Made,
    Node,
    NodeId,
    PythonLogic,
    RuleLogic,
    Schema,
    SourceLogic,
    SqlLogic,
)
from seeknal.protocols import (
    ArrowStream,
    ConnectionDriver,
    Deployment,
    EngineDriver,
    FileRead,
    Files,
    Query,
    Rows,
    Session,
    SessionSettings,
    Shell,
    Step,
    Written,
)
from seeknal.state.backend import Holder, Lease
from seeknal.state.model import SCHEMA_VERSION, TABLES, Change, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeknal.specs import Lowering, NodeSpec

__all__ = [
    "SCHEMA_VERSION",
    "TABLES",
    "AggregateCheck",
    "ArrowStream",
    "Audit",
    "AuditSpec",
    "Change",
    "Column",
    "ColumnSchema",
    "ColumnTypes",
    "Columns",
    "Command",
    "Condition",
    "Connection",
    "ConnectionDriver",
    "ConnectionFailed",
    "Deployment",
    "Digest",
    "DocumentLogic",
    "Engine",
    "EngineDriver",
    "EngineError",
    "Exposure",
    "ExposureLogic",
    "FileFormat",
    "FileRead",
    "Files",
    "Holder",
    "Key",
    "Lease",
    "LockedError",
    "Logic",
    "Lowering",
    "Made",
    "Node",
    "NodeError",
    "NodeId",
    "NodeKind",
    "NodeSpec",
    "ProjectError",
    "ProjectMethod",
    "PythonLogic",
    "Query",
    "Reference",
    "ReferenceColumns",
    "ReferenceTypes",
    "Relation",
    "ReplCommand",
    "RowCheck",
    "Rows",
    "RuleLogic",
    "Schema",
    "SeeknalError",
    "Session",
    "SessionSettings",
    "Shell",
    "Snapshot",
    "SourceLogic",
    "Sql",
    "SqlLogic",
    "StateBackend",
    "StateError",
    "Step",
    "TemplateGlobal",
    "Written",
    "audit",
    "hookimpl",
    "literal",
]

hookimpl = pluggy.HookimplMarker("seeknal")
"""Marks a function of a plugin as the implementation of the hook it is named after."""


def __getattr__(name: str) -> Any:
    if name in ("NodeSpec", "Lowering"):
        import seeknal.specs

        return getattr(seeknal.specs, name)
    message = f"module 'seeknal.plugin' has no attribute {name!r}"
    raise AttributeError(message)


# What audits are made of ---------------------------------------------------------------------------------------------------


class Relation(str):
    """The name of the relation an audit looks at, quoted for use in SQL."""

    __slots__ = ()


class Column(str):
    """A column's name, known to exist in the relation and quoted for use in SQL."""

    __slots__ = ()


class Sql(str):
    """One SELECT that the user wrote; `__THIS__` in it stands for the relation."""

    __slots__ = ()


class Condition(str):
    """One boolean expression over the columns of a row that the user wrote."""

    __slots__ = ()


class ColumnTypes(dict[str, str]):
    """The columns of the relation with their types, in their order. It is not for YAML to say: an audit that asks for it is given it."""


class Columns(tuple[Column, ...]):
    """Several columns' names, each quoted for use in SQL. Users may write one name or a list."""

    __slots__ = ()


class Reference(str):
    """The name of another node's relation, quoted for use in SQL. Users write the node: `transform.users`. An audit has at most one."""

    __slots__ = ()


class ReferenceColumns(tuple[Column, ...]):
    """Columns of the relation that the audit's `Reference` names, each quoted for use in SQL. Users may write one name or a list."""

    __slots__ = ()


class ReferenceTypes(ColumnTypes):
    """The columns of the relation that the audit's `Reference` names with their types; given as `ColumnTypes` are."""


@dataclass(frozen=True, slots=True)
class RowCheck:
    """A row fails where the SQL condition `bad` is true; NULL is not true. Many are answered in one scan."""

    bad: str


@dataclass(frozen=True, slots=True)
class AggregateCheck:
    """The relation fails where the SQL aggregate `value` lies outside [minimum, maximum]; None leaves a side open."""

    value: str
    minimum: float | None = None
    maximum: float | None = None


Check = str | list[str] | RowCheck | AggregateCheck
"""What an audit returns. A `str` is a query, and a list several: the rows they return are what is wrong."""


@dataclass(frozen=True, slots=True)
class Audit:
    """A check that YAML can ask for by `name`. `function` may be a target, imported when the audit is first used."""

    name: str
    function: Callable[..., Check] | str
    description: str = ""

    def __call__(self, *args: Any, **kwargs: Any) -> Check:
        """Call the function as if it were not decorated, which is what unit tests of an audit want."""
        if isinstance(self.function, str):
            message = f"audit {self.name!r} is a target; call the function it names"
            raise TypeError(message)
        return self.function(*args, **kwargs)


@overload
def audit(function: Callable[..., Check], /) -> Audit: ...
@overload
def audit(*, name: str) -> Callable[[Callable[..., Check]], Audit]: ...
def audit(function: Callable[..., Check] | None = None, /, *, name: str | None = None) -> Audit | Callable[[Callable[..., Check]], Audit]:
    """Turn a function into an audit.

    The first parameter receives the relation. Keyword-only parameters are what YAML may say: their annotations are the types,
    their defaults make them optional. `Column` and `Columns` are checked against the output and arrive quoted; write other
    text into SQL with `literal()`. The docstring's first line is the help.

        @audit
        def max_age(target: Relation, *, column: Column, hours: float = 24) -> str:
            \"\"\"The newest value of `column` is at most `hours` hours old.\"\"\"
            return f"select max({column}) as newest from {target} having max({column}) < now() - {hours} * interval '1 hour'"
    """

    def decorate(function: Callable[..., Check]) -> Audit:
        help_line = (inspect.getdoc(function) or "").partition("\n")[0]
        return Audit(name or function.__name__, function, help_line)

    return decorate(function) if function is not None else decorate


def literal(value: Any) -> str:
    """A Python value as a SQL literal: text quoted and escaped, numbers, dates, booleans and None as SQL writes them."""
    from sqlglot import exp  # start-up time

    return exp.convert(value).sql(dialect="duckdb")


# Contributions -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A file format an engine reads or writes, and the reader's or writer's parameters a project may set."""

    name: str
    params: tuple[str, ...] = ()
    writable: bool = False
    in_place: bool = False


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that runs SQL.

    `dialect` is sqlglot's name of its SQL. The major version of the distribution `version_of` is part of every build key, so
    that an upgrade that may change results rebuilds them. `target` names an `EngineDriver`. An engine that runs through a
    connection names its type: its `target` is called with the settings of the project's connection of this type.
    """

    name: str
    target: str
    dialect: str
    version_of: str | None = None
    formats: tuple[FileFormat, ...] = ()
    capabilities: frozenset[str] = frozenset()
    connection: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Connection:
    """A type of connection that profiles.yml may name.

    `target` names a callable that takes the connection's settings (keys of `settings`, secrets resolved) as keyword
    arguments and returns a `ConnectionDriver`. `paths` are the settings that name files of the project. `dialect` is
    sqlglot's name of the SQL it speaks. `upserts`: its tables can be written by key.
    """

    name: str
    target: str
    dialect: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ("password",)
    paths: tuple[str, ...] = ()
    description: str = ""
    upserts: bool = False

    @property
    def files(self) -> tuple[str, ...]:
        """The settings that name the database itself, where it is a file of the project."""
        return tuple(p for p in self.paths if p in self.required)


@dataclass(frozen=True, slots=True)
class Exposure:
    """A type of exposure, as `type:` of an exposure node, that goes through a connection of the type `connection`.

    `target` names a function that takes a `Deployment`, brings it about, and returns the number of rows it wrote, or None. `check` names one
    that takes the node's name, its params and whether it has an input, and returns the params to deploy; it raises ValueError for
    what cannot be, and imports nothing heavy: it runs whenever the project is read. `params` are the keys it understands.
    """

    name: str
    target: str
    check: str
    connection: str
    params: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class NodeKind:
    """A kind of node. `target` names a `NodeSpec` subclass: its fields are the YAML keys, its `lower` says what is built."""

    name: str
    target: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class StateBackend:
    """Where state is kept. `target` names a callable that takes the project's target folder and the keys under `state:`.

    A place that is `shared` can keep the state of several projects apart: where `state:` has no `project`, it is told the project's name.
    """

    name: str
    target: str
    description: str = ""
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand of `seeknal`. `target` names a click command."""

    name: str
    target: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class TemplateGlobal:
    """A function or value that templates can use by `name`."""

    name: str
    target: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class ProjectMethod:
    """A method of `seeknal.Project`. `target` names a function that takes the project first."""

    name: str
    target: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class ReplCommand:
    """A command of `seeknal repl`, its name beginning with a dot.

    `target` names a function that takes the project, what was typed after the name, and the name of the environment that is queried,
    and returns `Rows`. `takes` says in a word or two what is typed; commands that take nothing leave it empty.
    """

    name: str
    target: str
    description: str = ""
    takes: str = ""


Contribution = Engine | Connection | Exposure | NodeKind | StateBackend | Audit | Command | TemplateGlobal | ProjectMethod | ReplCommand
