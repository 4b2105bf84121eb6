"""What a selector says of one node by itself: its name, kind, tags, path and owner. The graph adds what is upstream and downstream."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from seeknal.errors import ProjectError, did_you_mean

if TYPE_CHECKING:
    from seeknal.nodes import Node

METHODS = ("kind", "tag", "path", "name", "owner")
"""What a node can be asked by itself."""


def matches(method: str, value: str, node: Node) -> bool:
    """Whether a node has this kind, tag, path, name or owner."""
    if method == "kind":
        return fnmatch.fnmatchcase(node.kind, value)
    if method == "tag":
        return any(fnmatch.fnmatchcase(t, value) for t in node.tags)
    if method == "path":
        return under(node.at.path, value)
    if method == "name":
        return fnmatch.fnmatchcase(node.name, value)
    return node.owner is not None and fnmatch.fnmatchcase(node.owner, value)


def is_called(text: str, node: Node) -> bool:
    """Whether a node's id or name is this, or matches it as a glob."""
    folded = text.casefold()
    return fnmatch.fnmatchcase(node.id.casefold(), folded) or fnmatch.fnmatchcase(node.name.casefold(), folded)


def under(path: str, value: str) -> bool:
    """Whether a file is this one, in this folder, or matches this glob."""
    prefix = value.rstrip("/")
    return path == prefix or path.startswith(f"{prefix}/") or fnmatch.fnmatchcase(path, value)


def selects(selector: str, node: Node) -> bool:
    """Whether a selector that asks nothing of the graph names a node. Call `check_local` first."""
    return any(all(_part(p, node) for p in term.split(",") if p) for term in selector.split())


def _part(text: str, node: Node) -> bool:
    method, colon, value = text.partition(":")
    return matches(method, value, node) if colon else is_called(text, node)


def check_local(selector: str) -> None:
    """Raise ProjectError for a selector that cannot be read, or that asks something of the graph or of the past."""
    if not selector.strip():
        raise ProjectError("SK-SEL-001", "the selector is empty", hint="such as tag:daily, kind:transform or transform.*")
    for part in selector.replace(",", " ").split():
        if "+" in part or "@" in part:
            message = f"selector '{part}' asks what is upstream or downstream; audits of the project go by what a node's own file says"
            hint = f"give these nodes a tag, or select by {', '.join(f'{m}:' for m in METHODS)} or by name"
            raise ProjectError("SK-SEL-001", message, hint=hint)
        method, colon, _ = part.partition(":")
        if colon and method not in METHODS:
            hint = did_you_mean(method, METHODS) or f"known here: {', '.join(METHODS)}"
            raise ProjectError("SK-SEL-001", f"unknown selector method '{method}:'", hint=hint)


def names(selector: str) -> list[str]:
    """The nodes that a selector names one by one."""
    return [p for p in selector.replace(",", " ").split() if ":" not in p and not any(c in p for c in "*?[")]
