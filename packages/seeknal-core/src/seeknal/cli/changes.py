"""How changes are shown: what was edited, who reads it, the SQL that differs, and how far it reaches."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import click

from seeknal.cli.output import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seeknal.nodes import NodeId
    from seeknal.plan.changes import Change
    from seeknal.plan.edits import Edit

_SHADES = {"BREAKING": "red", "NON_BREAKING": "green", "METADATA": "bright_black", "INDIRECT": "yellow"}
_WORDS = {
    "COLUMN_ADDED": "added", "COLUMN_REMOVED": "removed", "COLUMN_RENAMED": "renamed", "COLUMN_EXPRESSION_CHANGED": "changed",
    "COLUMN_TYPE_WIDENED": "widened", "COLUMN_TYPE_NARROWED": "narrowed", "FILTER_CHANGED": "filter", "JOIN_CHANGED": "join",
    "GROUPING_CHANGED": "grouping", "ORDER_CHANGED": "order", "SOURCE_CHANGED": "source", "LOGIC_CHANGED": "logic", "METADATA_CHANGED": "metadata",
}  # fmt: skip
_DIFF_LINES = 40


def print_changes(changes: Mapping[NodeId, Change], *, color: bool, verbose: bool) -> None:
    """Print what was edited, node by node. Nodes that are only reached stand below those they are reached from."""
    edited = [c for c in changes.values() if c.change == "modified"]
    reached = _reached(changes)
    for change in edited:
        _line(f"~ {change.id}  {change.category or ''}".rstrip(), _SHADES.get(change.category or ""), color=color)
        for edit in change.edits:
            click.echo(f"    {_described(edit, change)}")
        _print_diff(change.sql_diff, color=color, limit=None if verbose else _DIFF_LINES)
        for depth, node, columns in _tree(change.id, reached, set()):
            through = ", ".join("its rows" if c == "*" else c for c in columns)
            _line(f"    {'  ' * depth}reaches {node}  ({through})", "yellow", color=color)
    if edited:
        click.echo()


def counted(changes: Mapping[NodeId, Change]) -> str:
    """How many changes there are of each kind; empty where there are none."""
    categories = [c.category or c.change for c in changes.values()]
    words = {
        "added": "added",
        "removed": "removed",
        "BREAKING": "breaking",
        "NON_BREAKING": "non-breaking",
        "METADATA": "metadata only",
        "INDIRECT": "reached",
    }
    parts = [f"{categories.count(k):,} {word}" for k, word in words.items() if k in categories]
    return f"{plural(len(categories), 'change')}: {', '.join(parts)}." if parts else ""


def change_document(change: Change) -> dict[str, Any]:
    """The JSON form of one change."""
    readers = change.readers or {}
    edits = [
        {"kind": e.kind, "column": e.column, "detail": e.detail, "readers": list(readers.get(e.column or "", ()))} for e in change.edits
    ]
    return {
        "id": change.id, "change": change.change, "category": change.category, "edits": edits, "via": list(change.via), "sql_diff": change.sql_diff,
    }  # fmt: skip


def _described(edit: Edit, change: Change) -> str:
    readers = (change.readers or {}).get(edit.column or "", ())
    what = edit.detail if edit.column is None or edit.kind == "COLUMN_RENAMED" else f"{edit.column}  {edit.detail}".rstrip()
    return f"{_WORDS[edit.kind]:<9} {what}" + (f"  (read by {', '.join(readers)})" if readers else "")


def _print_diff(diff: str | None, *, color: bool, limit: int | None) -> None:
    lines = (diff or "").splitlines()
    for line in lines[:limit]:
        _line(f"      {line}", {"-": "red", "+": "green"}.get(line[:1]), color=color)
    if limit is not None and len(lines) > limit:
        click.echo(f"      … {len(lines) - limit} more lines; -v shows them")


def _reached(changes: Mapping[NodeId, Change]) -> dict[str, list[tuple[NodeId, list[str]]]]:
    """For each node those that a change in it reaches next, and through which of its columns."""
    found: dict[str, dict[NodeId, list[str]]] = defaultdict(dict)
    for change in changes.values():
        for column in change.via:
            kind, name, rest = column.split(".", 2)
            found[f"{kind}.{name}"].setdefault(change.id, []).append(rest)
    return {source: list(nodes.items()) for source, nodes in found.items()}


def _tree(
    start: NodeId, reached: Mapping[str, list[tuple[NodeId, list[str]]]], seen: set[NodeId]
) -> Iterator[tuple[int, NodeId, list[str]]]:
    """Every node that is reached, once, below the one it is reached from first."""
    stack = [(0, node, columns) for node, columns in reversed(reached.get(start, []))]
    while stack:
        depth, node, columns = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        yield depth, node, columns
        stack += [(depth + 1, n, c) for n, c in reversed(reached.get(node, []))]


def _line(text: str, shade: str | None, *, color: bool) -> None:
    click.echo(click.style(text, fg=shade) if color and shade else text)
