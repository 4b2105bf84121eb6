"""What is in use: the keys of outputs, and files by their names."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeknal.errors import StateError
from seeknal.janitor.policy import moment
from seeknal.state.environments import PROD

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, timedelta
    from pathlib import Path

    from seeknal.state.model import Snapshot

_POINTING = ("pointers", "previous")
WAREHOUSE = "warehouse.json"


@dataclass
class Use:
    """Keys that something points to or reads, and for some of them the files by which they are read.

    Of nodes of some `kinds` every whole output counts as used.
    """

    kinds: frozenset[str] = frozenset()
    keys: set[str] = field(default_factory=set)
    files: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, snapshot: Snapshot, *, without: Iterable[str] = ()) -> None:
        """All that the environments of a state point to, but for some of them.

        What a pointer was read from counts too: a view reads it still. So does what is read by views that are no longer published and that others
        were published over.
        """
        leaving, found = set(without), set[str]()
        for table in _POINTING:
            for key, value in _rows(snapshot, table).items():
                if key.partition("/")[0] not in leaving and value:
                    found.update(keys_of(value))
        views, waiting = _rows(snapshot, "views"), list(found)
        while waiting:
            view = views.get(waiting.pop(), {"inputs": {}})
            further = {str(key) for key in view["inputs"].values() if key} - found
            found |= further
            waiting += further
        self.keys |= found
        self.add_parts(snapshot)

    def add_parts(self, snapshot: Snapshot) -> None:
        """The parts of outputs in use that are built window by window."""
        outputs: Mapping[str, Any] = snapshot.tables["artifacts"]
        segments = _rows(snapshot, "segments")
        for key in list(self.keys):
            for member in outputs.get(key, {}).get("parts", ()):
                self.keys.update(segments[member]["parts"] if member in segments else [member])

    def add_published(self, target: Path, *, without: Iterable[str] = ()) -> None:
        """What the warehouse reads, which a run that was killed may have left behind what the state says.

        Raises StateError where there is a record of it that cannot be read: nothing can be told to be of no use then.
        """
        leaving = set(without)
        stamps = [stamp.split(" ") for e, rows in published(target).items() if e not in leaving for stamp in rows.values() if stamp]
        for key, *files in stamps:
            if key != "view":
                self.keys.add(key)
                self.files[key].update(files)


def published(target: Path) -> dict[str, dict[str, str]]:
    """What each environment has in the warehouse: what each relation reads."""
    try:
        data = (target / WAREHOUSE).read_bytes()
    except FileNotFoundError:
        return {}
    try:
        return {e: {str(r): str(stamp) for r, stamp in rows.items()} for e, rows in json.loads(data).items() if e}
    except (ValueError, AttributeError):
        message = f"{target / WAREHOUSE} is damaged, so that nothing says what is published"
        raise StateError("SK-JAN-002", message, hint="`seeknal run` writes it anew") from None


def keys_of(pointer: Mapping[str, Any]) -> list[str]:
    """The key a pointer has, and those of the outputs that were read for it."""
    reads = pointer.get("inputs", {}).values()
    return [pointer["key"], *(str(r[2]) for r in reads if isinstance(r, list) and len(r) > 2 and r[2])]  # noqa: PLR2004 - columns, digest, key


def expired(snapshot: Snapshot, now: datetime, ttl: timedelta) -> list[str]:
    """The environments that have outlived their time. `prod` does not end; one that does not say when it ends does `ttl` after its last run."""
    gone = []
    for name, value in snapshot.tables["environments"].items():
        end = moment(value.get("expires"))
        if end is None:
            last = moment(value.get("updated")) or moment(value.get("created"))
            end = None if last is None else last + ttl
        if name != PROD and end is not None and end <= now:
            gone.append(name)
    return sorted(gone)


def unknown(snapshot: Snapshot) -> list[str]:
    """Names of environments that have pointers and no row: what is left of one that was removed by half."""
    names = {key.partition("/")[0] for table in _POINTING for key in _rows(snapshot, table)}
    return sorted(names - {PROD, *snapshot.tables["environments"]})


def documents_of(snapshot: Snapshot, environment: str) -> list[tuple[Any, str]]:
    """Every document of an environment, as table and key."""
    prefix = f"{environment}/"
    rows = [(t, key) for t in _POINTING for key in _rows(snapshot, t) if key.startswith(prefix)]
    return [*rows, *((t, environment) for t in ("plans", "environments") if environment in _rows(snapshot, t))]


def _rows(snapshot: Snapshot, table: str) -> Mapping[str, Any]:
    tables: Mapping[str, Any] = snapshot.tables  # type: ignore[assignment]  # not every version has all of them
    rows: Mapping[str, Any] = tables.get(table, {})
    return rows
