"""The Python API: a project that can be planned, run and read.

from seeknal import Project

project = Project.open("shop")
result = project.run()
rows = project.rows("transform.orders_by_day", limit=10)
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal.artifacts import REJECTED, ArtifactStore
from seeknal.errors import ProjectError, ProjectErrors
from seeknal.graph.dag import Dag
from seeknal.nodes import REJECTED as REJECTED_ROWS
from seeknal.nodes import ExposureLogic, Node, NodeId, SourceLogic
from seeknal.plan.analyses import Analyses
from seeknal.plan.planner import Request
from seeknal.project.loader import LoadedProject, load_project
from seeknal.project.locate import find_root
from seeknal.project.methods import method
from seeknal.run.featureapi import FeatureReading
from seeknal.run.situation import look
from seeknal.state.environments import PROD, Environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from seeknal.errors import SeeknalError
    from seeknal.fileversions import FileVersions
    from seeknal.graph.selection import History
    from seeknal.janitor import Cleaning, Policy
    from seeknal.plan.lineage import Lineage
    from seeknal.plan.outlook import Outlook
    from seeknal.plan.planner import Plan, Situation
    from seeknal.protocols import Rows, Session
    from seeknal.run.checking import Checked
    from seeknal.run.comparing import CompareOptions
    from seeknal.run.comparison import Comparison
    from seeknal.run.environments import Rollback
    from seeknal.run.promotion import Promotion
    from seeknal.run.results import RunResult
    from seeknal.run.scheduler import Listener
    from seeknal.run.sessions import Relations
    from seeknal.state.backend import StateBackend
    from seeknal.state.model import Snapshot


@dataclass(frozen=True)
class RunOptions:
    """What a run may be told. `selected` None means every node; `wait_seconds` is how long to wait for another run.

    `windows` is what is asked of nodes that are built window by window, and `now` the time as of which they are.
    A run that names its `environment`, and neither `selected` nor `full`, runs the plan that was saved for it, and is refused where that is stale
    unless `force` says otherwise. None is `prod`, whatever was planned.
    """

    selected: frozenset[NodeId] | None = None
    full: bool = False
    workers: int | None = None
    continue_on_error: bool = False
    wait_seconds: float = 0.0
    memory_limit: str | None = None
    now: datetime | None = None
    environment: str | None = None
    force: bool = False
    windows: Request = Request()  # noqa: RUF009 - a frozen value

    @property
    def named(self) -> str:
        """The environment that is meant."""
        return PROD if self.environment is None else self.environment


@dataclass
class Project(FeatureReading):
    """A project in a folder, read and checked."""

    loaded: LoadedProject
    dag: Dag
    store: ArtifactStore = field(init=False)
    analyses: Analyses = field(init=False)

    def __post_init__(self) -> None:
        self.store = ArtifactStore(self.root, self.target)
        self.analyses = Analyses(self.target)

    @classmethod
    def open(
        cls,
        path: str | Path = ".",
        *,
        profile: str | None = None,
        variables: Mapping[str, Any] | None = None,
        cache: bool = True,
        extra: Sequence[str] = (),
    ) -> Project:
        """Read the project in `path` or a folder above it. Raises ProjectErrors with everything that is wrong.

        `extra` are files that are read as if they stood below `seeknal/`; a path is relative to the project's folder, or absolute.
        """
        loaded = load_project(find_root(Path(path)), profile=profile, variables=variables, cache=cache, extra=extra)
        errors = list(loaded.errors)
        dag = None
        try:
            dag = Dag(loaded.nodes)
        except ProjectError as error:
            errors.append(error)
        if errors or dag is None:
            raise ProjectErrors(errors)
        project = cls(loaded, dag)
        if extra:  # a draft leaves no trace
            project.analyses = Analyses(project.target, keeps=False)
        return project

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.loaded.root

    @property
    def target(self) -> Path:
        """The folder of everything generated."""
        return self.root / "target"

    @property
    def nodes(self) -> dict[NodeId, Node]:
        """Every node by id."""
        return self.loaded.nodes

    @cached_property
    def state(self) -> StateBackend:
        """Where the project's state is kept."""
        from seeknal.project.state import open_state

        return open_state(self.loaded.registry, self.loaded.settings, self.target)

    def find(self, name: str) -> Node:
        """The node a person means by an id or a name. Raises ProjectError with a suggestion."""
        from seeknal.graph.selection import select

        found = sorted(select(name, self.dag, self.history)) if name.strip() else []
        exact = [n for n in found if n == name] or [n for n in found if self.nodes[n].is_readable] or found
        if len(exact) != 1:
            message = f"'{name}' is {len(exact)} nodes; name one" if exact else "name a node"
            raise ProjectError("SK-SEL-002", message, hint=", ".join(exact[:5]) or "see `seeknal list`")
        return self.nodes[exact[0]]

    def select(self, selector: str | None, exclude: str | None = None, environment: str = PROD) -> frozenset[NodeId] | None:
        """The nodes a selector names, without those `exclude` names; None for all of them. `state:` is that of the environment."""
        from seeknal.graph.selection import select

        if selector is None and exclude is None:
            return None

        def history() -> History:
            return self.history(environment)

        chosen = set(self.dag.nodes) if selector is None else select(selector, self.dag, history)
        return frozenset(chosen - (select(exclude, self.dag, history) if exclude else set()))

    def history(self, environment: str = PROD) -> History:
        """What selectors by state and result look at."""
        from seeknal.graph.selection import History
        from seeknal.run.history import last_results

        changes = self.plan(environment=environment).changes
        new = frozenset(n for n, c in changes.items() if c.change == "added")
        modified = frozenset(n for n, c in changes.items() if c.change in ("added", "modified"))
        return History(new, modified, last_results(self.target))

    def __getattr__(self, name: str) -> Any:
        """A method that a plugin gives projects, such as `query`."""
        return method(self, self.__dict__.get("loaded"), name)

    # Planning and running

    def plan(
        self,
        *,
        selected: frozenset[NodeId] | None = None,
        full: bool = False,
        now: datetime | None = None,
        environment: str = PROD,
        save: bool = False,
        windows: Request | None = None,
    ) -> Plan:
        """What a run would do, and why. Builds nothing. An environment that there is not yet is planned as prod is.

        `save` keeps the plan for the next run that names the environment. Raises ProjectErrors for names in queries that mean nothing.
        """
        from seeknal.run.planning import plan

        return plan(self, RunOptions(selected, full, now=now, environment=environment, windows=windows or Request()), save=save)

    def check_names(self, situation: Situation, outlook: Outlook) -> None:
        """Raise ProjectErrors for names in queries that mean nothing."""
        from seeknal.run.binding import name_errors

        errors: list[SeeknalError] = list(name_errors(self, situation, outlook))
        if errors:
            raise ProjectErrors(errors)
        self.keep()

    def document_errors(self) -> list[SeeknalError]:
        """The columns that nodes without rows, such as semantic models, name and that there are not, as far as columns are known."""
        from seeknal.run.binding import document_errors

        situation, _ = self.look(RunOptions(), self.state.read(), probes=False)
        return list(document_errors(self, situation))

    def keep(self) -> None:
        """Remember what was parsed and analysed. Called once the project is known to be right: before, nothing is written."""
        self.loaded.keep()
        self.analyses.keep()

    def run(self, options: RunOptions | None = None, listener: Listener | None = None) -> RunResult:
        """Build what changed, check it, publish it. Raises LockedError when another run is at it."""
        from seeknal.run.executing import execute

        return execute(self, options or RunOptions(), listener)

    def clean(self, policy: Policy | None = None, *, dry_run: bool = False, wait_seconds: float = 0.0) -> Cleaning:
        """Remove what nothing uses any more; see `seeknal janitor`. Raises LockedError where a run is in progress."""
        from seeknal.run.cleaning import janitor
        from seeknal.run.holding import this_process

        worker = janitor(self, policy)
        return worker.look() if dry_run else worker.clean(this_process(), wait_seconds)

    def look(self, options: RunOptions, snapshot: Snapshot, *, probes: bool) -> tuple[Situation, FileVersions]:
        """Everything decisions are made from; with `probes`, databases are asked whether their data changed."""
        forced = frozenset(options.selected or self.dag.nodes) if options.full else frozenset()
        return look(
            self.loaded, self.dag, self.store, snapshot, options.named, self.analyses,
            selected=options.selected, forced=forced, now=options.now, probes=probes,
            request=options.windows,
        )  # fmt: skip

    # Environments

    def environments(self) -> list[Environment]:
        """Every environment, `prod` first."""
        snapshot = self.state.read()
        rows = [snapshot.environment(n) or Environment(n, "") for n in {PROD, *snapshot.environments()}]
        return sorted(rows, key=lambda e: (e.name != PROD, e.name))

    def promote(self, source: str, target: str = PROD, *, dry_run: bool = False, wait_seconds: float = 0.0) -> Promotion:
        """Make an environment point to all that another points to, at once; nothing is copied or computed.

        Raises ProjectError where the target has moved meanwhile, StateError or NodeError where what would be promoted is not fit for it,
        LockedError where one of them is in use. With `dry_run` what keeps it from being done is in the `refusal` of what is returned.
        """
        from seeknal.run.promotion import preview, promote

        return preview(self, source, target) if dry_run else promote(self, source, target, wait_seconds=wait_seconds)

    def rollback(self, environment: str, *, dry_run: bool = False, wait_seconds: float = 0.0) -> Rollback:
        """Point an environment to what it pointed to before the last promotion to it, or the last rollback."""
        from seeknal.run.environments import rollback

        return rollback(self, environment, dry_run=dry_run, wait_seconds=wait_seconds)

    def delete_environment(self, environment: str, *, wait_seconds: float = 0.0) -> int:
        """Forget an environment; its outputs stay for those that share them. Returns how many nodes it pointed to."""
        from seeknal.run.environments import delete

        return delete(self, environment, wait_seconds=wait_seconds)

    # Reading

    def relations(self, memory_limit: str | None = None, folders: Sequence[Path] = (), readable: Sequence[Path] = ()) -> Relations:
        """An engine session, opened when first used, that can read every node once its output is put there, and write to `folders`.

        It can read files in `readable` besides those of the project's nodes.
        """
        from seeknal.run.sessions import Relations

        return Relations(lambda: self._open_session(memory_limit, folders, readable), self.nodes, self.store, self.state.read)

    @contextmanager
    def reading(self, environment: str = PROD, folders: Sequence[Path] = (), snapshot: Snapshot | None = None) -> Iterator[Relations]:
        """A session in which everything that an environment publishes, or did at the time of a snapshot, can be read by name.

        Files can be written to `folders`. Raises ProjectError for an unknown environment.
        """
        in_place: list[Path] = []
        relations = self.relations(folders=folders, readable=in_place)
        try:
            snapshot = snapshot or self.state.read()
            snapshot.require(environment)
            for node, pointer in snapshot.pointers(environment).items():
                artifact, view = snapshot.artifact(pointer.key), pointer.view(node)
                if view is not None:
                    relations.hold(pointer.key, view)
                elif artifact is not None:
                    relations.put(node, artifact)
                    if artifact.location is None and node not in self.nodes:
                        in_place += [p.parent for p in self.store.paths(artifact)]
            yield relations
        finally:
            relations.close()

    def rows(self, name: str, limit: int | None = None, *, rejected: bool = False, environment: str = PROD) -> Rows:
        """Rows of a node's published output; with `rejected`, or of `NODE__rejected`, those that its audits set aside.

        Where audits kept the last output as a whole from being published, these are all of its rows.
        """
        from seeknal.run.reading import read_rows

        if name.endswith(REJECTED_ROWS) and all(name not in (n.id, n.name) for n in self.nodes.values()):
            name, rejected = name.removesuffix(REJECTED_ROWS), True
        return read_rows(self, name, limit, rejected=rejected, environment=environment)

    def audit(self, selected: frozenset[NodeId] | None = None, *, environment: str = PROD, sample: int = 0) -> list[Checked]:
        """Run the audits of some nodes (None: of all) on what is published. Nothing is built, and nothing is published otherwise afterwards.

        With `sample`, at most so many failing rows of each audit are brought along.
        """
        from seeknal.run.checking import check

        return check(self, selected, environment, sample)

    def compare(
        self, name: str, other: str | None = None, *, environments: Sequence[str] = (), options: CompareOptions | None = None
    ) -> Comparison:
        """How the data of two outputs differs; see `seeknal table-diff`. `other` is another node, `environments` names one or two."""
        from seeknal.run.comparing import compare

        return compare(self, self.find(name), None if other is None else self.find(other), environments, options)

    def lineage(self) -> Lineage:
        """Which columns each column comes from, and what reads it: `project.lineage().of("transform.x.c")`, and `impact`."""
        from seeknal.run.lineage import project_lineage

        return project_lineage(self, PROD)

    def _open_session(self, memory_limit: str | None = None, folders: Sequence[Path] = (), others: Sequence[Path] = ()) -> Session:
        from seeknal.protocols import SessionSettings
        from seeknal.run.engines import engine_driver  # start-up time

        own = [self.store.cache, self.target / REJECTED]
        readable, writable = [*own, *others], [*own, *folders]
        for node in self.nodes.values():
            logic = node.logic
            if isinstance(logic, SourceLogic) and not logic.cache and logic.table is not None:
                readable.append((self.root / logic.table.partition("*")[0]).parent)
            if isinstance(logic, ExposureLogic) and logic.type == "file":
                writable.append((self.root / str(logic.params["path"])).parent)
        settings = SessionSettings(
            scratch=self.target / "tmp",
            readable=tuple(dict.fromkeys(readable)),
            writable=tuple(dict.fromkeys(writable)),
            memory_limit=memory_limit or self.loaded.settings.memory_limit,
        )
        session: Session = engine_driver(self.loaded).open(settings)
        return session
