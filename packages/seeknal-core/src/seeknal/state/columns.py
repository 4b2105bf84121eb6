"""Documents of parts, column by column: of thousands that are alike, this is a fifth to write and to read, and none need be made that nobody asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal.state.artifact import ALL

if TYPE_CHECKING:
    from collections.abc import Mapping

    Document = Mapping[str, Any]

_FIELDS = ("rows", "created_at", "size", "mtime_ns", "hash", "digests", "stamp", "serial", "start", "end", "reads", "before")


def packed(documents: Mapping[str, Document], shared: Document) -> dict[str, Any]:
    """Documents by key, as columns; those that do not fit into them as `others`. `shared` has the node, version and schema that most have."""
    others: dict[str, Document] = {}
    rows: list[tuple[Any, ...]] = []
    for key, document in documents.items():
        row = _row(document)
        if row is None or unpacked(key, dict(zip(_FIELDS, row, strict=True)), shared) != document:
            others[key], row = document, (None,) * len(_FIELDS)
        rows.append(row)
    return {"columns": dict(zip(_FIELDS, map(list, zip(*rows, strict=True)), strict=True)), "others": others}


def unpacked(key: str, row: Mapping[str, Any], shared: Document) -> dict[str, Any]:
    """A document from its row."""
    kind, _, name = shared["node"].partition(".")
    digests = {ALL: row["digests"]} if isinstance(row["digests"], str) else row["digests"]
    return {
        "node": shared["node"], "rows": row["rows"], "schema": shared["schema"],
        "files": [[file_name(row["hash"]), row["size"], row["mtime_ns"], row["hash"]]], "location": f"cache/{kind}/{name}/{key}",
        "digests": digests, "created_at": row["created_at"],
        "part": {
            "version": shared["version"], "ranges": [[row["start"], row["end"]]], "serial": row["serial"],
            "stamp": digests[ALL] if row["stamp"] is None else row["stamp"], "reads": row["reads"] or {},
            **({} if row["before"] is None else {"before": row["before"]}),
        },
    }  # fmt: skip


def file_name(digest: str) -> str:
    """What the file of a part is called, by its hash."""
    return f"part-{digest[:16]}.parquet"


def _row(document: Document) -> tuple[Any, ...] | None:
    """The values of a document; None where it has more than columns can say."""
    try:
        ((_, size, mtime_ns, digest),) = document["files"]
        part, digests = document["part"], document["digests"]
        ((start, end),) = part["ranges"]
        whole = digests[ALL]
    except (KeyError, ValueError):
        return None
    stamp = None if part["stamp"] == whole else part["stamp"]
    return (
        document["rows"], document["created_at"], size, mtime_ns, digest, whole if len(digests) == 1 else digests, stamp,
        part["serial"], start, end, part["reads"] or None, part.get("before"),
    )  # fmt: skip
