"""The file formats DuckDB reads and writes for people, and the parameters a project may set on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal.errors import EngineError, did_you_mean
from seeknal.plugin import FileFormat

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SPELLINGS = {
    "delimiter": "delim",
    "sep": "delim",
    "null": "nullstr",
    "date_format": "dateformat",
    "timestamp_format": "timestampformat",
}
"""Other names people know a parameter by, and DuckDB's own."""

_MANY_FILES = ("union_by_name", "hive_partitioning", "filename")

READ: Mapping[str, tuple[str, ...]] = {
    "csv": (
        "delim", "header", "quote", "escape", "nullstr", "dateformat", "timestampformat", "encoding", "skip", "decimal_separator",
        "thousands", "comment", "new_line", "sample_size", "all_varchar", "normalize_names", "null_padding", "strict_mode",
        "max_line_size", "compression", "names", *_MANY_FILES,
    ),
    "parquet": ("binary_as_string", *_MANY_FILES),
    "json": ("dateformat", "timestampformat", "sample_size", "maximum_depth", "maximum_object_size", "compression", *_MANY_FILES),
    "jsonl": ("dateformat", "timestampformat", "sample_size", "maximum_depth", "maximum_object_size", "compression", *_MANY_FILES),
    "excel": ("sheet", "header", "range"),
}  # fmt: skip

WRITE: Mapping[str, tuple[str, ...]] = {
    "csv": ("delim", "header", "quote", "escape", "nullstr", "dateformat", "timestampformat", "compression", "force_quote"),
    "parquet": ("compression", "compression_level", "row_group_size"),
    "json": ("dateformat", "timestampformat", "compression"),
    "jsonl": ("dateformat", "timestampformat", "compression"),
}

REFUSED = {
    "ignore_errors": "rows that cannot be read would be dropped without a word; correct them, or read the column as VARCHAR",
    "store_rejects": "rows that cannot be read would be dropped without a word; correct them, or read the column as VARCHAR",
    "columns": "declare the columns on the node itself, as `columns:`",
    "types": "declare the columns on the node itself, as `columns:`",
    "dtypes": "declare the columns on the node itself, as `columns:`",
}
"""Parameters DuckDB has and a project may not set, and what to do instead."""


def file_formats() -> tuple[FileFormat, ...]:
    """The formats as the core's registry knows them."""
    return tuple(
        FileFormat(
            name,
            params=tuple(sorted(set(_spellings([*params, *WRITE.get(name, ())])))),
            writable=name in WRITE,
            in_place=name == "parquet",
        )
        for name, params in READ.items()
    )


def parameters(format_: str, given: Mapping[str, Any], known: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """What was given, under DuckDB's names. `known` is READ or WRITE.

    Raises EngineError SK-DATA-006 for a format or parameter that is not known, or is given twice under two names.
    """
    if format_ not in known:
        hint = did_you_mean(format_, known) or "known: " + ", ".join(known)
        raise EngineError("SK-DATA-006", f"no file format '{format_}' here", hint=hint)
    found: dict[str, Any] = {}
    for name, value in given.items():
        own = SPELLINGS.get(name, name)
        if own not in known[format_]:
            hint = REFUSED.get(name) or did_you_mean(name, _spellings(known[format_])) or "known: " + ", ".join(known[format_])
            raise EngineError("SK-DATA-006", f"{format_} files have no parameter '{name}'", hint=hint)
        if own in found:
            raise EngineError("SK-DATA-006", f"'{name}' and '{own}' are the same parameter; give one of them")
        found[own] = value
    return found


def _spellings(names: Iterable[str]) -> list[str]:
    """These names, and the other names people know them by."""
    own = list(names)
    return own + [other for other, name in SPELLINGS.items() if name in own]
