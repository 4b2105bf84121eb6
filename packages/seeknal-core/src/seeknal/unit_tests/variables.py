"""A node as it is with other variables: its file is read again, its templates rendered with what the test says."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from seeknal.errors import ProjectErrors
from seeknal.project.auditing import ProjectAudits
from seeknal.project.config import read_config
from seeknal.project.lowering import NodeLowering, Scope
from seeknal.project.named_audits import read_named_audits
from seeknal.project.parsing import parse_file
from seeknal.project.references import NodeIndex
from seeknal.project.templating import Templates
from seeknal.targets import load_target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal.api import Project
    from seeknal.nodes import Node
    from seeknal.project.parsing import Draft


class Variables:
    """Renders nodes of a project with variables of tests."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._drafts: dict[str, list[Draft]] = {}

    def applied(self, node: Node, variables: Mapping[str, Any]) -> Node:
        """The node with these variables over the project's. Raises ProjectErrors where its templates cannot be rendered with them."""
        draft = next(d for d in self._drafts_of(node.at.path) if d.id.casefold() == node.id.casefold())
        if draft.spec is None:
            raise ProjectErrors([])
        lowering = NodeLowering(self._scope({**self._project.loaded.settings.vars, **variables}), draft.source, draft.document, draft.spec)
        found = lowering.node(draft.python)
        if found is None:
            raise ProjectErrors(lowering.errors)
        return found

    def _drafts_of(self, path: str) -> list[Draft]:
        if path not in self._drafts:
            self._drafts[path] = parse_file(self._project.root, path, self._project.loaded.registry)[0]
        return self._drafts[path]

    @cached_property
    def _globals(self) -> dict[str, Any]:
        return {p.contribution.name: load_target(p.contribution.target) for p in self._project.loaded.registry.template_globals}

    @cached_property
    def _index(self) -> NodeIndex:
        return NodeIndex(self._project.nodes)

    def _scope(self, variables: Mapping[str, Any]) -> Scope:
        loaded = self._project.loaded
        return Scope(
            root=self._project.root,
            registry=loaded.registry,
            engine=loaded.engine,
            profiles=loaded.profiles,
            external_paths=loaded.settings.external_paths,
            default_severity="warn" if loaded.settings.default_severity == "warn" else "error",
            index=self._index,
            templates=Templates(self._project.root, variables, self._index.resolve, self._globals),
            named_audits=read_named_audits(self._project.root, loaded.registry)[0],
            project_audits=ProjectAudits.of(*read_config(self._project.root)),
            details={n.id: (n.at.path, n.details) for n in self._project.nodes.values()},
        )
