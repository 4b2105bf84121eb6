"""Renewing a lease for as long as it is held, from a thread of its own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from seeknal.errors import SeeknalError
from seeknal_sql_state import leases

if TYPE_CHECKING:
    from seeknal_sql_state.database import Database
    from seeknal_sql_state.leases import SqlLease

_BEATS = 3
_LEAVING_SECONDS = 5.0


class Heartbeat:
    """Renews a lease three times within its length; marks it as lost when someone else has it."""

    def __init__(self, database: Database, lease: SqlLease, seconds: float) -> None:
        self._database = database
        self._lease = lease
        self._seconds = seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"lease {lease.name}", daemon=True)

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    def stop(self) -> None:
        """Renew no more. A renewal that is under way is waited for, though not for ever: it finds the lease given back."""
        self._over.set()
        self._thread.join(_LEAVING_SECONDS)

    def _beat(self) -> None:
        while not self._over.wait(self._seconds / _BEATS):
            try:
                with self._database.writing() as connection:
                    renewed = leases.renew(connection, self._database, self._lease, self._seconds)
            except SeeknalError:
                continue  # the next beat tries again; if the lease is lost by then, the next commit says so
            if not renewed:
                self._lease.held = False
                return
