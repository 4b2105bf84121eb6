"""The methods that plugins give projects."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from seeknal.targets import load_target

if TYPE_CHECKING:
    from seeknal.project.loader import LoadedProject


def method(project: Any, loaded: LoadedProject | None, name: str) -> Any:
    """The method of this name, bound to a project. Raises AttributeError where no plugin gives one."""
    if loaded is None or name.startswith("_") or name not in {p.contribution.name for p in loaded.registry.project_methods}:
        message = f"a project has no attribute {name!r}"
        raise AttributeError(message)
    return partial(load_target(loaded.registry.project_method(name).target), project)
