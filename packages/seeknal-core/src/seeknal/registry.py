"""Finds plugins, keeps the broken ones from harming anything, and answers who provides what.

The rest of the core asks this registry and never pluggy itself. Lookups return contributions; what one names
is imported when it is used (`seeknal.targets`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from seeknal.discovery import STRICT, Plugin, discover, manager, policy_words
from seeknal.errors import PluginError, SeeknalError, did_you_mean
from seeknal.plugin import (
    Audit,
    Command,
    Connection,
    Engine,
    Exposure,
    NodeKind,
    ProjectMethod,
    ReplCommand,
    StateBackend,
    TemplateGlobal,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import ModuleType

    from pluggy import PluginManager

    from seeknal.errors import Location
    from seeknal.nodes import Made, Node, NodeId
    from seeknal.plugin import Contribution

_PROVIDERS = {
    ("engine", "duckdb"): "seeknal-duckdb", ("engine", "starrocks"): "seeknal-starrocks",
    ("connection", "starrocks"): "seeknal-starrocks", ("connection", "postgres"): "seeknal-duckdb[postgres]",
    ("exposure", "starrocks_table"): "seeknal-starrocks", ("exposure", "starrocks_materialized_view"): "seeknal-starrocks",
    ("connection", "mysql"): "seeknal-duckdb[mysql]", ("connection", "sqlite"): "seeknal-duckdb", ("connection", "duckdb"): "seeknal-duckdb",
    ("kind", "semantic_model"): "seeknal-semantic", ("kind", "metric"): "seeknal-semantic",
    ("state", "sqlite"): "seeknal-sql-state", ("state", "postgres"): "seeknal-sql-state[postgres]",
}  # fmt: skip

T = TypeVar("T", Audit, Command, Connection, Engine, Exposure, NodeKind, ProjectMethod, ReplCommand, StateBackend, TemplateGlobal)


@dataclass(frozen=True, slots=True)
class Provided(Generic[T]):
    """A contribution and the plugin that gave it."""

    contribution: T
    plugin: Plugin


class Registry:
    """What the installed plugins, and the project's own, provide."""

    def __init__(self, *, root: Path | None = None, prefer: Mapping[str, str] | None = None, policy: str | None = None) -> None:
        """Discover plugins.

        `root` adds `plugins/*.py` of a project. `prefer` settles conflicts: `{"engine.duckdb": "seeknal-duckdb"}`. `policy` is
        `off`, `strict` or a comma-separated list of plugin names (default: the environment variable SEEKNAL_PLUGINS).
        """
        self._policy = policy_words(policy)
        self._prefer = dict(prefer or {})
        self._given: list[Provided[Any]] = []
        modules: dict[str, ModuleType] = {}
        self.plugins: list[Plugin] = []
        for found in discover(root, self._policy):
            self.plugins.append(found.plugin)
            if found.module is not None:
                modules[f"{found.plugin.distribution}:{found.plugin.name}"] = found.module
                self._given += [Provided(c, found.plugin) for c in found.contributions]
        self._modules = list(modules.values())
        self._manager = _managing(tuple(modules.items()))
        if STRICT in self._policy and self.broken:
            raise _broken_error(self.broken[0])

    @property
    def broken(self) -> list[Plugin]:
        """Plugins that were found and could not be used."""
        return [p for p in self.plugins if p.problem]

    # What is provided

    def given_by(self, plugin: Plugin) -> list[Contribution]:
        """Everything one plugin provides."""
        return [p.contribution for p in self._given if p.plugin is plugin]

    def _collect(self, kind: type[T]) -> list[Provided[T]]:
        found = [p for p in self._given if isinstance(p.contribution, kind)]
        return sorted(found, key=lambda p: (p.contribution.name, p.plugin.distribution))

    @cached_property
    def engines(self) -> list[Provided[Engine]]:
        """Every engine provided, sorted by name; a name stands twice where two plugins claim it."""
        return self._collect(Engine)

    @cached_property
    def connections(self) -> list[Provided[Connection]]:
        """Every connection type provided."""
        return self._collect(Connection)

    @cached_property
    def exposures(self) -> list[Provided[Exposure]]:
        """Every exposure type provided."""
        return self._collect(Exposure)

    @cached_property
    def node_kinds(self) -> list[Provided[NodeKind]]:
        """Every node kind provided."""
        return self._collect(NodeKind)

    @cached_property
    def audits(self) -> list[Provided[Audit]]:
        """Every audit provided."""
        return self._collect(Audit)

    @cached_property
    def state_backends(self) -> list[Provided[StateBackend]]:
        """Every state backend provided."""
        return self._collect(StateBackend)

    @cached_property
    def commands(self) -> list[Provided[Command]]:
        """Every subcommand provided."""
        return self._collect(Command)

    @cached_property
    def template_globals(self) -> list[Provided[TemplateGlobal]]:
        """Every template global provided."""
        return self._collect(TemplateGlobal)

    @cached_property
    def project_methods(self) -> list[Provided[ProjectMethod]]:
        """Every method of projects provided."""
        return self._collect(ProjectMethod)

    @cached_property
    def repl_commands(self) -> list[Provided[ReplCommand]]:
        """Every command of the prompt provided."""
        return self._collect(ReplCommand)

    def engine(self, name: str, at: Location | None = None) -> Engine:
        """The engine of this name. Raises PluginError saying what to install, or who is in conflict."""
        return self._one("engine", name, self.engines, at)

    def connection(self, name: str, at: Location | None = None) -> Connection:
        """The connection type of this name. Raises PluginError."""
        return self._one("connection", name, self.connections, at)

    def exposure(self, name: str, at: Location | None = None) -> Exposure:
        """The exposure type of this name. Raises PluginError."""
        return self._one("exposure", name, self.exposures, at)

    def node_kind(self, name: str, at: Location | None = None) -> NodeKind:
        """The node kind of this name. Raises PluginError."""
        return self._one("kind", name, self.node_kinds, at)

    def audit(self, name: str, at: Location | None = None) -> Audit:
        """The audit of this name. Raises PluginError."""
        return self._one("audit", name, self.audits, at)

    def state_backend(self, name: str, at: Location | None = None) -> StateBackend:
        """The state backend of this name. Raises PluginError."""
        return self._one("state", name, self.state_backends, at)

    def command(self, name: str) -> Command:
        """The subcommand of this name. Raises PluginError."""
        return self._one("command", name, self.commands, None)

    def project_method(self, name: str) -> ProjectMethod:
        """The method of this name. Raises PluginError."""
        return self._one("method", name, self.project_methods, None)

    def conflicts(self) -> list[PluginError]:
        """Every name that two plugins claim and `prefer` does not settle."""
        found: list[PluginError] = []
        groups: list[tuple[str, Sequence[Provided[Any]]]] = [
            ("engine", self.engines), ("connection", self.connections), ("kind", self.node_kinds), ("audit", self.audits),
            ("state", self.state_backends), ("exposure", self.exposures), ("template", self.template_globals), ("command", self.commands),
            ("method", self.project_methods), ("prompt", self.repl_commands),
        ]  # fmt: skip
        for what, provided in groups:
            for name in dict.fromkeys(p.contribution.name for p in provided):
                try:
                    self._one(what, name, provided, None)
                except PluginError as error:
                    found.append(error)
        return found

    def made_of(self, nodes: Mapping[NodeId, Node]) -> tuple[dict[NodeId, dict[str, Made]], list[SeeknalError]]:
        """What plugins say that columns of nodes are made of, and what went wrong in asking."""
        found: dict[NodeId, dict[str, Made]] = {}
        errors: list[SeeknalError] = []
        for implementation in self._manager.hook.seeknal_made_of.get_hookimpls():
            try:
                given: Mapping[NodeId, Mapping[str, Made]] = implementation.function(nodes)  # type: ignore[assignment]
                for node, columns in given.items():
                    found.setdefault(node, {}).update(columns)
            except Exception as error:  # noqa: BLE001 - as for a check that fails
                message = f"plugin {implementation.plugin_name} failed to say what nodes are made of: {type(error).__name__}: {error}"
                errors.append(PluginError("SK-PLUGIN-006", message))
        return found, errors

    def check_project(self, nodes: Mapping[NodeId, Node]) -> list[SeeknalError]:
        """What plugins find wrong with the project as a whole."""
        found: list[SeeknalError] = []
        for implementation in self._manager.hook.seeknal_check_project.get_hookimpls():
            try:
                problems: Sequence[SeeknalError] = implementation.function(*([nodes] if implementation.argnames else []))  # type: ignore[assignment]
                found += problems
            except Exception as error:  # noqa: BLE001 - a check that fails is an error like those it looks for
                message = f"plugin {implementation.plugin_name} failed to check the project: {type(error).__name__}: {error}"
                found.append(PluginError("SK-PLUGIN-006", message))
        return found

    def emit(self, name: str, data: Mapping[str, Any]) -> list[str]:
        """Tell plugins what happened. Returns a line for each that failed to take it."""
        problems = []
        for implementation in self._manager.hook.seeknal_event.get_hookimpls():
            arguments = {"name": name, "data": data}
            try:
                implementation.function(**{k: arguments[k] for k in implementation.argnames})
            except Exception as error:  # noqa: BLE001 - a listener must not stop a run
                problems.append(f"plugin {implementation.plugin_name} failed on {name}: {type(error).__name__}: {error}")
        return problems

    @property
    def listens(self) -> bool:
        """Whether any plugin wants events."""
        return bool(self._manager.hook.seeknal_event.get_hookimpls())

    def identity(self) -> list[str]:
        """Everything about the plugins that may change what a project's files mean, as text to hash."""
        return (
            [f"{p.name}={p}" for p in self.plugins]
            + [_stamp(m) for m in self._modules]
            + [f"{k}={v}" for k, v in sorted(self._prefer.items())]
        )

    def _one(self, what: str, name: str, provided: Sequence[Provided[T]], at: Location | None) -> T:
        named = [p for p in provided if p.contribution.name == name]
        if len(named) > 1:
            preferred = self._prefer.get(f"{what}.{name}")
            chosen = [p for p in named if p.plugin.distribution == preferred]
            if len(chosen) != 1:
                raise _conflict(what, name, [p.plugin for p in named])
            named = chosen
        if not named:
            raise self._missing(what, name, [p.contribution.name for p in provided], at)
        return named[0].contribution

    def _missing(self, what: str, name: str, known: Iterable[str], at: Location | None) -> PluginError:
        package = _PROVIDERS.get((what, name))
        label = {"kind": "kind", "state": "state backend", "connection": "connection type", "exposure": "exposure type"}.get(what, what)
        known = sorted(set(known))
        near = None if package else did_you_mean(name, known)
        broken = [p for p in self.broken if package is None or p.distribution == package.partition("[")[0]]
        if broken and not near:
            message = f"{label} '{name}' is not available, and {broken[0]} could not be loaded ({broken[0].problem})"
            return PluginError("SK-PLUGIN-002", message, at=at, hint=broken[0].hint or "see `seeknal plugins`")
        if self._policy - {STRICT} and not near:
            hint = f"SEEKNAL_PLUGINS={','.join(sorted(self._policy))} leaves plugins out"
        else:
            hint = near or (f"pip install {package}" if package else f"known: {', '.join(known) or 'none'}")
        return PluginError("SK-PLUGIN-001", f"unknown {label} '{name}'", at=at, hint=hint)


