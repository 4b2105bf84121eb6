"""Reads a whole project: every file, every node, every error."""

from __future__ import annotations

import functools
import hashlib
import json
import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from seeknal.errors import Location, PluginError, ProjectError, ProjectErrors, SeeknalError
from seeknal.nodes import DocumentLogic
from seeknal.project.cache import FileEntry, ParseCache, digest_file, read_cache, write_cache
from seeknal.project.derived import DERIVED, derive, implied
from seeknal.project.locate import FILE, node_files
from seeknal.project.outputs import written_over
from seeknal.project.quarantine import quarantine_errors
from seeknal.project.references import NodeIndex, env_hash
from seeknal.project.settings_cache import keep_settings, read_settings
from seeknal.project.windowing import misaligned
from seeknal.registry import Registry

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from seeknal.nodes import Node, NodeId
    from seeknal.plugin import Engine
    from seeknal.project.parsing import Draft
    from seeknal.project.settings import Profiles, Settings

_PROFILES = "profiles.yml"


@dataclass
class LoadedProject:
    """A project as read: its settings and nodes, and what is wrong with it.

    `parsed` counts files that were not in the cache, `fresh` is what the cache should say now where that is news, `asked` the profile and
    variables of the command line.
    """

    root: Path
    settings: Settings
    registry: Registry
    nodes: dict[NodeId, Node]
    errors: list[SeeknalError] = field(default_factory=list)
    parsed: int = 0
    fresh: ParseCache | None = None
    asked: tuple[str | None, dict[str, Any]] = (None, {})

    @cached_property
    def profiles(self) -> Profiles:
        """Connections and profiles, read when first asked for."""
        from seeknal.project.profiles import load_profiles  # start-up time: pydantic

        return load_profiles(self.root)

    def keep(self) -> None:
        """Remember what was parsed. Called once the whole project is known to be right: before, nothing is written."""
        if self.fresh is not None and not self.errors:
            write_cache(self.root / "target", self.fresh)
            keep_settings(self.root, *self.asked, self.settings)
            self.fresh = None

    @property
    def engine(self) -> Engine:
        """The engine that builds the project's nodes."""
        return self.registry.engine(self.settings.engine, Location(FILE))


def load_project(
    root: Path,
    *,
    profile: str | None = None,
    variables: Mapping[str, Any] | None = None,
    cache: bool = True,
    extra: Sequence[str] = (),
) -> LoadedProject:
    """Read the project in `root`. What is wrong with its nodes is in `errors`; settings that cannot be read are raised.

    `extra` are files, relative to `root` or absolute, that are read as if they stood below `seeknal/`.
    """
    return _Load(root, profile, dict(variables or {}), cache=cache, extra=extra).run()


