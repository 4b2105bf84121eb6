"""Opening the state that a project's settings, or a person, name."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seeknal.errors import Location, ProjectError
from seeknal.project.locate import FILE
from seeknal.project.settings import resolve
from seeknal.targets import load_target

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seeknal.project.settings import Settings
    from seeknal.registry import Registry
    from seeknal.state.backend import StateBackend

VARIABLE = "SEEKNAL_STATE_URL"
_URL = re.compile(r"(?P<backend>[a-z][a-z0-9_]*)(?:\+[a-z0-9]+)?:(?P<rest>.*)", re.DOTALL)
_BACKENDS = {"postgresql": "postgres"}


def named_by_url(url: str) -> tuple[str, dict[str, Any]]:
    """The backend and the options that a URL stands for: `sqlite:///target/state.db`, `postgresql://user@host/database`, `file:`."""
    found = _URL.fullmatch(url.strip())
    if found is None:
        hint = "such as sqlite:///target/state.db, postgresql://user@host/database or file:"
        raise ProjectError("SK-CFG-006", f"what names the state is no URL; {VARIABLE} must be one", hint=hint)
    backend = _BACKENDS.get(found["backend"], found["backend"])
    return backend, {"url": url.strip()} if found["rest"].strip("/") else {}


def with_url_of_environment(settings: Settings) -> Settings:
    """The settings, with the state that SEEKNAL_STATE_URL names instead of the files', where it is set."""
    url = os.environ.get(VARIABLE)
    if not url:
        return settings
    backend, options = named_by_url(url)
    return settings_of(settings, backend, options)


def open_named(named: str, registry: Registry, settings: Settings, target: Path) -> StateBackend:
    """The state that a person names by a backend, which is as the settings have it where they have it, or by a URL. Raises ProjectError."""
    backend, options = named_by_url(named) if ":" in named else (named, {})
    if named != settings.state_backend:
        settings = settings_of(settings, backend, options)
    return open_state(registry, settings, target)


def settings_of(settings: Settings, backend: str, options: Mapping[str, Any]) -> Settings:
    """The settings with another state, which no file names."""
    return replace(settings, state_backend=backend, state_options=options, state_at=None)


def open_state(registry: Registry, settings: Settings, target: Path) -> StateBackend:
    """The state that the settings name, `${VAR}` resolved. Raises ProjectError."""
    contribution = registry.state_backend(settings.state_backend)
    options: Mapping[str, Any] = resolve(dict(settings.state_options), settings.state_at or Location(FILE))
    if contribution.shared:
        options = {"project": settings.name, **options}
    try:
        backend: StateBackend = load_target(contribution.target)(target, options)
    except ProjectError as error:
        error.at = error.at or settings.state_at
        raise
    return backend
