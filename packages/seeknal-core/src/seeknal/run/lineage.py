"""The column lineage of a project as it is now, with the columns that its environment's outputs have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.plan.lineage import Lineage
from seeknal.run.situation import look

if TYPE_CHECKING:
    from seeknal.api import Project


def project_lineage(project: Project, environment: str) -> Lineage:
    """The lineage of a project's columns. Nothing is built, and no database asked."""
    snapshot = project.state.read()
    snapshot.require(environment)
    situation, _ = look(project.loaded, project.dag, project.store, snapshot, environment, project.analyses)
    return Lineage(project.dag, situation.outlook())
