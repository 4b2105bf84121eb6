"""Finds plugins and reads what they give, keeping each one's failures to itself.

A plugin is used whole or not at all: whatever is wrong with it (it cannot be imported, a hook is misspelt, a hook fails or returns
something else than it should) becomes the `problem` of that plugin, and the others are not affected.
"""

from __future__ import annotations

import functools
import importlib.metadata
import inspect
import os
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pluggy

from seeknal import builtins, hookspecs
from seeknal.errors import did_you_mean
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
from seeknal.targets import load_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

    from seeknal.plugin import Contribution

_Places = tuple[tuple[str, int], ...]
"""The folders of sys.path, and when each was last changed."""

GROUP = "seeknal"
CORE = "seeknal-core"
STRICT, OFF = "strict", "off"

COLLECTING = {
    "seeknal_engines": Engine, "seeknal_connections": Connection, "seeknal_exposures": Exposure, "seeknal_node_kinds": NodeKind, "seeknal_audits": Audit,
    "seeknal_state_backends": StateBackend, "seeknal_commands": Command, "seeknal_template_globals": TemplateGlobal,
    "seeknal_project_methods": ProjectMethod, "seeknal_repl_commands": ReplCommand,
}  # fmt: skip
"""The hooks that return contributions, and of which type."""

HOOKS = {name: spec for name, spec in vars(hookspecs).items() if name.startswith("seeknal_")}
"""Every hook by name."""


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
class Found:
    """A plugin, and where nothing is wrong with it its module and what it gives."""

    plugin: Plugin
    module: ModuleType | None = None
    contributions: tuple[Contribution, ...] = ()


class _RefusedError(Exception):
    """A plugin cannot be used, and why."""

    def __init__(self, problem: str, hint: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint


def policy_words(policy: str | None) -> frozenset[str]:
    """What SEEKNAL_PLUGINS (or `policy`, when it is given) says, word by word."""
    text = os.environ.get("SEEKNAL_PLUGINS", "") if policy is None else policy
    return frozenset(word.strip() for word in text.split(",") if word.strip())


def discover(root: Path | None, words: frozenset[str]) -> Iterator[Found]:
    """The core itself, what is installed and allowed by `words`, and `plugins/*.py` of the project in `root`."""
    places = tuple((folder, _changed(folder)) for folder in sys.path)
    yield _core(places)
    if OFF in words:
        return
    wanted = words - {STRICT}
    for entry in _installed(places):
        if not wanted or wanted & {entry.plugin.name, entry.plugin.distribution}:
            yield entry.found
    for path in sorted((root / "plugins").glob("*.py")) if root is not None else ():
        if not path.name.startswith("_"):
            name = f"plugins/{path.name}"
            yield _load(Plugin(name, name, ""), lambda path=path: load_file(path))  # type: ignore[misc]


class _Installed:
    """An installed plugin, read when it is first asked for. One that could not be used is tried again: what it lacks may have been installed since."""

    def __init__(self, entry: importlib.metadata.EntryPoint) -> None:
        distribution, version = (entry.dist.name, entry.dist.version) if entry.dist else (entry.value, "")
        self.plugin = Plugin(entry.name, distribution, version)
        self._load = entry.load
        self._found: Found | None = None

    @property
    def found(self) -> Found:
        if self._found is None or self._found.plugin.problem:
            self._found = _load(self.plugin, self._load)
        return self._found


@functools.lru_cache(maxsize=4)
def _core(places: _Places) -> Found:  # noqa: ARG001 - what it is asked again by
    return _load(Plugin("core", CORE, _version(CORE)), lambda: builtins)


@functools.lru_cache(maxsize=4)
def _installed(places: _Places) -> tuple[_Installed, ...]:  # noqa: ARG001 - what it is asked again by
    """What is installed, looked up once in a process for as long as no folder on the path changes: reading the metadata takes ten milliseconds."""
    return tuple(map(_Installed, sorted(importlib.metadata.entry_points(group=GROUP), key=lambda e: (e.name, e.value))))


def _changed(folder: str) -> int:
    try:
        return os.stat(folder or ".").st_mtime_ns  # noqa: PTH116 - a folder of sys.path is text
    except OSError:
        return 0


def manager() -> pluggy.PluginManager:
    """A plugin manager that knows the hooks and no plugin."""
    made = pluggy.PluginManager("seeknal")
    made.add_hookspecs(hookspecs)
    return made


def _load(plugin: Plugin, load: Callable[[], ModuleType]) -> Found:
    """Import a plugin, check it and ask it what it gives."""
    try:
        module = load()
        _check(module)
        return Found(plugin, module, tuple(_contributions(module)))
    except _RefusedError as error:
        return Found(replace(plugin, problem=error.problem, hint=error.hint))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may fail in any way, and must not take the rest with it
        cause = " ".join(str(error).split())
        return Found(replace(plugin, problem=f"{type(error).__name__}: {cause}", hint=_hint(error)))


def _check(module: ModuleType) -> None:
    """Refuse a module whose hooks would never be called, or not as they expect."""
    for name, function in inspect.getmembers(module, inspect.isroutine):
        if hasattr(function, "seeknal_impl"):
            _check_hook(name, function)
        elif name in HOOKS:
            problem = f"{name} is not marked as a hook"
            raise _RefusedError(problem, "put @hookimpl from seeknal.plugin before it")


def _check_hook(name: str, function: Callable[..., Any]) -> None:
    """Refuse a hook that does not exist, or that asks for what it is not given."""
    if name not in HOOKS:
        problem = f"unknown hook {name}"
        raise _RefusedError(problem, did_you_mean(name, HOOKS) or f"hooks: {', '.join(HOOKS)}")
    known = inspect.signature(HOOKS[name]).parameters
    for argument in inspect.signature(function).parameters.values():
        wanted = argument.default is argument.empty and argument.kind not in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD)
        if wanted and argument.name not in known:
            problem = f"{name} has no argument '{argument.name}'"
            raise _RefusedError(problem, did_you_mean(argument.name, known) or f"arguments: {', '.join(known) or 'none'}")


def _contributions(module: ModuleType) -> Iterator[Contribution]:
    """What the module's hooks return, and the audits that are decorated in it."""
    listed: list[Any] = []
    for hook, kind in COLLECTING.items():
        given: Any = getattr(module, hook, list)()
        if not isinstance(given, list | tuple) or not all(isinstance(c, kind) for c in given):
            problem = f"{hook} must return a list of {kind.__name__}, found {given!r:.80}"
            raise _RefusedError(problem)
        listed += given
    yield from listed
    for value in vars(module).values():
        if isinstance(value, Audit) and _is_own(value, module) and not any(value is c for c in listed):
            yield value


def _is_own(audit: Audit, module: ModuleType) -> bool:
    """Whether the plugin's package wrote the audit, and did not just import it from somewhere."""
    return getattr(audit.function, "__module__", "").partition(".")[0] == module.__name__.partition(".")[0]


def _hint(error: BaseException) -> str | None:
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    return f"pip install {missing}" if missing and "." not in missing else None


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""
