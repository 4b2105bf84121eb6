"""Many views that belong together, such as those that serve metrics: planned as a whole against one look at the server.

A definition is a materialized view, or a plain view over others of the set. The whole set costs two questions whatever its size;
what is unchanged costs no statement. A definition that changed is dropped and created anew, and what reads it with it. Only what
carries seeknal's mark is touched or, with `prune`, dropped.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from seeknal_starrocks import ddl, failures
from seeknal_starrocks.ddl import Distribution, MaterializedView, Refresh
from seeknal_starrocks.names import TableName, text
from seeknal_starrocks.views import MARK, fingerprint, marked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeknal_starrocks.views import Views

Action = Literal["create", "leave", "alter", "replace", "drop"]


@dataclass(frozen=True, slots=True)
class Definition:
    """One view of the set. `reads` are names of others in it that must stand before it; `refresh` is None for a plain view."""

    name: str
    query: str
    refresh: Refresh | None = None
    reads: tuple[str, ...] = ()
    distribution: Distribution | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A view of the server: what it is, its mark if it has one, and for a materialized view its refresh scheme."""

    kind: Literal["materialized", "view", "table"]
    mark: str | None
    refresh: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one name, and why."""

    name: str
    action: Action
    reason: str
    statements: tuple[str, ...] = ()


def found_in(views: Views, database: str) -> dict[str, Found]:
    """Everything in a database, in two questions. Raises ConnectionFailed."""
    is_here = f"WHERE TABLE_SCHEMA = {text(database)}"
    tables = views.ask(f"SELECT TABLE_NAME, TABLE_TYPE, TABLE_COMMENT FROM information_schema.tables {is_here}")
    found: dict[str, Found] = {}
    for name, kind, comment in tables:
        mark = MARK.search(str(comment or ""))
        found[str(name)] = Found("view" if "VIEW" in str(kind).upper() else "table", mark[1] if mark else None)
    known = views.ask(f"SELECT TABLE_NAME, REFRESH_TYPE, MATERIALIZED_VIEW_DEFINITION FROM information_schema.materialized_views {is_here}")
    for name, refresh, definition in known:
        mark = MARK.search(str(definition or ""))
        before = found.get(str(name))
        found[str(name)] = Found("materialized", mark[1] if mark else before.mark if before else None, str(refresh or ""))
    return found


def plan(definitions: Sequence[Definition], database: str, found: Mapping[str, Found], *, prune: bool = False) -> list[Step]:
    """What brings the server to the definitions, in an order in which every statement finds what it reads.

    Raises ConnectionFailed: SK-SR-002 for a name that is somebody else's, SK-CONN-009 for definitions that read each other in a circle.
    """
    steps: list[Step] = []
    renewed: set[str] = set()
    for one in _ordered(definitions):
        existing = found.get(one.name)
        name, made, mark = TableName(one.name, database), _statement(one, database), _mark(one, database)
        kind = "view" if one.refresh is None else "materialized"
        if existing is None:
            steps.append(Step(one.name, "create", "it does not exist", (made,)))
            renewed.add(one.name)
        elif existing.mark is None:
            raise failures.not_ours("a table or view", str(name))
        elif existing.mark != mark or existing.kind != kind:
            steps.append(Step(one.name, "replace", "its definition changed", (_drop(name, existing), made)))
            renewed.add(one.name)
        elif any(r in renewed for r in one.reads):
            steps.append(Step(one.name, "replace", "what it reads was made anew", (_drop(name, existing), made)))
            renewed.add(one.name)
        else:
            steps.append(Step(one.name, "leave", "unchanged"))
    if prune:
        wanted = {d.name for d in definitions}
        gone = sorted((n for n, f in found.items() if n not in wanted and f.mark), key=lambda n: (found[n].kind != "view", n))
        steps += [Step(n, "drop", "it is defined no more", (_drop(TableName(n, database), found[n]),)) for n in gone]
    return steps


def apply(views: Views, steps: Sequence[Step]) -> None:
    """Run the steps' statements. Raises ConnectionFailed naming the one that was refused; running again goes on from there."""
    for step in steps:
        for statement in step.statements:
            views.run(statement)


def _statement(one: Definition, database: str) -> str:
    name = TableName(one.name, database)
    if one.refresh is None:
        mark = f"seeknal:{_mark(one, database)}"
        comment = f"{ddl.cut(one.comment, ddl.LONGEST_COMMENT - len(mark) - 1)} {mark}".strip()
        return ddl.create_view(name, one.query, comment)
    made = _materialized(one, name)
    return marked(made).sql.replace(f"seeknal:{fingerprint(made)}", f"seeknal:{_mark(one, database)}")


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
