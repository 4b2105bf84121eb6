"""State from outputs alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.state.model import Change

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seeknal.state.backend import Lease, StateBackend
    from seeknal.state.model import Artifact


def rebuild(backend: StateBackend, lease: Lease, artifacts: Iterable[Artifact]) -> int:
    """Record every output that exists, and forget those that do not. Pointers and audit outcomes of whole outputs stay. Returns how many."""
    found = {a.key: a for a in artifacts}
    known = backend.read().tables["artifacts"]
    gone = [Change("artifacts", key, None) for key, value in known.items() if key not in found and value["location"] is not None]
    backend.commit([*gone, *(Change("artifacts", a.key, a.to_json()) for a in found.values())], lease)
    backend.settle()
    return len(found)
