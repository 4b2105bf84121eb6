"""Materialized views: compared with what the server has, then left, altered, or replaced.

A view carries seeknal's mark in its comment, with a fingerprint of what cannot be altered: its query, distribution, partitions and sort
keys. Only what carries a mark is ever touched. Refresh scheme and properties are compared with what SHOW CREATE says, and altered. A view
whose definition changed is replaced: the new one is made beside it, filled, and exchanged with SWAP; or dropped and created.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import pymysql
import sqlglot
from sqlglot import TokenType

from seeknal.errors import ConnectionFailed
from seeknal_drivers.mysql.errors import said
from seeknal_starrocks import ddl, failures, wire
from seeknal_starrocks.exposures import refresh_of
from seeknal_starrocks.names import DIALECT, TableName, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from seeknal_drivers.mysql.connecting import Connection
    from seeknal_starrocks.ddl import MaterializedView
    from seeknal_starrocks.settings import Login

Action = Literal["create", "leave", "alter", "replace", "activate"]
MARK = re.compile(r"seeknal:([0-9a-f]{16})")
_UNKNOWN = (5502, 1146, 1051)
_UNKNOWN_WORDS = ("unknown", "not found", "not exist", "doesn't exist")
_NOT_YET = "a view with `sql` waits for no other node: if an exposure of this project loads that table, run again, or give the view an input instead"
_DONE, _FAILED = ("SUCCESS", "SKIPPED", "MERGED"), ("FAILED",)
_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


@dataclass(frozen=True, slots=True)
class Existing:
    """A view as the server has it. `fingerprint` is None where seeknal did not make it; `failed` is why its last refresh did, if it did."""

    fingerprint: str | None
    refresh: str
    properties: Mapping[str, str]
    active: bool
    problem: str = ""
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done about one view, and why: the statements, in order; then `fresh`, where a new version stands beside it, is filled, and exchanged."""

    view: MaterializedView
    action: Action
    reason: str
    statements: tuple[str, ...] = ()
    fresh: TableName | None = None


def fingerprint(view: MaterializedView) -> str:
    """A fingerprint of what ALTER cannot change."""
    parts = [view.query, view.partition_by or "", view.distribution.sql if view.distribution else "", *view.order_by]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def marked(view: MaterializedView) -> MaterializedView:
    """The view with seeknal's mark in its comment."""
    mark = f"seeknal:{fingerprint(view)}"
    return replace(view, comment=f"{ddl.cut(view.comment, ddl.LONGEST_COMMENT - len(mark) - 1)} {mark}".strip())


def plan(view: MaterializedView, existing: Existing | None, *, swap: bool = True, renewed: bool = False) -> Change:
    """What would bring the server's view to what is wanted; `renewed` says that the table under it was exchanged for another.

    Raises ConnectionFailed (SK-SR-002) where it is somebody else's.
    """
    wanted = marked(view)
    if existing is None:
        return Change(view, "create", "it does not exist", (wanted.sql,))
    if existing.fingerprint is None:
        raise failures.not_ours("materialized view", str(view.name))
    if existing.fingerprint != fingerprint(view):
        return _replacing(wanted, "its definition changed", swap=swap)
    if renewed:
        return _replacing(wanted, "the table under it was exchanged", swap=swap)
    statements = []
    if _scheme(existing.refresh) != view.refresh.scheme:
        statements.append(ddl.alter_refresh(view.name, view.refresh))
    different = {k: v for k, v in view.properties.items() if existing.properties.get(k) != v}
    if different:
        statements.append(ddl.alter_properties(view.name, different))
    if statements:
        return Change(view, "alter", "its refresh or properties changed", tuple(statements))
    if not existing.active:
        return Change(view, "activate", f"it is inactive: {existing.problem}", (f"ALTER MATERIALIZED VIEW {view.name.sql} ACTIVE",))
    return Change(view, "leave", "unchanged")


def _replacing(view: MaterializedView, reason: str, *, swap: bool) -> Change:
    if not swap:  # nothing is dropped for a query that the server would refuse
        return Change(view, "replace", reason, (f"EXPLAIN {view.query}", ddl.drop_materialized_view(view.name), view.sql))
    fresh = spare(view.name)
    beside = replace(
        view, name=fresh, refresh=replace(view.refresh, moment="DEFERRED")
    )  # it is filled in a moment, while somebody waits for that
    return Change(view, "replace", reason, (ddl.drop_materialized_view(fresh), beside.sql), fresh)


def spare(name: TableName) -> TableName:
    """Where the new version of a view is made: beside it, under a name of its own."""
    return name.beside(f"seeknal_new_{hashlib.sha256(str(name).encode()).hexdigest()[:16]}")


def _scheme(shown: str) -> str:
    """A refresh scheme as seeknal writes it, whatever the server's spelling."""
    try:
        return refresh_of(shown).scheme
    except ValueError:
        return shown


