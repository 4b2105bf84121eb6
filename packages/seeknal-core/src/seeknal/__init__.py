"""seeknal: a build system for data.

    from seeknal import Project, source, transform

`Project` opens a project to plan, run and read it. `transform` and `source` mark Python functions as nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeknal.api import Project, RunOptions
    from seeknal.plan.lineage import ColumnEdge, Lineage
    from seeknal.plan.tracing import Affected, ColumnLineage, Impact, NodeLineage
    from seeknal.run.comparing import CompareOptions
    from seeknal.run.comparison import Comparison
    from seeknal.run.environments import Rollback
    from seeknal.run.moves import Move
    from seeknal.run.promotion import Promotion
    from seeknal.state.environments import Environment

__all__ = [
    "Affected",
    "ColumnEdge",
    "ColumnLineage",
    "CompareOptions",
    "Comparison",
    "Environment",
    "Impact",
    "Lineage",
    "Move",
    "NodeLineage",
    "Project",
    "Promotion",
    "Rollback",
    "RunOptions",
    "source",
    "transform",
]
__version__ = "1.0.0"

_HOMES = {
    "Affected": "seeknal.plan.tracing",
    "ColumnEdge": "seeknal.plan.lineage",
    "ColumnLineage": "seeknal.plan.tracing",
    "CompareOptions": "seeknal.run.comparing",
    "Comparison": "seeknal.run.comparison",
    "Environment": "seeknal.state.environments",
    "Impact": "seeknal.plan.tracing",
    "Lineage": "seeknal.plan.lineage",
    "Move": "seeknal.run.moves",
    "NodeLineage": "seeknal.plan.tracing",
    "Project": "seeknal.api",
    "Promotion": "seeknal.run.promotion",
    "Rollback": "seeknal.run.environments",
    "RunOptions": "seeknal.api",
}

Function = TypeVar("Function", bound="Callable[..., Any]")


@overload
def transform(function: Function, /) -> Function: ...
@overload
def transform(**settings: Any) -> Callable[[Function], Function]: ...
def transform(function: Function | None = None, /, **settings: Any) -> Function | Callable[[Function], Function]:
    """Mark a function as a transform: `@transform(name="clean", inputs=["source.raw"])`.

    The function takes one argument for each input, an Arrow table or what its annotation asks for (a pandas or Polars data frame, a
    RecordBatchReader), and returns an Arrow table or a data frame. Arguments must be literals: the file is read without running it.
    """
    return _marked(function, settings)


@overload
def source(function: Function, /) -> Function: ...
@overload
def source(**settings: Any) -> Callable[[Function], Function]: ...
def source(function: Function | None = None, /, **settings: Any) -> Function | Callable[[Function], Function]:
    """Mark a function without parameters as a source: `@source(name="rates")`. It is called in every run, or with `refresh="manual"` when asked."""
    return _marked(function, settings)


def _marked(function: Function | None, settings: dict[str, Any]) -> Function | Callable[[Function], Function]:
    """The function, marked; where the settings come before it, what marks it."""

    def mark(function: Function) -> Function:
        function.__seeknal__ = settings  # type: ignore[attr-defined]
        return function

    return mark if function is None else mark(function)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    message = f"module 'seeknal' has no attribute {name!r}"
    raise AttributeError(message)
