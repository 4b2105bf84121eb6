"""What a run does to its environment besides its nodes, and taking environments back or away."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seeknal.errors import ProjectError
from seeknal.plan.planner import LEFT
from seeknal.run.holding import this_process
from seeknal.run.moves import Move, moves, publish_pointers, require_whole
from seeknal.run.publication import Publication
from seeknal.state.environments import PROD, Environment, check_name, digest_of, stamp
from seeknal.state.model import Change

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from seeknal.api import Project
    from seeknal.plan.saved import SavedPlan
    from seeknal.run.results import RunResult
    from seeknal.state.model import Snapshot, Table


class Course:
    """One run's course, as its environment has it: `begin` and `end` say what to commit before and after the nodes."""

    def __init__(self, snapshot: Snapshot, environment: str, ttl: timedelta) -> None:
        self._snapshot = snapshot
        self._name = environment
        self._ttl = ttl
        self._row = snapshot.environment(environment)
        prefix = f"{environment}/"
        self._kept = {k for k in snapshot.tables["previous"] if k.startswith(prefix)}
        self._keeps = bool(self._kept)

    def begin(self, plan: SavedPlan | None) -> list[Change]:
        """Make the environment where it is new, with what prod points to. `plan` is the saved plan that is being run."""
        changes = [] if plan is None else [Change("plans", self._name, None)]
        if self._name == PROD:
            return changes
        now = datetime.now(UTC)
        if self._row is None:
            changes += copied(self._snapshot.tables["pointers"], PROD, self._name)
        row = self._row or Environment(self._name, stamp(now), base=PROD, built_on=self._snapshot.keys(PROD), seen=self._seen())
        self._row = replace(row, progress="running", plan=plan.digest if plan else row.plan, updated=stamp(now)).extended(self._ttl, now)
        return [*changes, Change("environments", self._name, self._row.to_json())]

    def keeping(self, changes: list[Change]) -> list[Change]:
        """The changes, and beside each pointer that they replace what was there, as long as the environment can be taken back."""
        if not self._keeps:
            return changes
        pointers = self._snapshot.tables["pointers"]
        fresh = [c.key for c in changes if c.table == "pointers" and c.key not in self._kept]
        self._kept.update(fresh)
        return [*changes, *(Change("previous", key, pointers.get(key, {})) for key in fresh)]

    def end(self, result: RunResult, *, whole: bool) -> list[Change]:
        """Write down what came of the run. `whole`: every node was to be run."""
        if self._name == PROD:
            made = Environment(PROD, stamp(datetime.now(UTC))).to_json()
            return [Change("environments", PROD, made)] if self._row is None and whole else []
        if self._row is None:
            message = "a run ends that has not begun"
            raise RuntimeError(message)
        ran = {n.id for n in result.nodes if n.status in ("built", "reused")}
        failed = {n.id for n in result.nodes if n.status in ("failed", "skipped") and n.reason not in LEFT}
        before = set() if whole else set(self._row.failed) - ran
        now = self._snapshot.keys(PROD)
        stays = failed if whole else {*self._row.built_on, *now} - ran
        built_on = {n: k for n, k in now.items() if n not in stays} | {n: k for n, k in self._row.built_on.items() if n in stays}
        seen = self._seen() if whole else self._row.seen
        left = tuple(sorted(failed | before))
        row = replace(self._row, progress="failed" if left else "ready", failed=left, built_on=built_on, seen=seen)
        return [Change("environments", self._name, row.to_json())]

    def _seen(self) -> dict[str, str]:
        others = [e for e in self._snapshot.environments() if e not in (self._name, PROD)]
        return {e: digest_of(self._snapshot.keys(e)) for e in others}


def copied(pointers: Mapping[str, Mapping[str, Any]], source: str, target: str) -> list[Change]:
    """What makes one environment point to all that another points to."""
    prefix = f"{source}/"
    return [Change("pointers", f"{target}/{k[len(prefix) :]}", v) for k, v in pointers.items() if k.startswith(prefix)]


@dataclass(frozen=True)
class Rollback:
    """What going back changes, by node. `done`: it has happened."""

    environment: str
    moves: tuple[Move, ...]
    done: bool = False

    def to_json(self) -> dict[str, Any]:
        """As `env rollback --format json` prints it."""
        return {"environment": self.environment, "done": self.done, "moves": [m.to_json() for m in self.moves]}


def rollback(project: Project, environment: str, *, dry_run: bool = False, wait_seconds: float = 0.0) -> Rollback:
    """Point an environment to what it pointed to before the last promotion to it, or the last rollback. Nothing is built.

    Raises ProjectError where there is nothing to go back to, NodeError where an output is gone, LockedError where the environment is in use.
    """
    check_name(environment)
    if dry_run:
        return _rollback(project, project.state.read(), environment)
    with project.state.lease(environment, this_process(), wait_seconds) as lease:
        snapshot = project.state.read()
        found = _rollback(project, snapshot, environment)
        now = datetime.now(UTC)
        row = snapshot.environment(environment) or Environment(environment, stamp(now))
        row = replace(row, moved_by="rollback", moved_at=stamp(now), built_on={}, seen={})
        before, current = snapshot.documents("previous", environment), snapshot.tables["pointers"]
        swapped = [
            change
            for node, document in before.items()
            for change in (
                Change("pointers", f"{environment}/{node}", document or None),
                Change("previous", f"{environment}/{node}", current.get(f"{environment}/{node}", {})),
            )
        ]
        project.state.commit([*swapped, Change("environments", environment, row.to_json())], lease)
        publish_pointers(project, snapshot, environment, {**snapshot.documents("pointers", environment), **before})
    return replace(found, done=True)


def _rollback(project: Project, snapshot: Snapshot, environment: str) -> Rollback:
    snapshot.require(environment)
    before, current = snapshot.documents("previous", environment), snapshot.documents("pointers", environment)
    if not before:
        message = f"nothing was promoted to '{environment}', so there is nothing to go back to"
        raise ProjectError("SK-ENV-004", message, hint="see `seeknal env list`")
    found = tuple(moves(current, {**current, **before}, snapshot))
    require_whole(project, snapshot, found, f"'{environment}' cannot go back to it", "build it anew: go back in the project, and run it")
    return Rollback(environment, found)


def delete(project: Project, environment: str, *, wait_seconds: float = 0.0) -> int:
    """Forget an environment; its outputs stay for those that share them. Returns how many nodes it pointed to.

    Raises ProjectError for prod and for an unknown environment, LockedError where it is in use.
    """
    check_deletable(project.state.read(), environment)
    with project.state.lease(environment, this_process(), wait_seconds) as lease:
        snapshot = project.state.read()
        check_deletable(snapshot, environment)
        count = len(snapshot.keys(environment))
        prefix = f"{environment}/"
        tables: tuple[Table, ...] = ("pointers", "previous")
        gone = [Change(table, key, None) for table in tables for key in snapshot.tables[table] if key.startswith(prefix)]
        project.state.commit([*gone, Change("plans", environment, None), Change("environments", environment, None)], lease)
        Publication(project.loaded, project.dag, project.store, environment).publish({}, {})
        project.state.settle()
    return count


def check_deletable(snapshot: Snapshot, environment: str) -> None:
    """Raise ProjectError for an environment that cannot be deleted."""
    if environment == PROD:
        raise ProjectError("SK-ENV-005", "prod cannot be deleted", hint="`seeknal env rollback prod` takes a promotion back")
    if environment not in snapshot.tables["plans"]:  # one that was only planned is known by its plan
        snapshot.require(environment)
