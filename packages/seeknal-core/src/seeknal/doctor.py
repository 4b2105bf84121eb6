"""What `seeknal doctor` looks at. Each check is small, and none can keep the others from being made."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seeknal.discovery import CORE
from seeknal.errors import ProjectErrors, SeeknalError
from seeknal.project.locate import find_root
from seeknal.registry import Registry
from seeknal.state.environments import PROD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from seeknal.api import Project
    from seeknal.project.settings import ConnectionSettings

Status = Literal["ok", "warning", "problem"]

_LEAST_FREE = 1_000_000_000
_OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True)
class Finding:
    """What one check found. A warning may be left as it is; a problem should not."""

    check: str
    status: Status
    detail: str
    hint: str | None = None


@dataclass(frozen=True)
class Patient:
    """What is examined: the installation, and the project around `start` where there is one."""

    start: Path
    profile: str | None = None
    variables: Mapping[str, Any] | None = None


def examine(patient: Patient, *, connections: bool = False) -> list[Finding]:
    """Make every check. Only with `connections` is anything outside this machine reached."""
    found = [*_tried("python", _python), *_tried("packages", _packages)]
    try:
        root = find_root(patient.start)
    except SeeknalError as error:
        found += [*_tried("plugins", lambda: _plugins(None)), *_tried("engine", lambda: _engine(None))]
        return [*found, Finding("project", "ok", f"none here ({error.message}): only the installation was examined")]
    found += _tried("plugins", lambda: _plugins(root))
    project, problems = _open(patient, root)
    found += problems
    found += _tried("engine", lambda: _engine(project))
    found += [*_tried("target", lambda: _target(root)), *_tried("disk", lambda: _disk(root))]
    if project is not None:
        found += _tried("state", lambda: _state(project))
        found += _tried("profiles", lambda: _profiles(project))
        if connections:
            found += _tried("connections", lambda: _connections(project))
    return found


def _tried(check: str, make: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """What a check finds; its own failure is a finding too."""
    try:
        return list(make())
    except SeeknalError as error:
        return [Finding(check, "problem", _said(error), error.hint)]
    except Exception as error:  # noqa: BLE001 - whatever is broken is what we are here to report
        return [Finding(check, "problem", f"{type(error).__name__}: {error}")]


def _said(error: SeeknalError) -> str:
    return f"{error.message} ({error.at})" if error.at else error.message


# The installation


def _python() -> Iterator[Finding]:
    detail = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info[:2] < _OLDEST_PYTHON:
        wanted = ".".join(map(str, _OLDEST_PYTHON))
        yield Finding("python", "problem", detail, f"seeknal needs Python {wanted} or later")
    else:
        yield Finding("python", "ok", detail)


def _packages() -> Iterator[Finding]:
    """First-party packages share one version; a mixture is what a broken upgrade leaves behind."""
    found = {d.name.lower().replace("_", "-"): d.version for d in distributions() if d.name and d.name.lower().startswith("seeknal")}
    core = found.get(CORE)
    detail = ", ".join(f"{name} {version}" for name, version in sorted(found.items()))
    ours = ("seeknal", CORE, "seeknal-drivers", "seeknal-duckdb", "seeknal-sql-state", "seeknal-semantic", "seeknal-starrocks")
    other = [name for name, version in found.items() if name in ours and version != core]
    if core is None:
        yield Finding("packages", "problem", f"{CORE} is not installed as a package", "pip install 'seeknal[duckdb]'")
    elif other:
        wanted = " ".join(f"{name}=={core}" for name in sorted(other))
        yield Finding("packages", "problem", f"{detail}: these belong together and differ", f"pip install {wanted}")
    else:
        yield Finding("packages", "ok", detail)


def _plugins(root: Path | None) -> Iterator[Finding]:
    registry = Registry(root=root, prefer=_preferred(root))
    for plugin in registry.broken:
        local = plugin.distribution.startswith("plugins/")
        usual = "correct the file" if local else f"upgrade or remove it: pip install --upgrade {plugin.distribution}"
        yield Finding("plugins", "problem", f"{plugin} cannot be used: {plugin.problem}", plugin.hint or usual)
    for conflict in registry.conflicts():
        yield Finding("plugins", "problem", conflict.message, conflict.hint)
    working = [f"{p.name} ({p})" for p in registry.plugins if not p.problem and p.distribution != CORE]
    yield Finding("plugins", "ok", ", ".join(working) or "none besides the core")


def _preferred(root: Path | None) -> Mapping[str, str]:
    from seeknal.project.settings_cache import read_settings

    if root is None:
        return {}
    try:
        return read_settings(root, None, {}, use_cache=False).prefer
    except SeeknalError:
        return {}


def _engine(project: Project | None) -> Iterator[Finding]:
    from importlib.metadata import version

    from seeknal.protocols import SessionSettings
    from seeknal.targets import load_target

    registry = project.loaded.registry if project else Registry()
    engines = [project.loaded.engine] if project else [p.contribution for p in registry.engines]
    if not engines:
        yield Finding("engine", "problem", "no engine is installed", "pip install seeknal-duckdb")
    for engine in engines:
        if engine.connection is not None:
            yield Finding("engine", "ok", f"{engine.name} runs through a connection of type {engine.connection}; --connections tries it")
            continue
        with tempfile.TemporaryDirectory() as scratch:
            session = load_target(engine.target)().open(SessionSettings(scratch=Path(scratch)))
            try:
                session.rows("SELECT 1 AS answer")
            finally:
                session.close()
        package = f" ({engine.version_of} {version(engine.version_of)})" if engine.version_of else ""
        yield Finding("engine", "ok", f"{engine.name}{package} answers")


# The project


def _open(patient: Patient, root: Path) -> tuple[Project | None, list[Finding]]:
    from seeknal.api import Project

    try:
        project = Project.open(root, profile=patient.profile, variables=patient.variables)
    except ProjectErrors as error:
        first = error.errors[0]
        return None, [Finding("project", "problem", f"{root}: {error.message}, first: {_said(first)}", "`seeknal parse` shows all of them")]
    except SeeknalError as error:
        return None, [Finding("project", "problem", f"{root}: {_said(error)}", error.hint)]
    nodes = len(project.nodes)
    status: Status = "ok" if nodes else "warning"
    hint = None if nodes else "draft one: seeknal draft source NAME"
    return project, [
        Finding("project", status, f"'{project.loaded.settings.name}' in {root}, {nodes:,} node{'' if nodes == 1 else 's'}", hint)
    ]


def _target(root: Path) -> Iterator[Finding]:
    """Whether outputs can be written, tried with a file that has no name."""
    target = root / "target"
    folder = target if target.is_dir() else root
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        yield Finding("target", "problem", f"{folder} cannot be written: {error.strerror}", "a run writes there; check the permissions")
    else:
        yield Finding("target", "ok", f"{target} can be written")


def _disk(root: Path) -> Iterator[Finding]:
    usage = shutil.disk_usage(root)
    detail = f"{usage.free / 1e9:,.1f} GB free of {usage.total / 1e9:,.1f} GB"
    if usage.free < _LEAST_FREE:
        yield Finding("disk", "problem", detail, "outputs are written beside the ones they replace: free some space")
    else:
        yield Finding("disk", "ok", detail)


def _state(project: Project) -> Iterator[Finding]:
    snapshot = project.state.read()
    for text in snapshot.notices:
        yield Finding("state", "warning", text, "the next run writes it anew; `seeknal state rebuild` finds outputs again")
    published = len(snapshot.pointers(PROD))
    yield Finding(
        "state", "ok", f"{project.state.describe().get('backend', 'state')}, {published:,} of {len(project.nodes):,} nodes published"
    )
    holder = project.state.holder(PROD)
    if holder is None:
        return
    if holder.host == socket.gethostname() and not _alive(holder.pid):
        yield Finding("state", "warning", f"{holder} ended without saying so; nothing is locked", "`seeknal state unlock` forgets it")
    else:
        yield Finding("state", "ok", f"in use by {holder}")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _used_connections(project: Project) -> set[str]:
    return {name for n in project.nodes.values() if (name := getattr(n.logic, "connection", None))}


def _profiles(project: Project) -> Iterator[Finding]:
    """Connections that nodes use must be right, and their variables set; others may wait."""
    connections = project.loaded.profiles.connections
    used = _used_connections(project)
    missing = False
    for name, settings in connections.items():
        for problem in _wrong(project, settings):
            missing = True
            detail = f"connection '{name}': {_said(problem)}"
            yield Finding("profiles", "problem" if name in used else "warning", detail, problem.hint)
    if not missing:
        count = len(connections)
        detail = f"{count} connection{'' if count == 1 else 's'}, every variable set" if count else "no connections defined"
        yield Finding("profiles", "ok", detail)


def _wrong(project: Project, settings: ConnectionSettings) -> Iterator[SeeknalError]:
    """What can be seen to be wrong with a connection without opening it."""
    from seeknal.project.settings import resolve

    try:
        project.loaded.registry.connection(settings.type, settings.at)
    except SeeknalError as error:
        yield error
    for key, value in settings.settings.items():
        try:
            resolve(value, settings.places.get(key, settings.at))
        except SeeknalError as error:
            yield error


def _connections(project: Project) -> Iterator[Finding]:
    connections = project.loaded.profiles.connections
    for name, settings in connections.items():
        try:
            yield Finding("connections", "ok", f"{name}: {_reach(project, settings)}")
        except SeeknalError as error:
            said = _said(error).removeprefix(f"connection '{name}': ")
            yield Finding("connections", "problem", f"{name}: {said}", error.hint)
    if not connections:
        yield Finding("connections", "ok", "there are none to reach")


def _reach(project: Project, settings: ConnectionSettings) -> str:
    """What the server answers. Raises ConnectionFailed, without secrets, where none does."""
    from seeknal.connections import hidden, open_connection, secrets_of
    from seeknal.errors import ConnectionFailed

    type_ = project.loaded.registry.connection(settings.type, settings.at)
    driver = open_connection(project.root, type_, settings)
    try:
        return driver.check()
    except ConnectionFailed as error:
        raise hidden(error, secrets_of(type_, settings.resolved())) from None
    finally:
        driver.close()
