"""Cleaning a project's target folder and its state.

Two phases: what is of no use is marked, and goes once it has been marked for the grace period and no retained run can have used it. Nothing is
removed while a run is in progress: the leases of all environments are held, and that of `CLEANING`, without which no environment is made.

State forgets an output before its files go, and `artifact.json` goes before the rows: whatever is left by a kill is no output to anyone.
"""

from __future__ import annotations

import contextlib
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal.artifacts import META
from seeknal.errors import LockedError
from seeknal.janitor import archive
from seeknal.janitor.marks import Marks
from seeknal.janitor.survey import STATE, survey
from seeknal.janitor.use import Use, documents_of, expired, published, unknown
from seeknal.state.backend import CLEANING
from seeknal.state.bulk import uncollected
from seeknal.state.environments import PROD
from seeknal.state.model import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from seeknal.janitor.policy import Policy
    from seeknal.janitor.survey import Output, Survey
    from seeknal.state.backend import Holder, Lease, StateBackend
    from seeknal.state.model import Snapshot

_BATCH = 5000


@dataclass(frozen=True, slots=True)
class Tally:
    """How many, and how many bytes."""

    count: int = 0
    bytes: int = 0

    def to_json(self) -> dict[str, int]:
        """As a plain document."""
        return {"count": self.count, "bytes": self.bytes}


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What was done, or with `dry_run` what would be.

    `waiting` are outputs that nothing uses and that do not go yet; `entries` documents of the state that were about nothing any more.
    """

    dry_run: bool
    environments: tuple[str, ...] = ()
    outputs: Tally = field(default_factory=Tally)
    waiting: Tally = field(default_factory=Tally)
    leftovers: Tally = field(default_factory=Tally)
    entries: int = 0
    history: Tally = field(default_factory=Tally)
    used: int = 0

    @property
    def recovered(self) -> int:
        """Bytes that are free again."""
        return self.outputs.bytes + self.leftovers.bytes + self.history.bytes

    @property
    def removes(self) -> bool:
        """Whether anything goes for good."""
        return bool(self.environments or self.outputs.count or self.leftovers.count or self.entries)

    def to_json(self) -> dict[str, Any]:
        """As `seeknal janitor --format json` prints it."""
        return {
            "dry_run": self.dry_run, "environments": list(self.environments), "outputs": self.outputs.to_json(),
            "waiting": self.waiting.to_json(), "leftovers": self.leftovers.to_json(), "state_entries": self.entries,
            "history": self.history.to_json(), "used": self.used, "recovered_bytes": self.recovered,
        }  # fmt: skip


@dataclass(frozen=True)
class _Work:
    """What there is to do, decided from one look at everything."""

    gone: list[str]
    survey: Survey
    outputs: list[Output]
    keys: list[str]
    since: dict[str, datetime]
    pages: list[tuple[datetime, Path]]


@dataclass
class Janitor:
    """Cleans one target folder and the state that belongs to it.

    `others` are further states whose environments use the same folder, and `unpublish` takes what an environment published away. With
    `orphans` False in the policy, only outputs that the state knows go.
    """

    target: Path
    state: StateBackend
    policy: Policy
    unpublish: Callable[[str], None]
    others: Sequence[Snapshot] = ()
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def is_due(self) -> bool:
        """Whether a day has passed since the last time."""
        return Marks.read(self.target, self.now).is_due(self.now)

    def look(self) -> Cleaning:
        """What cleaning would do now. Holds nothing, writes nothing."""
        snapshot = self.state.read()
        return _told(self._work(snapshot, expired(snapshot, self.now, self.policy.environment_ttl)), snapshot, dry_run=True)

    def clean(self, holder: Holder, wait_seconds: float = 0.0) -> Cleaning:
        """Do it. Raises LockedError where a run is in progress."""
        with self._alone(holder, wait_seconds) as leases, uncollected():
            snapshot = self.state.read()
            gone = expired(snapshot, self.now, self.policy.environment_ttl)
            half = [name for name in unknown(snapshot) if name in leases]
            work = self._work(snapshot, gone)
            done = _told(work, snapshot, dry_run=False)
            for name in [*gone, *half]:
                self.state.commit([Change(table, key, None) for table, key in documents_of(snapshot, name)], leases[name])
            for name in [*gone, *self._left(snapshot)]:
                self.unpublish(name)
            self._commit(_forgotten(work, snapshot), leases[PROD])
            for output in work.outputs:
                _remove(self.target / "cache" / output.name, output.files)
            for path in work.survey.leftovers:
                _remove_leftover(Path(path))
            removed = {o.name for o in work.outputs} | {STATE + k for k in work.keys}
            Marks().write(self.target, {n: at for n, at in work.since.items() if n not in removed}, self.now)
            count, freed = archive.pack(self.target, work.pages)
            self.state.settle()
        return replace(done, history=Tally(count, freed))

    @contextlib.contextmanager
    def _alone(self, holder: Holder, wait_seconds: float) -> Iterator[dict[str, Lease]]:
        """Keep runs out: hold the lease without which no environment is made, and then those of all environments there are."""
        with ExitStack() as stack:
            stack.enter_context(self.state.lease(CLEANING, holder, wait_seconds))
            snapshot = self.state.read()
            names = sorted({PROD, *snapshot.environments()})
            leases = {name: stack.enter_context(self.state.lease(name, holder, wait_seconds)) for name in names}
            for name in unknown(snapshot):
                with contextlib.suppress(LockedError):  # one that is just being made, by a version that does not ask for it
                    leases[name] = stack.enter_context(self.state.lease(name, holder))
            yield leases

    def _work(self, snapshot: Snapshot, gone: list[str]) -> _Work:
        use = Use(self.policy.kept_kinds)
        use.add(snapshot, without=gone)
        for other in self.others:
            use.add(other)
        use.add_published(self.target, without=[*gone, *self._left(snapshot)])
        use.add_parts(snapshot)
        grace = self.now - self.policy.grace
        found = survey(self.target, snapshot, use, grace)
        pages = archive.pages(self.target)
        marks = Marks.read(self.target, self.now).since
        touched = {o.name: o.touched for o in found.outputs}
        since = {n: self._since(n, marks, touched.get(n)) for n in (*touched, *(STATE + k for k in found.stale))}
        limit = grace
        if self.policy.runs and pages:
            limit = min(limit, pages[-self.policy.runs :][0][0])
        known = snapshot.outputs
        outputs = [o for o in found.outputs if since[o.name] <= limit and (self.policy.orphans or o.key in known)]
        keys = [k for k in found.stale if since[STATE + k] <= limit]
        kept = use.keys | {k for s in (snapshot, *self.others) for k in _keys(s)} - {*(o.key for o in outputs), *keys}
        found.leftovers |= {p: size for key, files in found.rejected.items() if key not in kept for p, size in files.items()}
        old = [(at, path) for at, path in pages[: -self.policy.runs or None] if at <= self.now - self.policy.history]
        return _Work(gone, found, outputs, keys, since, old)

    def _left(self, snapshot: Snapshot) -> list[str]:
        """Environments that the warehouse has and no state knows: they were removed by half."""
        known = {PROD, *snapshot.environments(), *(e for other in self.others for e in other.environments())}
        return sorted(set(published(self.target)) - known)

    def _since(self, name: str, marks: dict[str, datetime], touched: float | None) -> datetime:
        """Since when something has been of no use, as far as is known: taken up in between, it counts from then."""
        at = marks.get(name, self.now)
        return at if touched is None else max(at, min(datetime.fromtimestamp(touched, UTC), self.now))

    def _commit(self, changes: list[Change], lease: Lease) -> None:
        for start in range(0, len(changes), _BATCH):
            self.state.commit(changes[start : start + _BATCH], lease)


def _keys(snapshot: Snapshot) -> Iterator[str]:
    """Every key that a state knows an output by, or what was found in one."""
    yield from snapshot.outputs
    yield from (k.partition("/")[0] for k in snapshot.tables["audits"])


def _forgotten(work: _Work, snapshot: Snapshot) -> list[Change]:
    """What the state has of outputs that go, and of source files that are no more."""
    gone = {*(o.key for o in work.outputs), *work.keys}
    artifacts = [Change("artifacts", k, None) for k in snapshot.tables["artifacts"] if k in gone]
    audits = [Change("audits", k, None) for k in snapshot.tables["audits"] if k.partition("/")[0] in gone]
    views = [Change("views", k, None) for k in snapshot.tables["views"] if k in gone]
    segments = _dissolved(gone, snapshot)
    parts = {k: v["part"]["version"] for k, v in snapshot.outputs.items() if "part" in v and k not in gone}
    versions = set(parts.values())
    windows = [
        Change("windows", version, None)
        for version, value in snapshot.tables["windows"].items()
        if version not in versions and parts.keys().isdisjoint(value.get("taken", ()))
    ]
    return [*audits, *artifacts, *segments, *views, *windows, *(Change("files", name, None) for name in work.survey.files)]


def _dissolved(gone: set[str], snapshot: Snapshot) -> list[Change]:
    """Segments of which a part goes, and what of their other parts is in no other segment, by itself."""
    every = snapshot.tables["segments"]
    broken = {k for k, v in every.items() if not gone.isdisjoint(v["parts"])}
    elsewhere = {part for k, v in every.items() if k not in broken for part in v["parts"]} | set(snapshot.tables["artifacts"])
    alone = {part for k in broken for part in every[k]["parts"]} - elsewhere - gone
    documents = snapshot.outputs if alone else {}
    return [*(Change("artifacts", k, documents[k]) for k in sorted(alone)), *(Change("segments", k, None) for k in sorted(broken))]


def _told(work: _Work, snapshot: Snapshot, *, dry_run: bool) -> Cleaning:
    removed = {o.name for o in work.outputs}
    waiting = [o for o in work.survey.outputs if o.name not in removed]
    half = sum(len(documents_of(snapshot, name)) for name in unknown(snapshot))
    return Cleaning(
        dry_run,
        tuple(work.gone),
        _tally(work.outputs),
        _tally(waiting),
        Tally(len(work.survey.leftovers), sum(work.survey.leftovers.values())),
        len(work.keys) + len(work.survey.files) + half,
        Tally(len(work.pages)),
        work.survey.used,
    )


def _tally(outputs: Iterable[Output]) -> Tally:
    sizes = [o.bytes for o in outputs]
    return Tally(len(sizes), sum(sizes))


def _remove(folder: Path, files: Iterable[str]) -> None:
    """Remove an output, its description first. What cannot be removed now is removed another time."""
    with contextlib.suppress(OSError):
        if META in files:
            (folder / META).unlink(missing_ok=True)
        for name in files:
            if name != META:
                (folder / name).unlink(missing_ok=True)
        folder.rmdir()
        folder.parent.rmdir()
        folder.parent.parent.rmdir()


def _remove_leftover(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.is_dir():
            path.rmdir()
            return
        path.unlink(missing_ok=True)
        path.parent.rmdir()
