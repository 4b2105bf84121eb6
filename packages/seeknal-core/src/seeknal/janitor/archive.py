"""Pages of history, packed: `history/runs-2026-01.jsonl.gz` holds a line for each run that began in that month."""

from __future__ import annotations

import gzip
import json
import zlib
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from seeknal.durable import write_whole
from seeknal.janitor.policy import moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

FOLDER = "history"


def pages(target: Path) -> list[tuple[datetime, Path]]:
    """Every page that is not packed with the time its run began, oldest first. The time is that in the run's id."""
    found = [(moment(p.stem.partition("-")[0]), p) for p in (target / FOLDER).glob("*.json") if not p.name.startswith(".")]
    return sorted((at, p) for at, p in found if at is not None)


def pack(target: Path, old: Sequence[tuple[datetime, Path]]) -> tuple[int, int]:
    """Move pages into the archives of their months. Returns how many, and how many bytes that freed.

    An archive is written whole before its pages go. A kill in between leaves pages that are in both; they are packed once.
    """
    months: dict[str, list[Path]] = defaultdict(list)
    for at, path in old:
        months[f"{at:%Y-%m}"].append(path)
    freed = count = 0
    for month, paths in sorted(months.items()):
        archive = target / FOLDER / f"runs-{month}.jsonl.gz"
        before = archive.stat().st_size if archive.exists() else 0
        documents = {d["run_id"]: d for d in _read(archive)}
        if before and not documents:
            continue  # damaged: it is left as it is, and so are the pages
        sizes = {p: p.stat().st_size for p in paths}
        packed = [p for p in paths if _add(p, documents)]
        lines = "".join(json.dumps(d, separators=(",", ":")) + "\n" for _, d in sorted(documents.items()))
        write_whole(archive, gzip.compress(lines.encode(), mtime=0))
        for path in packed:
            path.unlink(missing_ok=True)
            freed += sizes[path]
        count += len(packed)
        freed += before - archive.stat().st_size
    return count, freed


def _add(page: Path, documents: dict[str, Any]) -> bool:
    """Take a page in. One that is damaged stays where it is."""
    try:
        document = json.loads(page.read_bytes())
        documents[document["run_id"]] = document
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True


def packed(target: Path, run_id: str = "") -> Iterator[dict[str, Any]]:
    """The packed pages of runs whose ids begin so, newest first."""
    month = f"{run_id[:4]}-{run_id[4:6]}" if len(run_id) >= 6 and run_id[:6].isdecimal() else "*"  # noqa: PLR2004 - a year and a month
    for archive in sorted((target / FOLDER).glob(f"runs-{month}.jsonl.gz"), reverse=True):
        for document in reversed(list(_read(archive))):
            if document["run_id"].startswith(run_id):
                yield document


def _read(archive: Path) -> Iterator[dict[str, Any]]:
    """Every page of an archive, as far as it can be read."""
    try:
        text = gzip.decompress(archive.read_bytes()).decode()
    except (OSError, EOFError, ValueError, zlib.error):
        return
    for line in text.splitlines():
        try:
            document = json.loads(line)
        except ValueError:
            continue
        if isinstance(document, dict) and isinstance(document.get("run_id"), str):
            yield document