class _Load:
    """One reading of a project."""

    def __init__(self, root: Path, profile: str | None, variables: dict[str, Any], *, cache: bool, extra: Sequence[str]) -> None:
        self.root = root
        self.target = root / "target"
        self.profile = profile
        self.variables = variables
        self.use_cache = cache
        self.extra = extra
        self.errors: list[SeeknalError] = []

    def run(self) -> LoadedProject:
        settings, registry = self._settings()
        project = LoadedProject(self.root, settings, registry, {}, self.errors, asked=(self.profile, self.variables))
        context = self._context(settings, registry)
        old = read_cache(self.target, context) if self.use_cache else ParseCache(context)
        known = {path: old.files.pop(path) for path in list(old.files) if path.startswith(DERIVED)}
        kept, changed = self._compare(old)
        extra = {path: (self.root / path).stat() for path in self.extra if path not in kept and path not in changed}
        drafts = self._drafts({**changed, **extra}, registry)
        if (drafts or len(kept) != len(old.files)) and _said(kept, drafts) != _said(old.files, {}):
            moved = self._references_moved(kept, anew=bool(drafts))
            drafts |= self._drafts(moved, registry)
            changed |= moved
        changed |= extra  # last, so that a name given twice is reported there
        new = self._lower(changed, drafts, kept, project) if changed else {}
        if changed or len(kept) != len(old.files):
            project.fresh = ParseCache(context, time.time_ns(), {**kept, **new}) if self.use_cache and not self.extra else None
        for path in sorted({**kept, **new}):
            for node in (kept.get(path) or new[path]).nodes:
                project.nodes[node.id] = node
        self._derive(project, known)
        project.parsed = len(changed)
        if not self.errors:
            self._link(project)
        if not self.errors:
            self.errors += written_over(project.nodes.values())
            self.errors += misaligned(project.nodes)
            self.errors += quarantine_errors(project.nodes.values(), registry, project.engine.dialect)
            self.errors += registry.check_project(project.nodes)
        return project

    def _link(self, project: LoadedProject) -> None:
        """Add the inputs that only show in the project as a whole. They are not kept with the files."""
        made_of, errors = project.registry.made_of(project.nodes)
        self.errors += errors
        for name, columns in made_of.items():
            node = project.nodes[name]
            used = [i for made in columns.values() for i, _ in (*made.value, *made.filter)]
            logic = replace(node.logic, made_of=columns) if isinstance(node.logic, DocumentLogic) else node.logic
            project.nodes[name] = replace(node, inputs=tuple(dict.fromkeys((*node.inputs, *used))), logic=logic)

    def _derive(self, project: LoadedProject, known: Mapping[str, FileEntry]) -> None:
        """Add the nodes that others imply."""
        if not any(node.details for node in project.nodes.values()):
            return
        derived, errors = derive(project.nodes, known, project.engine.dialect)
        self.errors += errors
        project.nodes.update({n.id: n for entry in derived.values() for n in entry.nodes})
        if project.fresh is not None:
            project.fresh.files.update(derived)

    def _settings(self) -> tuple[Settings, Registry]:
        settings = read_settings(self.root, self.profile, self.variables, use_cache=self.use_cache)
        registry = Registry(root=self.root, prefer=settings.prefer)
        self.errors += registry.conflicts()
        try:
            registry.engine(settings.engine, Location(FILE))
            registry.state_backend(settings.state_backend, settings.state_at)
        except PluginError as error:
            raise ProjectErrors([error]) from None
        return settings, registry

    def _context(self, settings: Settings, registry: Registry) -> str:
        """Everything besides a node's own file that decides what the file means."""
        shared = [
            self.root / FILE,
            self.root / _PROFILES,
            *(self.root / "macros").glob("**/*.sql"),
            *(self.root / "plugins").glob("*.py"),
            *(self.root / "audits").glob("**/*.sql"),
        ]
        parts = [f"{p.relative_to(self.root).as_posix()}={digest_file(p)}" for p in sorted(shared)]
        material = [
            *parts,
            *registry.identity(),
            _parser(),
            str(settings.profile),
            json.dumps(settings.vars, sort_keys=True, default=str),
        ]
        return hashlib.sha256("\n".join(material).encode()).hexdigest()

    def _compare(self, old: ParseCache) -> tuple[dict[str, FileEntry], dict[str, os.stat_result]]:
        kept: dict[str, FileEntry] = {}
        changed: dict[str, os.stat_result] = {}
        for path, stat in node_files(self.root):
            entry = old.unchanged(self.root, path, stat)
            if entry is not None and all(env_hash(n) == h for node in entry.nodes for n, h in node.env.items()):
                kept[path] = entry
            else:
                changed[path] = stat
        return kept, changed

    def _drafts(self, paths: Iterable[str], registry: Registry) -> dict[str, list[Draft]]:
        """What files say, before their references are looked up."""
        if not paths:
            return {}
        from seeknal.project.parsing import parse_file

        found: dict[str, list[Draft]] = {}
        for path in paths:
            found[path], errors = parse_file(self.root, path, registry)
            self.errors += errors
        return found

    def _references_moved(self, kept: dict[str, FileEntry], *, anew: bool) -> dict[str, os.stat_result]:
        """Take files from `kept` whose references may mean something else now that others say something else. `anew`: files are read again."""
        nodes = [n for e in kept.values() for n in e.nodes]
        before = {n.id for n in nodes} | {*implied(n.details for n in nodes)}
        moved: dict[str, os.stat_result] = {}
        for path in list(kept):
            names = {(w, r) for n in kept[path].nodes for w, r in n.refs.items()}
            if any(r not in before or (anew and "." not in w) for w, r in names):
                del kept[path]
                moved[path] = (self.root / path).stat()
        return moved

    def _lower(
        self, changed: dict[str, os.stat_result], drafts: dict[str, list[Draft]], kept: dict[str, FileEntry], project: LoadedProject
    ) -> dict[str, FileEntry]:
        from seeknal.project.auditing import ProjectAudits
        from seeknal.project.config import read_config
        from seeknal.project.lowering import NodeLowering, Scope
        from seeknal.project.named_audits import read_named_audits
        from seeknal.project.templating import Templates

        index = self._index(kept, [d for path in changed for d in drafts[path]])
        try:
            extra = _template_globals(project.registry)
            templates = Templates(self.root, project.settings.vars, index.resolve, extra)
        except SeeknalError as error:
            self.errors.append(error)
            return {}
        named_audits, errors = read_named_audits(self.root, project.registry)
        project_audits = ProjectAudits.of(*read_config(self.root))
        self.errors += [*errors, *project_audits.unknown(index)]
        scope = Scope(
            root=self.root,
            registry=project.registry,
            engine=project.engine,
            profiles=project.profiles,
            external_paths=project.settings.external_paths,
            default_severity="warn" if project.settings.default_severity == "warn" else "error",
            index=index,
            templates=templates,
            details=_details(kept, drafts),
            named_audits=named_audits,
            project_audits=project_audits,
        )
        entries: dict[str, FileEntry] = {}
        for path, stat in changed.items():
            entry = FileEntry(stat.st_size, stat.st_mtime_ns, digest_file(self.root / path))
            entries[path] = entry
            for draft in drafts[path]:
                if draft.spec is None:
                    continue
                if not draft.spec.enabled:
                    entry.disabled.append(draft.id)
                    continue
                lowering = NodeLowering(scope, draft.source, draft.document, draft.spec)
                node = lowering.node(draft.python)
                if lowering.errors:  # an audit of the project's may be wrong once for many nodes
                    known = {(e.code, e.message, e.at) for e in self.errors}
                    self.errors += [e for e in lowering.errors if (e.code, e.message, e.at) not in known]
                entry.uses.update({**draft.uses, **lowering.uses})
                if node is not None:
                    entry.nodes.append(node)
        return entries

    def _index(self, kept: dict[str, FileEntry], drafts: list[Draft]) -> NodeIndex:
        """All ids. Nodes with errors count too, so that one mistake is not reported at every reference to it."""
        places: dict[str, tuple[NodeId, Location]] = {}
        for entry in kept.values():
            for node in entry.nodes:
                places[node.id.casefold()] = (node.id, node.at)
        disabled = [i for e in kept.values() for i in e.disabled]
        for draft in drafts:
            if draft.spec is not None and not draft.spec.enabled:
                disabled.append(draft.id)
                continue
            before = places.setdefault(draft.id.casefold(), (draft.id, draft.at))
            if before[1] != draft.at:
                message = f"node '{draft.id}' is defined twice, first at {before[1]}"
                self.errors.append(ProjectError("SK-NODE-001", message, at=draft.at, hint="names are unique without regard to case"))
        known = [n.details for e in kept.values() for n in e.nodes] + [d.spec.details() for d in drafts if d.spec and d.spec.enabled]
        return NodeIndex([i for i, _ in places.values()], disabled, implied(known))


