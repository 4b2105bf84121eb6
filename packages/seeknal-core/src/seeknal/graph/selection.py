"""Selectors: a small language for naming nodes.

selector := term (" " term)*                   union
term     := part ("," part)*                   intersection
part     := [n]+  method:value | name | glob  +[n]      with what is upstream or downstream, at most n steps away
          | "@" …                               with everything downstream, and everything that needs
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seeknal.errors import ProjectError, did_you_mean
from seeknal.project.selectors import METHODS as LOCAL
from seeknal.project.selectors import is_called, matches

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seeknal.graph.dag import Dag
    from seeknal.nodes import NodeId

_PART = re.compile(r"(?P<at>@)?(?:(?P<up>\d*)\+)?(?P<core>[^+@,\s]+)(?:\+(?P<down>\d*))?")
METHODS = (*LOCAL, "state", "result")


@dataclass(frozen=True)
class History:
    """What selectors by state and result look at."""

    new: frozenset[NodeId] = field(default_factory=frozenset)
    modified: frozenset[NodeId] = field(default_factory=frozenset)
    results: Mapping[NodeId, str] = field(default_factory=dict)


def select(selector: str, dag: Dag, history: Callable[[], History]) -> set[NodeId]:
    """The nodes a selector names. `history` is asked only where the selector needs it.

    Raises ProjectError for a selector that cannot be read, or that names a node that does not exist.
    """
    found: set[NodeId] = set()
    for term in selector.split():
        parts = [_part(p, dag, history) for p in term.split(",") if p]
        if not parts:
            raise ProjectError("SK-SEL-001", f"selector '{term}' is empty")
        found |= set.intersection(*parts)
    return found


def _part(text: str, dag: Dag, history: Callable[[], History]) -> set[NodeId]:
    match = _PART.fullmatch(text)
    if not match:
        raise ProjectError("SK-SEL-001", f"selector '{text}' cannot be read", hint="such as tag:daily, +transform.x, x+2, @x, source.*")
    chosen = _core(match["core"], dag, history)
    found = set(chosen)
    if match["up"] is not None:
        found |= dag.upstream(chosen, int(match["up"]) if match["up"] else None)
    if match["down"] is not None:
        found |= dag.downstream(chosen, int(match["down"]) if match["down"] else None)
    if match["at"]:
        found |= dag.downstream(chosen)
        found |= dag.upstream(found)
    return found


def _core(text: str, dag: Dag, history: Callable[[], History]) -> set[NodeId]:
    method, colon, value = text.partition(":")
    if not colon:
        return _named(text, dag)
    if method in ("state", "result"):
        return _by_history(method, value, history())
    if method not in METHODS:
        hint = did_you_mean(method, METHODS) or f"known: {', '.join(METHODS)}"
        raise ProjectError("SK-SEL-001", f"unknown selector method '{method}:'", hint=hint)
    return {n.id for n in dag.nodes.values() if matches(method, value, n)}


def _by_history(method: str, value: str, history: History) -> set[NodeId]:
    if method == "result":
        return {n for n, status in history.results.items() if status == value}
    if value not in ("new", "modified"):
        raise ProjectError("SK-SEL-001", f"unknown state '{value}'", hint="state:new or state:modified")
    return set(history.new if value == "new" else history.modified)


def _named(text: str, dag: Dag) -> set[NodeId]:
    """Nodes by id, by name, or by a glob over either. A glob may match nothing; a name must exist."""
    folded = text.casefold()
    if any(c in text for c in "*?["):
        return {n.id for n in dag.nodes.values() if is_called(text, n)}
    found = {n.id for n in dag.nodes.values() if folded in (n.id.casefold(), n.name.casefold())}
    if not found:
        hint = did_you_mean(text, [*dag.nodes, *(n.name for n in dag.nodes.values())])
        raise ProjectError("SK-SEL-002", f"no node '{text}'", hint=hint or "see `seeknal list`")
    return found
