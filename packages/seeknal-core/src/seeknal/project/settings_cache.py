"""The project's settings, from target/ when their files are as they were, so that a run that has nothing to do need not check them again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from seeknal.durable import temporary_beside
from seeknal.errors import Location, ProjectErrors, SeeknalError
from seeknal.project.locate import FILE as PROJECT_FILE
from seeknal.project.settings import Settings
from seeknal.project.state import VARIABLE, with_url_of_environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

FILE = "settings.json"
_FORMAT = 5


def read_settings(root: Path, profile: str | None, variables: dict[str, Any], *, use_cache: bool) -> Settings:
    """The project's settings; the profile, the command line's variables and SEEKNAL_STATE_URL applied. Raises ProjectErrors."""
    stamp = _stamp(root, profile, variables)
    cached = _cached(root, stamp) if use_cache else None
    return with_url_of_environment(cached or _read(root, profile, variables))


def keep_settings(root: Path, profile: str | None, variables: dict[str, Any], settings: Settings) -> None:
    """Remember settings that were read, unless they are remembered already or may hold a secret: a state's URL stays in its file.

    Nor are they remembered while SEEKNAL_STATE_URL changes them.
    """
    stamp = _stamp(root, profile, variables)
    if not settings.state_options and not os.environ.get(VARIABLE) and _cached(root, stamp) is None:
        _keep(root, stamp, settings)


def _read(root: Path, profile: str | None, variables: dict[str, Any]) -> Settings:
    from seeknal.project.config import read_config, settle  # start-up time: pydantic
    from seeknal.project.profiles import load_profiles

    errors: list[SeeknalError] = []
    written = _attempt(lambda: read_config(root), errors)
    profiles = _attempt(lambda: load_profiles(root), errors)
    if errors or written is None or profiles is None:
        raise ProjectErrors(errors)
    return settle(*written, profiles, profile, variables)


def _attempt(read: Callable[[], T], errors: list[SeeknalError]) -> T | None:
    """What `read` gives, or None with what is wrong added to `errors`."""
    try:
        return read()
    except ProjectErrors as error:
        errors += error.errors
    except SeeknalError as error:
        errors.append(error)
    return None


def _stamp(root: Path, profile: str | None, variables: dict[str, Any]) -> str:
    """A hash of everything that settings depend on."""
    texts = [p.read_bytes() if p.is_file() else b"" for p in (root / PROJECT_FILE, root / "profiles.yml")]
    question = json.dumps([_FORMAT, profile, variables], sort_keys=True, default=str).encode()
    return hashlib.sha256(b"\0".join([*texts, question])).hexdigest()


def _cached(root: Path, stamp: str) -> Settings | None:
    try:
        document = json.loads((root / "target" / FILE).read_bytes())
        if document["stamp"] != stamp:
            return None
        values = document["settings"]
        plain = {"external_paths": tuple(values["external_paths"]), "state_at": Location(**values["state_at"])}
        return Settings(**{**values, **plain})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(root: Path, stamp: str, settings: Settings) -> None:
    """Best effort: a target that cannot be written is no reason to fail."""
    target = root / "target"
    temporary = temporary_beside(target / FILE)
    try:
        target.mkdir(exist_ok=True)
        temporary.write_text(json.dumps({"stamp": stamp, "settings": asdict(settings)}, default=str), encoding="utf-8")
        temporary.replace(target / FILE)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