def _details(kept: Mapping[str, FileEntry], drafts: Mapping[str, list[Draft]]) -> dict[NodeId, tuple[str, Mapping[str, Any] | None]]:
    """What each node's kind says of it, and the file that says so; None for a node that is wrong."""
    found: dict[NodeId, tuple[str, Mapping[str, Any] | None]] = {n.id: (p, n.details) for p, e in kept.items() for n in e.nodes}
    return found | {d.id: (p, d.spec.details() if d.spec else None) for p, listed in drafts.items() for d in listed}


def _said(entries: Mapping[str, FileEntry], drafts: Mapping[str, list[Draft]]) -> set[tuple[NodeId, bool, str]]:
    """What files say that others may depend on: every id, whether it is in use, and what its kind says of it."""
    found = {(n.id, True, _text(n.details)) for e in entries.values() for n in e.nodes}
    found |= {(i, False, "") for e in entries.values() for i in e.disabled}
    for draft in (d for listed in drafts.values() for d in listed):
        used = draft.spec is None or draft.spec.enabled
        found.add((draft.id, used, _text(draft.spec.details()) if draft.spec is not None and used else ""))
    return found


def _text(details: Mapping[str, Any] | None) -> str:
    return json.dumps(details, sort_keys=True, default=str) if details else ""


def _template_globals(registry: Registry) -> dict[str, Any]:
    from seeknal.targets import load_target

    return {p.contribution.name: load_target(p.contribution.target) for p in registry.template_globals}


@functools.cache
def _parser() -> str:
    """The version of what parses SQL in this process."""
    return version("sqlglot")
