"""A state backend over a database: what `seeknal.plugin` promises, in terms of documents, leases and tables."""

from __future__ import annotations

import contextlib
import time
import uuid
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from seeknal.errors import SeeknalError
from seeknal.plugin import SCHEMA_VERSION, TABLES, LockedError, ProjectError, Snapshot, StateError
from seeknal_sql_state import documents, failures, layout, leases
from seeknal_sql_state.heartbeat import Heartbeat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, Row

    from seeknal.plugin import Change, Holder, Lease
    from seeknal_sql_state.database import Database
    from seeknal_sql_state.leases import SqlLease, Standing
    from seeknal_sql_state.options import Options

_POLL_SECONDS = 0.2
_PATIENCE_SECONDS = 10.0


class SqlBackend:
    """State of one project in a database."""

    def __init__(self, database: Database, options: Options) -> None:
        self._database = database
        self._tables = database.tables
        self._project = options.project
        self._lease_seconds = options.lease_seconds
        self._prepared = False

    # Reading

    def read(self) -> Snapshot:
        """Everything, as of one moment."""
        empty: dict[Any, dict[str, Any]] = {table: {} for table in TABLES}
        with self._looking() as connection:
            row = self._row(connection)
            if connection is None or row is None:
                return Snapshot(empty)
            try:
                return Snapshot(documents.read_all(connection, self._database, self._project), row.serial)
            except (ValueError, TypeError) as error:
                raise failures.damaged(self._database.place, str(error)) from None

    @contextlib.contextmanager
    def _looking(self) -> Iterator[Connection | None]:
        """A transaction that reads the tables; None where there are none yet."""
        if self._version() == 0:
            yield None
            return
        with self._database.reading() as connection:
            yield connection

    def _version(self) -> int:
        """The version of the tables, brought forward if it is an older one."""
        if self._prepared:
            return len(layout.MIGRATIONS)
        if not self._database.exists():
            return 0
        with self._database.reading() as connection:
            found = self._found(connection)
        if 0 < found < len(layout.MIGRATIONS):
            self._prepare()
        self._prepared = found > 0
        return found

    def _found(self, connection: Connection) -> int:
        return layout.version_of(connection, self._tables, self._database.place, alone=self._database.alone)

    def _row(self, connection: Connection | None) -> Row[Any] | None:
        """What is known of the project. Raises ProjectError for documents that only a newer version understands."""
        if connection is None:
            return None
        projects = self._tables.projects
        row = connection.execute(select(projects).where(projects.c.name == self._project)).one_or_none()
        if row is not None and _numbers(row.schema_version) > _numbers(SCHEMA_VERSION):
            message = f"the state in {self._database.place} has schema {row.schema_version}; this version reads up to {SCHEMA_VERSION}"
            raise ProjectError("SK-STATE-002", message, hint="upgrade seeknal: pip install --upgrade seeknal")
        return row

    # Writing

    def commit(self, changes: Sequence[Change], lease: Lease) -> None:
        """Apply the changes in one transaction, in which the lease is compared with who has it.

        Where the connection is lost, that is tried again for as long as the lease may last, though not for long.
        """
        if not isinstance(lease, leases.SqlLease) or not lease.held:
            raise self._lost(lease)
        if not changes:
            return
        deadline = time.monotonic() + min(self._lease_seconds, _PATIENCE_SECONDS)
        while True:
            try:
                self._commit(changes, lease)
            except StateError as error:
                if error.code != "SK-STATE-008" or time.monotonic() >= deadline:
                    raise
                self._database.close()
                time.sleep(_POLL_SECONDS)
            else:
                return

    def _commit(self, changes: Sequence[Change], lease: SqlLease) -> None:
        """One attempt. One whose answer got lost may have been successful: the same documents are put again then, which changes nothing."""
        projects = self._tables.projects
        with self._database.writing() as connection:
            if not leases.is_held(connection, self._database, lease):
                lease.held = False
            else:
                counted = {"serial": projects.c.serial + 1, "schema_version": SCHEMA_VERSION}
                connection.execute(update(projects).where(projects.c.name == self._project).values(**counted))
                documents.write(connection, self._database, self._project, changes)
        if not lease.held:
            raise self._lost(lease)

    def _lost(self, lease: Lease) -> StateError:
        now = None
        with contextlib.suppress(SeeknalError):
            now = self.holder(lease.name)
        taken = f"; it was taken over by {now}" if now else ""
        return StateError(
            "SK-STATE-007",
            f"the lease of '{lease.name}' is no longer held{taken}: nothing was committed",
            hint="this process was paused or cut off for longer than lease_seconds; run again",
        )

    def settle(self) -> None:
        """Let the database put in order what was committed."""
        self._database.settle()

    def _prepare(self) -> None:
        """Make the tables what they should be, and a row for the project. Raises ProjectError where nothing may be written."""
        with self._database.preparing() as connection:
            layout.bring_forward(connection, self._tables, self._found(connection), _writer())
            if self._row(connection) is None:
                now = datetime.now(UTC).isoformat(timespec="seconds")
                made = {
                    "name": self._project,
                    "lineage": str(uuid.uuid4()),
                    "serial": 0,
                    "schema_version": SCHEMA_VERSION,
                    "created_at": now,
                }
                connection.execute(self._database.insert_if_missing(self._tables.projects, ("name",)), made)
        self._prepared = True

    # Leases

    @contextlib.contextmanager
    def lease(self, name: str, holder: Holder, wait_seconds: float = 0) -> Iterator[Lease]:
        """Hold the lease as a row that is renewed."""
        self._prepare()
        lease = self._acquire(name, holder, time.monotonic() + wait_seconds)
        heartbeat = Heartbeat(self._database, lease, self._lease_seconds)
        heartbeat.start()
        try:
            yield lease
        finally:
            lease.held = False
            heartbeat.stop()
            with contextlib.suppress(SeeknalError), self._database.writing() as connection:  # unreachable: it expires by itself
                leases.give_back(connection, self._database, lease)
            self._database.close()

    def _acquire(self, name: str, holder: Holder, deadline: float) -> SqlLease:
        while True:
            try:
                with self._database.writing() as connection:
                    taken = leases.take(connection, self._database, self._project, name, holder, self._lease_seconds)
            except LockedError:
                if time.monotonic() >= deadline:
                    raise
                continue  # whoever has the row locked has it for a moment only, and that was waited for
            if isinstance(taken, leases.SqlLease):
                return taken
            if time.monotonic() >= deadline:
                raise _in_use(name, taken)
            time.sleep(_POLL_SECONDS)

    def holder(self, name: str) -> Holder | None:
        """Who holds the lease, if it has not expired."""
        with self._looking() as connection:
            now = None if connection is None else leases.standing(connection, self._database, self._project, name)
        return None if now is None or now.free else now.holder

    def unlock(self, name: str) -> Holder | None:
        """Free the lease of a process that is gone. One that renews its lease is alive, on whatever machine."""
        if self._version() == 0:
            return None
        with self._database.writing() as connection:
            now = leases.standing(connection, self._database, self._project, name, lock=True)
            if now is None or now.holder is None:
                return None
            if not now.free:
                raise _in_use(name, now)
            leases.free(connection, self._database, self._project, name)
        return now.holder

    # Describing

    def describe(self) -> dict[str, str | int]:
        """Where the state is and what is in it."""
        table = self._tables.documents
        counts: dict[str, int] = dict.fromkeys(TABLES, 0)
        size, row = 0, None
        with self._looking() as connection:
            row = self._row(connection)
            if connection is not None:
                sizes = select(table.c.kind, func.count(), func.sum(func.length(table.c.value)))
                for kind, count, length in connection.execute(sizes.where(table.c.project == self._project).group_by(table.c.kind)):
                    counts[kind] = count
                    size += int(length)
        return {
            "backend": self._database.name, "path": self._database.place, "project": self._project, "schema_version": SCHEMA_VERSION,
            "lineage": row.lineage if row else "", "serial": row.serial if row else 0, "bytes": size, **counts,
        }  # fmt: skip


def _in_use(name: str, now: Standing) -> LockedError:
    who = now.holder or "another process"
    hint = f"wait for it with --wait; the lease ends in {max(0.0, now.seconds_left):.0f} s unless it is renewed, as it is while its holder lives"
    return LockedError("SK-LOCK-001", f"environment '{name}' is in use by {who}", hint=hint)


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(".") if part.isdecimal()]


def _writer() -> str:
    try:
        return f"seeknal-sql-state {version('seeknal-sql-state')}"
    except PackageNotFoundError:
        return "seeknal-sql-state"
