"""Copying state from one backend to another, in steps that can be cut off and gone on with.

Documents are copied a batch a commit; a second attempt copies what the first did not. What is published comes last, so that half a copy
knows outputs that nothing points to, and never points to outputs it does not know.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeknal.errors import ProjectError, StateError
from seeknal.state.environments import PROD
from seeknal.state.model import Change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal.state.backend import Holder, Lease, StateBackend
    from seeknal.state.model import Snapshot, Table

_ORDER: tuple[Table, ...] = (
    "files",
    "artifacts",
    "segments",
    "windows",
    "views",
    "audits",
    "previous",
    "pointers",
    "plans",
    "environments",
)
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Copying:
    """What copying one table takes: documents to put, how many are there already, and how many are there that the source has not so."""

    table: Table
    puts: tuple[Change, ...]
    same: int
    others: tuple[str, ...]

    @property
    def removals(self) -> tuple[Change, ...]:
        """What makes documents go that the source does not have."""
        put = {c.key for c in self.puts}
        return tuple(Change(self.table, key, None) for key in self.others if key not in put)


def compare(source: Snapshot, target: Snapshot) -> list[Copying]:
    """What is to be copied, table by table."""
    return [_compare(source, target, table) for table in _ORDER]


def _compare(source: Snapshot, target: Snapshot, table: Table) -> Copying:
    wanted, present = source.tables[table], target.tables[table]
    puts = tuple(Change(table, key, value) for key, value in wanted.items() if present.get(key) != value)
    others = tuple(key for key, value in present.items() if wanted.get(key) != value)
    return Copying(table, puts, len(wanted) - len(puts), others)


def transfer(source: StateBackend, target: StateBackend, holder: Holder, *, replace: bool = False) -> list[Copying]:
    """Copy every document, holding every environment's lease on both sides. Returns what was copied.

    Raises ProjectError where the target holds what the source does not, unless `replace` says to make it the same, and StateError where
    the two differ at the end.
    """
    check_sides(source, target)
    with ExitStack() as stack:
        names = sorted({PROD, *source.read().environments(), *target.read().environments()})
        for name in names:
            stack.enter_context(source.lease(name, holder))
        leases = [stack.enter_context(target.lease(name, holder)) for name in names]
        copied = compare(source.read(), target.read())
        if not replace:
            refuse_others(copied)
        put(copied, source.read(), target, leases[0])
    return copied


def put(copied: Sequence[Copying], wanted: Snapshot, target: StateBackend, lease: Lease) -> None:
    """Make the target what is wanted, a batch a commit. Raises StateError where it is not that at the end."""
    _commit([change for c in copied for change in (*c.removals, *c.puts)], target, lease)
    target.settle()
    _verify(wanted, target.read())


def check_sides(source: StateBackend, target: StateBackend) -> None:
    """Raise ProjectError where there is nothing to copy, or both are one and the same."""
    one, other = ({k: b.describe().get(k) for k in ("backend", "path", "project")} for b in (source, target))
    if one == other:
        hint = "name two of file, sqlite and postgres, or URLs"
        raise ProjectError("SK-STATE-013", f"--from and --to are the same state, {one['path']}", hint=hint)
    if not any(source.read().tables.values()):
        raise ProjectError("SK-STATE-013", f"there is nothing to copy in {one['path']}", hint="check what --from names")


def refuse_others(copied: Sequence[Copying]) -> None:
    """Raise ProjectError where documents of the target would be lost."""
    for copying in copied:
        if copying.others:
            message = f"the state that is copied to has other {copying.table}, such as '{copying.others[0]}': nothing was copied"
            raise ProjectError("SK-STATE-013", message, hint="name an empty one, or make it the same with --replace")


def _commit(changes: Sequence[Change], target: StateBackend, lease: Lease) -> None:
    for start in range(0, len(changes), _BATCH):
        target.commit(changes[start : start + _BATCH], lease)


def _verify(wanted: Snapshot, found: Snapshot) -> None:
    for left in compare(wanted, found):
        if left.puts or left.others:
            message = f"after copying, {len({*left.others, *(c.key for c in left.puts)})} of the {left.table} differ"
            raise StateError("SK-STATE-014", message, hint="go on using the old state, and report this")
