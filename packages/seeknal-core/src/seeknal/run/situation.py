"""Looks at the world before deciding anything: state, source files, what was exported."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seeknal.errors import ConnectionFailed, SeeknalError
from seeknal.fileversions import FileVersions
from seeknal.nodes import ExposureLogic, Node, NodeId, PythonLogic, SourceLogic
from seeknal.plan.fingerprint import engine_identity, package_versions
from seeknal.plan.planner import UNREAD, Request, Situation, is_handed_out, is_read_from_outside
from seeknal.run.sources import Sources
from seeknal.state.environments import PROD

if TYPE_CHECKING:
    from pathlib import Path

    from seeknal.artifacts import ArtifactStore
    from seeknal.graph.dag import Dag
    from seeknal.plan.analyses import Analyses
    from seeknal.project.loader import LoadedProject
    from seeknal.state.model import Snapshot


def look(
    project: LoadedProject,
    dag: Dag,
    store: ArtifactStore,
    snapshot: Snapshot,
    environment: str,
    analyses: Analyses,
    *,
    selected: frozenset[NodeId] | None = None,
    forced: frozenset[NodeId] = frozenset(),
    now: datetime | None = None,
    probes: bool = False,
    request: Request | None = None,
) -> tuple[Situation, FileVersions]:
    """Everything decisions are made from, and the project's files as they are now.

    `probes` asks databases whether their data changed; a plan does not. An environment that there is not yet begins as `prod` is.
    """
    if environment != PROD:
        selected = frozenset(n for n in (dag.nodes if selected is None else selected) if not is_handed_out(dag.nodes[n]))
    files = FileVersions(project.root, snapshot.tables["files"])
    versions = {n.id: _version(n, project, files, probes=probes) for n in dag.nodes.values() if is_read_from_outside(n)}
    situation = Situation(
        environment=environment,
        dag=dag,
        analyses=analyses,
        snapshot=snapshot,
        pointers=snapshot.pointers(snapshot.origin(environment)),
        versions=versions,
        engine=engine_identity(project.engine),
        packages=package_versions(dag.nodes),
        now=now or datetime.now(UTC),
        presence=store.check,
        find=store.find,
        find_parts=store.find_parts,
        exported=lambda node: _exported(project.root, node),
        selected=selected,
        forced=forced,
        request=request or Request(),
    )
    return situation, files


def _version(node: Node, project: LoadedProject, files: FileVersions, *, probes: bool) -> str:
    logic = node.logic
    if isinstance(logic, PythonLogic):
        return UNREAD
    if not isinstance(logic, SourceLogic) or logic.refresh == "manual":
        return UNREAD
    sources = Sources(project, files)
    if sources.is_file(logic):
        if logic.refresh == "always":
            return UNREAD
        paths = files.expand(logic.table or "")
        try:
            return files.version(paths, in_place=not logic.cache)[0] if paths else "missing"
        except OSError:
            return "unreadable"  # reading the source will meet the same problem, and report it with the node
    if logic.refresh == "on_change":
        type_ = project.registry.connection(logic.type, logic.place)
        settings = project.profiles.connections[logic.connection].resolved() if logic.connection else logic.params
        local = [str(settings[p]) for p in type_.files if p in settings]
        if local:
            found = [path for p in local for suffix in ("", "-wal", ".wal") for path in files.expand(p + suffix)]
            return files.version(found)[0] if found else UNREAD
    if logic.change_probe and probes:
        try:
            return sources.probe(node, logic)
        except (ConnectionFailed, SeeknalError):
            return UNREAD  # reading the source will meet the same problem, and report it with the node
    return UNREAD


def _exported(root: Path, node: Node) -> bool:
    """Whether what an exposure wrote is still there, as far as can be seen from here."""
    logic = node.logic
    return not (isinstance(logic, ExposureLogic) and logic.type == "file") or (root / str(logic.params["path"])).is_file()
