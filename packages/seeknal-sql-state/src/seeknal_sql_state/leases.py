"""Leases as rows: who may write to an environment, until when, and for the how-manyth time it was taken.

The `token` counts how often a lease was taken. Whoever takes it over counts it up; a commit compares it under the row's lock, in its
own transaction. A holder that slept through its lease's end and wakes up therefore cannot commit: the token is not its own any more.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from seeknal.plugin import Holder
from seeknal.processes import is_gone, this_machine, this_process

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from seeknal_sql_state.database import Database

_ROW = ("project", "name")


@dataclass
class SqlLease:
    """A lease that was taken. `held` turns False when it is given back, or found to be taken over."""

    project: str
    name: str
    token: int
    held: bool = True


@dataclass(frozen=True, slots=True)
class Standing:
    """A lease as its row has it: who holds it, for how many seconds more, and whether its process is known to be gone."""

    token: int
    holder: Holder | None
    seconds_left: float
    abandoned: bool

    @property
    def free(self) -> bool:
        """Whether anyone may take it."""
        return self.seconds_left <= 0 or self.abandoned


def standing(connection: Connection, database: Database, project: str, name: str, *, lock: bool = False) -> Standing | None:
    """How it stands with a lease; None when it was never taken. `lock` keeps the row as it is until the transaction ends."""
    leases = database.tables.leases
    left = (leases.c.lease_until - database.clock).label("seconds_left")
    query = select(leases.c.token, leases.c.holder, leases.c.machine, leases.c.process, left).where(*_is(database, project, name))
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        return None
    return Standing(row.token, _holder(row.holder), row.seconds_left, is_gone(row.machine, row.process))


def take(connection: Connection, database: Database, project: str, name: str, holder: Holder, seconds: float) -> SqlLease | Standing:
    """Take a lease that is free; otherwise say how it stands."""
    now = standing(connection, database, project, name, lock=True)
    if now is None:
        connection.execute(database.insert_if_missing(database.tables.leases, _ROW), _new(project, name))
        now = standing(connection, database, project, name, lock=True)
    if now is None or not now.free:
        return now or Standing(0, None, seconds, abandoned=False)
    token = now.token + 1
    _set(
        connection,
        database,
        project,
        name,
        {
            "token": token,
            "lease_until": database.clock + seconds,
            "holder": json.dumps(asdict(holder)),
            "machine": this_machine(),
            "process": this_process(),
        },
    )
    return SqlLease(project, name, token)


def renew(connection: Connection, database: Database, lease: SqlLease, seconds: float) -> bool:
    """Hold a lease for some seconds more. Returns whether it still was this holder's."""
    return _set(connection, database, lease.project, lease.name, {"lease_until": database.clock + seconds}, lease.token)


def give_back(connection: Connection, database: Database, lease: SqlLease) -> None:
    """Free a lease, unless another has it by now."""
    _set(connection, database, lease.project, lease.name, _FREE, lease.token)


def free(connection: Connection, database: Database, project: str, name: str) -> None:
    """Free a lease whoever has it, so that its holder can no longer commit."""
    _set(connection, database, project, name, {**_FREE, "token": database.tables.leases.c.token + 1})


def is_held(connection: Connection, database: Database, lease: SqlLease) -> bool:
    """Whether a lease is still this holder's; it stays so until the transaction ends."""
    now = standing(connection, database, lease.project, lease.name, lock=True)
    return now is not None and now.token == lease.token and now.holder is not None


_FREE: dict[str, Any] = {"lease_until": 0.0, "holder": None, "machine": None, "process": None}


def _new(project: str, name: str) -> dict[str, Any]:
    return {"project": project, "name": name, "token": 0, **_FREE}


def _set(connection: Connection, database: Database, project: str, name: str, values: dict[str, Any], token: int | None = None) -> bool:
    """Change the row; with `token`, only if the lease is still held by whoever took it that time."""
    leases = database.tables.leases
    mine = () if token is None else (leases.c.token == token, leases.c.holder.is_not(None))
    return connection.execute(update(leases).where(*_is(database, project, name), *mine).values(**values)).rowcount == 1


def _is(database: Database, project: str, name: str) -> tuple[ColumnElement[bool], ...]:
    leases = database.tables.leases
    return (leases.c.project == project, leases.c.name == name)


def _holder(text: str | None) -> Holder | None:
    try:
        return None if text is None else Holder(**json.loads(text))
    except (ValueError, TypeError):
        return Holder("unknown", "unknown", 0, "unknown", "unknown")
