"""What a place to keep state does. Implement this to bring another; `seeknal.testing.StateSuite` holds it to its word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from seeknal.state.model import Change, Snapshot


CLEANING = "+cleaning"
"""The lease under which environments are made and outputs removed, so that nothing is removed while an environment comes to be that uses it.

It is no name that an environment can have.
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease: shown to whoever is kept waiting."""

    run_id: str
    host: str
    pid: int
    command: str
    since: str

    def __str__(self) -> str:
        return f"run {self.run_id} (`{self.command}`, pid {self.pid} on {self.host}) since {self.since}"


class Lease(Protocol):
    """The right to write to one environment, until it is released or its holder dies."""

    name: str


class StateBackend(Protocol):
    """Keeps the tables of `seeknal.state.model`. Methods may be called from one thread at a time."""

    def read(self) -> Snapshot:
        """Everything, as of one moment. Takes no lock. Raises ProjectError for state of a newer schema: nothing may be written then."""
        ...

    def commit(self, changes: Sequence[Change], lease: Lease) -> None:
        """Apply all changes or none, durably, before returning. Raises StateError when the lease is no longer held."""
        ...

    def lease(self, name: str, holder: Holder, wait_seconds: float = 0) -> AbstractContextManager[Lease]:
        """Hold the lease of this name for the length of a `with` block.

        Raises LockedError naming the holder when it cannot be had within `wait_seconds`.
        """
        ...

    def holder(self, name: str) -> Holder | None:
        """Who holds a lease now."""
        ...

    def unlock(self, name: str) -> Holder | None:
        """Free a lease by hand. Returns who held it. Raises LockedError when its holder is alive on this machine."""
        ...

    def settle(self) -> None:
        """Put what was committed into its final form. Called at the end of a run."""
        ...

    def describe(self) -> dict[str, str | int]:
        """What `seeknal state info` shows: where it is, its size, schema version, serial."""
        ...
