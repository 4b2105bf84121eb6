"""What a project may say under `state:`, checked; the same as a URL's query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from seeknal.errors import did_you_mean
from seeknal.plugin import ProjectError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROJECT, LEASE_SECONDS = "project", "lease_seconds"
SHARED = (PROJECT, LEASE_SECONDS)
_LONGEST_NAME = 200
_LONGEST_LEASE = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Options:
    """The options both backends have. A lease that is not renewed for `lease_seconds` is free; `project` is whose rows these are."""

    project: str = "default"
    lease_seconds: float = 30.0

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Options:
        """Check the options. Raises ProjectError (SK-STATE-004)."""
        defaults = cls()
        return cls(name_of(given.get(PROJECT, defaults.project), PROJECT), _seconds(given.get(LEASE_SECONDS, defaults.lease_seconds)))


def with_query(backend: str, given: Mapping[str, Any], known: Sequence[str]) -> tuple[URL | None, dict[str, Any]]:
    """The URL without those parts of its query that are options, and all options. Raises ProjectError for any that is unknown."""
    for key in given:
        if key not in known:
            raise unknown(backend, key, known)
    options = {k: v for k, v in given.items() if k != "url" and v is not None}
    if given.get("url") is None:
        return None, options
    try:
        url = make_url(str(given["url"]))
    except (ArgumentError, ValueError):
        raise ProjectError("SK-STATE-004", "the url of the state cannot be read", hint=f"write it as {_EXAMPLES[backend]}") from None
    inside = {k: v for k, v in url.query.items() if k in known and k != "url"}
    return url.difference_update_query(list(inside)), {**options, **inside}


def unknown(backend: str, option: str, known: Sequence[str]) -> ProjectError:
    """SK-STATE-004."""
    hint = did_you_mean(option, known) or f"known: {', '.join(known)}"
    return ProjectError("SK-STATE-004", f"the {backend} state backend has no option '{option}'", hint=hint)


def name_of(value: Any, option: str, longest: int = _LONGEST_NAME) -> str:
    """A name that was given, which any database can keep. Raises ProjectError (SK-STATE-004)."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value.encode(errors="replace")) > longest:
        raise ProjectError("SK-STATE-004", f"{option} must be a name of at most {longest} bytes")
    return value


def _seconds(value: Any) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = 0.0
    if not 1 <= seconds <= _LONGEST_LEASE:
        raise ProjectError("SK-STATE-004", "lease_seconds must be a number between 1 and 86400")
    return seconds


_EXAMPLES = {
    "sqlite": "sqlite:///target/state.db, or sqlite:////srv/state.db for an absolute path",
    "postgres": "postgresql://user@host/database",
}
