"""The project's engine, opened: with nothing, or with the connection it runs through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.connections import open_driver
from seeknal.errors import ProjectError
from seeknal.plugin import Connection
from seeknal.targets import load_target

if TYPE_CHECKING:
    from seeknal.project.loader import LoadedProject
    from seeknal.protocols import EngineDriver


def engine_driver(project: LoadedProject) -> EngineDriver:
    """The engine's driver. Raises ProjectError where it needs a connection and there is none, or several and none has the engine's name."""
    engine = project.engine
    if engine.connection is None:
        driver: EngineDriver = load_target(engine.target)()
        return driver
    found = {name: c for name, c in project.profiles.connections.items() if c.type == engine.connection}
    if engine.name not in found and len(found) != 1:
        message = f"the engine {engine.name} needs a connection of type {engine.connection} in profiles.yml, found {len(found)}"
        raise ProjectError("SK-CFG-004", message, hint=f"define one; of several, the one called {engine.name} is taken")
    settings = found.get(engine.name) or next(iter(found.values()))
    type_ = project.registry.connection(settings.type, settings.at)
    through = Connection(type_.name, engine.target, type_.dialect, type_.required, type_.optional, type_.secrets, type_.paths)
    made: EngineDriver = open_driver(project.root, through, settings.resolved(), settings.name, settings.at)  # type: ignore[assignment]
    return made
