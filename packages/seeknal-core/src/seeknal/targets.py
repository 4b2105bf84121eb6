"""Importing what a plugin names, when it is used."""

from __future__ import annotations

import importlib
from typing import Any

from seeknal.errors import PluginError, SeeknalError


def load_target(target: str) -> Any:
    """Import `package.module:attribute`. Raises PluginError with the cause."""
    module_name, _, attribute = target.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:
        if isinstance(error, SeeknalError):
            raise
        raise PluginError("SK-PLUGIN-003", f"{target} cannot be imported: {type(error).__name__}: {error}") from error
    return found
