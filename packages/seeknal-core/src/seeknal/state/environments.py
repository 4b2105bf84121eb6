"""Environments: what they may be called, what is known of each, and when they end."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from seeknal.errors import ProjectError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seeknal.nodes import Key, NodeId

PROD = "prod"

Progress = Literal["ready", "running", "failed"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")
_RESERVED = {
    "main", "temp", "system", "memory", "information_schema", "pg_catalog", "con", "prn", "aux", "nul",
    *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)),
}  # fmt: skip
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Environment:
    """What is known of an environment besides its pointers. Times are ISO 8601 in UTC.

    `built_on` are the keys its base had when each node was last run here, and `seen` what the other environments were then: by these a promotion
    knows whether its target has moved since. `progress` is `running` while a run goes on, and after one that was killed; `failed` are
    the nodes that failed in the last run here, or were not come to. `plan` is the digest of the plan it was last run by. `moved_by` says what
    swapped all its pointers last: a promotion or a rollback.
    """

    name: str
    created: str
    expires: str | None = None
    base: str | None = None
    plan: str | None = None
    built_on: Mapping[NodeId, Key] = field(default_factory=dict)
    seen: Mapping[str, str] = field(default_factory=dict)
    progress: Progress = "ready"
    failed: tuple[NodeId, ...] = ()
    updated: str | None = None
    moved_by: str | None = None
    moved_at: str | None = None

    def is_expired(self, now: datetime) -> bool:
        """Whether it has outlived its time to live."""
        return self.expires is not None and datetime.fromisoformat(self.expires) <= now

    def extended(self, ttl: timedelta, now: datetime) -> Environment:
        """The same, living on from now; `prod` does not end."""
        return replace(self, expires=None if self.name == PROD else stamp(now + ttl))

    def to_json(self) -> dict[str, Any]:
        """As a plain document."""
        document = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "name"}
        return {**document, "built_on": dict(self.built_on), "seen": dict(self.seen), "failed": list(self.failed)}

    @classmethod
    def from_json(cls, name: str, value: Mapping[str, Any]) -> Environment:
        """From a plain document."""
        known = {k: v for k, v in value.items() if k in cls.__dataclass_fields__ and k != "name"}
        return cls(name=name, **{**known, "created": known.get("created") or "", "failed": tuple(known.get("failed", ()))})


def check_name(name: str, known: Iterable[str] = ()) -> None:
    """Raise ProjectError for a name that cannot be an environment's: it becomes part of file names and a schema of the warehouse."""
    if not _NAME.fullmatch(name):
        hint = "letters (a-z), digits, _ and -, beginning with a letter or _, at most 63: dev, pr_17, feature-x"
        raise ProjectError("SK-ENV-002", f"an environment cannot be called '{name}'", hint=hint)
    if name.lower() in _RESERVED:
        raise ProjectError(
            "SK-ENV-002", f"an environment cannot be called '{name}': the name is reserved", hint="call it dev, for instance"
        )
    other = next((k for k in (*known, PROD) if k != name and k.lower() == name.lower()), None)
    if other is not None:
        message = f"an environment cannot be called '{name}': there is '{other}', and names differ by more than upper and lower case"
        raise ProjectError("SK-ENV-002", message, hint=did_you_mean(name, [other]))


def duration(text: str) -> timedelta:
    """`12h`, `7d` or `2w` as a span of time."""
    return timedelta(**{_UNITS[text.strip()[-1]]: int(text.strip()[:-1])})


def digest_of(keys: Mapping[NodeId, Key]) -> str:
    """A hash of what an environment points to."""
    return hashlib.blake2b("\n".join(f"{n} {k}" for n, k in sorted(keys.items())).encode(), digest_size=16).hexdigest()


def stamp(at: datetime) -> str:
    """A moment as ISO 8601 in UTC, to the second."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
