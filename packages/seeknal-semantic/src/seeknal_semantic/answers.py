"""Earlier answers, kept under target/ by the SQL and the outputs it read: the same question on unchanged data asks no engine."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from seeknal.protocols import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

FOLDER = "answers"
MOST_ROWS = 10_000
"""Longer answers are not kept."""
MOST_FILES = 500
FORMAT = 1


class Answers:
    """The answers of a project. One that cannot be read or kept is no reason to fail: they are only a saving."""

    def __init__(self, target: Path) -> None:
        self._folder = target / FOLDER

    def key(self, sql: str, outputs: Sequence[str]) -> str:
        """What decides an answer."""
        return hashlib.sha256(json.dumps([FORMAT, sql, sorted(outputs)]).encode()).hexdigest()[:32]

    def get(self, key: str) -> Rows | None:
        """The answer under a key; None where there is none."""
        try:
            document = json.loads((self._folder / f"{key}.json").read_bytes())
            return Rows(tuple(document["columns"]), [tuple(map(_read, row)) for row in document["rows"]])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: str, rows: Rows) -> None:
        """Keep an answer, and let the oldest go where there are many."""
        if len(rows.rows) > MOST_ROWS:
            return
        from seeknal.durable import temporary_beside

        try:
            document = json.dumps({"columns": rows.columns, "rows": [[_written(v) for v in row] for row in rows.rows]})
            self._folder.mkdir(parents=True, exist_ok=True)
            temporary = temporary_beside(self._folder / f"{key}.json")
            temporary.write_text(document, encoding="utf-8")
            temporary.replace(self._folder / f"{key}.json")
            self._trim()
        except (OSError, TypeError, ValueError):
            return

    def _trim(self) -> None:
        files = sorted(self._folder.glob("*.json"), key=lambda p: p.stat().st_mtime_ns)
        for path in files[: max(0, len(files) - MOST_FILES)]:
            with contextlib.suppress(OSError):
                path.unlink()


def _written(value: Any) -> Any:
    """A value as JSON, its type beside it where JSON has none. Raises TypeError for what cannot be kept."""
    if value is None or isinstance(value, str | int | bool):
        return value
    if isinstance(value, float):
        return {"f": repr(value)}
    if type(value) is dt.datetime:  # an engine's own, finer ones would be cut
        return {"t": value.isoformat()}
    if type(value) is dt.date:
        return {"d": value.isoformat()}
    if isinstance(value, Decimal):
        return {"n": str(value)}
    message = f"{type(value).__name__} is not kept"
    raise TypeError(message)


def _read(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, text),) = value.items()
    return _READERS[kind](text)


_READERS: dict[str, Callable[[str], Any]] = {"f": float, "t": dt.datetime.fromisoformat, "d": dt.date.fromisoformat, "n": Decimal}
