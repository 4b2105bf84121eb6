"""Opening the connections that profiles.yml describes, and keeping their secrets out of everything that is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal.errors import ConnectionFailed, ProjectError, did_you_mean
from seeknal.protocols import Step
from seeknal.targets import load_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from seeknal.errors import Location
    from seeknal.plugin import Connection
    from seeknal.project.settings import ConnectionSettings
    from seeknal.protocols import ConnectionDriver

_STEPS = {
    "SK-CONN-001": "reach",
    "SK-CONN-002": "log in",
    "SK-CONN-003": "database",
    "SK-CONN-007": "TLS",
    "SK-CONN-009": "settings",
    "SK-CONN-010": "package",
}


def open_connection(root: Path, type_: Connection, settings: ConnectionSettings) -> ConnectionDriver:
    """Open a connection of profiles.yml. Raises ProjectError for settings that are wrong, ConnectionFailed where it fails."""
    for key in settings.settings:
        known = (*type_.required, *type_.optional)
        if key not in known:
            hint = did_you_mean(key, known) or f"known: {', '.join(known)}"
            message = f"a connection of type {type_.name} has no setting '{key}'"
            raise ProjectError("SK-CFG-005", message, at=settings.places.get(key), hint=hint)
    for key in type_.required:
        if key not in settings.settings:
            raise ProjectError("SK-KEY-002", f"connection '{settings.name}': missing key '{key}'", at=settings.at)
    values = settings.resolved()
    return open_driver(root, type_, values, settings.name, settings.at)


def open_driver(root: Path, type_: Connection, values: Mapping[str, Any], name: str, at: Location | None) -> ConnectionDriver:
    """Open a driver with settings whose secrets are resolved. They are taken out of whatever goes wrong."""
    absolute = {k: str((root / str(v)).resolve()) if k in type_.paths else v for k, v in values.items()}
    try:
        driver: ConnectionDriver = load_target(type_.target)(**absolute)
    except ConnectionFailed as error:
        raise hidden(named(error, name, at), secrets_of(type_, values)) from None
    return driver


def steps_of(driver: ConnectionDriver) -> Iterator[Step]:
    """What a driver does to reach its database, step by step; `check` alone where it has no steps. Raises ConnectionFailed."""
    steps: Callable[[], Iterator[Step]] | None = getattr(driver, "steps", None)
    if steps is None:
        yield Step("log in", driver.check())
    else:
        yield from steps()


def failed_step(error: ConnectionFailed) -> str:
    """The step that an error belongs to, in a word or two."""
    return error.step or _STEPS.get(error.code, "connect")


def named(error: ConnectionFailed, name: str, at: Location | None) -> ConnectionFailed:
    """The error with the connection's name in front and its place in profiles.yml."""
    return ConnectionFailed(error.code, f"connection '{name}': {error.message}", at=error.at or at, hint=error.hint)


def secrets_of(type_: Connection, values: Mapping[str, Any]) -> list[str]:
    """The values that must never be shown."""
    return [str(values[k]) for k in type_.secrets if values.get(k)]


def hidden(error: ConnectionFailed, secrets: list[str]) -> ConnectionFailed:
    """The error with every secret replaced by `***`."""
    message, hint = error.message, error.hint
    for secret in secrets:
        message = message.replace(secret, "***")
        hint = hint.replace(secret, "***") if hint else hint
    return ConnectionFailed(error.code, message, at=error.at, hint=hint)
