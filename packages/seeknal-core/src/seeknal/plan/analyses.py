"""Analysed queries, kept under target/ by what they say and the columns of what they read.

Only a query that changed, or one whose inputs have other columns, is analysed again. The cache is only ever a saving: one that is missing, damaged or
from another version is ignored.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import TYPE_CHECKING

from seeknal.durable import temporary_beside
from seeknal.sql.analysis import VERSION, Analysed, Analysis, analyse
from seeknal.sql.itself import without_itself

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seeknal.sql.expressions import NameProblem

FILE = "analysed.json"
_ROOM = 4
"""How many times as many queries are kept as the last command asked for."""


class Analyses:
    """The analyses of one project's queries."""

    def __init__(self, target: Path, *, keeps: bool = True) -> None:
        """Without `keeps` nothing is ever written."""
        self._path = target / FILE
        self._keeps = keeps
        self._kept: dict[str, list[object]] | None = None
        self._known: dict[str, Analysis] = {}
        self._fresh: set[str] = set()
        self.problems: dict[str, tuple[NameProblem, ...]] = {}
        """Names that mean nothing, by the stamp of the query."""

    def of(self, sql: str, dialect: str, schemas: Mapping[str, tuple[str, ...] | None], own: str | None = None) -> tuple[Analysis, str]:
        """The analysis of a query against the columns of its inputs, and the stamp it is kept under. `own` is the relation of its own earlier output."""
        text = json.dumps([VERSION, dialect, sql, sorted(schemas.items())], separators=(",", ":"))
        stamp = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        found = self._known.get(stamp)
        if found is None:
            found = self._known[stamp] = self._loaded(stamp) or self._analysed(stamp, analyse(sql, dialect, schemas))
        return (without_itself(found, own) if own is not None else found), stamp

    def keep(self) -> None:
        """Write what was learned. A target that cannot be written is no reason to fail."""
        if not self._fresh or not self._keeps:
            return
        kept = self._kept or {}
        if len(kept) > _ROOM * len(self._known):
            kept = {stamp: values for stamp, values in kept.items() if stamp in self._known}
        kept |= {stamp: self._known[stamp].to_json() for stamp in self._fresh}
        temporary = temporary_beside(self._path)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps({"version": VERSION, "queries": kept}, separators=(",", ":")), encoding="utf-8")
            temporary.replace(self._path)
            self._fresh.clear()
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _loaded(self, stamp: str) -> Analysis | None:
        if self._kept is None:
            self._kept = self._read()
        values = self._kept.get(stamp)
        try:
            return Analysis.from_json(values) if values is not None else None
        except (ValueError, TypeError, IndexError):
            return None

    def _analysed(self, stamp: str, analysed: Analysed) -> Analysis:
        if analysed.problems:
            self.problems[stamp] = analysed.problems
        else:
            self._fresh.add(stamp)
        return analysed.analysis

    def _read(self) -> dict[str, list[object]]:
        try:
            document = json.loads(self._path.read_bytes())
            return dict(document["queries"]) if document["version"] == VERSION else {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}
