"""Finds plugins, keeps the broken ones from harming anything, and answers who provides what.

The rest of the core asks this registry and never pluggy itself. Lookups return contributions; what one names
is imported when it is used (`seeknal.targets`).
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pluggy

from seeknal import builtins, hookspecs
from seeknal.errors import PluginError, SeeknalError, did_you_mean, nearest
from seeknal.plugin import Audit, Command, Connection, Engine, NodeKind, StateBackend, TemplateGlobal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path
    from types import ModuleType

    from seeknal.errors import Location
    from seeknal.nodes import Node, NodeId

GROUP = "seeknal"
CORE = "seeknal-core"

_PROVIDERS = {
    ("engine", "duckdb"): "seeknal-duckdb", ("engine", "starrocks"): "seeknal-starrocks",
    ("connection", "starrocks"): "seeknal-starrocks", ("connection", "postgres"): "seeknal-duckdb[postgres]",
    ("connection", "mysql"): "seeknal-duckdb[mysql]", ("connection", "sqlite"): "seeknal-duckdb", ("connection", "duckdb"): "seeknal-duckdb",
    ("kind", "semantic_model"): "seeknal-semantic", ("kind", "metric"): "seeknal-semantic",
    ("state", "sqlite"): "seeknal-sql-state", ("state", "postgres"): "seeknal-sql-state",
}  # fmt: skip

T = TypeVar("T", Audit, Command, Connection, Engine, NodeKind, StateBackend, TemplateGlobal)


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin that was found: its name, the distribution it came from, and why it could not be used, if so."""

    name: str
    distribution: str
    version: str
    problem: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".strip()


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
        self._policy = os.environ.get("SEEKNAL_PLUGINS", "") if policy is None else policy
        self._prefer = dict(prefer or {})
        self._manager = _manager()
        self._modules: list[tuple[ModuleType, Plugin]] = []
        self.plugins: list[Plugin] = []
        self._add(builtins, Plugin("core", CORE, _version(CORE)))
        if self._policy != "off":
            self._discover_installed()
            if root is not None:
                self._discover_local(root)
        if self._policy == "strict" and self.broken:
            raise _broken_error(self.broken[0])

    @property
    def broken(self) -> list[Plugin]:
        """Plugins that were found and could not be used."""
        return [p for p in self.plugins if p.problem]

    # Discovery

    def _discover_installed(self) -> None:
        wanted = {w.strip() for w in self._policy.split(",") if w.strip()} - {"strict"}
        entries = importlib.metadata.entry_points(group=GROUP)
        for entry in sorted(entries, key=lambda e: (e.name, e.value)):
            distribution = entry.dist.name if entry.dist else entry.value
            if wanted and not wanted & {entry.name, distribution}:
                continue
            plugin = Plugin(entry.name, distribution, entry.dist.version if entry.dist else "")
            self._load(plugin, entry.load)

    def _discover_local(self, root: Path) -> None:
        for path in sorted((root / "plugins").glob("*.py")):
            if not path.name.startswith("_"):
                plugin = Plugin(f"plugins/{path.name}", f"plugins/{path.name}", "")
                self._load(plugin, lambda path=path: _load_file(path))  # type: ignore[misc]

    def _load(self, plugin: Plugin, load: Callable[[], ModuleType]) -> None:
        try:
            module = load()
        except Exception as error:  # noqa: BLE001 - a plugin may fail in any way, and must not take the rest with it
            self.plugins.append(Plugin(plugin.name, plugin.distribution, plugin.version, f"{type(error).__name__}: {error}"))
            return
        self._add(module, plugin)

    def _add(self, module: ModuleType, plugin: Plugin) -> None:
        problem = _validate(module)
        if problem:
            plugin = Plugin(plugin.name, plugin.distribution, plugin.version, *problem)
        else:
            self._manager.register(module, name=f"{plugin.distribution}:{plugin.name}")
            self._modules.append((module, plugin))
        self.plugins.append(plugin)

    # What is provided

    def _collect(self, hook: str, kind: type[T]) -> list[Provided[T]]:
        found: list[Provided[T]] = []
        for module, plugin in self._modules:
            implementation = getattr(module, hook, None)
            given = implementation() if implementation is not None else ()
            found += [Provided(c, plugin) for c in given if isinstance(c, kind)]
            if kind is Audit:
                decorated = [v for v in vars(module).values() if isinstance(v, Audit) and not any(v is c for c in given)]
                found += [Provided(a, plugin) for a in decorated]
        return sorted(found, key=lambda p: (p.contribution.name, p.plugin.distribution))

    @cached_property
    def engines(self) -> list[Provided[Engine]]:
        """Every engine provided, sorted by name; a name stands twice where two plugins claim it."""
        return self._collect("seeknal_engines", Engine)

    @cached_property
    def connections(self) -> list[Provided[Connection]]:
        """Every connection type provided."""
        return self._collect("seeknal_connections", Connection)

    @cached_property
    def node_kinds(self) -> list[Provided[NodeKind]]:
        """Every node kind provided."""
        return self._collect("seeknal_node_kinds", NodeKind)

    @cached_property
    def audits(self) -> list[Provided[Audit]]:
        """Every audit provided."""
        return self._collect("seeknal_audits", Audit)

    @cached_property
    def state_backends(self) -> list[Provided[StateBackend]]:
        """Every state backend provided."""
        return self._collect("seeknal_state_backends", StateBackend)

    @cached_property
    def commands(self) -> list[Provided[Command]]:
        """Every subcommand provided."""
        return self._collect("seeknal_commands", Command)

    @cached_property
    def template_globals(self) -> list[Provided[TemplateGlobal]]:
        """Every template global provided."""
        return self._collect("seeknal_template_globals", TemplateGlobal)

    def engine(self, name: str, at: Location | None = None) -> Engine:
        """The engine of this name. Raises PluginError saying what to install, or who is in conflict."""
        return self._one("engine", name, self.engines, at)

    def connection(self, name: str, at: Location | None = None) -> Connection:
        """The connection type of this name. Raises PluginError."""
        return self._one("connection", name, self.connections, at)

    def node_kind(self, name: str, at: Location | None = None) -> NodeKind:
        """The node kind of this name. Raises PluginError."""
        return self._one("kind", name, self.node_kinds, at)

    def audit(self, name: str, at: Location | None = None) -> Audit:
        """The audit of this name. Raises PluginError."""
        return self._one("audit", name, self.audits, at)

    def state_backend(self, name: str, at: Location | None = None) -> StateBackend:
        """The state backend of this name. Raises PluginError."""
        return self._one("state", name, self.state_backends, at)

    def conflicts(self) -> list[PluginError]:
        """Every name that two plugins claim and `prefer` does not settle."""
        found: list[PluginError] = []
        groups: list[tuple[str, Sequence[Provided[Any]]]] = [
            ("engine", self.engines), ("connection", self.connections), ("kind", self.node_kinds), ("audit", self.audits),
            ("state", self.state_backends), ("template", self.template_globals),
        ]  # fmt: skip
        for what, provided in groups:
            for name in dict.fromkeys(p.contribution.name for p in provided):
                try:
                    self._one(what, name, provided, None)
                except PluginError as error:
                    found.append(error)
        return found

    def check_project(self, nodes: Mapping[NodeId, Node]) -> list[SeeknalError]:
        """What plugins find wrong with the project as a whole."""
        found: list[SeeknalError] = []
        for errors in self._manager.hook.seeknal_check_project(nodes=nodes):
            found += errors
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
        return [f"{p.name}={p}" for p in self.plugins] + [f"{k}={v}" for k, v in sorted(self._prefer.items())]

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
        label = {"kind": "kind", "state": "state backend", "connection": "connection type"}.get(what, what)
        broken = [p for p in self.broken if package is None or p.distribution == package.partition("[")[0]]
        if broken:
            message = f"{label} '{name}' is not available: {broken[0]} could not be loaded ({broken[0].problem})"
            return PluginError("SK-PLUGIN-002", message, at=at, hint=broken[0].hint or "see `seeknal plugins`")
        known = list(known)
        if package:
            hint: str | None = f"pip install {package}"
        else:
            hint = did_you_mean(name, known) or f"known: {', '.join(sorted(set(known)))}"
        return PluginError("SK-PLUGIN-001", f"unknown {label} '{name}'", at=at, hint=hint)


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager("seeknal")
    manager.add_hookspecs(hookspecs)
    return manager


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _validate(module: ModuleType) -> tuple[str, str | None] | None:
    """What is wrong with a plugin's hooks, and a hint; None when nothing is. Tried on a manager of its own."""
    known = [n for n in vars(hookspecs) if n.startswith("seeknal_")]
    for name in vars(module):
        if name.startswith("seeknal_") and name not in known and hasattr(getattr(module, name), "seeknal_impl"):
            near = nearest(name, known)
            return f"unknown hook {name}", f"did you mean {near}?" if near else None
    trial = _manager()
    try:
        trial.register(module)
        trial.check_pending()
    except pluggy.PluginValidationError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return "; ".join(lines[:4]), "see the arguments in seeknal.hookspecs"
    return None


def _load_file(path: Path) -> ModuleType:
    name = f"_seeknal_local_{abs(hash(str(path)))}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        message = f"cannot load {path}"
        raise ImportError(message)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _broken_error(plugin: Plugin) -> PluginError:
    return PluginError(
        "SK-PLUGIN-002", f"{plugin} could not be loaded: {plugin.problem}", hint=plugin.hint or "SEEKNAL_PLUGINS=strict is set"
    )


def _conflict(what: str, name: str, plugins: list[Plugin]) -> PluginError:
    who = " and ".join(dict.fromkeys(map(str, plugins)))
    hint = f"choose in seeknal_project.yml: plugins: {{prefer: {{{what}.{name}: {plugins[0].distribution}}}}}"
    return PluginError("SK-PLUGIN-004", f"{what} '{name}' is provided by both {who}", hint=hint)
