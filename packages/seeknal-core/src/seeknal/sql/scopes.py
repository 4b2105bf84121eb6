"""What names mean within one SELECT."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from seeknal.nodes import fold
from seeknal.sql.relations import NOWHERE, Derived, Known, RelationColumn, merged, shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass
class Scope:
    """The relations one SELECT reads, by alias; columns that USING and NATURAL joined, and whose they are; its aliases and named windows; the scope around it.

    A relation's place in FROM is part of the shape of what is taken from it: two uses of one input are two relations. So is how deep the
    scope lies, for those within it: a CTE may be read further inside than where it is written.
    """

    outer: Scope | None = None
    relations: dict[str, Known] = field(default_factory=dict)
    joined: dict[str, Derived] = field(default_factory=dict)
    members: dict[str, frozenset[str]] = field(default_factory=dict)
    aliases: dict[str, Derived] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    windows: Derived | None = None
    first: int = 0
    depth: int = field(init=False)

    def __post_init__(self) -> None:
        """Count the scopes around it."""
        self.depth = self.outer.depth + 1 if self.outer is not None else 0

    def add(self, alias: str, relation: Known) -> None:
        """Put a relation of FROM into scope."""
        place = str(self.first + len(self.relations))
        columns = None
        if relation.columns is not None:
            columns = tuple(RelationColumn(c.name, _placed(c.derived, place), c.label, c.uncast, c.spreads) for c in relation.columns)
        key = alias if alias and alias not in self.relations else f"\0{place}"
        self.relations[key] = replace(relation, columns=columns, any_column=_placed(relation.any_column, place))

    @property
    def visible(self) -> list[Known]:
        """The relations whose columns bare names may mean."""
        return [r for a, r in self.relations.items() if a not in self.hidden]

    def join(self, name: str, sides: tuple[Scope, Scope], kind: str) -> Derived:
        """Make one column of those of this name on both sides of a join."""
        folded = fold(name)
        found = [side.resolve([name]) for side in sides]
        both = merged([d[0] for d in found if d is not None], "using", kind)
        self.joined[folded] = both
        self.members[folded] = frozenset().union(*(side.having(folded) for side in sides))
        return both

    def having(self, folded: str) -> frozenset[str]:
        """The relations whose column a bare name means."""
        return self.members.get(folded) or frozenset(
            a for a, r in self.relations.items() if a not in self.hidden and r.find(folded) is not None
        )

    def hide(self, aliases: Iterable[str]) -> None:
        """Leave relations out of sight that only decided the rows; their names may be given again."""
        gone = set(aliases)
        self.relations = {f"\0{i} {a}" if a in gone else a: r for i, (a, r) in enumerate(self.relations.items())}
        self.hidden |= {a for a in self.relations if a.startswith("\0") and a.partition(" ")[2] in gone}

    def within(self, scope: Scope) -> None:
        """Take over what was joined in parentheses."""
        self.relations |= scope.relations
        self.joined |= scope.joined
        self.members |= scope.members
        self.hidden |= scope.hidden

    def resolve(self, parts: list[str], *, alias_too: bool = False) -> tuple[Derived, list[str]] | None:
        """What a dotted name means, and the fields of a struct that it goes on to; None where nothing in scope has it.

        With `alias_too` a name that is an alias of the select as well as a column may mean either. Where a relation's columns are not known, so
        that it may or may not have the name, the scopes around this one are asked as well.
        """
        found: list[tuple[Derived, list[str]]] = []
        scope: Scope | None = self
        while scope is not None:
            here, sure = scope.here(parts, alias_too=alias_too or scope is not self)
            if scope is not self:
                here = [(replace(d, shape=f"outer {scope.depth} {d.shape}"), fields) for d, fields in here]
            found += here
            if sure:
                break
            scope = scope.outer
        if not found:
            return None
        if len(found) == 1:
            return found[0]
        fields = max((f for _, f in found), key=len)
        return merged((d for d, _ in found), "either", *(f"{len(f)}" for _, f in found)), fields

    def here(self, parts: list[str], *, alias_too: bool) -> tuple[list[tuple[Derived, list[str]]], bool]:
        """What a name may mean in this scope, and whether it certainly means one of those."""
        found: list[tuple[Derived, list[str]]] = []
        if len(parts) > 1:
            relation = self.relations.get(fold(parts[0]))
            column = relation.find(parts[1]) if relation is not None else None
            if relation is not None and column is not None:
                if relation.exact(fold(parts[1])) is not None:
                    return [(column, parts[2:])], True
                found.append((column, parts[2:]))
        bare, sure = self._bare(parts[0], alias_too=alias_too, row=len(parts) == 1)
        # `d.f` is the field of a column here, or a column of a relation further out: which of them depends on types
        return [*found, *((d, parts[1:]) for d in bare)], sure and not found and len(parts) == 1

    def _bare(self, name: str, *, alias_too: bool, row: bool) -> tuple[list[Derived], bool]:
        folded = fold(name)
        alias = self.aliases.get(folded)
        joined = self.joined.get(folded)
        members = self.members.get(folded, frozenset())
        others = [r for a, r in self.relations.items() if a not in self.hidden and a not in members]
        found = [] if joined is None else [joined]
        found += [c.derived for r in others if (c := r.exact(folded)) is not None]
        if found:
            return ([*found, alias] if alias_too and alias is not None and alias not in found else found), True
        found = [d for r in self.visible if not r.is_sure and (d := r.find(name)) is not None]
        found += [alias] if alias is not None else []
        if row and folded in self.relations:  # `SELECT t FROM t`
            relation = self.relations[folded]
            found.append(Derived(relation.everything, NOWHERE, shape("row", relation.whole)))
        return found, False

    def spelled(self, parts: list[str]) -> str | None:
        """How the relation that has it spells a column's name; None where it is not certain that it is a column."""
        folded = fold(parts[-1])
        if len(parts) == 1:
            return next((c.name for r in self.visible if (c := r.exact(folded)) is not None), None)
        relation = self.relations.get(fold(parts[0]))
        column = relation.exact(folded) if relation is not None and len(parts) == 2 else None  # noqa: PLR2004 - a relation and a column
        return column.name if column is not None else None

    def owners(self, name: str) -> list[str]:
        """The aliases of the relations that have a column of this name, where all of them are known and none joins it."""
        folded = fold(name)
        if folded in self.joined or folded in self.aliases or not all(r.is_sure for r in self.visible):
            return []
        return [a for a, r in self.relations.items() if a not in self.hidden and r.exact(folded) is not None]

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
    return Derived(derived.value, derived.filter, f"{place}.{derived.shape}")