@lru_cache(maxsize=8)
def _managing(modules: tuple[tuple[str, ModuleType], ...]) -> PluginManager:
    """A plugin manager that knows these plugins by their names. It does not change, and so serves every project that has the same."""
    made = manager()
    for name, module in modules:
        made.register(module, name=name)
    return made


@lru_cache(maxsize=64)
def _stamp(module: ModuleType) -> str:
    """The sizes and times of a plugin's modules when it was loaded: one that is being worked on changes without a new version."""
    file = Path(module.__file__ or "")
    files = sorted(file.parent.rglob("*.py")) if module.__package__ else [file]
    stats = [(p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in files]
    return f"{file.name}={hashlib.blake2b(repr(stats).encode(), digest_size=8).hexdigest()}"


def _broken_error(plugin: Plugin) -> PluginError:
    return PluginError(
        "SK-PLUGIN-002", f"{plugin} could not be loaded: {plugin.problem}", hint=plugin.hint or "SEEKNAL_PLUGINS=strict is set"
    )


def _conflict(what: str, name: str, plugins: list[Plugin]) -> PluginError:
    who = " and ".join(dict.fromkeys(map(str, plugins)))
    hint = f"choose in seeknal_project.yml: plugins: {{prefer: {{{what}.{name}: {plugins[0].distribution}}}}}"
    return PluginError("SK-PLUGIN-004", f"{what} '{name}' is provided by both {who}", hint=hint)
