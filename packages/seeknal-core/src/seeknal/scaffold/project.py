"""A new project: the files of a template, put where nothing is yet."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from seeknal.errors import ProjectError
from seeknal.nodes import NAME
from seeknal.project.locate import FILE

TEMPLATES = Path(__file__).parent
STARTER, SHOP = "starter", "shop"
_FOLDERS = ("data", "macros", "seeknal/sources", "seeknal/transforms", "seeknal/exposures", "seeknal/rules")
_NAME_LINE = re.compile(r"^name: .*$", re.MULTILINE)
_STORED_AS = {"gitignore": ".gitignore"}
_SHOWN = 8
_KEPT = (".gitignore", "README.md")
"""Files that a fresh repository may hold already: theirs stays, and ours is left out."""


@dataclass(frozen=True)
class NewProject:
    """A project that was just made: its folder, its name, and what was written, relative to the folder."""

    root: Path
    name: str
    files: tuple[str, ...]


def template_files(template: str) -> dict[str, bytes]:
    """The files of a template by their path in the project."""
    folder = TEMPLATES / template
    found = {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and "__pycache__" not in p.parts
    }
    return {_STORED_AS.get(name, name): data for name, data in found.items()}


def start_project(root: Path, template: str = STARTER) -> NewProject:
    """Write a template's files below `root`. Raises ProjectError, having written nothing, where one of them exists already."""
    name = project_name(root)
    files = {p: data for p, data in template_files(template).items() if not (p in _KEPT and (root / p).exists())}
    config = files[FILE].decode()
    files[FILE] = _NAME_LINE.sub(f"name: {name}", config, count=1).encode()
    _refuse_existing(root, files)
    written: list[Path] = []
    try:
        for folder in _FOLDERS:
            (root / folder).mkdir(parents=True, exist_ok=True)
        for path, data in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            with (root / path).open("xb") as file:
                written.append(root / path)
                file.write(data)
    except OSError as error:
        for begun in written:
            begun.unlink(missing_ok=True)
        message = f"{error.filename or root} cannot be written: {error.strerror or error}"
        raise ProjectError("SK-INIT-002", message, hint="choose another folder, or check its permissions and the space left") from None
    return NewProject(root, name, tuple(files))


def project_name(root: Path) -> str:
    """A name for the project in this folder: the folder's, made of what a project's name may hold."""
    cleaned = re.sub(r"[^A-Za-z0-9_-]+", "_", root.name).strip("_-") or "project"
    named = cleaned if NAME.match(cleaned) else f"project_{cleaned}"
    return named[:120]


def _refuse_existing(root: Path, files: dict[str, bytes]) -> None:
    blocking = _blocking_file(root)
    if blocking is not None:
        raise ProjectError("SK-INIT-001", f"{blocking} is a file, not a folder", hint="choose another name")
    existing = [path for path in files if (root / path).exists() or (root / path).is_symlink()]
    existing += [folder for folder in _FOLDERS if (root / folder).exists() and not (root / folder).is_dir()]
    if existing:
        listed = ", ".join(existing[:_SHOWN]) + (f" and {len(existing) - _SHOWN} more" if len(existing) > _SHOWN else "")
        what = f"{root} is a seeknal project already" if FILE in existing else f"{root} holds files that would be overwritten"
        raise ProjectError("SK-INIT-001", f"{what}: {listed}", hint="nothing was written; choose another folder, or move these away")


def _blocking_file(root: Path) -> Path | None:
    """The nearest of `root` and its parents that exists and is no folder."""
    nearest = next(p for p in (root, *root.parents) if p.exists())
    return None if nearest.is_dir() else nearest
