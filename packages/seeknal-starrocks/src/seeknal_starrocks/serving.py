"""Many views that belong together, such as those that serve metrics: planned as a whole against one look at the server.

A definition is a materialized view, or a plain view over others of the set. The whole set costs a few questions whatever its size;
what is unchanged costs no statement. A definition that changed is dropped and created anew, and what reads it with it. Only what
carries the mark of the set's owner is touched or, with `prune`, dropped: not what exposures or other projects made.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from seeknal_starrocks import ddl, failures
from seeknal_starrocks.ddl import Distribution, MaterializedView, Refresh
from seeknal_starrocks.names import TableName, check_name, text
from seeknal_starrocks.views import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seeknal_starrocks.views import Views

Action = Literal["create", "leave", "replace", "drop"]
_TEXT = ("CHAR", "VARCHAR", "STRING", "TEXT")
_MARK = re.compile(r"seeknal:([\w-]+):([0-9a-f]{16})")


@dataclass(frozen=True, slots=True)
class Definition:
    """One view of the set. `refresh` is None for a plain view.

    `reads` are names of others in the set that must stand before it, `tables` what it reads besides.
    """

    name: str
    query: str
    refresh: Refresh | None = None
    reads: tuple[str, ...] = ()
    distribution: Distribution | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    comment: str | None = None
    tables: tuple[TableName, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A table or view of the server: what it is, and whose and which definition it was made from, where it is marked."""

    kind: Literal["materialized", "view", "table"]
    owner: str | None = None
    mark: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one name, and why."""

    name: str
    action: Action
    reason: str
    statements: tuple[str, ...] = ()
    query: str | None = None
    """What is tried before something is dropped for it."""


def found_in(views: Views, database: str) -> dict[str, Found]:
    """Everything in a database, in two questions. Raises ConnectionFailed."""
    is_here = f"WHERE TABLE_SCHEMA = {text(database)}"
    tables = views.ask(f"SELECT TABLE_NAME, TABLE_TYPE, TABLE_COMMENT FROM information_schema.tables {is_here}")
    found = {str(name): _found("view" if "VIEW" in str(kind).upper() else "table", str(comment or "")) for name, kind, comment in tables}
    known = views.ask(f"SELECT TABLE_NAME, MATERIALIZED_VIEW_DEFINITION FROM information_schema.materialized_views {is_here}")
    for name, definition in known:
        made = _found("materialized", str(definition or ""))
        before = found.get(str(name), made)
        found[str(name)] = made if made.mark else Found("materialized", before.owner, before.mark)
    return found


def column_types(views: Views, tables: Mapping[str, TableName], database: str) -> dict[str, dict[str, str]]:
    """The types of the columns of tables, under the names that the tables are given by, in one question. Raises ConnectionFailed."""
    if not tables:
        return {}
    wanted: dict[str, list[str]] = {}
    for table in dict.fromkeys(tables.values()):
        wanted.setdefault(table.database or database, []).append(text(table.name))
    are_wanted = " OR ".join(f"(TABLE_SCHEMA = {text(schema)} AND TABLE_NAME IN ({', '.join(names)}))" for schema, names in wanted.items())
    found: dict[tuple[str, str], dict[str, str]] = {}
    for schema, name, column, type_ in views.ask(
        f"SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, COLUMN_TYPE FROM information_schema.columns WHERE {are_wanted}"
    ):
        kind = str(type_).partition("(")[0].strip().upper()
        found.setdefault((str(schema), str(name)), {})[str(column).lower()] = "VARCHAR" if kind in _TEXT else kind
    return {relation: found.get((t.database or database, t.name), {}) for relation, t in tables.items()}


def _found(kind: Literal["materialized", "view", "table"], comment: str) -> Found:
    mark = _MARK.search(comment)
    return Found(kind, mark[1], mark[2]) if mark else Found(kind)


def plan(definitions: Sequence[Definition], database: str, found: Mapping[str, Found], owner: str, *, prune: bool = False) -> list[Step]:
    """What brings the server to the definitions, in an order in which every statement finds what it reads.

    Raises ConnectionFailed: SK-SR-002 for a name that is somebody else's, SK-CONN-009 for definitions that read each other in a circle.
    """
    steps: list[Step] = []
    renewed: set[str] = set()
    for one in _ordered(definitions):
        existing = found.get(one.name)
        name, made, mark = TableName(one.name, database), _statement(one, database, owner), _mark(one, database)
        kind = "view" if one.refresh is None else "materialized"
        check_name(one.name, one.name)
        if existing is None:
            steps.append(Step(one.name, "create", "it does not exist", (made,)))
            renewed.add(one.name)
        elif existing.owner != owner:
            raise failures.not_ours("a table or view", str(name))
        elif existing.mark != mark or existing.kind != kind:
            steps.append(Step(one.name, "replace", "its definition changed", (_drop(name, existing), made), one.query))
            renewed.add(one.name)
        elif any(r in renewed for r in one.reads):
            steps.append(Step(one.name, "replace", "what it reads was made anew", (_drop(name, existing), made), one.query))
            renewed.add(one.name)
        else:
            steps.append(Step(one.name, "leave", "unchanged"))
    if prune:
        wanted = {d.name for d in definitions}
        gone = sorted((n for n, f in found.items() if n not in wanted and f.owner == owner), key=lambda n: (found[n].kind != "view", n))
        steps += [Step(n, "drop", "it is defined no more", (_drop(TableName(n, database), found[n]),)) for n in gone]
    return steps


def with_readers(
    definitions: Sequence[Definition],
    others: Callable[[], Sequence[Definition]],
    database: str,
    found: Mapping[str, Found],
    owner: str,
) -> list[Definition]:
    """The definitions, and those of `others` that stand on the server and read what will be made anew, with what these read in turn.

    `others` are asked for only where something that is read is made anew.
    """
    chosen = {d.name: d for d in definitions}
    known: dict[str, Definition] = {}
    while True:
        renewed = {s.name for s in plan(list(chosen.values()), database, found, owner) if s.action != "leave"}
        if not known and renewed & {r for d in chosen.values() for r in d.reads}:
            known = {d.name: d for d in others()}
        readers = [d for d in known.values() if d.name not in chosen and renewed & set(d.reads) and _is_of(owner, found.get(d.name))]
        if not readers:
            return list(chosen.values())
        wanted = [*readers, *(known[r] for d in readers for r in d.reads if r in known)]
        chosen = {**{d.name: d for d in wanted}, **chosen}


def _is_of(owner: str, found: Found | None) -> bool:
    return found is not None and found.owner == owner


def missing(definitions: Sequence[Definition], database: str, found: Mapping[str, Found]) -> list[str]:
    """Tables that definitions read and the database has not. What is elsewhere is for the server to say."""
    here = {t.name for d in definitions for t in d.tables if t.database in (None, database) and t.catalog is None}
    return sorted(here - set(found))


def apply(views: Views, steps: Sequence[Step]) -> None:
    """Run the steps' statements. Raises ConnectionFailed naming the one that was refused; running again goes on from there.

    Nothing is dropped for a query that the server would refuse.
    """
    for step in steps:
        if step.query is not None:
            views.run(f"EXPLAIN {step.query}")
        for statement in step.statements:
            views.run(statement)


def _statement(one: Definition, database: str, owner: str) -> str:
    name, mark = TableName(one.name, database), f"seeknal:{owner}:{_mark(one, database)}"
    comment = f"{ddl.cut(one.comment, ddl.LONGEST_COMMENT - len(mark) - 1)} {mark}".strip()
    if one.refresh is None:
        return ddl.create_view(name, one.query, comment)
    return replace(_materialized(one, name), comment=comment).sql


def _materialized(one: Definition, name: TableName) -> MaterializedView:
    refresh = one.refresh or Refresh()
    return MaterializedView(name, one.query, refresh, None, one.distribution, (), one.properties, one.comment)


def _mark(one: Definition, database: str) -> str:
    """A fingerprint of all of a definition: unlike an exposure's, a view of a set is never altered."""
    made = _materialized(one, TableName(one.name, database))
    parts = [fingerprint(made), one.refresh.sql if one.refresh else "", repr(sorted(one.properties.items())), one.comment or ""]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _drop(name: TableName, existing: Found) -> str:
    return ddl.drop_materialized_view(name) if existing.kind == "materialized" else f"DROP VIEW IF EXISTS {name.sql}"


def _ordered(definitions: Sequence[Definition]) -> list[Definition]:
    """What is read before what reads it, otherwise as given."""
    known = {d.name: d for d in definitions}
    done: dict[str, Definition] = {}
    waiting = list(definitions)
    while waiting:
        ready = [d for d in waiting if all(r in done or r not in known for r in d.reads)]
        if not ready:
            raise failures.unusable(f"views read each other in a circle: {', '.join(sorted(d.name for d in waiting))}")
        done.update((d.name, d) for d in ready)
        waiting = [d for d in waiting if d.name not in done]
    return list(done.values())
