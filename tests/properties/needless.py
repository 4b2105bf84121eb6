"""Which builds of a run could have been spared, found out without asking what decided on them.

A node need not be built when it computes what it computed before, and the rows of its inputs are, in the columns it mentions, the rows there were. The
generator of a project knows what its nodes mention; the rows are those that were published before the run, and after it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tests.properties.random_projects import World, Written

_VIEW = "/* True"


@dataclass(frozen=True)
class Table:
    """What is published for a node: its columns with their types, and its rows in an order of their own."""

    columns: tuple[tuple[str, str], ...]
    rows: list[tuple[Any, ...]]

    def only(self, mentioned: frozenset[str]) -> tuple[tuple[tuple[str, str], ...], Counter[str]]:
        """These columns and their rows as a multiset. `*` has all in their order, `*-u` all but one; `+` has those that are named in it."""
        named = {c for c in mentioned if not c.startswith("*")}
        if stars := [c for c in mentioned if c.startswith("*")]:
            left_out = set.intersection(*({c[2:]} for c in stars)) - named
            places = [i for i, (name, _) in enumerate(self.columns) if name not in left_out]
        else:
            places = [i for i, (name, _) in enumerate(self.columns) if name in named]
            places = places if "+" in named else sorted(places, key=lambda i: self.columns[i])
        return tuple(self.columns[i] for i in places), Counter(repr([row[i] for i in places]) for row in self.rows)


@dataclass(frozen=True)
class Published:
    """A project after a run: its nodes as they were written, by name, which are exported, and the rows of each, by id.

    `files` are the sources that are read where they are, and known by their files alone.
    """

    nodes: Mapping[str, Written]
    exposed: frozenset[str]
    tables: Mapping[str, Table]
    files: Mapping[str, str]

    @classmethod
    def after(cls, world: World, tables: Mapping[str, Table]) -> Published:
        return cls(world.written(), frozenset(world.exposed), tables, {"source.p": repr(world.data["p"])} if world.in_place else {})


def needless(before: Published, now: Published, built: Collection[str]) -> list[str]:
    """The nodes that were built for nothing."""
    return [node for node in sorted(built) if _stays(node, before, now)]


def _stays(node: str, before: Published, now: Published) -> bool:
    kind, _, name = node.partition(".")
    if kind == "exposure":
        read = name.removeprefix("out_")
        return read in before.exposed and read in now.exposed and _same_input(f"transform.{read}", frozenset({"*"}), before, now)
    if kind != "transform" or name not in before.nodes or before.nodes[name].meaning != now.nodes[name].meaning:
        return False
    return all(_same_input(source, columns, before, now) for source, columns in now.nodes[name].reads.items())


def _same_input(source: str, columns: frozenset[str], before: Published, now: Published) -> bool:
    """Whether readers of these columns see what they saw. A view is known by its query and what it reads, and a switch to a table or from it is seen."""
    name = source.removeprefix("transform.")
    if source.startswith("transform."):
        if name not in before.nodes:
            return False
        was, is_ = (state.nodes[name].meaning.startswith(_VIEW) for state in (before, now))
        if was or is_:
            return was and is_ and _stays(source, before, now)
    if before.files.get(source) != now.files.get(source):
        return False
    return source in before.tables and before.tables[source].only(columns) == now.tables[source].only(columns)
