"""What a name in a template means: which node a reference is, and whether an environment variable is still what it was."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from seeknal.errors import did_you_mean
from seeknal.nodes import NodeId, kind_of, relation_name

if TYPE_CHECKING:
    from collections.abc import Iterable

UNREADABLE = frozenset({"exposure", "rule", "semantic_model", "metric", "saved_query"})
"""Kinds whose nodes have no rows to read."""


class UnknownReference(LookupError):
    """A reference that names no node."""


class NodeIndex:
    """The ids of a project, to resolve `kind.name`, `name` where only one kind has it, and relation names."""

    def __init__(self, ids: Iterable[NodeId], disabled: Iterable[NodeId] = (), implied: Iterable[NodeId] = ()) -> None:
        """Know all ids; `implied` are those of nodes that nobody wrote, which a bare name never means."""
        written = {i.casefold(): i for i in ids}
        self.ids = {i.casefold(): i for i in implied} | written
        self._disabled = {i.casefold() for i in disabled}
        self._relations = {relation_name(i).casefold(): i for i in self.ids.values()}
        self._names: dict[str, list[NodeId]] = {}
        for node in written.values():
            self._names.setdefault(node.partition(".")[2].casefold(), []).append(node)

    def resolve(self, reference: str) -> NodeId:
        """The id a reference means. Raises UnknownReference with a message, and a hint after `; `."""
        folded = reference.casefold()
        if folded in self.ids:
            return self.ids[folded]
        named = [n for n in self._names.get(folded, []) if kind_of(n) not in UNREADABLE]
        if len(named) == 1:
            return named[0]
        if len(named) > 1:
            message = f"'{reference}' could be any of {', '.join(sorted(named))}; write the kind in front"
            raise UnknownReference(message)
        if folded in self._disabled or any(d.partition(".")[2] == folded for d in self._disabled):
            message = f"node '{reference}' is disabled (enabled: false); enable it, or remove the reference"
            raise UnknownReference(message)
        candidates = self.ids.values() if "." in reference else [n.partition(".")[2] for n in self.ids.values()]
        near = did_you_mean(reference, candidates) or did_you_mean(reference, self.ids.values())
        message = f"unknown node '{reference}'" + (f"; {near}" if near else "")
        raise UnknownReference(message)

    def relation(self, name: str) -> NodeId | None:
        """The node whose rendered reference `name` is, such as `source_raw_users`."""
        return self._relations.get(name.casefold())

    def suggestion(self, name: str) -> str | None:
        """What to write instead of a bare relation name that means nothing."""
        bare = self._names.get(name.casefold(), [])
        if bare:
            return f"write {{{{ ref('{bare[0]}') }}}}"
        return did_you_mean(name, [*self._relations, *self._names])


def env_hash(name: str) -> str:
    """A hash of an environment variable's value: enough to notice a change, without keeping the value."""
    value = os.environ.get(name)
    return "" if value is None else hashlib.sha256(f"{name}={value}".encode()).hexdigest()[:16]
