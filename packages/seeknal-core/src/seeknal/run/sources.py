"""Reading sources: files through the engine, databases through their connections."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

from seeknal.connections import hidden, named, open_connection, open_driver, secrets_of
from seeknal.errors import ConnectionFailed, NodeError
from seeknal.protocols import FileRead

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from seeknal.fileversions import FileVersions
    from seeknal.nodes import Node, SourceLogic
    from seeknal.project.loader import LoadedProject
    from seeknal.protocols import ConnectionDriver, Session, Written
    from seeknal.run.narrowing import Window
    from seeknal.state.model import FileRecord

_BY_NAME = "union_by_name"
"""The parameter by which files of different columns are read as one, with NULL where a file has no such column."""


class Sources:
    """Reads the sources of one project."""

    def __init__(self, project: LoadedProject, versions: FileVersions) -> None:
        """`versions` knows the project's files as they were last seen."""
        self._project = project
        self._versions = versions
        self._formats = {f.name: f for f in project.engine.formats}

    def is_file(self, logic: SourceLogic) -> bool:
        """Whether the engine reads it from files."""
        return logic.type in self._formats

    def files(self, node: Node, logic: SourceLogic) -> tuple[str, tuple[FileRecord, ...]]:
        """The version and records of a source's files. Raises NodeError when there are none."""
        return self._versions.version(self._paths(node, logic), in_place=not logic.cache)

    def check_unchanged(self, node: Node, logic: SourceLogic, version: str) -> None:
        """Raise NodeError where a source's files are no longer the version that decided its key: another writer is at work."""
        if self.is_file(logic) and self.files(node, logic)[0] != version:
            hint = "run again when nothing writes to it"
            raise NodeError("SK-DATA-008", f"{logic.table} changed while {node.id} was reading it", at=logic.place, hint=hint)

    def read(
        self, node: Node, logic: SourceLogic, session: Session, target: Path, metadata: Mapping[str, str], window: Window | None = None
    ) -> Written:
        """Store a source's rows at `target`; with a `window` at least those that belong to it."""
        if self.is_file(logic):
            paths, params = tuple(self._paths(node, logic, window)), dict(logic.params)
            if window is not None and len(paths) > 1 and _BY_NAME in self._formats[logic.type].params:
                params.setdefault(_BY_NAME, True)  # what a window holds must not depend on which files are read with its own
            return session.load(FileRead(logic.type, paths, params, node.columns), target, metadata)
        with self._opened(node, logic) as driver:
            query = logic.query or driver.table_query(logic.table or "")
            if window is not None:
                from seeknal.run.narrowing import narrowed  # start-up time

                query = narrowed(query, node, window, self._project.registry.connection(logic.type, logic.place).dialect)
            return session.ingest(driver.read(query), target, metadata)

    def has_files(self, logic: SourceLogic, node: Node, window: Window) -> bool:
        """Whether there is anything to read for a window: a path may have its date in it."""
        from seeknal.run.narrowing import paths_of  # start-up time

        return not self.is_file(logic) or any(self._versions.expand(p) for p in paths_of(logic.table or "", node, window))

    def probe(self, node: Node, logic: SourceLogic) -> str:
        """A hash of what a source's change probe answers. The answer is read whole: probes return a row or a few."""
        with self._opened(node, logic) as driver:
            table = driver.read(logic.change_probe or "").read_all()  # type: ignore[attr-defined]
            return hashlib.sha256(repr(table.to_pylist()).encode()).hexdigest()[:32]

    def open(self, connection: str) -> ConnectionDriver:
        """Open a connection of profiles.yml."""
        settings = self._project.profiles.connections[connection]
        type_ = self._project.registry.connection(settings.type, settings.at)
        return open_connection(self._project.root, type_, settings)

    def secrets(self, connection: str) -> list[str]:
        """What must not be shown of a connection of profiles.yml."""
        settings = self._project.profiles.connections[connection]
        return secrets_of(self._project.registry.connection(settings.type, settings.at), settings.resolved())

    @contextlib.contextmanager
    def _opened(self, node: Node, logic: SourceLogic) -> Iterator[ConnectionDriver]:
        """A source's connection. What fails in it names the connection, at its place in profiles.yml, and shows no secret."""
        type_ = self._project.registry.connection(logic.type, logic.place)
        name, place, secrets = node.name, logic.place, list[str]()
        if logic.connection is not None:
            settings = self._project.profiles.connections[logic.connection]
            name, place, secrets = settings.name, settings.at, secrets_of(type_, settings.resolved())
            driver = open_connection(self._project.root, type_, settings)
        else:
            driver = open_driver(self._project.root, type_, dict(logic.params), name, place)
        try:
            yield driver
        except ConnectionFailed as error:
            raise hidden(named(error, name, place), secrets) from None
        finally:
            driver.close()

    def _paths(self, node: Node, logic: SourceLogic, window: Window | None = None) -> list[Path]:
        patterns = [logic.table or ""]
        if window is not None:
            from seeknal.run.narrowing import paths_of  # start-up time

            patterns = paths_of(patterns[0], node, window)
        found = [path for pattern in patterns for path in self._versions.expand(pattern)]
        allowed = [self._project.root, *((self._project.root / p).resolve() for p in self._project.settings.external_paths)]
        for path in found:
            if not any(path.resolve().is_relative_to(a) for a in allowed):
                raise NodeError("SK-PATH-001", f"{path} is outside the project", at=logic.place)
        if not found:
            what = "no file matches" if any(c in (logic.table or "") for c in "*?[") else "no such file:"
            message = f"{node.id}: {what} {logic.table}"
            hint = "paths are relative to the project's folder"
            if (self._project.root / (logic.table or "")).is_dir():
                message, hint = f"{node.id}: {logic.table} is a folder", f"name its files, such as {(logic.table or '').rstrip('/')}/*.csv"
            raise NodeError("SK-DATA-003", message, at=logic.place, hint=hint)
        return found
