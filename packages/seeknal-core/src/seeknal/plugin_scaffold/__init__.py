"""`seeknal plugins new`: a complete plugin package, whose own tests pass before anything is changed.

Below `templates/` is a folder for each kind of plugin, and `common/` for what all of them have. `$name` and the like are filled in; a
folder called PACKAGE becomes the import package.
"""

from __future__ import annotations

import importlib.util
import keyword
import re
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from seeknal.errors import ProjectError
from seeknal.plugin import Audit, Engine, NodeKind, StateBackend
from seeknal.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path

KINDS = {
    "audit": "an audit", "engine": "an engine", "state-backend": "a state backend", "node-kind": "a kind of node",
}  # fmt: skip
"""What a package can be written for, and how to call it in a sentence."""

_GIVEN = {"audit": Audit, "engine": Engine, "state-backend": StateBackend, "node-kind": NodeKind}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_OURS = ("core", "duckdb", "sql_state", "semantic", "starrocks")
_SUFFIX = ".tmpl"


def write_package(kind: str, name: str, folder: Path) -> list[Path]:
    """Write the package into a folder that is new or empty. Returns its files.

    Raises ProjectError SK-SCAFFOLD-001 for a name that cannot be used, SK-SCAFFOLD-002 for a folder that holds something.
    """
    check_name(kind, name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ProjectError("SK-SCAFFOLD-002", f"{folder} exists and is not empty", hint="choose another folder with --output")
    values = {
        "name": name,
        "package": f"seeknal_{name}",
        "distribution": f"seeknal-{name.replace('_', '-')}",
        "class_name": "".join(word.capitalize() for word in name.split("_")),
        "what": KINDS[kind],
    }
    written = []
    for path, text in sorted(_templates(kind)):
        target = folder / path.replace("PACKAGE", values["package"])
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(Template(text).substitute(values), encoding="utf-8")
        written.append(target)
    return written


def check_name(kind: str, name: str) -> None:
    """Refuse a name that no package, or no plugin of this kind, can have."""
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        message = f"'{name}' is not a name for a plugin"
        raise ProjectError("SK-SCAFFOLD-001", message, hint="lower-case letters, digits and _, starting with a letter: such as max_age")
    registry = Registry(policy="")
    for plugin in registry.plugins:
        if any(isinstance(given, _GIVEN[kind]) and given.name == name for given in registry.given_by(plugin)):
            message = f"{plugin} provides {KINDS[kind]} called '{name}' already"
            raise ProjectError("SK-SCAFFOLD-001", message, hint="choose another name")
    if name in _OURS or importlib.util.find_spec(f"seeknal_{name}") is not None:
        raise ProjectError("SK-SCAFFOLD-001", f"there is a package seeknal_{name} already", hint="choose another name")


def _templates(kind: str) -> Iterator[tuple[str, str]]:
    """The paths and texts of all files of a kind of plugin."""
    home = files(__package__) / "templates"
    for folder in ("common", kind):
        yield from _below(home / folder, "")


def _below(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _below(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_SUFFIX):
            yield prefix + entry.name.removesuffix(_SUFFIX), entry.read_text(encoding="utf-8")
