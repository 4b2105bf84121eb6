"""`profiles.yml`: connections, reader defaults and profiles; secrets by reference, resolved when they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field

from seeknal.errors import Location, ProjectError
from seeknal.project import yaml
from seeknal.project.config import StateSettings
from seeknal.project.settings import ConnectionSettings, Profile, Profiles
from seeknal.project.validation import first_document, validate
from seeknal.specs import Strict

if TYPE_CHECKING:
    from pathlib import Path

FILE = "profiles.yml"


class ConnectionEntry(Strict):
    """One entry of `connections:`. Keys beyond `type` are the connection type's own."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str


class ProfileEntry(Strict):
    """One entry of `profiles:`: what it sets instead of seeknal_project.yml."""

    engine: str | None = None
    state: StateSettings | None = None
    vars: dict[str, Any] = Field(default_factory=dict)


class ProfilesFile(Strict):
    """The keys of `profiles.yml`."""

    connections: dict[str, ConnectionEntry] = Field(default_factory=dict)
    source_defaults: dict[str, dict[str, Any]] = Field(default_factory=dict)
    profiles: dict[str, ProfileEntry] = Field(default_factory=dict)


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
    profiles = {
        name: Profile(entry.engine, entry.state.as_tuple(), document.at("profiles", name, "state", "backend"), entry.vars)
        if entry.state
        else Profile(entry.engine, vars=entry.vars)
        for name, entry in parsed.profiles.items()
    }
    return Profiles(connections, parsed.source_defaults, profiles)
