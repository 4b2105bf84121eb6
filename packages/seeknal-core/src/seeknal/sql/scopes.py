"""What names mean within one SELECT."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from seeknal.sql.relations import NOWHERE, Derived, Known, merged, shape

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Scope:
    """The relations one SELECT reads, by alias; columns that USING and NATURAL joined; the select's own aliases; the scope around it.

    A relation's place in FROM is part of the shape of what is taken from it: two uses of one input are two relations.
    """

    outer: Scope | None = None
    relations: dict[str, Known] = field(default_factory=dict)
    joined: dict[str, Derived] = field(default_factory=dict)
    aliases: dict[str, Derived] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)

    def add(self, alias: str, relation: Known) -> None:
        """Put a relation of FROM into scope."""
        place = str(len(self.relations))
        columns = None
        if relation.columns is not None:
            columns = tuple(replace(c, derived=_placed(c.derived, place)) for c in relation.columns)
        key = alias if alias and alias not in self.relations else f"\0{place}"
        self.relations[key] = replace(relation, columns=columns, any_column=_placed(relation.any_column, place))

    @property
    def visible(self) -> list[Known]:
        """The relations whose columns bare names may mean."""
        return [r for a, r in self.relations.items() if a not in self.hidden]

    def resolve(self, parts: list[str], *, alias_first: bool = False) -> tuple[Derived, list[str]] | None:
        """What a dotted name means, and the fields of a struct that it goes on to; None where nothing in scope has it."""
        found = self._here(parts, alias_first=alias_first)
        if found is not None or self.outer is None:
            return found
        outer = self.outer.resolve(parts)
        return (replace(outer[0], shape=f"outer {outer[0].shape}"), outer[1]) if outer is not None else None

    def _here(self, parts: list[str], *, alias_first: bool) -> tuple[Derived, list[str]] | None:
        if len(parts) > 1:
            relation = self.relations.get(parts[0].casefold())
            column = relation.find(parts[1]) if relation is not None else None
            if column is not None:
                return column, parts[2:]
            if relation is not None and relation.is_sure and not self.owners(parts[0]):
                return None
        found = self._bare(parts[0], alias_first=alias_first)
        return (found, parts[1:]) if found is not None else None

    def _bare(self, name: str, *, alias_first: bool) -> Derived | None:
        folded = name.casefold()
        if alias_first and folded in self.aliases:
            return self.aliases[folded]
        if folded in self.joined:
            return self.joined[folded]
        found = [d for r in self.visible if r.columns is not None and (d := r.find(name)) is not None]
        sure = bool(found) and all(r.is_sure for r in self.visible)
        if not sure:
            found += [d for r in self.visible if r.columns is None and (d := r.find(name)) is not None]
            found += [self.aliases[folded]] if folded in self.aliases else []
        if not found and folded in self.relations:  # a whole row: `SELECT t FROM t`
            relation = self.relations[folded]
            return Derived(relation.everything, NOWHERE, shape("row", relation.whole))
        return found[0] if len(found) == 1 else merged(found, folded) if found else None

    def owners(self, name: str) -> list[str]:
        """The aliases of the relations that have a column of this name, where all of them are known and none joins it."""
        folded = name.casefold()
        if folded in self.joined or folded in self.aliases or not all(r.is_sure for r in self.visible):
            return []
        return [a for a, r in self.relations.items() if a not in self.hidden and r.find(name) is not None]

    @property
    def is_sure(self) -> bool:
        """Whether every column that a name here could mean is known."""
        return all(r.is_sure for r in self.relations.values()) and (self.outer is None or self.outer.is_sure)

    def names(self) -> Iterator[str]:
        """Every column that a name here could mean."""
        for relation in self.visible:
            yield from (c.name for c in relation.columns or () if c.name is not None)
        if self.outer is not None:
            yield from self.outer.names()


def _placed(derived: Derived, place: str) -> Derived:
    return replace(derived, shape=f"{place}.{derived.shape}")