class Views:
    """The materialized views of a server, over one connection."""

    def __init__(self, login: Login, connection: Connection) -> None:
        self._login = login
        self._connection = connection

    def existing(self, name: TableName) -> Existing | None:
        """A view as the server has it; None where there is none. Raises ConnectionFailed (SK-SR-002) for a table of this name."""
        try:
            shown = wire.rows(self._connection, f"SHOW CREATE MATERIALIZED VIEW {name.sql}")
        except pymysql.Error as error:
            code, reason = said(self._login, error)
            if code not in _UNKNOWN and not any(words in reason.casefold() for words in _UNKNOWN_WORDS):
                raise wire.explain(self._login, error) from None
            shown = []
        if not shown:
            if self._rows(f"SELECT TABLE_TYPE FROM information_schema.tables WHERE {_is(name)}"):
                raise failures.not_ours("a table or view", str(name))
            return None
        state = self._rows(
            "SELECT IS_ACTIVE, INACTIVE_REASON, LAST_REFRESH_STATE, LAST_REFRESH_ERROR_MESSAGE FROM information_schema.materialized_views"
            f" WHERE {_is(name)}"
        )
        active, problem, last, why = (str(v or "") for v in state[0]) if state else ("true", "", "", "")
        refresh, properties = understood(str(shown[0][1]))
        mark = MARK.search(_head(str(shown[0][1])))
        failed = (why or "the server gives no reason") if last.upper() in _FAILED else None
        return Existing(mark[1] if mark else None, refresh, properties, active.lower() in ("true", "1"), problem, failed)

    def apply(self, change: Change, timeout: float) -> None:
        """Run a change's statements. Raises ConnectionFailed naming the one that was refused; what stood before still stands where SWAP is used."""
        for statement in change.statements:
            self.run(statement)
        if change.fresh is None:
            return
        try:
            if change.view.refresh.moment != "DEFERRED":  # or nobody wants it filled before its time
                self.refresh(change.fresh, timeout, shown=change.view.name)
            self.run(ddl.swap_materialized_views(change.view.name, change.fresh))
        finally:
            with contextlib.suppress(ConnectionFailed):  # the next version drops it first, too
                self.run(ddl.drop_materialized_view(change.fresh))

    def refresh(
        self, name: TableName, timeout: float, progress: Callable[[str], object] | None = None, shown: TableName | None = None
    ) -> None:
        """Refresh a view and wait until it is done; messages call it `shown`. Raises ConnectionFailed (SK-SR-003)."""
        answer = self._change(ddl.refresh_view(name))
        called = str(shown or name)
        deadline, pause, before = time.monotonic() + timeout, _PAUSE, ""
        if not answer:  # servers before 3.1 do not say what to ask after
            self._change(f"{ddl.refresh_view(name)} WITH SYNC MODE")
        while answer:
            found = self._rows(
                f"SELECT STATE, PROGRESS, ERROR_MESSAGE FROM information_schema.task_runs WHERE QUERY_ID = {text(str(answer[0][0]))}"
            )
            state, share, problem = (str(v or "") for v in found[0]) if found else ("PENDING", "", "")
            if state.upper() in _DONE:
                return
            if state.upper() in _FAILED:
                raise failures.refresh_failed(called, problem or "the server gives no reason")
            if progress is not None and f"{state} {share}" != before:
                before = f"{state} {share}"
                progress(f"{called}: {before.strip().lower()}")
            if time.monotonic() > deadline:
                raise failures.refresh_failed(called, f"it is {state.lower()} after {timeout:.0f} s, and goes on")
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def run(self, statement: str) -> None:
        """Run a statement that changes something. Raises ConnectionFailed."""
        self._change(statement)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a small result. Raises ConnectionFailed."""
        return self._rows(query)

    def _change(self, statement: str) -> list[tuple[Any, ...]]:
        try:
            return wire.rows(self._connection, statement)
        except pymysql.Error as error:
            failure = wire.explain(self._login, error, statement)
            if failure.hint is None and any(word in str(error).casefold() for word in _UNKNOWN_WORDS):
                failure.hint = _NOT_YET
            raise failure from None

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        try:
            return wire.rows(self._connection, query)
        except pymysql.Error as error:
            raise wire.explain(self._login, error) from None


def _is(name: TableName) -> str:
    return f"TABLE_SCHEMA = {text(name.database or '')} AND TABLE_NAME = {text(name.name)}"


def _head(statement: str) -> str:
    """What stands before the query."""
    return next((statement[: t.start] for t in _tokens(statement) if t.token_type == TokenType.ALIAS), statement)


def understood(statement: str) -> tuple[str, dict[str, str]]:
    """The refresh scheme and the properties in what SHOW CREATE says."""
    tokens = list(_tokens(_head(statement)))
    words = [t.text.upper() for t in tokens]
    properties: dict[str, str] = {}
    ends = len(tokens)
    if "PROPERTIES" in words:
        ends = words.index("PROPERTIES")
        values = [t.text for t in tokens[ends:] if t.token_type in (TokenType.STRING, TokenType.IDENTIFIER)]
        properties = dict(zip(values[::2], values[1::2], strict=False))
    if "REFRESH" not in words[:ends]:
        return "ASYNC", properties
    first = words.index("REFRESH") + 1
    stops = [i for i in range(first, ends) if words[i] in ("PARTITION", "DISTRIBUTED", "ORDER", "PROPERTIES")]
    last = min([*stops, ends])
    head = _head(statement)
    scheme = head[tokens[first].start : tokens[last - 1].end + 1] if last > first else "ASYNC"
    return " ".join(scheme.split()), properties


def _tokens(statement: str) -> Iterable[Any]:
    return sqlglot.tokenize(statement, read=DIALECT)
