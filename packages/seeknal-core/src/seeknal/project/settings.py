"""A project's settings as plain values: what seeknal_project.yml and profiles.yml amount to, cheap to load and to cache."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeknal.errors import Location, ProjectError, did_you_mean
from seeknal.state.environments import duration

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([^}]*))?\}")


@dataclass(frozen=True)
class Settings:
    """What holds for the whole project, the profile applied. `state_options` are the keys under `state:` after `backend`.

    `state_at` is where a file says so; None where a person does.
    """

    name: str
    engine: str = "duckdb"
    profile: str | None = None
    state_backend: str = "file"
    state_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    state_at: Location | None = None
    parallel: bool = True
    max_workers: int | None = None
    memory_limit: str | None = None
    default_severity: str = "error"
    prefer: Mapping[str, str] = field(default_factory=dict)
    vars: Mapping[str, Any] = field(default_factory=dict)
    external_paths: tuple[str, ...] = ()
    janitor: Mapping[str, Any] = field(default_factory=dict)
    environment_ttl: str = "7d"

    @property
    def ttl(self) -> timedelta:
        """How long an environment lives without being run."""
        return duration(self.environment_ttl)


@dataclass(frozen=True)
class Profile:
    """What one profile sets instead of seeknal_project.yml; `state` is the backend and its options, `state_at` where it says them."""

    engine: str | None = None
    state: tuple[str, Mapping[str, Any]] | None = None
    state_at: Location | None = None
    vars: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ConnectionSettings:
    """A connection as profiles.yml has it: `${VAR}` unresolved, every setting with its place."""

    name: str
    type: str
    settings: Mapping[str, Any] = field(repr=False)
    places: Mapping[str, Location] = field(repr=False)

    @property
    def at(self) -> Location:
        """Where the connection is defined."""
        return self.places[""]

    def resolved(self) -> dict[str, Any]:
        """The settings with every `${VAR}` replaced. Raises ProjectError naming a variable that is not set."""
        return {key: resolve(value, self.places.get(key, self.at)) for key, value in self.settings.items()}


@dataclass(frozen=True)
class Profiles:
    """What profiles.yml says."""

    connections: Mapping[str, ConnectionSettings] = field(default_factory=dict)
    source_defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    profiles: Mapping[str, Profile] = field(default_factory=dict)

    def profile(self, name: str | None) -> Profile:
        """The profile of this name; an empty one for None."""
        if name is None:
            return Profile()
        if name not in self.profiles:
            hint = did_you_mean(name, self.profiles) or "define it under profiles: in profiles.yml"
            raise ProjectError("SK-CFG-002", f"no profile '{name}' in profiles.yml", hint=hint)
        return self.profiles[name]


def resolve(value: Any, at: Location) -> Any:
    """Replace `${VAR}` and `${VAR:default}` in text with the environment's values, also inside lists and mappings."""
    if isinstance(value, list):
        return [resolve(v, at) for v in value]
    if isinstance(value, dict):
        return {k: resolve(v, at) for k, v in value.items()}
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        name: str = match[1]
        default: str | None = match[2]
        found = os.environ.get(name) if default is None else os.environ.get(name, default)
        if found is None:
            hint = f"set {name}, or write ${{{name}:default}}"
            raise ProjectError("SK-CFG-003", f"environment variable {name} is not set", at=at, hint=hint)
        return found

    return _VARIABLE.sub(replace, value)
