"""The test kit for those who write plugins and projects.

    pytest_plugins = ["seeknal.testing"]

brings two fixtures: `project` (files in, outcome out) and `audits` (what an audit says of a few rows). `EngineSuite` and `StateSuite`
hold an engine or a state backend to everything the core relies on: subclass one in a test module and say what is under test. Importing
this package imports neither pytest nor an engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seeknal.testing.audits import AuditTester, Failing
    from seeknal.testing.engine import EngineSuite
    from seeknal.testing.outcomes import CommandOutcome, Outcome
    from seeknal.testing.project import ProjectFolder, ProjectMaker
    from seeknal.testing.state import StateSuite

__all__ = ["AuditTester", "CommandOutcome", "EngineSuite", "Failing", "Outcome", "ProjectFolder", "ProjectMaker", "StateSuite"]

pytest_plugins = ("seeknal.testing.fixtures",)
"""What pytest loads when this package is named as a plugin."""

_HOMES = {
    "AuditTester": "audits", "CommandOutcome": "outcomes", "EngineSuite": "engine", "Failing": "audits", "Outcome": "outcomes",
    "ProjectFolder": "project", "ProjectMaker": "project", "StateSuite": "state",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(f"seeknal.testing.{_HOMES[name]}"), name)
    message = f"module 'seeknal.testing' has no attribute {name!r}"
    raise AttributeError(message)
