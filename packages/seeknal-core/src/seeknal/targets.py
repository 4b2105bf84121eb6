"""Importing what a plugin names, when it is used."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING, Any

from seeknal.errors import PluginError, SeeknalError

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


def load_file(path: Path) -> ModuleType:
    """Execute a Python file as a module under a name of its own. Raises whatever the file raises.

    It is compiled from its text: bytecode kept from an edit ago, within the same second and of the same size, would pass for current.
    """
    name = f"_seeknal_{abs(hash(str(path)))}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        message = f"cannot load {path}"
        raise ImportError(message)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    exec(compile(path.read_bytes(), str(path), "exec", dont_inherit=True), vars(module))  # noqa: S102 - the project's own code
    return module


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
