"""State from outputs alone."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from seeknal.state.environments import PROD
from seeknal.state.model import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from seeknal.state.backend import Holder, StateBackend
    from seeknal.state.model import Artifact


def rebuild(backend: StateBackend, holder: Holder, walk: Callable[[], Iterable[Artifact]]) -> int:
    """Record every output that exists, and forget those that do not, holding the leases of all environments. Returns how many.

    Pointers and audit outcomes stay where there are any. So do the parts of what is pointed to: a run builds those again that it knows to be missing, while
    windows that were never built before the last may be meant to be gaps. Raises LockedError where a run is at it: `walk` would see what it writes by half.
    """
    with ExitStack() as stack:
        names = sorted({PROD, *backend.read().environments()})
        leases = [stack.enter_context(backend.lease(name, holder)) for name in names]
        found = {a.key: a for a in walk()}
        snapshot = backend.read()
        tables, outputs = snapshot.tables, snapshot.outputs
        known = tables["artifacts"]
        published = {value["key"] for value in tables["pointers"].values()}
        members = {m for key in published for m in known.get(key, {}).get("parts", ())}
        wanted = {part for m in members for part in tables["segments"].get(m, {"parts": [m]})["parts"]}
        segments = {key for key, value in tables["segments"].items() if all(part in found or part in wanted for part in value["parts"])}
        kept = wanted | {
            k for k, v in known.items() if "parts" in v and all(m in found or m in wanted or m in segments for m in v["parts"])
        }
        gone = [
            Change("artifacts", key, None)
            for key, value in known.items()
            if key not in found and key not in kept and value["location"] is not None
        ]
        gone += [Change("segments", key, None) for key in tables["segments"] if key not in segments]
        inside = {part for key in segments for part in tables["segments"][key]["parts"]}
        new = [a for a in found.values() if a.key not in inside or outputs[a.key] != a.to_json()]
        backend.commit([*gone, *(Change("artifacts", a.key, a.to_json()) for a in new)], leases[0])
        backend.settle()
    return len(found)
