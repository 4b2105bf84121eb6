"""`profiles.yml`: connections, reader defaults and profiles; secrets by reference, resolved when they are used."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field

from seeknal.errors import Location, ProjectError, did_you_mean
from seeknal.project import yaml
from seeknal.project.config import StateSettings
from seeknal.project.validation import first_document, validate
from seeknal.specs import Strict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE = "profiles.yml"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([^}]*))?\}")


class ConnectionEntry(Strict):
    """One entry of `connections:`. Keys beyond `type` are the connection type's own."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str


class Profile(Strict):
    """One entry of `profiles:`: what it sets instead of seeknal_project.yml."""

    engine: str | None = None
    state: StateSettings | None = None
    vars: dict[str, Any] = Field(default_factory=dict)


class ProfilesFile(Strict):
    """The keys of `profiles.yml`."""

    connections: dict[str, ConnectionEntry] = Field(default_factory=dict)
    source_defaults: dict[str, dict[str, Any]] = Field(default_factory=dict)
    profiles: dict[str, Profile] = Field(default_factory=dict)


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
            hint = did_you_mean(name, self.profiles) or f"define it under profiles: in {FILE}"
            raise ProjectError("SK-CFG-002", f"no profile '{name}' in {FILE}", at=Location(FILE), hint=hint)
        return self.profiles[name]


def resolve(value: Any, at: Location) -> Any:  # noqa: ANN401 - any setting
    """Replace `${VAR}` and `${VAR:default}` in text with the environment's values, also inside lists and mappings."""
    if isinstance(value, list):
        return [resolve(v, at) for v in value]
    if isinstance(value, dict):
        return {k: resolve(v, at) for k, v in value.items()}
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        name, default = match.groups()
        found = os.environ.get(name, default)
        if found is None:
            hint = f"set {name}, or write ${{{name}:default}}"
            raise ProjectError("SK-CFG-003", f"environment variable {name} is not set", at=at, hint=hint)
        return found

    return _VARIABLE.sub(replace, value)


def load_profiles(root: Path) -> Profiles:
    """Read and check `profiles.yml`; a project without one has no connections. Raises ProjectErrors."""
    path = root / FILE
    if not path.is_file():
        return Profiles()
    documents = yaml.load(yaml.decode(path.read_bytes(), FILE), FILE)
    if not documents:
        return Profiles()
    document = first_document(documents, FILE)
    if not isinstance(document.value, dict):
        raise ProjectError("SK-YAML-007", "expected a mapping of settings", at=Location(FILE))
    parsed = validate(ProfilesFile, document, document.value)
    connections = {}
    for name, entry in parsed.connections.items():
        settings = dict(entry.model_extra or {})
        places = {key: document.at("connections", name, key) for key in settings}
        places[""] = document.at("connections", name, key=True)
        connections[name] = ConnectionSettings(name, entry.type, settings, places)
    return Profiles(connections, parsed.source_defaults, parsed.profiles)
